"""A ConceptMap in itself: codes that exist where that can be told (FHIR R4, ConceptMap.group)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.model.report import Finding
from gateway.terminology.membership import Membership
from gateway.validating.structure.content.reading import Row, rows, text
from gateway.validating.structure.finding import MOST, Findings, below, warning

if TYPE_CHECKING:
    from gateway.validating.structure.scope import Scope


def check(node: Row, scope: Scope) -> Findings:
    """0..* findings."""
    found: list[Finding] = []
    for place, group in rows(node, "group"):
        found += below(tuple(_group(group, scope)), f"group[{place}]")
        if len(found) > MOST:
            break
    return tuple(found)


def _group(group: Row, scope: Scope) -> Iterator[Finding]:
    source, target = text(group, "source"), text(group, "target")
    for place, element in rows(group, "element"):
        at = f"element[{place}]"
        yield from below(_code(element, source, scope), at)
        for inner, mapped in rows(element, "target"):
            yield from below(_code(mapped, target, scope), f"{at}.target[{inner}]")


def _code(row: Row, system: str, scope: Scope) -> Findings:
    code = text(row, "code")
    if not code or not system or scope.tools.terminology.in_system(system, code) is not Membership.OUT:
        return ()
    return warning(
        "business-rule", "concept", "The code system has no such code.", expected=system, found=code, at="code"
    )
