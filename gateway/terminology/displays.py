"""How concepts are called, in the code systems and supplements that are loaded (FHIR R4, CodeSystem.concept.display and designation)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.terminology.content import Designation, Named

_MOST_LEVELS = 200


def names_in(system: Mapping[str, Any]) -> dict[str, Named]:
    """A CodeSystem resource as code → names; what has not the shape of a concept is left out."""
    return {row["code"]: _named(row) for row in concepts_in(system) if isinstance(row.get("code"), str)}


def concepts_in(system: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every concept of a CodeSystem resource, parents before children."""
    level = _rows(system.get("concept"))
    waiting: list[tuple[list[Mapping[str, Any]], int]] = [(level, 0)]
    while waiting:
        rows, depth = waiting.pop()
        for row in rows:
            yield row
            if depth < _MOST_LEVELS and (children := _rows(row.get("concept"))):
                waiting.append((children, depth + 1))


def joined(base: Mapping[str, Named], further: Iterable[Mapping[str, Named]]) -> Mapping[str, Named]:
    """The names of a system with those that supplements add; a supplement's display is one more designation."""
    names = dict(base)
    for supplement in further:
        for code, added in supplement.items():
            old = names.get(code, Named())
            more = (*old.designations, *added.designations, *((Designation(added.display),) if added.display else ()))
            names[code] = Named(old.display, more, old.definition)
    return names


def in_language(named: Named, language: str) -> str:
    """The name in a language (`ko` also takes `ko-KR`, and the other way round), else the display; may be empty."""
    wanted = language.lower()
    for each in named.designations if wanted else ():
        if each.language.lower() == wanted:
            return each.value
    for each in named.designations if wanted else ():
        if each.language and each.language.lower().partition("-")[0] == wanted.partition("-")[0]:
            return each.value
    return named.display


def same_words(left: str, right: str) -> bool:
    """Displays are compared without regard to case and spacing."""
    return " ".join(left.split()).casefold() == " ".join(right.split()).casefold()


def _named(row: Mapping[str, Any]) -> Named:
    found = tuple(
        Designation(
            each["value"], _text(each.get("language")), use if isinstance(use := each.get("use"), Mapping) else None
        )
        for each in _rows(row.get("designation"))
        if isinstance(each.get("value"), str)
    )
    return Named(_text(row.get("display")), found, _text(row.get("definition")))


def _rows(value: Any) -> list[Mapping[str, Any]]:
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
