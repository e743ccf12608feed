"""Filtering and projection (FHIRPath 2.0, 5.2): `where`, `select`, `repeat`; `ofType` is in types.py."""

from __future__ import annotations

from typing import Any

from gateway.fhirpath.code import Code, Exists, Function, Functions, Many, Raw, Site, Truth
from gateway.fhirpath.environment import State
from gateway.fhirpath.identity import identity
from gateway.fhirpath.node import Node


def where(site: Site) -> Code:
    """`source.where(criteria)`; also what `exists(criteria)` asks."""
    return filtered(site.source, site.each(0))


def filtered(source: Code, criteria: Code) -> Code:
    """The items of the source for which the criteria hold; over the JSON alone where both can be had so."""
    constant = source.constant and criteria.constant
    values, truth = source.raw.values, criteria.raw.truth
    if values is not None and truth is not None and source.type:
        raw = Raw(values=_kept(values, truth), exists=_any(values, truth))
        exists = _any_node(values, truth)
        return Code(_nodes(_kept(values, truth), source.type), source.type, None, exists, constant, raw=raw)
    judged = criteria.as_truth()
    exists = _any(source.many, judged)
    return Code(_kept(source.many, judged), source.type, None, exists, constant)


def _nodes(values: Many, type_name: str) -> Many:
    def many(focus: Any, state: State) -> list[Any]:
        return [Node(value, type_name) for value in values(focus.value, state)]

    return many


def _any_node(values: Many, truth: Truth) -> Exists:
    found = _any(values, truth)
    return lambda focus, state: found(focus.value, state)


def _kept(many: Many, criteria: Truth) -> Many:
    def kept(focus: Any, state: State) -> list[Any]:
        items = many(focus, state)
        if not items:
            return items
        state.spend(len(items))
        out, before = [], state.index
        for place, item in enumerate(items):
            state.index = place
            if criteria(item, state):
                out.append(item)
        state.index = before
        return out

    return kept


def _any(many: Many, criteria: Truth) -> Exists:
    """As `_kept`, without the rest once one is found."""

    def exists(focus: Any, state: State) -> bool:
        items = many(focus, state)
        if not items:
            return False
        state.spend(len(items))
        found, before = False, state.index
        for place, item in enumerate(items):
            state.index = place
            if criteria(item, state):
                found = True
                break
        state.index = before
        return found

    return exists


def _select(site: Site) -> Code:
    source, projection = site.source, site.each(0)
    many, project = source.many, projection.many

    def selected(focus: Any, state: State) -> list[Any]:
        items = many(focus, state)
        out: list[Any] = []
        before = state.index
        for place, item in enumerate(items):
            state.index = place
            out.extend(project(item, state))
            state.spend(1 + len(out) // (place + 1))
        state.index = before
        return out

    return Code(selected, projection.type, constant=source.constant and projection.constant)


def _repeat(site: Site) -> Code:
    """Until nothing new comes; an item that was met before (by value) is not new."""
    many, project = site.source.many, site.compile(site.arguments[0], site.scope.per_item("")).many

    def repeated(focus: Any, state: State) -> list[Any]:
        out: list[Any] = []
        seen: set[Any] = set()
        level = many(focus, state)
        while level:
            found = [one for item in level for one in project(item, state)]
            state.spend(4 * (len(level) + len(found)))
            level = _new(found, seen, state)
            out.extend(level)
        return out

    return Code(repeated, constant=False)


def _new(found: list[Any], seen: set[Any], state: State) -> list[Any]:
    fresh = []
    for item in found:
        key = identity(item, state)
        if key not in seen:
            seen.add(key)
            fresh.append(item)
    return fresh


FUNCTIONS: Functions = {
    "where": Function(1, 1, where),
    "select": Function(1, 1, _select),
    "repeat": Function(1, 1, _repeat),
}
