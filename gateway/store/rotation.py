"""Rotation of the site key: a new generation, every data key sealed again, the old generation let go when nothing needs it.

Safe to interrupt and to start again: both generations stay readable until the last data key has moved.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, bindparam, text, update

from gateway.model.records import DataKey, Unit
from gateway.store.keyring import SiteKey, opened_key, read_site_key, resealed_key, write_site_key
from gateway.store.tables import data_keys

_BATCH = 500
_ALONE = text("LOCK TABLE data_keys IN SHARE ROW EXCLUSIVE MODE")


class Shelf(Protocol):
    """What rotation needs of a store."""

    def data_keys_before(self, generation: int, limit: int) -> Sequence[DataKey]: ...
    def reseal(self, keys: Sequence[DataKey]) -> None: ...
    def data_keys(self, ids: Sequence[str]) -> Mapping[str, DataKey]: ...
    def commit(self, unit: Unit) -> Future[None]: ...


def rotate(path: Path, store: Shelf, progress: Callable[[int], None] = lambda _: None) -> int:
    """How many data keys were sealed again. `progress` hears of each batch. Nodes may run meanwhile.

    The mark says that there is a newer generation: from then on the store refuses data keys of older ones, and whoever is refused
    reads the file again. So nothing refers to the old generations when they are let go.
    """
    site_key = _begun(path, store)
    mark = f"site:{site_key.newest}"
    if not store.data_keys([mark]):
        store.commit(Unit((resealed_key(site_key, mark, secrets.token_bytes(32)),))).result()
    store.reseal(())  # waits for whoever was in the middle of putting one
    moved = 0
    while keys := store.data_keys_before(site_key.newest, _BATCH):
        store.reseal([resealed_key(site_key, key.id, opened_key(site_key, key)) for key in keys])
        moved += len(keys)
        progress(moved)
    write_site_key(path, SiteKey({site_key.newest: site_key.generations[site_key.newest]}, site_key.inner))
    return moved


def _begun(path: Path, store: Shelf) -> SiteKey:
    """The site key with a new generation; an interrupted rotation goes on with the one it made."""
    site_key = read_site_key(path)
    if len(site_key.generations) == 1 or not store.data_keys_before(site_key.newest, 1):
        site_key = SiteKey({**site_key.generations, site_key.newest + 1: secrets.token_bytes(32)}, site_key.inner)
        write_site_key(path, site_key)
    return site_key


def resealed(connection: Connection, keys: Sequence[DataKey]) -> None:
    """Writes the new sealed form of each key over the old one, never over a newer one."""
    if connection.dialect.name == "postgresql":
        connection.execute(_ALONE)
    older = (data_keys.c.id == bindparam("_id")) & (data_keys.c.generation < bindparam("_generation"))
    new: dict[str, Any] = {"generation": bindparam("_generation"), "sealed": bindparam("_sealed")}
    if keys:
        values = [{"_id": key.id, "_generation": key.generation, "_sealed": key.sealed} for key in keys]
        connection.execute(update(data_keys).where(older).values(**new), values)
