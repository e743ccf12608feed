"""Where the path of an element leads in the base types: `Patient.contact.name.given` to HumanName.given (FHIR R4, ElementDefinition.path)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.definitions.structure import Element, Structure, TypeRef

if TYPE_CHECKING:
    from gateway.definitions.library import Library

_ANY = ("Resource", "DomainResource", "*")
_PLAIN = ("Element", "BackboneElement")
_DEEPEST = 64


@dataclass(frozen=True, slots=True)
class Spot:
    """An element of a base type. `types` are those that are left when the path names one (`valueQuantity`); `place` is among its siblings."""

    structure: Structure
    element: Element
    types: tuple[TypeRef, ...]
    place: int = 0


Spots = tuple[Spot, ...]  # none: there is no such element


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of one type. Answers are kept, so that a definition is gone through in linear time."""

    library: Library
    root: Structure
    _kept: dict[str, Spots | None] = field(default_factory=dict)

    def find(self, path: str) -> Spots | None:
        """The elements a path may mean (more than one below a choice); None when a type on the way is not known or open."""
        if path.count(".") > _DEEPEST:
            return None
        done = ""
        spots: Spots | None = self._start(path.partition(".")[0])
        for name in path.split(".")[1:]:
            done = f"{done}.{name}"
            if done not in self._kept:
                self._kept[done] = None if spots is None else self.step(spots, name)
            spots = self._kept[done]
        return spots

    def _start(self, name: str) -> Spots:
        top = self.root.elements[:1]
        if not top or top[0].path != name:
            return ()
        return (Spot(self.root, top[0], (TypeRef(self.root.type),)),)

    def step(self, spots: Spots, name: str) -> Spots | None:
        """One name further; None as soon as something can not be told."""
        found: list[Spot] = []
        for spot in spots:
            for structure, id in self._parents(spot):
                if structure is None:
                    return None
                found.extend(_named(structure, id, name))
        return tuple(found)

    def _parents(self, spot: Spot) -> Iterator[tuple[Structure | None, str]]:
        """The structures and element ids whose children are the children of the spot."""
        element = spot.element
        if spot.structure.children(element.id):
            yield spot.structure, element.id
        elif element.content_reference:
            yield spot.structure, element.content_reference
        elif not spot.types:
            yield None, ""
        else:
            for kind in spot.types:
                if kind.code not in _PLAIN or len(spot.types) == 1:
                    yield self._type(kind.code)

    def _type(self, code: str) -> tuple[Structure | None, str]:
        structure = None if code in _ANY or not code else self.library.structure(code)
        return structure, structure.elements[0].id if structure is not None and structure.elements else ""


def _named(structure: Structure, id: str, name: str) -> Iterator[Spot]:
    """The children of that name; a choice is met by its own name, by its stem, and by the stem with a type."""
    for place, element in enumerate(structure.children(id)):
        own = element.name
        if own == name or (own.endswith("[x]") and name == own[:-3]):
            yield Spot(structure, element, element.types, place)
        elif own.endswith("[x]") and name.startswith(own[:-3]):
            rest = name[len(own) - 3 :]
            kinds = tuple(k for k in element.types if k.code[:1].upper() + k.code[1:] == rest)
            if kinds:
                yield Spot(structure, element, kinds, place)


def lineage(library: Library, code: str) -> tuple[str, ...]:
    """A type with the types it derives from, nearest first, by bare name or canonical; empty when it is not known."""
    found: list[str] = []
    structure = library.structure(code) if code else None
    while structure is not None and structure.url not in found and len(found) < _DEEPEST:
        found.extend(dict.fromkeys((structure.url, structure.type)))
        structure = library.structure(structure.base) if structure.base else None
    return tuple(found)
