"""Utility (FHIRPath 2.0, 5.9): `trace`, the time of evaluation, `defineVariable`; and `aggregate` (chapter 7)."""

from __future__ import annotations

from typing import Any

from gateway.fhirpath.code import EMPTY, Code, Function, Functions, Site
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import NotCompiled, NotEvaluated
from gateway.fhirpath.times import Date, DateTime, Time, read_date_time, written
from gateway.fhirpath.values import text
from gateway.fhirpath.variables import reserved


def _trace(site: Site) -> Code:
    """The source as it is; the port is told."""
    source, name = site.source, site.argument(0).many
    shown = site.each(1).many if len(site.arguments) > 1 else None
    many = source.many

    def traced(focus: Any, state: State) -> list[Any]:
        items = many(focus, state)
        told = items if shown is None else [one for item in items for one in shown(item, state)]
        state.spend(len(told))
        state.env.trace(text(name(focus, state)) or "", told)
        return items

    constant = source.constant and len(site.arguments) == 1 and site.argument(0).constant
    return Code(traced, source.type, constant=constant)


def _now(state: State) -> DateTime:
    moment = read_date_time(state.moment().isoformat(timespec="milliseconds"))
    if moment is None:
        raise NotEvaluated("The time of evaluation has a time zone that cannot be written.")
    return moment


def _today(state: State) -> Any:
    return written(Date, _now(state).parts[:3], 0, 0, None)


def _time_of_day(state: State) -> Any:
    now = _now(state)
    return written(Time, now.parts[3:], now.digits, now.nanos, None)


def _of_clock(run: Any) -> Function:
    return Function(0, 0, lambda _site: Code(lambda _focus, state: [run(state)]))


def _define(site: Site) -> Code:
    """`%name` for what follows: the source, or the value of an expression on it."""
    name = getattr(site.arguments[0], "value", None)
    if not isinstance(name, str) or reserved(name):
        raise NotCompiled("A variable is defined by a name of its own, written as text.")
    value = site.whole(1).many if len(site.arguments) > 1 else None
    many = site.source.many

    def defined(focus: Any, state: State) -> list[Any]:
        items = many(focus, state)
        state.named[name] = items if value is None else value(items, state)
        return items

    return Code(defined, site.source.type)


def _aggregate(site: Site) -> Code:
    """The value of the last turn; `$total` is that of the turn before."""
    many, turn = site.source.many, site.each(0).many
    start = site.argument(1).many if len(site.arguments) > 1 else None

    def aggregated(focus: Any, state: State) -> list[Any]:
        items = many(focus, state)
        before, place = state.total, state.index
        state.total = EMPTY if start is None else start(focus, state)
        for state.index, item in enumerate(items):
            state.total = turn(item, state)
            state.spend(1 + len(state.total))
        found, state.total, state.index = state.total, before, place
        return found

    return Code(aggregated)


FUNCTIONS: Functions = {
    "trace": Function(1, 2, _trace),
    "now": _of_clock(_now),
    "today": _of_clock(_today),
    "timeOfDay": _of_clock(_time_of_day),
    "defineVariable": Function(1, 2, _define),
    "aggregate": Function(1, 2, _aggregate),
}
