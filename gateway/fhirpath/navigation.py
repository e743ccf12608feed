"""Tree navigation (FHIRPath 2.0, 5.8): `children()` and `descendants()`, without recursion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.fhirpath.code import Code, Function, Functions, Site, eager
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import TooCostly
from gateway.fhirpath.model import Model, guessed
from gateway.fhirpath.node import Node, is_object
from gateway.fhirpath.paths import collect


def children(items: list[Any], model: Model, state: State) -> list[Any]:
    """The 0..* nodes directly below items, in the order they are written."""
    out: list[Any] = []
    for item in items:
        if type(item) is Node:
            _below(item, model, out)
    state.steps -= len(items) + len(out)
    if state.steps < 0:
        raise TooCostly
    return out


def _below(node: Node, model: Model, out: list[Any]) -> None:
    kind = model.type(node.type)
    holder = node.shadow if kind.primitive else node.value
    if not is_object(holder):
        return
    if not kind.name:
        _of_unknown(holder, out)
        return
    by_key = kind.by_key
    for key in holder:
        child = by_key.get(key)
        if child is not None and (key == child.key or child.key not in holder):
            collect(holder, child, out)


def _of_unknown(holder: Mapping[str, Any], out: list[Any]) -> None:
    for key, given in holder.items():
        if key != "resourceType":
            out.extend(Node(one, guessed(one)) for one in (given if isinstance(given, list) else (given,)))


def _children(site: Site) -> Code:
    many, model = site.source.many, site.model
    return eager(lambda focus, state: children(many(focus, state), model, state), site.source)


def _descendants(site: Site) -> Code:
    many, model = site.source.many, site.model

    def descendants(focus: Any, state: State) -> list[Any]:
        out: list[Any] = []
        level = children(many(focus, state), model, state)
        while level:
            out.extend(level)
            level = children(level, model, state)
        return out

    return eager(descendants, site.source)


FUNCTIONS: Functions = {"children": Function(0, 0, _children), "descendants": Function(0, 0, _descendants)}
