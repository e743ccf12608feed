"""Whom a search is about: the one parameter that names a person, or a resource of one (DECISIONS.md, "One person at a time").

A person is named by a Patient's id, by an identifier, or by the id of a resource; everything else filters what was released of that person.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from gateway.errors import Unanswerable
from gateway.model.search import Filter, Search, Target, Token

_SUBJECT = ("patient", "subject")


@dataclass(frozen=True, slots=True)
class Named:
    """The person by the reader's Patient id or by identifier, or a resource by the reader's id; all empty for nobody."""

    patient: str = ""
    identifier: tuple[str, str] | None = None
    id: str = ""


def named_by(search: Search, national: Collection[str]) -> tuple[Named, Search]:
    """Who is named, and the search without what named them.

    Raises Unanswerable where several are named at once, and for a national number, which is asked for nowhere.
    """
    for one in search.filters:
        _no_national(one, national)
    candidates = [found for one in search.filters for found in _candidates(search.type, one)]
    candidates.sort(key=lambda pair: pair[0])
    single = next(((one, name) for _, one, name in candidates if name is not None), None)
    if single is None:
        if candidates:
            raise Unanswerable("One person is asked about at a time.", candidates[0][1].code)
        return Named(), search
    one, name = single
    if name.id:
        return name, search
    rest = list(search.filters)
    rest.remove(one)
    return name, replace(search, filters=tuple(rest), named=one)


def _candidates(kind: str, one: Filter) -> Iterator[tuple[int, Filter, Named | None]]:
    """(rank, filter, who it names or None for several) for a filter that can name somebody."""
    if one.reverse or one.modifier:
        return
    if one.code in _SUBJECT and one.then is not None and one.on == "Patient":
        if one.then.code in ("_id", "identifier") and one.then.then is None and not one.then.modifier:
            yield 3, one, _patient(one.then)
    elif one.code in _SUBJECT and one.then is None:
        yield from _reference(one)
    elif kind == "Patient" and one.code in ("_id", "identifier"):
        yield (1 if one.code == "_id" else 2), one, _patient(one)
    elif one.code == "_id":
        found = _patient(one)
        yield 4, one, Named(id=found.patient) if found else None


def _reference(one: Filter) -> Iterator[tuple[int, Filter, Named | None]]:
    targets = [value for value in one.values if isinstance(value, Target)]
    if any(value.url for value in targets):
        raise Unanswerable("One person is named by one Patient id.", one.code)
    if any(value.type in ("", "Patient") for value in targets):
        yield 0, one, Named(patient=targets[0].id) if len(targets) == 1 else None


def _patient(one: Filter) -> Named | None:
    """A Patient by `_id` or `identifier`; None for several. Raises Unanswerable for an identifier without its system."""
    value = one.values[0]
    if len(one.values) != 1 or not isinstance(value, Token):
        return None
    if one.code == "_id":
        return Named(patient=value.code or "") if not value.system and value.code else None
    if not (value.system and value.code):
        raise Unanswerable("An identifier is asked for as system|value.", "identifier")
    return Named(identifier=(value.system, value.code))


def _no_national(one: Filter, national: Collection[str]) -> None:
    if any(isinstance(value, Token) and value.system in national for value in one.values):
        raise Unanswerable("A national number is not asked for in an address.", "identifier")
    if one.then is not None:
        _no_national(one.then, national)
