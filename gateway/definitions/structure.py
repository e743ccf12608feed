"""A structure as values: elements with cardinality, types, bindings, invariants, slicing (FHIR R4, ElementDefinition)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_SYSTEM = "http://hl7.org/fhirpath/System."
_STRUCTURE = "http://hl7.org/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class TypeRef:
    """An allowed type: `code` is a FHIR type name (`string` where R4 says System.String), 0..* profiles and target profiles.

    `profile_elements` has, beside each profile, the id of the element of it that is meant (empty: all of it); none is said for most.
    """

    code: str
    profiles: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    aggregation: tuple[str, ...] = ()
    versioning: str = ""
    profile_elements: tuple[str, ...] = ()
    regex: str = ""


@dataclass(frozen=True, slots=True)
class Binding:
    """Where codes come from. `strength` required | extensible | preferred | example; `widest` is the maximum value set.

    `narrowest` is the minimum value set; `additional` are 0..* (purpose, value set) beside the one of the binding.
    """

    strength: str
    value_set: str = ""
    widest: str = ""
    narrowest: str = ""
    additional: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule in FHIRPath. `severity` error | warning; `best_practice` marks advice such as dom-6."""

    key: str
    severity: str
    expression: str = ""
    source: str = ""
    best_practice: bool = False


@dataclass(frozen=True, slots=True)
class Slicing:
    """How an element is sliced: 0..* discriminators (type, path), `rules` open | closed | openAtEnd."""

    discriminators: tuple[tuple[str, str], ...] = ()
    rules: str = "open"
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """A fixed, pattern or limiting value with its type name as in the key (`Uri` of `fixedUri`)."""

    type: str
    value: Any


