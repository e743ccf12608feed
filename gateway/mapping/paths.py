"""Paths: where a rule reads (`PID-5.1`, `$.4`, `OBR-3`) and where it writes (`name[+].given[+]`, soft indices as in FSH)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from gateway.errors import Misconfigured
from gateway.mapping.origins import Distinct, Pointer
from gateway.mapping.scope import Scope
from gateway.mapping.source import Node

Reader = Callable[[Scope], Sequence[Node]]
_HEAD = re.compile(r"(\$|[A-Za-z][A-Za-z0-9]*)((?:[-.][A-Za-z0-9]+)*)", re.ASCII)
_PART = re.compile(r"(_?[A-Za-z][A-Za-z0-9]*)(?:\[(\+|\*|=|\d+)\])?", re.ASCII)


def reader(text: str, own: str, where: str) -> Reader:
    """A path to a function of the scope. `$` is the current node, `own` the node of the map, any other name what is related to it."""
    found = _HEAD.fullmatch(text)
    if found is None:
        raise Misconfigured(f"{where}: {text!r} is not a path")
    head, steps = found[1], tuple(re.split(r"[-.]", found[2])[1:])
    if head == "$":
        return _from_node(steps)
    if head == own:
        return _from_top(steps)
    return lambda scope: _walked(scope.top.related(head), steps)


def _from_node(steps: tuple[str, ...]) -> Reader:
    """From the current node; without a list of one around it, because most of what maps do is this."""
    if not steps:
        return lambda scope: (scope.node,)
    first, *rest = steps
    if not rest:
        return lambda scope: scope.node.step(first)
    return lambda scope: _walked(scope.node.step(first), rest)


def _from_top(steps: tuple[str, ...]) -> Reader:
    """The same from the node of the map."""
    if not steps:
        return lambda scope: (scope.top,)
    first, *rest = steps
    if not rest:
        return lambda scope: scope.top.step(first)
    return lambda scope: _walked(scope.top.step(first), rest)


def _walked(nodes: Sequence[Node], steps: Sequence[str]) -> Sequence[Node]:
    for name in steps:
        if not nodes:
            break
        nodes = nodes[0].step(name) if len(nodes) == 1 else [child for node in nodes for child in node.step(name)]
    return nodes


class Target:
    """A place to write. `many` says that every repetition of the source gets a place of its own (`[+]`; `[*]`: each different one)."""

    __slots__ = ("last", "many", "parts")

    def __init__(self, text: str, where: str) -> None:
        parts = []
        for part in text.split("."):
            found = _PART.fullmatch(part)
            if found is None:
                raise Misconfigured(f"{where}: {text!r} is not a target")
            parts.append((found[1], found[2] or ""))
        self.parts = tuple(parts)
        self.last = parts[-1][0]
        self.many = any(index in ("+", "*") for _, index in parts)

    def put(self, body: dict[str, Any], value: Any, beside: Any = None) -> None:
        """Write a value; `beside` goes to the extensions of a primitive (`_birthDate`)."""
        for name, index in self.parts[:-1]:
            body = _into(body, name, index)
        name, index = self.parts[-1]
        if value is not None:
            _set(body, name, index, value)
        if beside is not None and not index:
            body.setdefault(f"_{name}", {}).setdefault("extension", []).append(beside)


def _into(body: dict[str, Any], name: str, index: str) -> dict[str, Any]:
    if not index:
        return _inside(body.setdefault(name, {}))
    items: list[Any] = body.setdefault(name, [])
    number = len(items) if index == "+" else len(items) - 1 if index == "=" else int(index)
    while len(items) <= max(number, 0):
        items.append({})
    return _inside(items[max(number, 0)])


def _inside(held: Any) -> dict[str, Any]:
    """Where elements of something already written go: those of a reference stand beside it."""
    inner: dict[str, Any] = held.beside if isinstance(held, Pointer) else held
    return inner


def _set(body: dict[str, Any], name: str, index: str, value: Any) -> None:
    if not index and isinstance(value, dict) and isinstance(body.get(name), dict):
        body[name].update(value)
    elif not index:
        if isinstance(value, Pointer) and isinstance(body.get(name), dict):
            value.beside.update(body[name])
        body[name] = value
    elif index == "+":
        body.setdefault(name, []).append(value)
    elif index == "*":
        body.setdefault(name, Distinct()).append(value)
    else:
        items: list[Any] = body.setdefault(name, [])
        number = max(len(items) - 1, 0) if index == "=" else int(index)
        items.extend({} for _ in range(number + 1 - len(items)))
        items[number] = value
