"""Where a resource goes on the way back: into the segment that carries most of it, of its own or of a resource that it belongs to.

What belongs to which is data: `scopes:` and `rows:` of the document map. A report goes into the OBR of its order, a result below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any

from gateway.mapping.back.element import Element
from gateway.mapping.back.place import Draft, Place
from gateway.mapping.back.rows import MOST, BackRules, apply
from gateway.mapping.back.scope import Back, BackRun, Frame
from gateway.mapping.plan import SOURCED
from gateway.mapping.predicates import Predicate
from gateway.mapping.scope import Scope

_MOST_TRIED = 12
UNSAID = "its {} cannot be said in this document"


@dataclass(frozen=True, slots=True)
class Layout:
    """How documents of a map are laid out: which resources wait for all others (`last`).

    `each`: segments that are written below each owner whose resource names theirs. `modifiers`: by type (`*`: any), elements that change
    what a resource means, with the values that the document says by having it at all. `needs`: fields without which a segment is not written
    (of a list: one of them).
    """

    last: Sequence[str] = ()
    each: Sequence[str] = ()
    modifiers: Mapping[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)
    needs: Mapping[str, Sequence[int | list[int]]] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Way:
    """A row of the document map: the segment, the map, the map it goes on from (`into`), its condition."""

    segment: str
    rules: BackRules
    into: str
    where: Predicate | None


@dataclass(slots=True, eq=False)
class Trip:
    """One document in the making: the resources that each one names, and those that name it, by their paths, in order."""

    run: BackRun
    ways: Sequence[Way]
    layout: Layout
    refers: Mapping[str, Sequence[str]]
    referring: Mapping[str, Sequence[str]]


def trip_of(run: BackRun, ways: Sequence[Way], layout: Layout, resources: Sequence[Element]) -> Trip:
    """A trip for these resources; who refers to whom is read once."""
    refers, referring = {}, dict[str, list[str]]()
    for resource in resources:
        found = (run.by_reference.get(text) for text in _references(resource.value))
        refers[resource.path] = list(dict.fromkeys(one.path for one in found if one is not None))
        for path in refers[resource.path]:
            referring.setdefault(path, []).append(resource.path)
    run.needs = layout.needs
    return Trip(run, ways, layout, refers, referring)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "reference" and isinstance(inner, str):
                yield inner
            else:
                yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def turn_of(resource: Element, trip: Trip) -> tuple[int, int, int]:
    """Owners before what belongs to them, then the order of the document map; some wait for all others."""
    kind, draft = resource.value["resourceType"], trip.run.draft
    ways = [(_depth(w.segment, draft), n) for n, w in enumerate(trip.ways) if w.rules.to == kind and not w.into]
    return (1 if kind in trip.layout.last else 0, *min(ways, default=(0, len(trip.ways))))


def _depth(segment: str, draft: Draft, above: tuple[str, ...] = ()) -> int:
    owners = [name for name in draft.owners(segment) if name not in (segment, *above)]
    return 1 + max((_depth(name, draft, (*above, segment)) for name in owners), default=-1)


def placed(resource: Element, trip: Trip) -> int:
    """A resource into the segment that carries most of it, and what goes on from there into segments of their own."""
    reference, kind = resource.path.rstrip("#"), resource.value["resourceType"]
    if kind in trip.layout.last and any(key[0] == reference for key in trip.run.segments):
        return SOURCED  # named where it belongs
    ways = [way for way in trip.ways if way.rules.to == kind and not way.into]
    for way in ways:
        place = trip.run.segments.get((reference, way.rules.name))
        if place is not None and place.whole:
            _further(resource, way, place, trip)
            return SOURCED
    mark = trip.run.journal.mark()
    done = trip.run.best([attempt for way in ways for attempt in _attempts(resource, way, trip)])
    if done and (unsaid := _unsaid(resource, trip)):
        trip.run.journal.undo(mark)
        trip.run.because.update(dict.fromkeys(resource.leaves(), UNSAID.format(unsaid)))
        return SOURCED
    if done:
        _copied(resource, trip)
    return done


def _unsaid(resource: Element, trip: Trip) -> str:
    """The name of an element that changes what the resource means, is not carried, and is not what the document says anyway."""
    carried = trip.run.frames[resource.path.rstrip("#")].carried
    known = {**trip.layout.modifiers.get("*", {}), **trip.layout.modifiers.get(resource.value["resourceType"], {})}
    for name, meant in known.items():
        for element in resource.children(name):
            left = [leaf for leaf in element.leaves() if leaf not in carried]
            if left and not _values(element.value) & set(meant):
                return name
    return ""


def _values(value: Any) -> set[Any]:
    """A primitive, or the codes of a concept."""
    if not isinstance(value, dict):
        return {value}
    return {coding.get("code") for coding in value.get("coding") or () if isinstance(coding, dict)}


def _copied(resource: Element, trip: Trip) -> None:
    """A segment that belongs below each thing that names its resource (the specimen of two orders) is written below each."""
    reference = resource.path.rstrip("#")
    for way in trip.ways:
        place = trip.run.segments.get((reference, way.rules.name))
        if way.segment not in trip.layout.each or place is None:
            continue
        for owner in _near(resource, trip):
            if owner.name == place.owner and owner not in place.related(owner.name):
                trip.run.tried(partial(_copy, resource, way, owner, trip.run))


def _copy(resource: Element, way: Way, owner: Place, run: BackRun) -> int:
    return apply(way.rules, Back(run, run.draft.segment(way.segment, owner), resource, Frame()))


def _attempts(resource: Element, way: Way, trip: Trip) -> Iterator[Callable[[], int]]:
    """Into a segment that is there, or a new one below each that it may belong to: the first few, because each is tried."""
    return islice(_all_attempts(resource, way, trip), _MOST_TRIED)


def _all_attempts(resource: Element, way: Way, trip: Trip) -> Iterator[Callable[[], int]]:
    draft, occupied, near = trip.run.draft, trip.run.occupied, list(_near(resource, trip))
    free = [place for place in draft.every(way.segment) if not occupied.get(place.key)]
    for place in (*near, *free):
        if place.name == way.segment and way.rules.name not in occupied.get(place.key, ()):
            yield partial(_written, resource, way, partial(_itself, place), trip)
    if free:
        return  # one that such a document cannot be without waits for its resource
    owners: list[Place | None] = [one for name in draft.owners(way.segment) for one in near if one.name == name]
    alone = [found[0] for name in draft.owners(way.segment) if len(found := draft.every(name)) == 1]
    for owner in owners or alone[-1:] or [None]:
        yield partial(_written, resource, way, partial(draft.segment, way.segment, owner), trip)


def _itself(place: Place) -> Place:
    return place


def _near(resource: Element, trip: Trip) -> Iterator[Place]:
    """The segments of resources that refer to this one, or that it refers to."""
    seen: set[Any] = set()
    for path in (*trip.refers[resource.path], *trip.referring.get(resource.path, ())):
        for place in trip.run.places.get(path.rstrip("#"), ()) if path != resource.path else ():
            if place.whole and place.key not in seen:
                seen.add(place.key)
                yield place


def _written(resource: Element, way: Way, place_of: Callable[[], Place], trip: Trip) -> int:
    reference, place = resource.path.rstrip("#"), place_of()
    frame = trip.run.frames.setdefault(reference, Frame())
    if apply(way.rules, Back(trip.run, place, resource, frame)) < SOURCED or not _holds(way, place, trip.run):
        return 0
    trip.run.written(reference, way.rules.name, place)
    _further(resource, way, place, trip)
    return SOURCED


def _holds(way: Way, place: Place, run: BackRun) -> bool:
    return run.sound(place) and (way.where is None or way.where(Scope(run, place, {})))


def _further(resource: Element, base: Way, place: Place, trip: Trip) -> None:
    """`into` rows: a segment for each thing that only they carry, until nothing is left."""
    frame = trip.run.frames.setdefault(resource.path.rstrip("#"), Frame())
    for way in trip.ways:
        if way.into == base.rules.name:
            for _ in range(MOST):
                if not trip.run.tried(partial(_one_more, resource, way, place, frame, trip)):
                    break


def _one_more(resource: Element, way: Way, place: Place, frame: Frame, trip: Trip) -> int:
    made = place.made(way.segment, new=True)
    if made is None or apply(way.rules, Back(trip.run, made, resource, frame)) < SOURCED:
        return 0
    if not _holds(way, made, trip.run):
        return 0
    trip.run.written(resource.path.rstrip("#"), way.rules.name, made)
    return SOURCED
