"""Resources through the maps of a document, the other way: the document, the origin of each place, and what it does not carry.

Each resource goes through the map that carries most of it, into a segment of its own or into the one of a resource it belongs to
(a report into the OBR of its order). What belongs to which is data: `scopes:` and `rows:` of the document map.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from gateway.mapping.back.compile import BackCompiler, turn
from gateway.mapping.back.element import Element
from gateway.mapping.back.place import Draft, Place
from gateway.mapping.back.rows import BackRules, apply
from gateway.mapping.back.scope import Back, BackRun, Frame
from gateway.mapping.compile import Compiler
from gateway.mapping.context import MapContext
from gateway.mapping.emit import SOURCED
from gateway.mapping.losses import losses
from gateway.mapping.predicates import Predicate, predicate
from gateway.mapping.scope import Scope
from gateway.model.report import Loss, Origin, Report

_MOST = 10_000  # segments that one resource may be divided into
_NAMES = "ignored: names the resource where it came from"


@dataclass(frozen=True, slots=True)
class Layout:
    """How documents of a map are laid out: which resources wait for all others (`last`).

    `each`: segments that are written below each owner whose resource names theirs.
    """

    last: Sequence[str] = ()
    each: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Returned:
    """The way back's result; the draft holds the document. Losses are keyed by the element's path."""

    cited: Mapping[str, Sequence[tuple[Place | None, str]]]
    losses: tuple[Loss, ...]
    report: Report

    def origins(self) -> Mapping[str, Origin]:
        """The elements and the rule of each place, once the document is laid out."""
        found: dict[str, list[tuple[str, str]]] = {}
        for path, cites in self.cited.items():
            for place, rule in cites:
                if place is not None:
                    found.setdefault(place.leaf, []).append((path, rule))
        return {
            place: Origin(" ".join(dict.fromkeys(path for path, _ in cites)), cites[0][1])
            for place, cites in found.items()
        }


@dataclass(slots=True, eq=False)
class _Way:
    """A row of the document map: the segment, the map, the map it goes on from (`into`), its condition."""

    segment: str
    rules: BackRules
    into: str
    where: Predicate | None


_KNOWN: WeakKeyDictionary[Compiler, dict[str, Sequence[_Way]]] = WeakKeyDictionary()


@dataclass(slots=True, eq=False)
class _Trip:
    run: BackRun
    ways: Sequence[_Way]
    layout: Layout
    frames: dict[str, Frame] = field(default_factory=dict)


def run_back(
    compiler: Compiler, name: str, resources: Sequence[Element], draft: Draft, context: MapContext, layout: Layout
) -> Returned:
    """The resources into the draft by the document map of that name. Whatever is not carried is listed, nothing fails for it.

    `resources`: one Element per resource, its path `Type/id#`; beside these, keys of the run are full URLs (see `indexed`).
    """
    run = BackRun(_indexed(resources), draft, context, compiler.library.name)
    trip = _Trip(run, ways(compiler, name), layout)
    waiting = sorted(resources, key=lambda one: _turn(one, trip))
    for _ in range(2):  # what asks for what comes later has a second chance
        waiting = [resource for resource in waiting if not _placed(resource, trip)]
    _linked(run)
    return _returned(run, resources)


def _indexed(resources: Sequence[Element]) -> dict[str, Element]:
    """By `Type/id`, `#id` of what is contained, and (from `beside`) the full URL."""
    found: dict[str, Element] = {}
    for resource in resources:
        own = resource.path.rstrip("#")
        found.setdefault(own, resource)
        for url in (resource.beside or {}).get("fullUrl", ()):
            found.setdefault(url, resource)
        for inner in resource.children("contained"):
            if isinstance(inner.value, dict):
                found[f"{own}#{inner.value.get('id')}"] = inner
    return found


def ways(compiler: Compiler, name: str) -> Sequence[_Way]:
    """The rows of a document map as ways for resources; read and compiled once for each state of the maps."""
    known = _KNOWN.setdefault(compiler, {})
    if name not in known:
        known[name] = tuple(_ways(compiler, name, BackCompiler(compiler)))
    return known[name]


def _ways(compiler: Compiler, name: str, maps: BackCompiler) -> Iterator[_Way]:
    for row in sorted(compiler.library.block(name).get("rows") or (), key=turn):
        if "each" in row and "make" in row and not isinstance(row.get("back"), str):
            where = predicate(row["where"], str(row["each"]), row.where) if "where" in row else None
            for one in row["make"] if isinstance(row["make"], list) else [row["make"]]:
                yield _Way(str(row["each"]), maps.rules(str(one)), str(row.get("into") or ""), where)


def _turn(resource: Element, trip: _Trip) -> tuple[int, int, int]:
    """Owners before what belongs to them, then the order of the document map; some wait for all others."""
    kind = resource.value["resourceType"]
    ways = [
        (_depth(w.segment, trip.run.draft), n) for n, w in enumerate(trip.ways) if w.rules.to == kind and not w.into
    ]
    return (1 if kind in trip.layout.last else 0, *min(ways, default=(0, len(trip.ways))))


def _depth(segment: str, draft: Draft, above: tuple[str, ...] = ()) -> int:
    owners = [name for name in draft.owners(segment) if name not in (segment, *above)]
    return 1 + max((_depth(name, draft, (*above, segment)) for name in owners), default=-1)


def _placed(resource: Element, trip: _Trip) -> int:
    """A resource into the segment that carries most of it, and what goes on from there into segments of their own."""
    reference, kind = resource.path.rstrip("#"), resource.value["resourceType"]
    if kind in trip.layout.last and any(key[0] == reference for key in trip.run.segments):
        return SOURCED  # named where it belongs
    known = [(way, trip.run.segments.get((reference, way.rules.name))) for way in trip.ways if way.rules.to == kind]
    for way, place in known:
        if place is not None and place.whole and not way.into:
            _further(resource, way, place, trip)
            return SOURCED
    attempts = [
        attempt
        for way in trip.ways
        if way.rules.to == kind and not way.into
        for attempt in _attempts(resource, way, trip)
    ]
    done = trip.run.best(attempts)
    if done:
        _copied(resource, trip)
    return done


def _copied(resource: Element, trip: _Trip) -> None:
    """A segment that belongs below each thing that names its resource (the specimen of two orders) is written below each."""
    reference = resource.path.rstrip("#")
    for way in trip.ways:
        place = trip.run.segments.get((reference, way.rules.name))
        if way.segment not in trip.layout.each or place is None:
            continue
        for owner in _near(resource, trip.run):
            if owner.name == place.owner and owner not in place.related(owner.name):
                copy = trip.run.draft.segment(way.segment, owner)
                trip.run.tried(lambda copy=copy, way=way: apply(way.rules, Back(trip.run, copy, resource, Frame())))  # type: ignore[misc]


def _attempts(resource: Element, way: _Way, trip: _Trip) -> Iterator[Callable[[], int]]:
    near = list(_near(resource, trip.run))
    known = list(trip.run.segments.values())
    free = [place for place in trip.run.draft.every(way.segment) if place not in known]
    for place in (*near, *free):
        if place.name == way.segment:
            yield lambda place=place: _written(resource, way, place, trip)  # type: ignore[misc]
    if free:
        return  # one that such a document cannot be without waits for its resource
    owners = [place for name in trip.run.draft.owners(way.segment) for place in near if place.name == name]
    alone = [place for name in trip.run.draft.owners(way.segment) for place in trip.run.draft.every(name)[:1]]
    for owner in owners or alone[-1:] or [None]:
        yield lambda owner=owner: _written(resource, way, trip.run.draft.segment(way.segment, owner), trip)  # type: ignore[misc]


def _near(resource: Element, run: BackRun) -> Iterator[Place]:
    """The segments of resources that refer to this one, or that it refers to."""
    own = resource.path.rstrip("#")
    seen: set[int] = set()
    for (reference, _), place in run.segments.items():
        other = run.by_reference.get(reference)
        if other is None or not place.whole or id(place) in seen or reference == own:
            continue
        if _refers(resource, reference, run) or _refers(other, own, run):
            seen.add(id(place))
            yield place


def _refers(one: Element, reference: str, run: BackRun) -> bool:
    wanted = run.by_reference.get(reference)
    return any(run.by_reference.get(text) is wanted for text in _references(one.value))


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


def _written(resource: Element, way: _Way, place: Place, trip: _Trip) -> int:
    reference = resource.path.rstrip("#")
    frame = trip.run.frames.setdefault(reference, Frame())
    if apply(way.rules, Back(trip.run, place, resource, frame)) < SOURCED or not _holds(way, place, trip.run):
        return 0
    trip.run.written(reference, way.rules.name, place)
    _further(resource, way, place, trip)
    return SOURCED


def _holds(way: _Way, place: Place, run: BackRun) -> bool:
    return way.where is None or way.where(Scope(run, place, {}))


def _further(resource: Element, base: _Way, place: Place, trip: _Trip) -> None:
    """`into` rows: a segment for each thing that only they carry, until nothing is left."""
    frame = trip.run.frames.setdefault(resource.path.rstrip("#"), Frame())
    for way in trip.ways:
        if way.into != base.rules.name:
            continue
        for _ in range(_MOST):
            if not trip.run.tried(lambda way=way: _one_more(resource, way, place, frame, trip)):  # type: ignore[misc]
                break


def _one_more(resource: Element, way: _Way, place: Place, frame: Frame, trip: _Trip) -> int:
    made = place.made(way.segment, new=True)
    if made is None or apply(way.rules, Back(trip.run, made, resource, frame)) < SOURCED:
        return 0
    if not _holds(way, made, trip.run):
        return 0
    trip.run.written(resource.path.rstrip("#"), way.rules.name, made)
    return SOURCED


def _linked(run: BackRun) -> None:
    """References to what came into the document after they were read."""
    for (_, rule), (element, frame, names) in run.later.items():
        resource = run.resolved(element)
        places = [run.segments.get((resource.path.rstrip("#"), name)) for name in names] if resource else []
        if known := next((place for place in places if place is not None), None):
            run.cite([f"{element.path}.reference"], known, frame, rule)


def _returned(run: BackRun, resources: Sequence[Element]) -> Returned:
    cited = {path: cites for path, cites in run.cited.items() if cites}
    positions = [leaf for resource in resources for leaf in resource.leaves() if not leaf.endswith("#resourceType")]
    because = {f"{resource.path}id": _NAMES for resource in resources}
    return Returned(cited, losses(positions, cited, {**because, **run.because}), Report(tuple(run.findings)))
