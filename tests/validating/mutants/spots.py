"""Where a document can be broken: every element that is there, seen through its base types and through the profiles it claims.

Membership of a slice is told only where its discriminators can be read without doubt (slices.py); other slices are not entered.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.definitions.library import Library
from gateway.definitions.structure import Element, Structure
from tests.validating.mutants.document import Path
from tests.validating.mutants.slices import Slice, slices_of

_DEEPEST = 12
_OPEN = {"Resource", "Element", "BackboneElement", "xhtml", ""}


@dataclass(frozen=True, slots=True)
class Guard:
    """A slice that the value at a place must still belong to after a change inside it."""

    path: Path
    slice: Slice


@dataclass(frozen=True, slots=True)
class Spot:
    """An element of an object that is there. `path` leads to the object, `key` is its name in JSON; empty for the object itself.

    `type` is the FHIR type in use, `values` what stands there, `many` whether in a list; `profile` where the rules come from, empty for
    a base type; `slices` those of this element whose members are known.
    """

    path: Path
    key: str
    element: Element
    type: str
    values: Sequence[Any]
    many: bool
    profile: str
    guards: tuple[Guard, ...] = ()
    slices: tuple[Slice, ...] = ()
    holder: Mapping[str, Any] | None = None

    @property
    def place(self) -> Path:
        """The way to the element."""
        return (*self.path, self.key) if self.key else self.path

    @property
    def first(self) -> Path:
        """The way to its first value."""
        return (*self.place, 0) if self.many else self.place


@dataclass(frozen=True, slots=True)
class _View:
    """A structure at one place in it, and where the document is."""

    structure: Structure
    id: str
    path: Path
    profile: str = ""
    guards: tuple[Guard, ...] = ()


class Spots:
    """Finds the spots of documents over one library."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def of(self, document: Mapping[str, Any], claims: Sequence[str]) -> Iterator[Spot]:
        """Every spot of a document that claims profiles (0..* addresses) beside those in its meta."""
        yield from self._resource(document, (), claims)

    def _resource(self, node: Mapping[str, Any], path: Path, claims: Sequence[str] = ()) -> Iterator[Spot]:
        base = self._library.structure(node["resourceType"])
        if base is None:
            return
        yield from self._whole(node, _View(base, base.type, path))
        for url in dict.fromkeys((*node.get("meta", {}).get("profile", ()), *claims)):
            profile = self._library.structure(url)
            if profile is not None and profile.type == base.type:
                yield from self._whole(node, _View(profile, profile.type, path, url))
        for step, inner in _inside(node):
            yield from self._resource(inner, (*path, *step))

    def _whole(self, node: Mapping[str, Any], view: _View) -> Iterator[Spot]:
        """A resource or datatype: what is asked of all of it, then its elements."""
        root = view.structure.element(view.id)
        if root is not None:
            yield Spot(view.path, "", root, view.structure.type, [node], False, view.profile, view.guards)
        yield from self._elements(node, view)

    def _elements(self, node: Mapping[str, Any], view: _View) -> Iterator[Spot]:
        children = view.structure.children(view.id)
        for element in children:
            if element.slice_name or len(view.path) > _DEEPEST:
                continue
            for key, type_name in _keys(element):
                if key in node:
                    named = [e for e in children if e.slice_name and e.path == element.path]
                    yield from self._element(node, view, element, (key, type_name), named)

    def _element(
        self, node: Mapping[str, Any], view: _View, element: Element, named: tuple[str, str], sliced: Sequence[Element]
    ) -> Iterator[Spot]:
        key, type_name = named
        value = node[key]
        many = isinstance(value, list)
        values = value if many else [value]
        slices = slices_of(self._library, view.structure, element, sliced, key) if sliced else ()
        yield Spot(view.path, key, element, type_name, values, many, view.profile, view.guards, slices, node)
        for place, each in enumerate(values):
            path = (*view.path, key, place) if many else (*view.path, key)
            if isinstance(each, Mapping) and "resourceType" not in each:
                yield from self._inner(
                    each, _View(view.structure, element.id, path, view.profile, view.guards), element, type_name
                )
            for one in slices:
                if one.holds(each):
                    guards = (*view.guards, Guard(path, one))
                    yield from self._sliced(
                        each, _View(view.structure, one.element.id, path, view.profile, guards), one, key
                    )

    def _sliced(self, value: Any, view: _View, one: Slice, key: str) -> Iterator[Spot]:
        """A member of a slice: the slice's own rules for it, then those inside."""
        many = isinstance(view.path[-1], int)
        holder, name = (view.path[:-1], "") if many else (view.path[:-1], key)
        type_name = one.element.types[0].code if len(one.element.types) == 1 else ""
        if many:
            yield Spot(view.path, "", one.element, type_name, [value], False, view.profile, view.guards)
        else:
            yield Spot(holder, name, one.element, type_name, [value], False, view.profile, view.guards)
        if isinstance(value, Mapping):
            yield from self._inner(value, view, one.element, type_name)

    def _inner(self, value: Mapping[str, Any], view: _View, element: Element, type_name: str) -> Iterator[Spot]:
        if view.structure.children(view.id):
            yield from self._elements(value, view)
        if element.content_reference:
            target = _View(view.structure, element.content_reference, view.path, view.profile, view.guards)
            yield from self._elements(value, target)
        if not view.profile and type_name not in _OPEN and (base := self._library.structure(type_name)):
            yield from self._whole(value, _View(base, base.type, view.path))
        profiles = [url for t in element.types if t.code == type_name for url in t.profiles]
        if view.profile and len(profiles) == 1 and (own := self._library.structure(profiles[0])):
            yield from self._whole(value, _View(own, own.type, view.path, profiles[0], view.guards))


def _keys(element: Element) -> Iterator[tuple[str, str]]:
    """The names an element can have in JSON, each with its type."""
    if element.name.endswith("[x]"):
        for each in element.types:
            yield element.name[:-3] + each.code[:1].upper() + each.code[1:], each.code
    else:
        yield element.name, element.types[0].code if element.types else ""


def _inside(node: Mapping[str, Any]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    for place, each in enumerate(node.get("contained", ())):
        yield ("contained", place), each
    if node["resourceType"] == "Bundle":
        for place, each in enumerate(node.get("entry", ())):
            if "resource" in each:
                yield ("entry", place, "resource"), each["resource"]
