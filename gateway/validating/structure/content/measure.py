"""A Measure in itself: groups that can be told apart and criteria that can be read (FHIR R4, Measure.group)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.errors import Misconfigured
from gateway.model.report import Finding
from gateway.validating.structure.content.reading import Row, part, rows, text
from gateway.validating.structure.finding import Findings, error, warning

if TYPE_CHECKING:
    from gateway.validating.structure.scope import Scope

_FHIRPATH = "text/fhirpath"


def check(node: Row, scope: Scope) -> Findings:
    """0..* findings."""
    groups = rows(node, "group")
    if not groups:
        return warning(
            "required",
            "measure-groups",
            "The measure has no groups, so that nothing can be reported.",
            expected="group",
        )
    found: list[Finding] = []
    for place, group in groups:
        if len(groups) > 1 and not part(group, "code"):
            says = "A group of several has no code to tell it apart."
            found += warning("required", "measure-group-code", says, expected="code", at=f"group[{place}]")
        for at, expression in _criteria(group, f"group[{place}]"):
            found += _readable(expression, scope, at)
    return tuple(found)


def _criteria(group: Row, at: str) -> Iterator[tuple[str, str]]:
    """The FHIRPath expressions of a group, with their paths."""
    for kind in ("population", "stratifier"):
        for place, row in rows(group, kind):
            criteria = part(row, "criteria")
            if text(criteria, "language") == _FHIRPATH:
                yield f"{at}.{kind}[{place}].criteria.expression", text(criteria, "expression")


def _readable(expression: str, scope: Scope, at: str) -> Findings:
    try:
        if expression:
            scope.tools.compiler.compile(expression)
    except Misconfigured:
        says = "This is not a FHIRPath expression that can be read."
        return error("invalid", "fhirpath", says, found=expression, at=at)
    return ()
