"""The types of FHIR as an expression sees them: children by name, their JSON keys, and what a type descends from (FHIR R4, fhirpath.html).

A backbone element is its own type, named by its element id; a choice (`value[x]`) is one name with a child for every type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.definitions.library import Library
from gateway.fhirpath.node import is_object

if TYPE_CHECKING:
    from gateway.definitions.structure import Element, Structure

_MOST_KEPT = 5_000
_RESOURCES = ("Resource", "DomainResource")
_ABSTRACT = frozenset((*_RESOURCES, "Element", "BackboneElement", ""))
_SYSTEM = {
    "Boolean": "boolean", "String": "string", "Integer": "integer", "Decimal": "decimal", "Date": "date", "DateTime": "dateTime",
    "Time": "time", "Quantity": "Quantity",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Child:
    """One JSON key below a type. `shadow` is the key beside a primitive, empty for complex types; `resource`: the type is in the value."""

    key: str
    type: str
    shadow: str = ""
    resource: bool = False


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Step:
    """One name below a type: 1..* children (several for a choice). `keys` holds every JSON key, those of shadows as well."""

    children: tuple[Child, ...]
    by_key: Mapping[str, Child]
    keys: frozenset[str]
    in_shadow: bool  # the type is primitive: what is below it stands in the shadow

    @property
    def only(self) -> Child | None:
        """The child, when there is no choice."""
        return self.children[0] if len(self.children) == 1 else None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Type:
    """A type by name: its steps, every JSON key, whether it is primitive, its name and those of what it descends from."""

    name: str
    steps: Mapping[str, Step]
    by_key: Mapping[str, Child]
    primitive: bool
    lineage: tuple[str, ...]

    def named(self, name: str) -> Step | None:
        """The step of a name. In an invariant `valueString` is understood as well, one type of `value` by its JSON key."""
        step = self.steps.get(name)
        child = self.by_key.get(name) if step is None else None
        if child is None or child.key != name:
            return step
        return Step((child,), {name: child}, frozenset((name,)), in_shadow=False)

    @property
    def abstract(self) -> bool:
        """Whether a node may turn out to be of a type that has more children."""
        return self.name in _ABSTRACT


_UNKNOWN = Type("", {}, {}, False, ())


class Model:
    """The types of a library. Every type is worked out once, when it is first met; the number kept is bounded."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._types: dict[str, Type] = {}

    def children(self, type: str) -> Mapping[str, tuple[Child, ...]]:
        """Name → 1..* children of a type; empty for one that is not known."""
        return {name: step.children for name, step in self.type(type).steps.items()}

    def lineage(self, type: str) -> tuple[str, ...]:
        """A type and what it descends from: `Age`, `Quantity`, `Element`; empty for one that is not known."""
        return self.type(type).lineage

    def known(self, name: str) -> bool:
        """Whether FHIR has a type of that name."""
        return bool(name) and name in self.type(name).lineage

    def type(self, name: str) -> Type:
        """The type of a name or element id."""
        found = self._types.get(name)
        if found is None:
            found = self._made(name) or self._made(_unsliced(name)) or _UNKNOWN
            if len(self._types) < _MOST_KEPT:
                self._types[name] = found
        return found

    def _made(self, name: str) -> Type | None:
        structure, element = self._placed(name)
        if structure is None:
            return None
        primitive = structure.kind == "primitive-type"
        steps = {
            child.name.removesuffix("[x]"): self._step(structure, child, primitive)
            for child in structure.children(element)
            if not child.slice_name and not (primitive and child.name == "value")
        }
        steps = {step: made for step, made in steps.items() if made.children}
        by_key = {key: child for step in steps.values() for key, child in step.by_key.items()}
        return Type(name, steps, by_key, primitive, self._lineage(name, structure))

    def _placed(self, name: str) -> tuple[Structure | None, str]:
        """The structure a type stands in, and the id of its element there."""
        if not name or len(name) > 1000:
            return None, ""
        structure = self._library.structure(name)
        if structure is not None and structure.elements:
            return structure, structure.elements[0].id
        structure = None if ":" in name else self._library.structure(name.partition(".")[0])
        return (structure, name) if structure is not None and structure.children(name) else (None, "")

    def _lineage(self, name: str, structure: Structure) -> tuple[str, ...]:
        if "." in name and ":" not in name:
            element = structure.element(name)
            return (name, *self.lineage(element.types[0].code)) if element is not None and element.types else (name,)
        names: list[str] = []
        current: Structure | None = structure
        while current is not None and current.type not in names:
            names.append(current.type)
            current = self._library.structure(current.base) if current.base else None
        return tuple(dict.fromkeys((name, *names)))

    def _step(self, structure: Structure, element: Element, in_shadow: bool) -> Step:
        children = tuple(self._children(structure, element))
        by_key = {child.key: child for child in children} | {c.shadow: c for c in children if c.shadow}
        return Step(children, by_key, frozenset(by_key), in_shadow)

    def _children(self, structure: Structure, element: Element) -> Iterable[Child]:
        name = element.name
        if element.content_reference:
            yield Child(name, element.content_reference)
        elif structure.children(element.id):
            yield Child(name, element.id)
        elif name.endswith("[x]"):
            stem = name.removesuffix("[x]")
            yield from (self._child(stem + t.code[:1].upper() + t.code[1:], t.code) for t in element.types)
        elif element.types:
            code = "id" if name == "id" and structure.kind == "resource" else element.types[0].code
            yield self._child(name, code)

    def _child(self, key: str, code: str) -> Child:
        if code in _RESOURCES:
            return Child(key, code, resource=True)
        return Child(key, code, f"_{key}" if self._primitive(code) else "")

    def _primitive(self, code: str) -> bool:
        structure = self._library.structure(code) if code[:1].islower() else None
        return structure is not None and structure.kind == "primitive-type"


def _unsliced(name: str) -> str:
    """The element id without the names of slices (`Composition.section:allergies`)."""
    if ":" not in name or "/" in name or len(name) > 1000:
        return ""
    return ".".join(part.partition(":")[0] for part in name.split("."))


def guessed(value: Any) -> str:
    """The type of a value where no definition says it."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "decimal"
    if is_object(value):
        kind = value.get("resourceType")
        return kind if isinstance(kind, str) else ""
    return "string" if isinstance(value, str) else ""


def fhir_name(system: str) -> str:
    """`boolean` for `Boolean`: the FHIR type that a System type is written as."""
    return _SYSTEM.get(system, "")
