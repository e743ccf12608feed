"""What of the released resources answers a search: filtered, sorted, counted and paged, with what it includes.

The resources are those that one decision let out of one person, redacted and in the reader's own ids. Nothing else is at hand here, so
that what was withheld can be matched, counted, sorted by or included by nobody.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import tzinfo
from typing import Any

from gateway.model.document import Resource
from gateway.model.search import Filter, Include, Picked, Search, Sort
from gateway.searching.held import held, objects, primitive
from gateway.searching.matching import amount, folded, matches, reference_of, texts, times
from gateway.searching.offered import offered

_MOST_INCLUDED = 1_000
_ROUNDS = 5  # of `:iterate`

World = Sequence[Resource]


def select(world: World, search: Search, start: int, zone: tzinfo) -> Picked:
    """The page of matches that begins at `start`, by place in `world`."""
    asked = frozenset(search.types or (search.type,))
    found = [
        place
        for place, resource in enumerate(world)
        if resource["resourceType"] in asked and all(_meets(world, resource, one, zone) for one in search.filters)
    ]
    found.sort(key=lambda place: _first(world[place]))
    for key in reversed(search.sorts):
        found = _sorted(world, found, key, zone)
    if search.summary == "count":
        return Picked((), (), len(found))
    page = tuple(found[start : start + search.count])
    return Picked(page, _included(world, page, search.includes), len(found), start + search.count < len(found))


def _first(resource: Resource) -> tuple[bool, str, str]:
    """The order where none is asked for: the Patient, then by type and id, which tells nothing of what is not there."""
    kind = resource["resourceType"]
    return kind != "Patient", kind, resource["id"]


def _meets(world: World, resource: Resource, asked: Filter, zone: tzinfo) -> bool:
    if asked.then is None:
        return matches(resource, asked, zone)
    if asked.reverse:
        own = address(resource)
        return any(
            own in _named(other, asked.code) and _meets(world, other, asked.then, zone)
            for other in world
            if other["resourceType"] == asked.on
        )
    named = _named(resource, asked.code)
    return any(
        address(other) in named and _meets(world, other, asked.then, zone)
        for other in world
        if other["resourceType"] == asked.on
    )


def address(resource: Resource) -> str:
    """`Type/id`."""
    return f"{resource['resourceType']}/{resource['id']}"


def _named(resource: Resource, code: str) -> frozenset[str]:
    """The references of a resource by a parameter, or by all of them (`*`)."""
    codes = (
        [p.code for p in offered(resource["resourceType"]).values() if p.type == "reference"] if code == "*" else [code]
    )
    return frozenset(reference_of(node) for one in codes for node in held(resource, one))


def _included(world: World, page: Sequence[int], includes: Sequence[Include]) -> tuple[int, ...]:
    """The places of what the matches bring along, each once, never a match itself; `:iterate` goes on from what was included."""
    places = {address(resource): place for place, resource in enumerate(world)}
    found: dict[int, None] = {}
    fresh = list(page)
    for round in range(_ROUNDS):
        rules = [one for one in includes if round == 0 or one.iterate]
        new = {place for rule in rules for place in _brought(world, places, fresh, rule)}
        fresh = sorted(new - set(page) - set(found), key=lambda place: address(world[place]))
        found |= dict.fromkeys(fresh)
        if not fresh or len(found) > _MOST_INCLUDED:
            break
    return tuple(found)[:_MOST_INCLUDED]


def _brought(world: World, places: dict[str, int], fresh: Sequence[int], rule: Include) -> Iterable[int]:
    if rule.reverse:
        own = {address(world[place]) for place in fresh}
        for place, resource in enumerate(world):
            if resource["resourceType"] == rule.source and _named(resource, rule.code) & own:
                yield place
        return
    for place in fresh:
        if world[place]["resourceType"] != rule.source:
            continue
        for name in _named(world[place], rule.code):
            if name in places and (not rule.target or name.startswith(f"{rule.target}/")):
                yield places[name]


def _sorted(world: World, found: list[int], key: Sort, zone: tzinfo) -> list[int]:
    """Ordered by one key, what was ordered before stays within equals; what holds nothing comes last, in either direction."""
    keys = {place: _key(world[place], key, zone) for place in found}
    have = [place for place in found if keys[place] is not None]
    have.sort(key=lambda place: keys[place] or (), reverse=key.descending)  # `reverse` keeps equals in order
    return have + [place for place in found if keys[place] is None]


def _key(resource: Resource, key: Sort, zone: tzinfo) -> tuple[Any, ...] | None:
    """What a resource is ordered by: the lowest of its values going up, the highest going down."""
    made = [one for node in held(resource, key.code) for one in _keys(node, key.kind, zone)]
    return (max if key.descending else min)(made) if made else None


def _keys(node: Any, kind: str, zone: tzinfo) -> list[tuple[Any, ...]]:
    if kind == "date":
        return [span for span in times(node, zone) if not math.isnan(span[0])]
    if kind in ("number", "quantity"):
        said = objects(node)
        found = amount(said or {"value": primitive(node)})
        return [found] if found else []
    if kind == "string":
        return [(folded(text),) for text in texts(node)]
    if kind == "reference":
        return [(reference_of(node),)]
    return [(code,) for code in _codes(node)]


def _codes(node: Any) -> list[str]:
    said = objects(node)
    if not said:
        text = primitive(node)
        return [] if text is None else [text]
    rows = said.get("coding") or [said]
    return [str(row.get("code") or row.get("value") or "") for row in rows]
