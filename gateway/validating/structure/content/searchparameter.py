"""A SearchParameter in itself and beside the one it derives from (FHIR R4, SearchParameter; beyond spd-*)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import Misconfigured
from gateway.validating.structure.content.reading import Row, text, texts
from gateway.validating.structure.finding import NONE, Findings, error, warning

if TYPE_CHECKING:
    from gateway.validating.structure.scope import Scope

_ANY = ("Resource", "DomainResource")


def check(node: Row, scope: Scope) -> Findings:
    """0..* findings."""
    return _expression(node, scope) + _derived(node, scope)


def _expression(node: Row, scope: Scope) -> Findings:
    expression = text(node, "expression")
    if not expression:
        return NONE
    try:
        scope.tools.compiler.compile(expression)
    except Misconfigured:
        says = "This is not a FHIRPath expression that can be read."
        return error("invalid", "fhirpath", says, found=expression, at="expression")
    return NONE


def _derived(node: Row, scope: Scope) -> Findings:
    """SearchParameter.derivedFrom: the same type of search, for no other types of resource."""
    address = text(node, "derivedFrom")
    if not address:
        return NONE
    master = scope.tools.library.resource("SearchParameter", address)
    found = NONE
    for _, base in texts(node, "base"):
        kind = _known(master, address, base, scope)
        if kind is None:
            says = "The search parameter that this one derives from is not at hand for this type of resource."
            say = warning if master is None else error
            found += say("business-rule", "derived-base", says, expected=address, found=base)
        elif kind != text(node, "type"):
            says = "The search parameter that this one derives from is of another type."
            found += error("business-rule", "derived-type", says, expected=kind, found=text(node, "type"))
    return found


def _known(master: Row | None, address: str, base: str, scope: Scope) -> str | None:
    """The type of the parameter derived from, None when it is not for this type of resource."""
    if master is not None:
        bases = {each for _, each in texts(master, "base")}
        return text(master, "type") if base in bases or bases & set(_ANY) else None
    return next((p.type for p in scope.tools.library.search_parameters(base) if p.url == address), None)
