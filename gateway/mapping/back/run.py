"""Resources through the maps of a document, the other way: the document, the origin of each place, and what it does not carry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from gateway.mapping.back.asking import told, turn
from gateway.mapping.back.compile import BackCompiler
from gateway.mapping.back.element import Element
from gateway.mapping.back.place import Draft, Place
from gateway.mapping.back.placing import Layout, Way, placed, trip_of, turn_of
from gateway.mapping.back.scope import BackRun
from gateway.mapping.back.visits import together
from gateway.mapping.compile import Compiler
from gateway.mapping.context import MapContext
from gateway.mapping.losses import losses
from gateway.mapping.predicates import predicate
from gateway.model.report import Loss, Origin, Report

_KNOWN: WeakKeyDictionary[Compiler, dict[str, Sequence[Way]]] = WeakKeyDictionary()
_NAMES = "ignored: names the resource where it came from"


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


def run_back(
    compiler: Compiler, name: str, resources: Sequence[Element], draft: Draft, context: MapContext, layout: Layout
) -> Returned:
    """The resources into the draft by the document map of that name. Whatever is not carried is listed, nothing fails for it.

    `resources`: one Element per resource, its path `Type/id#`, the full URL it came with in `beside`.
    """
    run = BackRun(_indexed(resources), draft, context, compiler.library.name)
    trip = trip_of(run, ways(compiler, name), layout, resources)
    waiting = sorted(resources, key=lambda one: turn_of(one, trip))
    for _ in range(2):  # what asks for what comes later has a second chance
        waiting = [resource for resource in waiting if not placed(resource, trip)]
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


def ways(compiler: Compiler, name: str) -> Sequence[Way]:
    """The rows of a document map as ways for resources; read and compiled once for each state of the maps."""
    known = _KNOWN.setdefault(compiler, {})
    if name not in known:
        known[name] = tuple(_ways(compiler, name, BackCompiler(compiler)))
    return known[name]


def _ways(compiler: Compiler, name: str, maps: BackCompiler) -> Iterator[Way]:
    for row in sorted(compiler.library.block(name).get("rows") or (), key=turn):
        if "each" in row and "make" in row and not isinstance(row.get("back"), str):
            asked = [one[key] for one, key in ((row, "where"), (told(row), "when")) if key in one]
            where = predicate({"all": asked}, str(row["each"]), row.where) if asked else None
            for one in row["make"] if isinstance(row["make"], list) else [row["make"]]:
                yield Way(str(row["each"]), maps.rules(str(one)), str(row.get("into") or ""), where)


def _linked(run: BackRun) -> None:
    """References to what came into the document after they were read."""
    for (_, rule), (element, frame, linked, top) in run.later.items():
        resource = run.resolved(element)
        places = [run.segments.get((resource.path.rstrip("#"), name)) for name in linked] if resource else []
        if known := next((place for place in places if place is not None and together(top, place)), None):
            run.cite([f"{element.path}.reference"], known, frame, rule)


def _returned(run: BackRun, resources: Sequence[Element]) -> Returned:
    cited = {path: cites for path, cites in run.cited.items() if cites}
    positions = [leaf for resource in resources for leaf in resource.leaves() if not leaf.endswith("resourceType")]
    because = {f"{resource.path}{name}": _NAMES for resource in resources for name in ("id", "meta")}
    return Returned(cited, losses(positions, cited, {**because, **run.because}), Report(tuple(run.findings)))
