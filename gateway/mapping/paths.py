"""Paths: where a rule reads (`PID-5.1`, `$.4`, `OBR-3`) and where it writes (`name[+].given[+]`, soft indices as in FSH)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.errors import Misconfigured
from gateway.mapping.origins import Distinct, Pointer
from gateway.mapping.plan import Asks
from gateway.mapping.scope import Scope
from gateway.mapping.source import Node

Read = Callable[[Scope], Sequence[Node]]
_HEAD = re.compile(r"(\$|[A-Za-z][A-Za-z0-9]*)((?:[-.][A-Za-z0-9]+)*)", re.ASCII)
_PART = re.compile(r"(_?[A-Za-z][A-Za-z0-9]*)(?:\[(\+|\*|=|\d+)\])?", re.ASCII)


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """Where a rule reads. `vain` tells by the shapes named in `asks` that the path leads nowhere; that it does lead somewhere is known
    as surely only when it is `near`: below the current node or that of the map, whatever the values are.
    """

    read: Read
    vain: Callable[[Scope], bool]
    asks: Asks
    near: bool = True
    itself: bool = False  # the current node

    def __call__(self, scope: Scope) -> Sequence[Node]:
        """0..* nodes."""
        return self.read(scope)


def reader(text: str, own: str, where: str) -> Reader:
    """A path to a function of the scope. `$` is the current node, `own` the node of the map, `others.PID`
    every other node of that name in the document, any other name what is related to it.
    """
    head, steps = parted(text, where)
    if head in ("$", own):
        read = _from_node(steps) if head == "$" else _from_top(steps)
        asks = Asks.HERE if head == "$" else Asks.OWN
        return Reader(read, lambda scope: not read(scope), asks, itself=head == "$" and not steps)
    if head == "others" and steps:
        return _far(lambda scope: _walked(_others(scope, steps[0]), steps[1:]), steps[0])
    if not steps:
        return _far(lambda scope: scope.top.related(head), head)
    return _far(lambda scope: _walked(scope.top.related(head), steps), head)


def every(name: str) -> Reader:
    """All nodes of a name in the document."""
    return _far(lambda scope: scope.run.source.every(name), name)


def _far(read: Read, name: str) -> Reader:
    return Reader(read, lambda scope: not scope.run.source.every(name), Asks.OTHERS, near=False)


def parted(text: str, where: str) -> tuple[str, tuple[str, ...]]:
    """A path to its head and 0..* steps. Raises Misconfigured."""
    found = _HEAD.fullmatch(text)
    if found is None:
        raise Misconfigured(f"{where}: {text!r} is not a path")
    return found[1], tuple(re.split(r"[-.]", found[2])[1:])


def _others(scope: Scope, name: str) -> list[Node]:
    """The second person of a link, seen from the first."""
    return [node for node in scope.run.source.every(name) if node.position != scope.top.position]


def _from_node(steps: tuple[str, ...]) -> Read:
    """From the current node; without a list of one around it, because most of what maps do is this."""
    if not steps:
        return lambda scope: (scope.node,)
    first, *rest = steps
    if not rest:
        return lambda scope: scope.node.step(first)
    return lambda scope: _walked(scope.node.step(first), rest)


def _from_top(steps: tuple[str, ...]) -> Read:
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

    __slots__ = ("_way", "index", "last", "many", "parts", "put")

    put: Callable[[dict[str, Any], Any], None]
    """Writes a value into an object."""

    def __init__(self, text: str, where: str) -> None:
        parts = []
        for part in text.split("."):
            found = _PART.fullmatch(part)
            if found is None:
                raise Misconfigured(f"{where}: {text!r} is not a target")
            parts.append((found[1], found[2] or ""))
        self.parts = tuple(parts)
        self._way = self.parts[:-1]
        self.last, self.index = parts[-1]
        self.many = any(index in ("+", "*") for _, index in parts)
        self.put = _putting(self._way, self.last, self.index)

    def put_beside(self, body: dict[str, Any], value: Any, beside: Any) -> None:
        """Writes a value, if there is one, and what goes to the extensions of a primitive (`_birthDate`)."""
        for name, index in self._way:
            body = _into(body, name, index)
        if value is not None:
            _set(body, self.last, self.index, value)
        if beside is not None and not self.index:
            body.setdefault(f"_{self.last}", {}).setdefault("extension", []).append(beside)


def _putting(way: Sequence[tuple[str, str]], last: str, index: str) -> Callable[[dict[str, Any], Any], None]:
    if not way and not index:

        def put_single(body: dict[str, Any], value: Any) -> None:
            if last in body:
                _set(body, last, "", value)
            else:
                body[last] = value

        return put_single

    def put(body: dict[str, Any], value: Any) -> None:
        for name, part in way:
            body = _into(body, name, part)
        _set(body, last, index, value)

    return put


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
    if not index:
        if name in body and isinstance(held := body[name], dict):
            if isinstance(value, dict):
                held.update(value)
                return
            if isinstance(value, Pointer):
                value.beside.update(held)
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
