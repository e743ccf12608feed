"""Existence (FHIRPath 2.0, 5.1): whether there is something, how much, and whether all or any of it is so."""

from __future__ import annotations

from typing import Any

from gateway.fhirpath.code import Code, Exists, Function, Functions, Site, Truth, boolean, eager, plain
from gateway.fhirpath.environment import State
from gateway.fhirpath.filtering import where
from gateway.fhirpath.identity import distinct, identity
from gateway.fhirpath.values import system


def _empty(site: Site) -> Code:
    raw = site.source.raw.exists
    return boolean(_none(site.source.as_exists()), site.source.constant, None if raw is None else _none(raw))


def _none(exists: Exists) -> Truth:
    return lambda focus, state: not exists(focus, state)


def _exists(site: Site) -> Code:
    source = where(site) if site.arguments else site.source
    return boolean(source.as_exists(), source.constant, source.raw.exists)


def _all(site: Site) -> Code:
    criteria = site.each(0)
    raw = None
    if site.source.raw.values is not None and criteria.raw.truth is not None:
        raw = _every(site.source.raw.values, criteria.raw.truth)
    return boolean(_every(site.source.many, criteria.as_truth()), site.source.constant and criteria.constant, raw)


def _every(many: Any, criteria: Truth) -> Truth:
    def truth(focus: Any, state: State) -> bool | None:
        items = many(focus, state)
        state.spend(len(items))
        before = state.index
        for place, item in enumerate(items):
            state.index = place
            if criteria(item, state) is not True:
                state.index = before
                return False
        state.index = before
        return True

    return truth


def _truths(wanted: bool, every: bool) -> Function:
    """allTrue, anyTrue, allFalse, anyFalse: every item, or one, is the wanted boolean."""

    def run(_state: State, items: list[Any]) -> list[Any]:
        answers = [system(item) is wanted for item in items]
        return [all(answers) if every else any(answers)]

    return plain(run, 0)


def _subset(state: State, items: list[Any], others: list[Any]) -> list[Any]:
    state.spend(len(items) + len(others))
    known = {identity(other, state) for other in others}
    return [all(identity(item, state) in known for item in items)]


def _superset(state: State, items: list[Any], others: list[Any]) -> list[Any]:
    return _subset(state, others, items)


def _count(site: Site) -> Code:
    many = site.source.many
    return eager(lambda focus, state: [len(many(focus, state))], site.source)


def _distinct(state: State, items: list[Any]) -> list[Any]:
    return distinct(items, state) if len(items) > 1 else items


def _is_distinct(state: State, items: list[Any]) -> list[Any]:
    return [len(items) < 2 or len(distinct(items, state)) == len(items)]


FUNCTIONS: Functions = {
    "empty": Function(0, 0, _empty),
    "exists": Function(0, 1, _exists),
    "all": Function(1, 1, _all),
    "allTrue": _truths(True, every=True),
    "anyTrue": _truths(True, every=False),
    "allFalse": _truths(False, every=True),
    "anyFalse": _truths(False, every=False),
    "subsetOf": plain(_subset, 1),
    "supersetOf": plain(_superset, 1),
    "count": Function(0, 0, _count),
    "distinct": plain(_distinct, 0),
    "isDistinct": plain(_is_distinct, 0),
}
