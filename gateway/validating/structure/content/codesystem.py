"""A CodeSystem in itself: its count, its properties, the value set that is all of it, what it supplements (FHIR R4, CodeSystem)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.definitions.vocabulary import Part
from gateway.model.report import Finding
from gateway.terminology.membership import Membership
from gateway.validating.structure.content.reading import Row, chosen, rows, text, whole
from gateway.validating.structure.finding import MOST, NONE, Findings, error, warning

if TYPE_CHECKING:
    from gateway.validating.structure.scope import Scope

_WRITTEN = {
    "code": "Code",
    "Coding": "Coding",
    "string": "String",
    "integer": "Integer",
    "boolean": "Boolean",
    "dateTime": "DateTime",
    "decimal": "Decimal",
}


def check(node: Row, scope: Scope) -> Findings:
    """0..* findings."""
    found: list[Finding] = [*_counted(node), *_whole_set(node, scope)]
    types = {text(row, "code"): text(row, "type") for _, row in rows(node, "property")}
    supplemented = text(node, "supplements")
    for at, concept in concepts(node):
        found += _properties(concept, types, at)
        if supplemented:
            found += _supplement(concept, supplemented, at, scope)
        if len(found) > MOST:
            break
    return tuple(found)


def concepts(holder: Row, at: str = "") -> Iterator[tuple[str, Row]]:
    """Every concept with its path, from top to bottom."""
    for place, concept in rows(holder, "concept"):
        here = f"{at}concept[{place}]"
        yield here, concept
        yield from concepts(concept, f"{here}.")


def _counted(node: Row) -> Findings:
    """CodeSystem.count: for a complete code system, the number of concepts that are here."""
    count = whole(node, "count")
    if count is None or text(node, "content") != "complete":
        return NONE
    there = sum(1 for _ in concepts(node))
    if there == count:
        return NONE
    says = "The code system is complete, but it has another number of concepts than it says."  # published ones have it
    return warning("business-rule", "count", says, expected=str(there), found=str(count))


def _whole_set(node: Row, scope: Scope) -> Findings:
    """CodeSystem.valueSet: a value set that includes this code system, all of it and nothing else."""
    address, url = text(node, "valueSet"), text(node, "url")
    if not address:
        return NONE
    if text(node, "content") == "supplement":
        return error("business-rule", "value-set", "A supplement has no value set of its own.", found=address)
    value_set = scope.tools.library.value_set(address)
    if value_set is None or not value_set.include:
        return NONE
    if len(value_set.include) > 1 or not _all_of(value_set.include[0], url):
        says = "The value set of the code system includes something else than all of the code system."
        return error("business-rule", "value-set", says, expected=url, found=address)
    return NONE


def _all_of(part: Part, url: str) -> bool:
    return part.system.partition("|")[0] == url and part.codes is None and not part.filters and not part.value_sets


def _properties(concept: Row, types: dict[str, str], at: str) -> Iterator[Finding]:
    for place, row in rows(concept, "property"):
        code, value = text(row, "code"), chosen(row, "value")
        here = f"{at}.property[{place}]"
        if code not in types and code:
            says = "The property of the concept is not declared by the code system."
            yield from warning("business-rule", "property", says, found=code, at=here)
        wanted = _WRITTEN.get(types.get(code, ""))
        if value is not None and wanted is not None and value[0] != wanted:
            says = "The value of the property is not of the type that is declared."
            yield from error("business-rule", "property-type", says, expected=wanted, found=value[0], at=here)


def _supplement(concept: Row, supplemented: str, at: str, scope: Scope) -> Findings:
    code = text(concept, "code")
    known = scope.tools.library.code_system(supplemented)
    if not code or known is None or known.content != "complete":
        return NONE
    if scope.tools.terminology.in_system(known.url, code) is not Membership.OUT:
        return NONE
    says = "The code system that is supplemented has no such code."
    return error("business-rule", "supplement", says, expected=supplemented, found=code, at=at)
