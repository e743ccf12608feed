"""Mutants that only a profile, a definition of an extension or the place beside a primitive forbids (R4 profiling.html, json.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.definitions.library import Library
from gateway.definitions.structure import Element, Structure
from tests.validating.mutants.document import at, changed
from tests.validating.mutants.mutant import Change
from tests.validating.mutants.spots import Spot
from tests.validating.mutants.vocabulary import SAMPLES

Document = Mapping[str, Any]


def forbidden(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """An element that the profile does not allow at all."""
    profile = library.structure(spot.profile) if spot.profile else None
    if profile is None or spot.key or not isinstance(spot.values[0], Mapping) or spot.element.path != profile.type:
        return
    for child in profile.children(profile.type):
        base = _base(library, child)
        if child.max == 0 and base is not None and base.max != 0 and not child.slice_name and child.types:
            yield from _added(document, spot, child, base)


def _added(document: Document, spot: Spot, child: Element, base: Element) -> Iterator[Change]:
    code = next((each.code for each in base.types if each.code in SAMPLES), "")
    key = child.name[:-3] + code[:1].upper() + code[1:] if child.name.endswith("[x]") else child.name
    if not code or any(each.startswith(key) for each in spot.values[0]):
        return
    value = [SAMPLES[code]] if base.max == -1 else SAMPLES[code]
    yield Change(
        "outside the profile", (*spot.path, key), f"max 0 {child.id}", changed(document, (*spot.path, key), value)
    )


def other_choice(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """A type of a choice that the base allows and the profile does not."""
    element = spot.element
    base = _base(library, element)
    if (
        not spot.profile
        or not spot.key
        or not element.name.endswith("[x]")
        or spot.many
        or base is None
        or not element.types
    ):
        return
    left_out = [
        each.code for each in base.types if each.code in SAMPLES and each.code not in {t.code for t in element.types}
    ]
    holder = at(document, spot.path)
    if not left_out or not isinstance(holder, Mapping) or (spot.element.slice_name and not element.types):
        return
    code = left_out[0]
    made = {key: value for key, value in holder.items() if key not in (spot.key, f"_{spot.key}")}
    made[element.name[:-3] + code[0].upper() + code[1:]] = SAMPLES[code]
    if not element.slice_name:
        yield Change("outside the profile", spot.place, f"type {code} {element.id}", changed(document, spot.path, made))


def _base(library: Library, element: Element) -> Element | None:
    """The element of the base type that an element of a profile narrows."""
    path = element.base_path or element.path
    structure: Structure | None = library.structure(path.partition(".")[0])
    return structure.element(path) if structure else None


def extended(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """An extension whose definition is at hand: with a value of another type, or with none of what it must have."""
    if spot.profile or spot.type != "Extension" or not spot.key:
        return
    for place, each in enumerate(spot.values):
        definition = library.structure(each.get("url", "")) if ":" in each.get("url", "") else None
        value = next((key for key in each if key.startswith("value")), "")
        if definition is None or definition.type != "Extension" or not value:
            continue
        allowed = [e for e in definition.children("Extension") if e.name == "value[x]"]
        codes = {t.code for e in allowed for t in e.types}
        wrong = next((code for code in ("string", "boolean", "Period") if code not in codes), "")
        if allowed and wrong:
            made = {"url": each["url"], f"value{wrong[0].upper()}{wrong[1:]}": SAMPLES[wrong]}
            yield Change(
                "extension broken", (*spot.place, place), definition.url, changed(document, (*spot.place, place), made)
            )
            parts = next(
                (e for e in definition.children("Extension") if e.name == "extension" and not e.slice_name), None
            )
            if parts is not None and parts.max == 0:
                bare = {"url": each["url"], "extension": [{"url": "no-such-part", "valueString": "x"}]}
                yield Change(
                    "extension broken",
                    (*spot.place, place),
                    f"parts of {definition.url}",
                    changed(document, (*spot.place, place), bare),
                )


def misplaced(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """An extension of one type of resource on an element of it where it may not stand."""
    if (
        spot.profile
        or spot.type != "Extension"
        or spot.key != "extension"
        or "." in spot.element.path.partition(".")[2]
    ):
        return
    holder = at(document, spot.path)
    if not isinstance(holder, Mapping) or "meta" not in holder:
        return
    for each in spot.values:
        definition = library.structure(each.get("url", "")) if ":" in each.get("url", "") else None
        kinds = {(kind, expression) for kind, expression in definition.context} if definition else set()
        if kinds and all(kind == "element" and expression == holder.get("resourceType") for kind, expression in kinds):
            way = (*spot.path, "meta", "extension")
            yield Change("extension broken", way, f"context of {each['url']}", changed(document, way, [each]))


def shadowed(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """What stands beside an element and may not: text, an empty object, another member; anything beside an object."""
    if spot.profile or not spot.key or spot.key.startswith("_"):
        return
    way = (*spot.path, f"_{spot.key}")
    wrong: Any = {"id": "x"} if isinstance(spot.values[0], Mapping) else {"noSuchElement": "x"}
    if spot.element.types and spot.element.types[0].code != "xhtml" and spot.key not in ("id", "url", "div"):
        yield Change("shadow broken", way, "member", changed(document, way, [wrong] if spot.many else wrong))
        yield Change("shadow broken", way, "text", changed(document, way, "x"))


def nothing(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """`null` instead of a value."""
    if spot.key and not spot.profile:
        yield Change("type changed", spot.first, "null", changed(document, spot.first, None))


def stranger(document: Document, spot: Spot, library: Library) -> Iterator[Change]:
    """A resource inside another of a type that there is not."""
    value = spot.values[0]
    if not spot.key and not spot.profile and spot.path and isinstance(value, Mapping) and "resourceType" in value:
        yield Change(
            "unknown resource", spot.path, "type", changed(document, (*spot.path, "resourceType"), "NoSuchResource")
        )
