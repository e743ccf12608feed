"""Rotation of the site key: a new generation, every data key sealed again, the old generation let go when nothing needs it.

Safe to interrupt and to start again: both generations stay readable until the last data key has moved.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, update

from gateway.model.records import DataKey
from gateway.store import rows
from gateway.store.keyring import SiteKey, opened_key, read_site_key, resealed_key, write_site_key
from gateway.store.tables import data_keys

_BATCH = 500


class Shelf(Protocol):
    """What rotation needs of a store."""

    def data_keys_before(self, generation: int, limit: int) -> Sequence[DataKey]: ...

    def reseal(self, keys: Sequence[DataKey]) -> None: ...


def rotate(path: Path, store: Shelf, progress: Callable[[int], None] = lambda _: None) -> int:
    """How many data keys were sealed again. `progress` hears of each batch. Nodes must be restarted afterwards."""
    site_key = read_site_key(path)
    if not store.data_keys_before(site_key.newest, 1):  # else an interrupted rotation goes on
        site_key = SiteKey({**site_key.generations, site_key.newest + 1: secrets.token_bytes(32)}, site_key.inner)
        write_site_key(path, site_key)
    moved = 0
    while keys := store.data_keys_before(site_key.newest, _BATCH):
        store.reseal([resealed_key(site_key, key.id, opened_key(site_key, key)) for key in keys])
        moved += len(keys)
        progress(moved)
    write_site_key(path, SiteKey({site_key.newest: site_key.generations[site_key.newest]}, site_key.inner))
    return moved


def resealed(connection: Connection, keys: Sequence[DataKey]) -> None:
    """Writes the new sealed form of each key over the old one, never over a newer one."""
    for key in keys:
        older = (data_keys.c.id == key.id) & (data_keys.c.generation < key.generation)
        connection.execute(update(data_keys).where(older).values(**rows.key_row(key)))
