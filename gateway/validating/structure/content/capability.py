"""A CapabilityStatement in itself: search parameters of the type they are defined with (FHIR R4, CapabilityStatement.rest.resource.searchParam)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.model.report import Finding
from gateway.validating.structure.content.reading import Row, rows, text
from gateway.validating.structure.finding import MOST, NONE, Findings, error

if TYPE_CHECKING:
    from gateway.validating.structure.scope import Scope


def check(node: Row, scope: Scope) -> Findings:
    """0..* findings."""
    found: list[Finding] = []
    for at, parameter in _parameters(node):
        found += _typed(parameter, scope, at)
        if len(found) > MOST:
            break
    return tuple(found)


def _parameters(node: Row) -> Iterator[tuple[str, Row]]:
    for place, rest in rows(node, "rest"):
        for inner, parameter in rows(rest, "searchParam"):
            yield f"rest[{place}].searchParam[{inner}]", parameter
        for middle, resource in rows(rest, "resource"):
            for inner, parameter in rows(resource, "searchParam"):
                yield f"rest[{place}].resource[{middle}].searchParam[{inner}]", parameter


def _typed(parameter: Row, scope: Scope, at: str) -> Findings:
    """searchParam.type: "must match the type of the search parameter definition"."""
    address, said = text(parameter, "definition"), text(parameter, "type")
    defined = scope.tools.library.resource("SearchParameter", address) if address and said else None
    kind = text(defined, "type") if defined is not None else ""
    if not kind or kind == said:
        return NONE
    says = "The search parameter is defined with another type."
    return error("invalid", "search-type", says, expected=kind, found=said, at=at)
