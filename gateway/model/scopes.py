"""SMART v2 scopes of systems (SMART App Launch 2, scopes-and-launch-context): `system/Patient.rs`, `system/*.c`.

A set of scopes is a set of single permissions, (type, letter): the type `*` is every type, the letters are c r u d s (create, read,
update, delete, search). What can be restricted further (`?category=`) is not taken: nothing here could hold to it exactly. Nor are
the scopes of SMART v1 (`.read`, `.write`, `.*`), those of people (`patient/`, `user/`) and `launch`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from gateway.errors import NotAllowed

Scopes = frozenset[tuple[str, str]]
ALL = "*"
LETTERS = "cruds"
MOST = 4_000  # characters, and enough for each type of R4
_SCOPE = re.compile(r"system/(\*|[A-Z][A-Za-z]{1,63})\.(c?r?u?d?s?)", re.ASCII)


def scopes_of(texts: Iterable[str]) -> Scopes:
    """The permissions of 0..* scopes. Raises NotAllowed for one that is none of ours: a scope is never taken in part."""
    found: set[tuple[str, str]] = set()
    for text in texts:
        match = _SCOPE.fullmatch(text)
        if match is None or not match[2]:
            raise NotAllowed
        found |= {(match[1], letter) for letter in match[2]}
    return frozenset(found)


def read_scopes(text: str) -> Scopes:
    """The permissions of a `scope` parameter: 1..* scopes with a blank between them (RFC 6749, 3.3). Raises NotAllowed."""
    if len(text) > MOST:
        raise NotAllowed
    return scopes_of(text.split(" "))


def shared(asked: Scopes, registered: Scopes) -> Scopes:
    """What is in both; a type stands in every type."""
    return frozenset(
        (mine if theirs == ALL else theirs, letter)
        for mine, letter in asked
        for theirs, other in registered
        if letter == other and (mine == theirs or ALL in (mine, theirs))
    )


def allows(scopes: Scopes, type: str, letter: str) -> bool:
    """Whether they hold the permission; that for every type (`*`) only when it was given for every type."""
    return (type, letter) in scopes or (ALL, letter) in scopes


def written(scopes: Scopes) -> str:
    """The shortest `scope` text that says the same, sorted by type."""
    types = sorted({type for type, _ in scopes})
    made = {type: "".join(letter for letter in LETTERS if (type, letter) in scopes) for type in types}
    return " ".join(f"system/{type}.{letters}" for type, letters in made.items())
