"""A ValueSet in itself: systems, codes and filters that exist where that can be told (FHIR R4, ValueSet.compose)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.definitions.vocabulary import CodeSystem
from gateway.model.report import Finding
from gateway.terminology.membership import Membership
from gateway.validating.structure.content.reading import Row, part, rows, text, texts
from gateway.validating.structure.finding import MOST, NONE, Findings, below, error, warning

if TYPE_CHECKING:
    from gateway.validating.structure.scope import Scope

_BUILT_IN = ("concept", "code", "display", "parent", "child", "status", "inactive")


def check(node: Row, scope: Scope) -> Findings:
    """0..* findings."""
    found: list[Finding] = []
    for side in ("include", "exclude"):
        for place, row in rows(part(node, "compose"), side):
            found += below(tuple(_part(row, scope)), f"compose.{side}[{place}]")
            if len(found) > MOST:
                return tuple(found)
    return tuple(found)


def _part(row: Row, scope: Scope) -> Iterator[Finding]:
    for place, address in texts(row, "valueSet"):
        if not address.startswith("#") and scope.tools.library.value_set(address) is None:
            says = "The value set is not at hand."
            yield from warning("not-found", "value-set", says, found=address, at=f"valueSet[{place}]")
    system = text(row, "system")
    if not system:
        return
    yield from _system(system, scope)
    known = scope.tools.library.code_system(system)
    yield from _codes(row, system, scope)
    if known is not None:
        yield from _filters(row, known)


def _system(system: str, scope: Scope) -> Findings:
    if system.startswith("#"):
        return NONE
    if ":" not in system:
        says = "A code system is named by an absolute address."
        return error("invalid", "system", says, expected="an absolute URI", found=system, at="system")
    library = scope.tools.library
    known = library.code_system(system)
    if known is not None and known.content == "supplement":
        says = "A supplement is no code system that codes can be taken from."
        return error("business-rule", "system", says, found=system, at="system")
    if known is None and library.value_set(system) is not None:
        says = "The address is that of a value set, not of a code system."
        return warning("business-rule", "system", says, found=system, at="system")
    return NONE


def _codes(row: Row, system: str, scope: Scope) -> Iterator[Finding]:
    seen: set[str] = set()
    for place, concept in rows(row, "concept"):
        code, at = text(concept, "code"), f"concept[{place}]"
        if code and scope.tools.terminology.in_system(system, code) is Membership.OUT:
            says = "The code system has no such code."
            yield from warning("business-rule", "concept", says, expected=system, found=code, at=at)
        if code in seen:
            says = "The same code stands twice."
            yield from warning("business-rule", "concept", says, found=code, at=at)
        seen.add(code)


def _filters(row: Row, system: CodeSystem) -> Iterator[Finding]:
    """ValueSet.compose.include.filter.property: one that the code system has."""
    listed = rows(row, "filter")
    if not listed or system.content != "complete":
        return
    known = {name for concept in system.concepts.values() for name in concept.properties}
    for place, each in listed:
        name = text(each, "property")
        if name and name not in known and name not in _BUILT_IN:
            says = "The code system has no such property."
            yield from warning("business-rule", "filter", says, found=name, at=f"filter[{place}]")
