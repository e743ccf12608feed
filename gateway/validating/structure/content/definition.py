"""A StructureDefinition in itself and against what it is derived from (FHIR R4, StructureDefinition, profiling.html; beyond sdf-* and eld-*)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gateway.model.report import Finding
from gateway.validating.structure.content.differential import placed
from gateway.validating.structure.content.drafted import Draft, draft_of
from gateway.validating.structure.content.elements import expressed, sound
from gateway.validating.structure.content.narrowing import narrows
from gateway.validating.structure.content.reading import Row, part, rows, text, texts
from gateway.validating.structure.finding import MOST, NONE, Findings, below, error, warning

if TYPE_CHECKING:
    from gateway.validating.structure.scope import Scope

_EXTENSION = "http://hl7.org/fhir/StructureDefinition/Extension"


def check(node: Row, scope: Scope) -> Findings:
    """0..* findings."""
    draft = draft_of(node, scope.tools)
    found: list[Finding] = []
    for finding in _all(draft):
        found.append(finding)
        if len(found) > MOST:
            break
    return tuple(found)


def _all(draft: Draft) -> Iterator[Finding]:
    yield from _derived(draft)
    yield from _extension(draft)
    yield from _contexts(draft)
    elements = rows(part(draft.row, "differential"), "element")
    yield from placed(draft, elements)
    for view, listed in (("differential", elements), ("snapshot", rows(part(draft.row, "snapshot"), "element"))):
        said: dict[str, str] = {}
        for place, element in listed:
            inner = [*sound(draft, element, said, snapshot=view == "snapshot")]
            inner += narrows(draft, element) if view == "differential" else ()
            yield from below(tuple(inner), f"{view}.element[{place}]")


def _derived(draft: Draft) -> Findings:
    """Whether type and kind are those of the base, as a constraint asks."""
    row, base = draft.row, draft.base
    if not text(row, "baseDefinition"):
        return NONE
    if base is None:
        says = "The base is not at hand, so that the differential is not checked against it."
        return warning("not-found", "base", says, found=text(row, "baseDefinition"), at="baseDefinition")
    if not text(row, "derivation"):
        says = "A definition with a base says how it is derived from it."
        return error("not-found", "derivation", says, expected="constraint or specialization")
    found = NONE
    if draft.constrains and text(row, "type") not in ("", base.type):
        says = "A constraint is about the type of its base."
        found += error("invalid", "type", says, expected=base.type, found=text(row, "type"))
    if draft.constrains and text(row, "kind") not in ("", base.kind):
        says = "A constraint is of the kind of its base."
        found += error("invalid", "kind", says, expected=base.kind, found=text(row, "kind"))
    return found


def _extension(draft: Draft) -> Findings:
    """defining-extensions.html: the url of every instance is the canonical address of the definition."""
    row, fixed_somewhere = draft.row, False
    if text(row, "type") != "Extension" or not draft.constrains or text(row, "baseDefinition") != _EXTENSION:
        return NONE
    for view in ("differential", "snapshot"):
        for place, element in rows(part(row, view), "element"):
            fixed = text(element, "fixedUri") if text(element, "path") == "Extension.url" else ""
            if fixed and fixed != text(row, "url"):
                says = "The url of the extension is fixed to another address than that of the definition."
                at = f"{view}.element[{place}]"
                return error("business-rule", "extension-url", says, expected=text(row, "url"), found=fixed, at=at)
            fixed_somewhere = fixed_somewhere or bool(fixed)
    if fixed_somewhere or row.get("abstract") is True:
        return NONE
    says = "The url of the extension is not fixed to the address of the definition."
    return error("business-rule", "extension-url", says, expected=text(row, "url"))


def _contexts(draft: Draft) -> Iterator[Finding]:
    for place, context in rows(draft.row, "context"):
        at, expression = f"context[{place}]", text(context, "expression")
        if text(context, "type") == "fhirpath" and expression:
            yield from expressed(draft, expression, f"{at}.expression")
        if text(context, "type") == "element" and expression and not _is_element(draft, expression):
            says = "The context is no element that is known."
            yield from warning("not-found", "extension-context", says, found=expression, at=at)
    for place, invariant in texts(draft.row, "contextInvariant"):
        yield from expressed(draft, invariant, f"contextInvariant[{place}]")


def _is_element(draft: Draft, expression: str) -> bool:
    name = expression.rpartition("#")[2].partition(".")[0]
    structure = draft.library.structure(name) if name and ":" not in name else None
    if structure is None or ":" in expression:
        return ":" in expression
    return "." not in expression or any(e.path == expression for e in structure.elements)