@dataclass(frozen=True, slots=True)
class Element:
    """One row of the tree. `min` and `max` are None where a differential does not say; `max` is -1 for `*`, `base_max` too.

    `max_size` is in bytes, `mime_types` are those an attachment may have, `namespace` is the XML one of a logical model.
    """

    path: str
    id: str
    min: int | None = None
    max: int | None = None
    types: tuple[TypeRef, ...] = ()
    binding: Binding | None = None
    invariants: tuple[Invariant, ...] = ()
    fixed: Value | None = None
    pattern: Value | None = None
    min_value: Value | None = None
    max_value: Value | None = None
    max_length: int | None = None
    slice_name: str = ""
    slicing: Slicing | None = None
    content_reference: str = ""
    base_path: str = ""
    representation: tuple[str, ...] = ()
    condition: tuple[str, ...] = ()
    is_modifier: bool = False
    is_summary: bool = False
    must_support: bool = False
    base_max: int | None = None
    slice_is_constraining: bool = False
    min_length: int | None = None
    max_size: float | None = None
    max_decimals: int | None = None
    mime_types: tuple[str, ...] = ()
    namespace: str = ""
    must_have_value: bool = False
    value_alternatives: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the path: `value[x]` of `Observation.value[x]`."""
        return self.path.rsplit(".", 1)[-1]


@dataclass(frozen=True, slots=True)
class Structure:
    """A resource type, datatype or profile. `derivation` is specialization, constraint or empty; elements in the order of the spec.

    `missing` are the canonical addresses that were not at hand when its snapshot was made here: it says less than it should.
    `strays` are elements its differential speaks of and its base does not have (an error of the profile).
    `imposes` are profiles that hold with this one; `releases` the first and last release of FHIR it is for, each empty when open.
    """

    url: str
    type: str
    kind: str
    abstract: bool
    derivation: str
    base: str
    snapshot: bool
    elements: tuple[Element, ...]
    version: str = ""
    context: tuple[tuple[str, str], ...] = ()
    context_invariants: tuple[str, ...] = ()
    name: str = ""
    missing: tuple[str, ...] = ()
    strays: tuple[str, ...] = ()
    imposes: tuple[str, ...] = ()
    releases: tuple[str, str] = ("", "")
    _children: dict[str, tuple[Element, ...]] = field(default_factory=dict, compare=False, repr=False)
    _by_id: dict[str, Element] = field(default_factory=dict, compare=False, repr=False)

    def children(self, id: str) -> tuple[Element, ...]:
        """The 0..* elements directly below an element id, slices included."""
        if not self._children:
            self._children.update(_by_parent(self.elements))
        return self._children.get(id, ())

    def element(self, id: str) -> Element | None:
        """The element of that id, or None."""
        if not self._by_id:
            self._by_id.update((e.id, e) for e in reversed(self.elements))
        return self._by_id.get(id)


def structure_from(facts: Mapping[str, Any]) -> Structure:
    """The facts of a StructureDefinition (facts.py) as a Structure."""
    invariants = {key: _invariant(key, row) for key, row in facts["invariants"].items()}
    return Structure(
        url=facts.get("url", ""),
        type=facts.get("type", ""),
        kind=facts.get("kind", ""),
        abstract=bool(facts.get("abstract")),
        derivation=facts.get("derivation", ""),
        base=facts.get("baseDefinition", ""),
        snapshot=bool(facts.get("snapshot")),
        elements=tuple(_element(row, invariants) for row in facts["elements"]),
        version=facts.get("version", ""),
        context=tuple((c["type"], c["expression"]) for c in facts.get("context", ())),
        context_invariants=tuple(facts.get("contextInvariant", ())),
        name=facts.get("name", ""),
        missing=tuple(facts.get("missing", ())),
        strays=tuple(facts.get("strays", ())),
        imposes=tuple(facts.get("imposes", ())),
        releases=_releases(facts.get("releases", {})),
    )


def _releases(row: Mapping[str, str]) -> tuple[str, str]:
    return row.get("startFhirVersion", ""), row.get("endFhirVersion", "")


def _by_parent(elements: tuple[Element, ...]) -> dict[str, tuple[Element, ...]]:
    found: dict[str, list[Element]] = {}
    for element in elements:
        parent, _, last = element.id.rpartition(".")
        if last and parent:
            found.setdefault(parent, []).append(element)
    return {parent: tuple(children) for parent, children in found.items()}


def _element(row: Mapping[str, Any], invariants: Mapping[str, Invariant]) -> Element:
    minimum, maximum = _cardinality(row.get("card", ".."))
    slicing, binding = row.get("slicing"), row.get("binding")
    base_path, _, base = row.get("base", row["path"] + " " + row.get("card", "..")).partition(" ")
    return Element(
        path=row["path"],
        id=row.get("id", row["path"]),
        min=minimum,
        max=maximum,
        types=tuple(_type(t) for t in row.get("types", ())),
        binding=_binding(binding) if binding else None,
        invariants=tuple(
            invariants[i] if isinstance(i, str) else _invariant(i["key"], i) for i in row.get("invariants", ())
        ),
        fixed=_value(row.get("fixed")),
        pattern=_value(row.get("pattern")),
        min_value=_value(row.get("minValue")),
        max_value=_value(row.get("maxValue")),
        max_length=row.get("maxLength"),
        slice_name=row.get("sliceName", ""),
        slicing=_slicing(slicing) if slicing is not None else None,
        content_reference=row.get("contentReference", "").rpartition("#")[2],
        base_path=base_path if "base" in row else "",
        representation=tuple(row.get("representation", ())),
        condition=tuple(row.get("condition", ())),
        is_modifier=row.get("isModifier", False),
        is_summary=row.get("isSummary", False),
        must_support=row.get("mustSupport", False),
        base_max=_cardinality(base)[1],
        slice_is_constraining=row.get("sliceIsConstraining", False),
        min_length=row.get("minLength"),
        max_size=row.get("maxSize"),
        max_decimals=row.get("maxDecimalPlaces"),
        mime_types=tuple(row.get("mimeTypes", ())),
        namespace=row.get("namespace", ""),
        must_have_value=row.get("mustHaveValue", False),
        value_alternatives=tuple(row.get("valueAlternatives", ())),
    )


def _binding(row: Mapping[str, Any]) -> Binding:
    return Binding(
        strength=row.get("strength", ""),
        value_set=row.get("valueSet", ""),
        widest=row.get("maxValueSet", ""),
        narrowest=row.get("minValueSet", ""),
        additional=tuple((a.get("purpose", ""), a.get("valueSet", "")) for a in row.get("additional", ())),
    )


def _cardinality(card: str) -> tuple[int | None, int | None]:
    low, _, high = card.partition("..")
    return (int(low) if low else None), (-1 if high == "*" else int(high) if high else None)


def _type(row: str | Mapping[str, Any]) -> TypeRef:
    if isinstance(row, str):
        return TypeRef(_type_name(row, ""))
    return TypeRef(
        code=_type_name(row["code"], row.get("fhirType", "")),
        profiles=tuple(row.get("profile", ())),
        targets=tuple(row.get("targetProfile", ())),
        aggregation=tuple(row.get("aggregation", ())),
        versioning=row.get("versioning", ""),
        profile_elements=tuple(e or "" for e in row.get("profileElement", ())),
        regex=row.get("regex", ""),
    )


def _type_name(code: str, fhir_type: str) -> str:
    """R4 snapshots write System types with the FHIR type beside them (ElementDefinition.type.code, note on primitive values)."""
    if code.startswith(_SYSTEM):
        return fhir_type or code.removeprefix(_SYSTEM)[:1].lower() + code.removeprefix(_SYSTEM)[1:]
    return code.removeprefix(_STRUCTURE)


def _invariant(key: str, row: Mapping[str, Any]) -> Invariant:
    return Invariant(
        key,
        row.get("severity", "error"),
        row.get("expression", ""),
        row.get("source", ""),
        row.get("bestPractice", False),
    )


def _slicing(row: Mapping[str, Any]) -> Slicing:
    discriminators = tuple((d["type"], d["path"]) for d in row.get("discriminator", ()))
    return Slicing(discriminators, row.get("rules", "open"), row.get("ordered", False))


def _value(row: Any) -> Value | None:
    return Value(row[0], row[1]) if row else None
