"""Registrations of clients that no schema can judge: keys that are weak, private or there twice, addresses of key sets, scopes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from gateway.errors import GatewayError
from gateway.model.scopes import scopes_of
from gateway.site.jwks import MOST_KEYS, key_problem, public_key
from gateway.site.text import Place, Problem, Written, repeated

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_ADDRESS = "this must be an https address (http only on this machine), without user, query and fragment."


def client_problems(participants: Sequence[Written]) -> Iterator[Problem]:
    """0..* problems of the clients of all participants."""
    rows = [(w, ("clients", n), row) for w in participants for n, row in enumerate(w.value.get("clients", ()))]
    for written, place, row in rows:
        yield from _client(written, place, row)
    yield from repeated((w, (*place, "id"), row["id"]) for w, place, row in rows)
    yield from repeated(
        (w, (*place, "jwks", "keys", n), public_key(jwk).thumbprint)
        for w, place, row in rows
        for n, jwk in enumerate(row.get("jwks", {}).get("keys", ()))
        if not key_problem(jwk)
    )


def issuer_problems(participants: Sequence[Written]) -> Iterator[Problem]:
    """0..* problems of the issuers that are asked about their tokens: each belongs to one participant."""
    named = [(written, written.value["introspection"]) for written in participants if "introspection" in written.value]
    for written, row in named:
        if not is_checked_address(row["url"]):
            yield written.problem(f"introspection.url: {_ADDRESS}", "introspection", "url")
    yield from repeated((written, ("introspection", "issuer"), row["issuer"]) for written, row in named)


def _client(written: Written, place: Place, row: Mapping[str, Any]) -> Iterator[Problem]:
    name = f"clients[{place[1]}]"
    if ("jwks" in row) == ("jwks-url" in row):
        yield written.problem(f"{name}: either jwks or jwks-url is needed, and not both.", *place)
    if "jwks-url" in row and not is_checked_address(row["jwks-url"]):
        yield written.problem(f"{name}.jwks-url: {_ADDRESS}", *place, "jwks-url")
    try:
        scopes_of(row["scopes"])
    except GatewayError:
        yield written.problem(f"{name}.scopes: these must be scopes like system/Patient.rs.", *place, "scopes")
    yield from _keys(written, place, name, row.get("jwks", {}).get("keys", ()))


def _keys(written: Written, place: Place, name: str, keys: Sequence[Any]) -> Iterator[Problem]:
    if len(keys) > MOST_KEYS:
        yield written.problem(f"{name}.jwks: these are more than {MOST_KEYS} keys.", *place, "jwks")
    seen: set[tuple[Any, Any]] = set()
    for number, jwk in enumerate(keys):
        here = (*place, "jwks", "keys", number)
        if said := key_problem(jwk):
            yield written.problem(f"{name}.jwks.keys[{number}]: {said}.", *here)
        elif (which := (jwk["kid"], jwk["kty"])) in seen:
            yield written.problem(f"{name}.jwks.keys[{number}]: another key of this type has the same kid.", *here)
        else:
            seen.add(which)


def is_checked_address(url: str) -> bool:
    """Whether a node may ask there on a participant's word: https, or http on this machine (for which a node has to be told so as well)."""
    try:
        parts = urlsplit(url)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    plain = (
        not (parts.query or parts.fragment or parts.username or parts.password) and url.isascii() and url.isprintable()
    )
    return known and plain and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK))
