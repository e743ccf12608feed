"""Of the nodes that a path leads to those that a row wants: by a condition, the first of them, the first part of each that says something."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.mapping.paths import Reader
from gateway.mapping.predicates import Predicate
from gateway.mapping.scope import Scope
from gateway.mapping.source import Node


def filtered(reader: Reader, condition: Predicate, *, whole: bool = False) -> Reader:
    """Only the nodes for which the condition holds, asked with `$` as the node (`whole`: as the map's own node)."""
    read, holds = reader.read, condition.holds

    def chosen(scope: Scope) -> Sequence[Node]:
        if not (nodes := read(scope)):
            return nodes
        if whole:
            return [node for node in nodes if holds(Scope(scope.run, node, {}))]
        return [node for node in nodes if holds(scope.at(node, scope.body))]

    return replace(reader, read=chosen, near=False, itself=False)


def limited(reader: Reader, most: int) -> Reader:
    """The first nodes only."""
    read = reader.read
    return replace(reader, read=lambda scope: read(scope)[:most], itself=False)


def first_in(reader: Reader, among: Sequence[Reader]) -> Reader:
    """Of each node the first of these parts that says something."""
    read = reader.read

    def chosen(scope: Scope) -> Sequence[Node]:
        found: list[Node] = []
        for node in read(scope):
            inner = scope.at(node, scope.body)
            parts = (part for path in among for part in path.read(inner))
            found += [part for part in parts if any(map(str.strip, part.texts()))][:1]
        return found

    return replace(reader, read=chosen, near=False, itself=False)
