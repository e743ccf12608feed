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
_TYPE_SAID = (("structuredefinition-fhir-type", "fhirType"), ("regex", "regex"))
_LIMITS = ("minLength", "maxSize", "maxDecimalPlaces", "elementdefinition-namespace")
_ADDITIONAL = ("http://hl7.org/fhir/tools/StructureDefinition/additional-binding", _EXTENSION + "additional-binding")
_MUST_HAVE = "ElementDefinition.mustHaveValue"  # R5, written as extensions in R4
_INSTEAD = "ElementDefinition.valueAlternatives"
_IMPOSED = "structuredefinition-imposeProfile"
_RELEASES = "version-specific-use"
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
    facts = _present(resource, _HEAD) | {
        "snapshot": snapshot,
        "invariants": invariants,
        "elements": [_element(e, invariants) for e in elements],
    }
    if imposed := _extensions(resource, _IMPOSED):
        facts["imposes"] = imposed
    if releases := _releases(resource):
        facts["releases"] = releases
    return facts


def _releases(resource: Mapping[str, Any]) -> Facts:
    """The first and the last release of FHIR that something is for (extension version-specific-use), where it says so."""
    for node in (resource, *resource.get("context", ())):
        for entry in node.get("extension", ()):
            if entry.get("url") == _EXTENSION + _RELEASES:
                parts = {part.get("url"): _valued(part) for part in entry.get("extension", ())}
                return _present(parts, ("startFhirVersion", "endFhirVersion"))
    return {}


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
    return facts | _values(element) | _limits(element)


def _limits(element: Mapping[str, Any]) -> Facts:
    """What extensions say about the values of an element."""
    if "extension" not in element:
        return {}
    said = {name.rpartition("-")[2]: _extension(element, name) for name in _LIMITS}
    facts = {name: value for name, value in said.items() if value is not None}
    if types := _extensions(element, "mimeType"):
        facts["mimeTypes"] = types
    for entry in element["extension"]:
        if str(entry.get("url", "")).endswith(_MUST_HAVE):
            facts["mustHaveValue"] = _valued(entry)
        elif str(entry.get("url", "")).endswith(_INSTEAD):
            facts["valueAlternatives"] = [*facts.get("valueAlternatives", ()), _valued(entry)]
    return facts


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
    for name, key in _TYPE_SAID:
        if (value := _extension(entry, name)) is not None:
            facts[key] = value
    parts = [_extension(p, "elementdefinition-profile-element") for p in entry.get("_profile", ()) if p]
    if any(parts):
        facts["profileElement"] = parts
    code: str = entry.get("code", "")
    return {"code": code, **facts} if facts else code


def _binding(binding: Mapping[str, Any]) -> Facts:
    facts = _present(binding, ("strength", "valueSet"))
    for key in ("maxValueSet", "minValueSet"):
        if limit := _extension(binding, f"elementdefinition-{key}"):
            facts[key] = limit
    more = [_additional(e) for e in binding.get("extension", ()) if e.get("url") in _ADDITIONAL]
    more += [_present(a, ("purpose", "valueSet", "any")) for a in binding.get("additional", ()) if "usage" not in a]
    if more:
        facts["additional"] = more
    return facts


def _additional(extension: Mapping[str, Any]) -> Facts:
    """`purpose` (maximum, minimum, required, extensible …) and `valueSet` of an additional binding, written as an extension before R5."""
    parts = {part.get("url"): _valued(part) for part in extension.get("extension", ())}
    return {} if "usage" in parts else _present(parts, ("purpose", "valueSet", "any"))  # who is meant cannot be told


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
    if compose.get("inactive") is False:
        facts["inactive"] = False
    if "include" not in facts and "expansion" in resource:
        rows = [_present(c, ("system", "code")) for c in _contained(resource["expansion"])]
        facts["expansion"] = rows
        if _unfinished(resource["expansion"], len(rows)):
            facts["partial"] = True
    return facts


def _unfinished(expansion: Mapping[str, Any], listed: int) -> bool:
    """An expansion that is a page, counts more than it lists, or says that it is not closed."""
    marks = ("valueset-unclosed", "valueset-toocostly")
    paged = expansion.get("offset", 0) or expansion.get("total", listed) > listed
    return bool(paged) or any(_extension(expansion, mark) is True for mark in marks)


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
    return next(iter(_extensions(node, name)), None)


def _extensions(node: Mapping[str, Any], name: str) -> list[Any]:
    return [_valued(entry) for entry in node.get("extension", ()) if entry.get("url") == _EXTENSION + name]


def _valued(extension: Mapping[str, Any]) -> Any:
    return next((value for key, value in extension.items() if key.startswith("value")), None)


_MAKERS = {
    "StructureDefinition": structure_facts,
    "ValueSet": value_set_facts,
    "CodeSystem": code_system_facts,
    "SearchParameter": search_facts,
}
