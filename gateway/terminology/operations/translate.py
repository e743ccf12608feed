"""Codes of one system to codes of another by the concept maps at hand (FHIR R4, ConceptMap/$translate)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.definitions.canonical import parted
from gateway.errors import NotFound, Unanswerable
from gateway.terminology.membership import Terminology
from gateway.terminology.operations.asked import Asked, Names, answered

NAMES: Names = {
    "url": "uri", "conceptMapVersion": "string", "code": "code", "system": "uri", "version": "string", "source": "uri",
    "coding": "Coding", "codeableConcept": "CodeableConcept", "target": "uri", "targetsystem": "uri", "reverse": "boolean",
}  # fmt: skip
_NO_MATCH = ("unmatched", "disjoint")
_MOST_MATCHES = 500
_MOST_MAPS = 8  # from one map's `other-map` to the next
_TURNED = {
    "wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes",
}  # fmt: skip

Map = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Match:
    """A target with its equivalence and the map that says so."""

    equivalence: str
    concept: Mapping[str, Any]
    source: str


def translate(terminology: Terminology, asked: Asked) -> dict[str, Any]:
    """Parameters with result, message and match 0..* (equivalence, concept, source). Raises NotFound, Unanswerable."""
    codings = _codings(asked)
    maps = _maps(terminology, asked)
    reverse = asked.one("reverse", False)
    found: list[Match] = []
    for coding in codings:
        for each in maps:
            found.extend(_matches(terminology, each, coding, reverse, set()))
    wanted = asked.text("targetsystem")
    found = list(_unique(m for m in found if not wanted or m.concept.get("system") == wanted))[:_MOST_MATCHES]
    result = any(match.equivalence not in _NO_MATCH for match in found)
    head = answered(
        ("result", "Boolean", result), ("message", "String", "" if found else "The maps at hand do not name the code.")
    )
    return {**head, "parameter": [*head["parameter"], *map(_row, found)]}


def _row(match: Match) -> dict[str, Any]:
    part: list[dict[str, Any]] = [{"name": "equivalence", "valueCode": match.equivalence}]
    if match.concept:
        part.append({"name": "concept", "valueCoding": dict(match.concept)})
    return {"name": "match", "part": [*part, {"name": "source", "valueUri": match.source}]}


def _unique(matches: Iterable[Match]) -> Iterator[Match]:
    seen: set[tuple[str, ...]] = set()
    for match in matches:
        key = (match.equivalence, match.source, *(str(match.concept.get(k, "")) for k in ("system", "code")))
        if key not in seen:
            seen.add(key)
            yield match


def _codings(asked: Asked) -> list[Mapping[str, Any]]:
    given = [name for name in ("code", "coding", "codeableConcept") if name in asked.values]
    if len(given) != 1:
        raise Unanswerable("One of code, coding and codeableConcept is needed.", *given)
    if given == ["code"]:
        asked.needed("system")
        return [{"system": asked.text("system"), "code": asked.text("code")}]
    return [asked.one("coding")] if given == ["coding"] else asked.one("codeableConcept").get("coding", [])


def _maps(terminology: Terminology, asked: Asked) -> list[Map]:
    """The map of an address, or all that lead from the source (value set or system) to the target."""
    asked.needed("url", "source", "target", "targetsystem")
    url, version = asked.text("url"), asked.text("conceptMapVersion")
    if url:
        found = terminology.systems.document("ConceptMap", f"{parted(url)[0]}|{version}" if version else url)
        maps = [found] if found else []
    else:
        reverse = asked.one("reverse", False)
        ends = ("target", "source") if reverse else ("source", "target")
        wanted = [(side, asked.text(name)) for side, name in zip(ends, ("source", "target"), strict=True)]
        maps = [each for each in terminology.systems.documents("ConceptMap") if _leads(each, wanted)]
    if not maps:
        raise NotFound("No such concept map is at hand.")
    return maps


def _leads(each: Map, wanted: Iterable[tuple[str, str]]) -> bool:
    return all(not url or parted(url)[0] in _end(each, side) for side, url in wanted)


def _end(each: Map, side: str) -> set[str]:
    """The addresses that a map has on one side: of value sets, and of the systems of its groups."""
    sets = [each.get(f"{side}Uri"), each.get(f"{side}Canonical"), *(group.get(side) for group in _rows(each, "group"))]
    return {parted(address)[0] for address in sets if isinstance(address, str)}


def _matches(
    terminology: Terminology, each: Map, coding: Mapping[str, Any], reverse: bool, seen: set[str]
) -> Iterator[Match]:
    """`seen` are the maps on the way by `other-map`: each is asked once for a code."""
    source = str(each.get("url", ""))
    if source in seen or len(seen) >= _MOST_MAPS:
        return
    seen.add(source)
    for group in _rows(each, "group"):
        if reverse:
            yield from _backward(group, coding, source)
        elif _is(group.get("source"), coding.get("system")):
            targets = list(_forward(group, coding, source))
            yield from targets or _unmapped(terminology, group, coding, source, seen)


def _is(address: Any, system: Any) -> bool:
    return not address or not system or parted(str(address))[0] == parted(str(system))[0]


def _forward(group: Map, coding: Mapping[str, Any], source: str) -> Iterator[Match]:
    for element in _rows(group, "element"):
        if element.get("code") == coding.get("code"):
            for target in _rows(element, "target"):
                yield Match(_equivalence(target), _concept(group.get("target"), target), source)


def _backward(group: Map, coding: Mapping[str, Any], source: str) -> Iterator[Match]:
    """From the target of the map to its source; `wider` becomes `narrower`."""
    if not _is(group.get("target"), coding.get("system")):
        return
    for element in _rows(group, "element"):
        for target in _rows(element, "target"):
            if target.get("code") == coding.get("code"):
                said = _equivalence(target)
                yield Match(_TURNED.get(said, said), _concept(group.get("source"), element), source)


def _unmapped(
    terminology: Terminology, group: Map, coding: Mapping[str, Any], source: str, seen: set[str]
) -> Iterator[Match]:
    """What the map says of codes that it does not list: the same code, a fixed one, or another map."""
    rule = group.get("unmapped")
    if not isinstance(rule, Mapping) or not coding.get("code"):
        return
    if rule.get("mode") == "provided":
        yield Match("equal", _concept(group.get("target"), coding), source)
    elif rule.get("mode") == "fixed":
        yield Match("inexact", _concept(group.get("target"), rule), source)
    elif rule.get("mode") == "other-map":
        other = terminology.systems.document("ConceptMap", str(rule.get("url", "")))
        if other:
            yield from _matches(terminology, other, coding, False, seen)


def _equivalence(target: Map) -> str:
    return str(target.get("equivalence", "equivalent"))


def _concept(system: Any, row: Map) -> dict[str, Any]:
    """The Coding of an element or target; empty when there is no code (`unmatched`)."""
    if not isinstance(row.get("code"), str):
        return {}
    named = {key: row[key] for key in ("code", "display") if isinstance(row.get(key), str)}
    return ({"system": system} if isinstance(system, str) else {}) | named


def _rows(node: Map, key: str) -> list[Map]:
    value = node.get(key)
    return [row for row in value if isinstance(row, Mapping)] if isinstance(value, list) else []
