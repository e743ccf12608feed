"""How much of a resource a search asks for: `_elements` and `_summary` (FHIR R4, search.html#elements, #summary).

What R4 makes mandatory and what changes the meaning of the rest always stays, and so do `meta` and `id`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from gateway.definitions.library import core
from gateway.definitions.structure import Element
from gateway.model.search import Search

_ALWAYS = frozenset(("resourceType", "id", "meta"))


def shown_of(search: Search, kind: str) -> frozenset[str] | None:
    """The JSON names of the top-level elements that are to be shown of a type; None for all of them.

    What is only included is shown whole with `_elements`, which speaks of the type that is searched.
    """
    if search.elements and kind == search.type:
        return _names(e for e in _top(kind) if e.name.removesuffix("[x]") in search.elements) | _needed(kind)
    return _summarised(kind, search.summary) if search.summary in ("true", "text", "data") else None


@cache
def _needed(kind: str) -> frozenset[str]:
    return _ALWAYS | _names(e for e in _top(kind) if e.min or e.is_modifier)


@cache
def _summarised(kind: str, summary: str) -> frozenset[str]:
    if summary == "text":
        return _needed(kind) | {"text", "_text"}
    if summary == "data":
        return (_names(_top(kind)) - {"text", "_text"}) | _ALWAYS
    return _needed(kind) | _names(e for e in _top(kind) if e.is_summary)


def _top(kind: str) -> list[Element]:
    structure = core().structure(kind)
    return [e for e in structure.elements if e.path.count(".") == 1] if structure else []


def _names(elements: Iterable[Element]) -> frozenset[str]:
    """The keys of elements, those of a choice by type, and those beside primitives."""
    plain = {key for e in elements for key in _keys(e)}
    return frozenset(plain | {f"_{key}" for key in plain})


def _keys(element: Element) -> list[str]:
    base = element.name.removesuffix("[x]")
    return [base] if base == element.name else [base + t.code[:1].upper() + t.code[1:] for t in element.types]
