"""What is known of one code (FHIR R4, CodeSystem/$lookup)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gateway.errors import NotFound, Unanswerable
from gateway.model.wire import Exact
from gateway.terminology.codes import Membership
from gateway.terminology.content import Designation, Named
from gateway.terminology.displays import in_language
from gateway.terminology.membership import Terminology
from gateway.terminology.operations.asked import Asked, Names, answered

NAMES: Names = {
    "code": "code", "system": "uri", "version": "string", "coding": "Coding", "displayLanguage": "code", "property": "code",
}  # fmt: skip
_ALWAYS = ("parent", "child")


def lookup(terminology: Terminology, asked: Asked) -> dict[str, Any]:
    """Parameters: name, version, display (the code itself where names are not at hand), designation 0..*, property 0..*.

    Raises NotFound when the code system is not at hand or has no such code, Unanswerable.
    """
    system, code, version = _coded(asked)
    if terminology.verdict("", code, system, version).membership is not Membership.IN:
        raise NotFound("The code system is not at hand, or has no such code.")
    named = terminology.systems.named(system, code, version) or Named()
    head = answered(
        ("name", "String", _name(terminology, system)),
        ("version", "String", _version(terminology, system, version)),
        ("display", "String", in_language(named, asked.text("displayLanguage")) or code),
        ("definition", "String", named.definition),
    )
    wanted = asked.values.get("property", ())
    rows = [*_designations(named.designations), *_properties(_found(terminology, system, code), wanted)]
    return {**head, "parameter": [*head["parameter"], *rows]}


def _coded(asked: Asked) -> tuple[str, str, str]:
    coding = asked.one("coding")
    if (coding is None) == ("code" not in asked.values):
        raise Unanswerable("One of code and coding is needed.", "code", "coding")
    given = coding or {"code": asked.text("code"), "system": asked.text("system"), "version": asked.text("version")}
    if not given.get("system") or not given.get("code"):
        raise Unanswerable("A code system and a code are needed.", "system", "code")
    return given["system"], given["code"], given.get("version", "")


def _name(terminology: Terminology, system: str) -> str:
    raw = terminology.systems.document("CodeSystem", system) or {}
    name = raw.get("title") or raw.get("name")
    return name if isinstance(name, str) else system


def _version(terminology: Terminology, system: str, version: str) -> str:
    content = terminology.systems.content(system, version)
    if content is not None:
        return content.version
    concepts = terminology.systems.concepts(system, version)
    return concepts.version if concepts else ""


def _found(terminology: Terminology, system: str, code: str) -> Iterable[tuple[str, Any]]:
    content = terminology.systems.content(system)
    if content is not None:
        return content.properties(code)
    concepts = terminology.systems.concepts(system)
    concept = concepts.concept(code) if concepts else None
    if concepts is None or concept is None:
        return ()
    links = [(name, value) for name in _ALWAYS for value in concepts.values(concept, name)]
    own = [(name, value) for name, values in concept.properties.items() for value in values if name not in _ALWAYS]
    return [*links, *own]


def _properties(found: Iterable[tuple[str, Any]], wanted: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for name, value in found:
        if not wanted or name in wanted or "*" in wanted:
            part = [{"name": "code", "valueCode": name}, {"name": "value", **_typed(name, value)}]
            yield {"name": "property", "part": part}


def _typed(name: str, value: Any) -> dict[str, Any]:
    """R4 Parameters.parameter.value[x] of a property value."""
    if isinstance(value, bool):
        return {"valueBoolean": value}
    if isinstance(value, Exact):
        return {"valueDecimal": value}
    if isinstance(value, int):
        return {"valueInteger": value}
    if isinstance(value, Mapping):
        return {"valueCoding": dict(value)}
    return {"valueCode" if name in _ALWAYS else "valueString": str(value)}


def _designations(designations: Iterable[Designation]) -> Iterator[dict[str, Any]]:
    for each in designations:
        part: list[dict[str, Any]] = [{"name": "language", "valueCode": each.language}] if each.language else []
        if each.use:
            part.append({"name": "use", "valueCoding": dict(each.use)})
        yield {"name": "designation", "part": [*part, {"name": "value", "valueString": each.value}]}
