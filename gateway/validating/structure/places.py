"""The elements of a profile as a tree of places: what is below an element, and the slices beside it (FHIR R4, ElementDefinition.id)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from gateway.definitions.structure import Element, Structure

NESTED = ("Element", "BackboneElement")  # types of elements that have their children beside them


@dataclass(slots=True)
class Place:
    """One element of a profile. `children` by name (`value[x]`), `slices` by slice name; slices of a slice are below it.

    `url` is the address of the structure where the place is its root.
    """

    element: Element
    children: dict[str, Place] = field(default_factory=dict)
    slices: dict[str, Place] = field(default_factory=dict)
    url: str = ""

    def child(self, name: str) -> Place | None:
        """The child of a FHIRPath name: `value` finds `value[x]`."""
        return self.children.get(name) or self.children.get(f"{name}[x]")


def place_of(structure: Structure, id: str = "") -> Place | None:
    """The root place of a structure, or that of an element id; None when there is no such."""
    known: dict[str, Place] = {}
    for name_, element in _identified(structure):
        place = known[name_] = Place(element)
        above, _, last = name_.rpartition(".")
        if not above:
            place.url = structure.url
            continue
        name, _, cut = last.partition(":")
        parent = known.get(above)
        if parent is None:
            continue
        if not cut:
            parent.children[name] = place
        elif (beside := _sliced(known, f"{above}.{name}", cut)) is not None:
            beside.slices[cut] = place
    return known.get(id or structure.type) or (
        None if id else next((p for n, p in known.items() if "." not in n), None)
    )


def _sliced(known: dict[str, Place], plain: str, cut: str) -> Place | None:
    """What a slice is a slice of: for `a/b` the slice `a`, else the element itself."""
    outer = cut.rpartition("/")[0]
    return (known.get(f"{plain}:{outer}") if outer else None) or known.get(plain)


def _identified(structure: Structure) -> Iterator[tuple[str, Element]]:
    """Each element with its id; where a definition has none, what its path, its slice name and the elements before it give."""
    last: dict[str, str] = {}
    for element in structure.elements:
        above, _, name = element.path.rpartition(".")
        id = element.id
        if above and ":" not in id:
            cut = f":{element.slice_name}" if element.slice_name else ""
            id = f"{last.get(above, above)}.{name}{cut}"
        last[element.path] = id
        yield id, element if id == element.id else replace(element, id=id)
