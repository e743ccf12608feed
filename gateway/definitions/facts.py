"""Conformance resources to facts: what a machine needs to judge a document, and no prose (FHIR R4, conformance module).

The same functions make the committed index of R4 core and read the packages a site loads, so that both look alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Facts = dict[str, Any]

_EXTENSION = "http://hl7.org/fhir/StructureDefinition/"
_HEAD = (
    "url",
    "version",
    "name",
    "kind",
    "abstract",
    "type",
    "baseDefinition",
    "derivation",
    "context",
    "contextInvariant",
)
_ELEMENT = ("sliceName", "contentReference", "condition", "representation", "maxLength")
_FLAGS = ("isModifier", "isSummary", "mustSupport", "sliceIsConstraining")
_TYPE = ("profile", "targetProfile", "aggregation", "versioning")
_PROPERTY_NOISE = ("deprecationDate",)


def facts_of(resource: Mapping[str, Any]) -> Facts | None:
    """The facts of one conformance resource, or None when its type carries none that are kept."""
    maker = _MAKERS.get(resource.get("resourceType", ""))
    return maker(resource) if maker else None


def structure_facts(resource: Mapping[str, Any]) -> Facts:
    """A StructureDefinition: its head, its elements (`snapshot`, else `differential`) and its invariants by key."""
    snapshot = "snapshot" in resource
    source = resource.get("snapshot") or resource.get("differential") or {}
    elements: list[Mapping[str, Any]] = source.get("element", [])
    invariants = _invariants(elements)
    return _present(resource, _HEAD) | {
        "snapshot": snapshot,
        "invariants": invariants,
        "elements": [_element(e, invariants) for e in elements],
    }


def _invariants(elements: Iterable[Mapping[str, Any]]) -> Facts:
    """The first meaning of every key; an element that means another thing by the key says so itself."""
    found: Facts = {}
    for element in elements:
        for constraint in element.get("constraint", ()):
            found.setdefault(constraint["key"], _invariant(constraint))
    return dict(sorted(found.items()))


def _invariant(constraint: Mapping[str, Any]) -> Facts:
    facts = _present(constraint, ("severity", "expression", "source"))
    if _extension(constraint, "elementdefinition-bestpractice") is True:
        facts["bestPractice"] = True
    return facts


def _element(element: Mapping[str, Any], invariants: Facts) -> Facts:
    facts = _present(element, _ELEMENT) | {flag: True for flag in _FLAGS if element.get(flag)}
    facts["path"] = element["path"]
    if element.get("id", element["path"]) != element["path"]:
        facts["id"] = element["id"]
    if "min" in element or "max" in element:
        facts["card"] = _cardinality(element)
    if base := _base(element):
        facts["base"] = base
    if types := [_type(t) for t in element.get("type", ())]:
        facts["types"] = types
    if "binding" in element:
        facts["binding"] = _binding(element["binding"])
    if "slicing" in element:
        facts["slicing"] = _slicing(element["slicing"])
    if constraints := element.get("constraint"):
        facts["invariants"] = [_reference(c, invariants) for c in constraints]
    return facts | _values(element)


def _reference(constraint: Mapping[str, Any], invariants: Facts) -> str | Facts:
    own = _invariant(constraint)
    key: str = constraint["key"]
    return key if invariants[key] == own else {"key": key, **own}


def _cardinality(element: Mapping[str, Any]) -> str:
    """`0..1`; a differential may say one side only: `1..`, `..0`."""
    return f"{element.get('min', '')}..{element.get('max', '')}"


def _base(element: Mapping[str, Any]) -> str | None:
    base = element.get("base")
    if base is None:
        return None
    said = f"{base['path']} {_cardinality(base)}"
    return None if said == f"{element['path']} {_cardinality(element)}" else said


def _type(entry: Mapping[str, Any]) -> str | Facts:
    facts = _present(entry, _TYPE)
    for name, key in (("structuredefinition-fhir-type", "fhirType"), ("regex", "regex")):
        if (value := _extension(entry, name)) is not None:
            facts[key] = value
    code: str = entry.get("code", "")
    return {"code": code, **facts} if facts else code


def _binding(binding: Mapping[str, Any]) -> Facts:
    facts = _present(binding, ("strength", "valueSet"))
    if widest := _extension(binding, "elementdefinition-maxValueSet"):
        facts["maxValueSet"] = widest
    return facts


def _slicing(slicing: Mapping[str, Any]) -> Facts:
    return _present(slicing, ("discriminator", "ordered", "rules"))


def _values(element: Mapping[str, Any]) -> Facts:
    """`fixed`, `pattern`, `minValue`, `maxValue`, each as [type, value]."""
    facts: Facts = {}
    for key, value in element.items():
        for kind in ("fixed", "pattern", "minValue", "maxValue"):
            if key.startswith(kind) and key[len(kind) :][:1].isupper():
                facts[kind] = [key[len(kind) :], value]
    return facts


def value_set_facts(resource: Mapping[str, Any]) -> Facts:
    """A ValueSet: its composition, or the codes of its expansion when it has no composition."""
    facts = _present(resource, ("url", "version"))
    compose = resource.get("compose", {})
    for side in ("include", "exclude"):
        if parts := [_part(p) for p in compose.get(side, ())]:
            facts[side] = parts
    if "include" not in facts and "expansion" in resource:
        facts["expansion"] = [_present(c, ("system", "code")) for c in _contained(resource["expansion"])]
    return facts


def _part(part: Mapping[str, Any]) -> Facts:
    facts = _present(part, ("system", "version", "valueSet", "filter"))
    if "concept" in part:
        facts["codes"] = [c["code"] for c in part["concept"]]
    return facts


def _contained(node: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    for entry in node.get("contains", ()):
        if "code" in entry and not entry.get("abstract"):
            yield entry
        yield from _contained(entry)


def code_system_facts(resource: Mapping[str, Any]) -> Facts:
    """A CodeSystem: codes with their hierarchy (`[code, {properties}, [children]]`, shortened where parts are empty)."""
    facts = _present(
        resource, ("url", "version", "caseSensitive", "content", "hierarchyMeaning", "valueSet", "supplements")
    )
    facts["codes"] = [_concept(c) for c in resource.get("concept", ())]
    return facts


def _concept(concept: Mapping[str, Any]) -> str | list[Any]:
    properties: dict[str, Any] = {}
    for entry in concept.get("property", ()):
        value = next((v for k, v in entry.items() if k.startswith("value")), None)
        if entry["code"] not in _PROPERTY_NOISE and value is not None:
            properties.setdefault(entry["code"], []).append(value)
    children = [_concept(c) for c in concept.get("concept", ())]
    code: str = concept["code"]
    if children:
        return [code, properties, children]
    return [code, properties] if properties else code


def search_facts(resource: Mapping[str, Any]) -> Facts:
    """A SearchParameter; its components as [definition, expression]."""
    keep = (
        "url",
        "code",
        "type",
        "expression",
        "target",
        "multipleOr",
        "comparator",
        "modifier",
        "chain",
        "xpathUsage",
    )
    facts = _present(resource, keep)
    if components := resource.get("component"):
        facts["component"] = [[c["definition"], c["expression"]] for c in components]
    return facts


def _present(node: Mapping[str, Any], keys: Iterable[str]) -> Facts:
    return {key: node[key] for key in keys if key in node}


def _extension(node: Mapping[str, Any], name: str) -> Any:
    for entry in node.get("extension", ()):
        if entry.get("url") == _EXTENSION + name:
            return next((v for k, v in entry.items() if k.startswith("value")), None)
    return None


_MAKERS = {
    "StructureDefinition": structure_facts,
    "ValueSet": value_set_facts,
    "CodeSystem": code_system_facts,
    "SearchParameter": search_facts,
}
