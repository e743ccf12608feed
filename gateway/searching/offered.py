"""The search parameters that are answered, from the compiled R4 core: all that have an expression and a type with a meaning here.

Composite and special parameters, `phonetic` and full text are not answered; a parameter that is not offered is refused, never ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from gateway.definitions.library import core
from gateway.definitions.search import SearchParameter
from gateway.errors import Unanswerable
from gateway.fhirpath import Compiler, Expression, NotCompiled

KINDS = ("token", "string", "date", "reference", "number", "quantity", "uri")
MODIFIERS: Mapping[str, tuple[str, ...]] = {
    "token": ("not", "missing"), "string": ("exact", "contains", "missing"), "date": ("missing",), "reference": ("identifier", "missing"),
    "number": ("missing",), "quantity": ("missing",), "uri": ("below", "missing"),
}  # fmt: skip
_LEFT_OUT = ("phonetic", "_query", "_filter", "_content", "_text")


@cache
def offered(kind: str) -> Mapping[str, SearchParameter]:
    """The parameters answered for a resource type, by code."""
    found = core().search_parameters(kind)
    return {p.code: p for p in found if p.type in KINDS and p.code not in _LEFT_OUT and expression_of(kind, p)}


def parameter(kind: str, code: str, told: str = "") -> SearchParameter:
    """The parameter of a code. Raises Unanswerable, naming what the caller wrote (`told`)."""
    found = offered(kind).get(code)
    if found is None:
        raise Unanswerable(None, told or code)
    return found


def targets_of(kind: str, found: SearchParameter) -> tuple[str, ...]:
    """The types a reference parameter leads to; `patient` leads to a Patient alone (R4, clinical-patient), and so may `subject` beside it."""
    if found.code == "patient":
        return ("Patient",)
    also = ("Patient",) if found.code == "subject" and "patient" in offered(kind) else ()
    return tuple(dict.fromkeys((*found.targets, *also)))


@cache
def compiler() -> Compiler:
    """The compiler for R4 core, shared."""
    return Compiler(core())


def expression_of(kind: str, found: SearchParameter) -> Expression | None:
    """What a parameter reads of a resource; None where it cannot be told."""
    if not found.expression:
        return None
    try:
        return compiler().compile(found.expression, kind)
    except NotCompiled:
        return None
