"""What the form of `sign-in` cannot tell: addresses that would be read on the way, names that lead nowhere, citizens without a person."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from gateway.site.text import Problem, Written

_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


def sign_in_problems(site: Written, participants: Collection[str]) -> Iterator[Problem]:
    """0..* problems of how people sign in."""
    row = site.value.get("sign-in")
    if row is None:
        return
    for name in ("issuer", "address"):
        if name in row and not is_safe(row[name]):
            yield site.problem(f"sign-in.{name}: this must be https (http only on this machine).", "sign-in", name)
    for number, one in enumerate(row["roles"]):
        place = ("sign-in", "roles", number, "participant")
        if "participant" in one and one["participant"] not in participants:
            yield site.problem(f"sign-in.roles[{number}].participant: there is no such participant.", *place)
        if "caseworker" in one["roles"] and "participant" not in one:
            yield site.problem(f"sign-in.roles[{number}]: a caseworker works for a participant.", *place[:3])
    yield from _citizens(site, row)


def is_safe(address: str) -> bool:
    """https, or plain http that does not leave this machine."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE))


def _citizens(site: Written, row: Mapping[str, Any]) -> Iterator[Problem]:
    """Who signs in as a citizen must be somebody, by a kind of identifier that identifies people here."""
    for number, one in enumerate(row["roles"]):
        if "citizen" in one["roles"] and (len(one["roles"]) > 1 or "person" not in row):
            said = "a citizen has no other role, and sign-in.person says which person it is."
            yield site.problem(f"sign-in.roles[{number}]: {said}", "sign-in", "roles", number)
    known = site.value.get("person-systems", ())
    if "person" in row and known and row["person"]["system"] not in known:
        yield site.problem("sign-in.person.system: this is not one of person-systems.", "sign-in", "person", "system")
