"""Of the nodes that a path leads to those that a row wants: by a condition, the first of them, the first part of each that says something."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.mapping.paths import Reader
from gateway.mapping.predicates import Predicate
from gateway.mapping.scope import Scope
from gateway.mapping.source import Node


def filtered(read: Reader, condition: Predicate, *, whole: bool = False) -> Reader:
    """Only the nodes for which the condition holds, asked with `$` as the node (`whole`: as the map's own node)."""

    def chosen(scope: Scope) -> Sequence[Node]:
        if not (nodes := read(scope)):
            return nodes
        if whole:
            return [node for node in nodes if condition(Scope(scope.run, node, {}))]
        return [node for node in nodes if condition(scope.at(node, scope.body))]

    return chosen


def limited(read: Reader, most: int) -> Reader:
    """The first nodes only."""
    return lambda scope: read(scope)[:most]


def first_in(read: Reader, among: Sequence[Reader]) -> Reader:
    """Of each node the first of these parts that says something."""

    def chosen(scope: Scope) -> Sequence[Node]:
        found: list[Node] = []
        for node in read(scope):
            inner = scope.at(node, scope.body)
            parts = (part for path in among for part in path(inner))
            found += [part for part in parts if any(leaf.text.strip() for leaf in part.leaves())][:1]
        return found

    return chosen
