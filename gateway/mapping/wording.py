"""Predicates of maps in words, for people who read what a rule does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Naming = Callable[[str], str]


def said(predicate: Any, name: Naming) -> str:
    """`{empty: PID-25}` → `PID-25 is empty`; `name` tells the position that a path leads to."""
    if not isinstance(predicate, Mapping):
        return f"{name(str(predicate))} is there"
    return " and ".join(_SAYINGS[str(kind)](about, name) for kind, about in predicate.items())


def _listed(values: Any) -> str:
    return ", ".join(str(value) for value in values)


def _many(parts: Any, name: Naming, word: str) -> str:
    return f" {word} ".join(f"({text})" if " or " in text else text for text in (said(part, name) for part in parts))


def _counted(about: Any, name: Naming) -> str:
    number = str(about[1])
    how = f"more than {number[1:]}" if number.startswith(">") else number
    return f"there are {how} of {name(str(about[0]))}"


def _owned(about: Any, _name: Naming) -> str:
    return f"it belongs to {' or '.join(about if isinstance(about, list) else [str(about)])}"


_SAYINGS: Mapping[str, Callable[[Any, Naming], str]] = {
    "exists": lambda about, name: f"{name(str(about))} is there",
    "empty": lambda about, name: f"{name(str(about))} is empty",
    "eq": lambda about, name: f"{name(str(about[0]))} is {about[1]}",
    "in": lambda about, name: f"{name(str(about[0]))} is one of {_listed(about[1])}",
    "prefix": lambda about, name: f"{name(str(about[0]))} begins with {about[1]}",
    "is": lambda about, name: f"{name(str(about[0]))} has the form {about[1]}",
    "count": _counted,
    "owner": _owned,
    "context": lambda about, _name: f"the {about} is known",
    "all": lambda about, name: _many(about, name, "and"),
    "any": lambda about, name: _many(about, name, "or"),
    "not": lambda about, name: f"not: {said(about, name)}",
}
