"""Mutants by the shape of JSON and of elements: removed, of another type, too many, unknown, empty, badly written (R4 json.html, profiling.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.definitions.library import Library
from tests.validating.mutants.document import GONE, changed, without
from tests.validating.mutants.mutant import Change
from tests.validating.mutants.slices import kept, other
from tests.validating.mutants.spots import Spot
from tests.validating.mutants.vocabulary import FORMATS, OUTSIDE, SAMPLES, outside

Document = Mapping[str, Any]
_TYPES = (
    "Patient",
    "Practitioner",
    "Organization",
    "Observation",
    "Location",
    "Device",
    "Medication",
    "Condition",
    "Encounter",
)


def removed(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """A required element taken away."""
    if spot.key and (spot.element.min or 0) > 0:
        yield Change("required element removed", spot.place, "min", without(document, spot.path, [spot.key]))


def retyped(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """A value of another JSON type, a list as a single value, a single value as a list."""
    if not spot.key or spot.profile:
        return
    value = spot.values[0]
    if spot.many:
        yield Change("type changed", spot.place, "list to single", changed(document, spot.place, value))
    else:
        yield Change("type changed", spot.place, "single to list", changed(document, spot.place, [value]))
    for why, wrong in _retyped(value):
        yield Change("type changed", spot.place, why, changed(document, spot.first, wrong))


def _retyped(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield "object to text", "x"
        yield "object to number", 7
    elif isinstance(value, str):
        yield "text to number", 7
        yield "text to object", {"value": value}
    elif isinstance(value, bool):
        yield "boolean to text", "true" if value else "false"
        yield "boolean to number", int(value)
    elif value is not None:
        yield "number to text", str(value)
        yield "number to boolean", True


def exceeded(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """More values than may be: two where there is one, one more than a profile allows, something where nothing may be."""
    element = spot.element
    if spot.key and element.max == 1 and not spot.many and not spot.profile:
        yield Change("cardinality exceeded", spot.place, "max 1", changed(document, spot.place, [spot.values[0]] * 2))
    if spot.key and spot.many and spot.profile and element.max is not None and element.max > 0:
        values = [*spot.values, *[spot.values[-1]] * (element.max + 1 - len(spot.values))]
        yield Change("cardinality exceeded", spot.place, f"max {element.max}", changed(document, spot.place, values))


def unknown(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """An element that is not defined, in the object itself."""
    value = spot.values[0]
    if not spot.key and not spot.profile and isinstance(value, Mapping) and "resourceType" in value:
        yield Change("unknown element", spot.path, "resource", changed(document, (*spot.path, "noSuchElement"), "x"))
    if spot.key and not spot.profile and isinstance(value, Mapping) and "resourceType" not in value:
        yield Change("unknown element", spot.first, "element", changed(document, (*spot.first, "noSuchElement"), "x"))


def empty(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """An empty object, list or text."""
    if not spot.key or spot.profile:
        return
    if spot.many:
        yield Change("empty", spot.place, "empty list", changed(document, spot.place, []))
    if isinstance(spot.values[0], Mapping):
        yield Change("empty", spot.first, "empty object", changed(document, spot.first, {}))
    elif isinstance(spot.values[0], str):
        yield Change("empty", spot.first, "empty text", changed(document, spot.first, ""))


def misspelt(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """A primitive that is not written as its type must be."""
    wrong = FORMATS.get(spot.type)
    if spot.key and not spot.profile and wrong is not None and not isinstance(spot.values[0], Mapping):
        yield Change("bad primitive format", spot.first, spot.type, changed(document, spot.first, wrong))


def miscoded(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """A code outside a required binding."""
    binding = spot.element.binding
    if not spot.key or binding is None or binding.strength != "required" or spot.type not in OUTSIDE:
        return
    if outside(library, binding.value_set, spot.type == "code"):
        yield Change(
            "code outside a required binding",
            spot.first,
            binding.value_set,
            changed(document, spot.first, OUTSIDE[spot.type]),
        )


def misdirected(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """A reference to a type that is not among the targets."""
    targets = {target for each in spot.element.types if each.code == "Reference" for target in each.targets}
    if spot.type != "Reference" or not targets or not spot.key:
        return
    known = [library.structure(target) for target in sorted(targets)]
    types = {each.type for each in known if each}
    wrong = next((name for name in _TYPES if name not in types), None)
    if wrong and None not in known and not types & {"Resource", "DomainResource"}:
        yield Change(
            "wrong reference target", spot.first, wrong, changed(document, spot.first, {"reference": f"{wrong}/wrong"})
        )


def refixed(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """A fixed or pattern value changed."""
    wanted = spot.element.fixed or spot.element.pattern
    if wanted is None or (not spot.key and isinstance(spot.values[0], Mapping) and "resourceType" in spot.values[0]):
        return
    value = other(spot.values[0], wanted.value)
    if not kept(value, wanted.value):
        yield Change(
            "fixed or pattern value changed",
            spot.first,
            spot.profile or spot.element.id,
            changed(document, spot.first, value),
        )


def chosen_twice(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """Two types of one choice."""
    name = spot.element.name
    if spot.profile or not spot.key or not name.endswith("[x]"):
        return
    more = next((t.code for t in spot.element.types if t.code in SAMPLES and t.code != spot.type), None)
    if more:
        key = name[:-3] + more[0].upper() + more[1:]
        yield Change("two types of a choice", spot.place, more, changed(document, (*spot.path, key), SAMPLES[more]))


def sliced(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """A required slice without its mark or taken away, a slice too many times, a stranger among closed slices."""
    for one in spot.slices:
        members = [place for place, value in enumerate(spot.values) if one.holds(value)]
        low, high = one.element.min or 0, one.element.max
        if not members:
            continue
        way = (*spot.place, members[0]) if spot.many else spot.place
        if len(members) == low and one.marks:
            value = one.broken(spot.values[members[0]])
            if not one.holds(value):
                yield Change("slice broken", way, f"mark of {one.element.id}", changed(document, way, value))
        if len(members) == low:
            yield Change("slice broken", way, f"no {one.element.id}", changed(document, way, GONE))
        if spot.many and high is not None and 0 < high == len(members):
            values = [*spot.values, spot.values[members[0]]]
            yield Change(
                "slice broken", spot.place, f"too many {one.element.id}", changed(document, spot.place, values)
            )
        if spot.many and one.rules == "closed" and one.marks:
            stranger = one.broken(spot.values[members[0]])
            if not any(each.holds(stranger) for each in spot.slices):
                values = [*spot.values, stranger]
                yield Change(
                    "slice broken",
                    spot.place,
                    f"stranger beside {one.element.id}",
                    changed(document, spot.place, values),
                )
