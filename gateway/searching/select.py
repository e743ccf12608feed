"""What of the released resources answers a search: filtered, sorted, counted and paged, with what it includes.

The resources are those that one decision let out of one person, redacted and in the reader's own ids. Nothing else is at hand here, so
that what was withheld can be matched, counted, sorted by or included by nobody.
"""

from __future__ import annotations

import math
from collections import defaultdict
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


class World:
    """What was released, in its order, with what was already read of it: nothing is read twice, however a question repeats itself."""

    def __init__(self, resources: Sequence[Resource], zone: tzinfo) -> None:
        self.given = resources
        self.zone = zone
        self.places = {address(resource): place for place, resource in enumerate(resources)}
        self._kinds: dict[str, list[int]] = defaultdict(list)
        for place, resource in enumerate(resources):
            self._kinds[resource["resourceType"]].append(place)
        self._named: dict[tuple[int, str], frozenset[str]] = {}

    def of(self, *kinds: str) -> list[int]:
        """The places of the resources of some types."""
        return [place for kind in kinds for place in self._kinds.get(kind, ())]

    def named(self, place: int, code: str) -> frozenset[str]:
        """The references of a resource by a parameter, or by all of them (`*`)."""
        found = self._named.get((place, code))
        if found is None:
            resource = self.given[place]
            every = offered(resource["resourceType"]).values()
            codes = [p.code for p in every if p.type == "reference"] if code == "*" else [code]
            found = self._named[place, code] = frozenset(
                reference_of(node) for one in codes for node in held(resource, one)
            )
        return found


def select(resources: Sequence[Resource], search: Search, start: int, zone: tzinfo) -> Picked:
    """The page of matches that begins at `start`, by place in `resources`."""
    world = World(resources, zone)
    found = world.of(*(search.types or (search.type,)))
    for asked in search.filters:
        found = _meeting(world, found, asked)
    found.sort(key=lambda place: _first(resources[place]))
    for key in reversed(search.sorts):
        found = _sorted(world, found, key)
    if search.summary == "count":
        return Picked((), (), len(found))
    page = tuple(found[start : start + search.count])
    return Picked(page, _included(world, page, search.includes), len(found), start + search.count < len(found))


def _first(resource: Resource) -> tuple[bool, str, str]:
    """The order where none is asked for: the Patient, then by type and id, which tells nothing of what is not there."""
    kind = resource["resourceType"]
    return kind != "Patient", kind, resource["id"]


def _meeting(world: World, places: list[int], asked: Filter) -> list[int]:
    """Those of the places that meet a filter."""
    if asked.then is None:
        return [place for place in places if matches(world.given[place], asked, world.zone)]
    others = _meeting(world, world.of(asked.on), asked.then)
    if asked.reverse:
        named = {reference for other in others for reference in world.named(other, asked.code)}
        return [place for place in places if address(world.given[place]) in named]
    wanted = {address(world.given[other]) for other in others}
    return [place for place in places if not wanted.isdisjoint(world.named(place, asked.code))]


def address(resource: Resource) -> str:
    """`Type/id`."""
    return f"{resource['resourceType']}/{resource['id']}"


def _included(world: World, page: Sequence[int], includes: Sequence[Include]) -> tuple[int, ...]:
    """The places of what the matches bring along, each once, never a match itself; `:iterate` goes on from what was included."""
    found: dict[int, None] = {}
    fresh = list(page)
    rules = tuple(dict.fromkeys(includes))
    for _ in range(_ROUNDS):
        new = {place for rule in rules for place in _brought(world, fresh, rule)}
        fresh = sorted(new - set(page) - set(found), key=lambda place: address(world.given[place]))
        found |= dict.fromkeys(fresh)
        rules = tuple(rule for rule in rules if rule.iterate)
        if not fresh or not rules or len(found) > _MOST_INCLUDED:
            break
    return tuple(found)[:_MOST_INCLUDED]


def _brought(world: World, fresh: Sequence[int], rule: Include) -> Iterable[int]:
    if rule.reverse:
        own = {address(world.given[place]) for place in fresh}
        yield from (place for place in world.of(rule.source) if world.named(place, rule.code) & own)
        return
    for place in fresh:
        if world.given[place]["resourceType"] != rule.source:
            continue
        for name in world.named(place, rule.code):
            if name in world.places and (not rule.target or name.startswith(f"{rule.target}/")):
                yield world.places[name]


def _sorted(world: World, found: list[int], key: Sort) -> list[int]:
    """Ordered by one key, what was ordered before stays within equals; what holds nothing comes last, in either direction."""
    keys = {place: _key(world.given[place], key, world.zone) for place in found}
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
