"""Subsetting (FHIRPath 2.0, 5.3): by place, the first and last, the rest, and what two collections share or do not share."""

from __future__ import annotations

from typing import Any

from gateway.fhirpath.code import EMPTY, Code, Function, Functions, Site, eager, plain
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import NotEvaluated
from gateway.fhirpath.identity import distinct, identity
from gateway.fhirpath.values import whole


def indexed(source: Code, place: Code) -> Code:
    """`source[place]`, counted from 0."""
    many, index = source.many, place.many

    def at(focus: Any, state: State) -> list[Any]:
        items, wanted = many(focus, state), whole(index(focus, state))
        return [items[wanted]] if wanted is not None and 0 <= wanted < len(items) else EMPTY

    return eager(at, source, place, type=source.type)


def _single(_state: State, items: list[Any]) -> list[Any]:
    if len(items) > 1:
        raise NotEvaluated("Several values stand where `single()` wants one.")
    return items


def _skip(_state: State, items: list[Any], count: list[Any]) -> list[Any]:
    number = whole(count)
    return items[max(number, 0) :] if number is not None else EMPTY


def _take(_state: State, items: list[Any], count: list[Any]) -> list[Any]:
    number = whole(count)
    return items[: max(number, 0)] if number is not None else EMPTY


def _intersect(state: State, items: list[Any], others: list[Any]) -> list[Any]:
    if not items or not others:
        return EMPTY
    state.spend(len(others))
    known = {identity(other, state) for other in others}
    return [item for item in distinct(items, state) if identity(item, state) in known]


def _exclude(state: State, items: list[Any], others: list[Any]) -> list[Any]:
    state.spend(len(items) + len(others))
    known = {identity(other, state) for other in others}
    return [item for item in items if identity(item, state) not in known]


def _same_type(run: Any, least: int) -> Function:
    """A function that gives items of its source: what is known of their type stays known."""
    made = plain(run, least)

    def make(site: Site) -> Code:
        code = made.make(site)
        return Code(code.many, site.source.type, constant=code.constant)

    return Function(least, least, make)


FUNCTIONS: Functions = {
    "single": _same_type(_single, 0),
    "first": _same_type(lambda _state, items: items[:1], 0),
    "last": _same_type(lambda _state, items: items[-1:], 0),
    "tail": _same_type(lambda _state, items: items[1:], 0),
    "skip": _same_type(_skip, 1),
    "take": _same_type(_take, 1),
    "intersect": _same_type(_intersect, 1),
    "exclude": _same_type(_exclude, 1),
}
