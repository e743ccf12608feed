"""Which versions of a resource there are for one reader: those that give it something else than the version before (decision 138).

A version that differs only in what this reader is not given is none to it. What stays is named by when it began: `meta.lastUpdated` is
that moment, `meta.versionId` a keyed name of it in the reader's own form, which counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.mapping.ids import keyed_id
from gateway.model.document import Item, Resource
from gateway.model.records import ResourceRecord
from gateway.model.wire import write_json

Form = Callable[[Sequence[Item]], Sequence[Resource]]
Earlier = Callable[[ResourceRecord], Iterator[tuple[Item, ResourceRecord]]]
_OURS = ("versionId", "lastUpdated")


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a reader is told of a version: since when it is as it is, and whether it is the one shown of those that are alike."""

    since: datetime
    shown: bool = True


def current_stamps(
    rows: Sequence[tuple[Item, ResourceRecord]], allowed: Collection[str], earlier: Earlier, form: Form
) -> list[Stamp]:
    """The stamps of current versions: of each the time from which on this reader would have been given the same.

    `earlier` gives the versions before a row, newest first; `form` what the reader is given of items, in their order.
    """
    made = [row.at for _, row in rows]
    open_ = {
        place: earlier(row) for place, (item, row) in enumerate(rows) if row.version > 1 and item.reference in allowed
    }
    now = dict(zip(open_, _forms(form, [rows[place][0] for place in open_]), strict=True))
    while open_:
        before = {place: pair for place, rest in open_.items() if (pair := next(rest, None)) is not None}
        then = dict(zip(before, _forms(form, [item for item, _ in before.values()]), strict=True))
        same = {place for place in before if then[place] == now[place]}
        for place in same:
            made[place] = before[place][1].at
        open_ = {place: rest for place, rest in open_.items() if place in same}
    return [Stamp(since) for since in made]


def all_stamps(rows: Sequence[tuple[Item, ResourceRecord]], allowed: Collection[str], form: Form) -> list[Stamp]:
    """The stamps of versions that stand together, each resource's newest first: those that are alike begin with the oldest, and one is shown."""
    places = [place for place, (item, _) in enumerate(rows) if item.reference in allowed]
    forms: Mapping[int, bytes] = dict(zip(places, _forms(form, [rows[place][0] for place in places]), strict=True))
    made = [Stamp(row.at) for _, row in rows]
    for place in reversed(places):  # from the oldest on
        older = place + 1
        if forms.get(older) == forms[place] and rows[older][0].reference == rows[place][0].reference:
            made[place] = Stamp(made[older].since)
            made[older] = Stamp(made[older].since, shown=False)
    return made


def _forms(form: Form, items: Sequence[Item]) -> list[bytes]:
    bare = [Item(unmarked(item.resource), item.labels, item.origin, item.derived_from) for item in items]
    return [write_json(one, canonical=True) for one in form(bare)] if items else []


def unmarked(resource: Mapping[str, Any]) -> dict[str, Any]:
    """A resource without what is said of its version."""
    meta: Mapping[str, Any] = resource.get("meta") or {}
    left = {name: value for name, value in meta.items() if name not in _OURS}
    rest = {name: value for name, value in resource.items() if name != "meta"}
    return {**rest, "meta": left} if left else rest


def version_id(key: bytes, reader: str, reference: str, since: datetime) -> str:
    """How one reader calls the version of a resource that began then."""
    return keyed_id(key, reader, "version", [reference, since.isoformat()])
