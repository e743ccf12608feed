"""Combining (FHIRPath 2.0, 5.4 and 6.4.1): `|` and `union` without doubles, `combine` with them."""

from __future__ import annotations

from typing import Any

from gateway.fhirpath.code import Code, Functions, eager, plain
from gateway.fhirpath.environment import State
from gateway.fhirpath.identity import distinct


def united(parts: list[Code]) -> Code:
    """`a | b | …`."""
    manys = [part.many for part in parts]
    types = {part.type for part in parts}

    def many(focus: Any, state: State) -> list[Any]:
        return distinct([item for one in manys for item in one(focus, state)], state)

    return eager(many, *parts, type=types.pop() if len(types) == 1 else "")


def _union(state: State, items: list[Any], others: list[Any]) -> list[Any]:
    return distinct([*items, *others], state)


def _combine(state: State, items: list[Any], others: list[Any]) -> list[Any]:
    state.spend(len(items) + len(others))
    return [*items, *others]


FUNCTIONS: Functions = {"union": plain(_union, 1), "combine": plain(_combine, 1)}
