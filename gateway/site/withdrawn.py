"""What the files of a site have taken away since it was loaded: participants, keys, clients, scopes, purposes, roles of staff.

Nothing is ever added, so it needs no check of the site as a whole, and counts at once; what is new waits for the next start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.model.agreement import Client, Key, Participant, Site
from gateway.model.scopes import shared
from gateway.site import nouns
from gateway.site.clients import client_problems
from gateway.site.schema import schema_problems
from gateway.site.text import Unreadable, read_yaml

Stamp = tuple[tuple[str, int, int, int], ...]


def stamp(root: Path) -> Stamp:
    """Tells one state of the participants' files from the next: name, inode, time and size of each."""
    found = []
    for path in sorted((root / "participants").glob("*.yaml")):
        try:
            said = path.stat()
        except OSError:
            continue
        found.append((path.name, said.st_ino, said.st_mtime_ns, said.st_size))
    return tuple(found)


def less(site: Site, last: Site) -> Site:
    """The site as it was read without what its participants' files do not hold any more; `last` is what this gave before, or the site.

    A file that is gone switches its participant off. Where one cannot be read, or has the wrong form, what was last is kept.
    """
    found = {id: _less(site.root, was, last.participants.get(id, was)) for id, was in site.participants.items()}
    return replace(site, participants=found)


def _less(root: Path, was: Participant, last: Participant) -> Participant:
    path = root / "participants" / f"{was.id}.yaml"
    if not path.is_file():
        return replace(was, active=False)
    try:
        written = read_yaml(root, path)
    except Unreadable:
        return last
    if schema_problems(written, "participant") or any(client_problems([written])) or written.value["id"] != was.id:
        return last
    return _both(was, nouns.participant(written.value))


def _both(was: Participant, now: Participant) -> Participant:
    """What was and is."""
    return replace(
        was,
        active=was.active and now.active,
        keys=_keys(was.keys, now.keys),
        clients=_clients(was.clients, {client.id: client for client in now.clients}),
        purposes=tuple(one for one in was.purposes if one in now.purposes),
        staff_roles=tuple(one for one in was.staff_roles if one in now.staff_roles),
        issuer=was.issuer if was.issuer == now.issuer else None,
        upstreams=tuple(one for one in was.upstreams if one in now.upstreams),
        mllp=was.mllp if was.mllp == now.mllp else None,
        organization=was.organization if was.organization == now.organization else "",
    )


def _keys(was: Sequence[Key], now: Sequence[Key]) -> tuple[Key, ...]:
    """The same proofs, with the roles that both have, and never for more than they prove now."""
    left = {(key.kind, key.sha256): key for key in now}
    found = ((key, left[key.kind, key.sha256]) for key in was if (key.kind, key.sha256) in left)
    both = (
        replace(
            one,
            roles=tuple(role for role in one.roles if role in other.roles),
            authn_level=min(one.authn_level, other.authn_level),
        )
        for one, other in found
    )
    return tuple(key for key in both if key.roles)


def _clients(was: Sequence[Client], now: Mapping[str, Client]) -> tuple[Client, ...]:
    return tuple(_client(client, now[client.id]) for client in was if client.id in now)


def _client(was: Client, now: Client) -> Client:
    thumbprints = {key.thumbprint for key in now.keys}
    elsewhere: dict[str, Any] = {} if was.jwks_url == now.jwks_url else {"jwks_url": ""}
    return replace(
        was,
        scopes=shared(was.scopes, now.scopes),
        keys=tuple(key for key in was.keys if key.thumbprint in thumbprints),
        active=was.active and now.active,
        bound=was.bound or now.bound,
        private=was.private and now.private,
        authn_level=min(was.authn_level, now.authn_level),
        **elsewhere,
    )
