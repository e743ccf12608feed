"""Comparison (FHIRPath 2.0, 6.2): `<`, `<=`, `>`, `>=` of numbers, texts, dates, times and quantities."""

from __future__ import annotations

import operator
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from gateway.fhirpath.code import Code, boolean
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import NotEvaluated
from gateway.fhirpath.node import Node
from gateway.fhirpath.quantity import Quantity, comparable
from gateway.fhirpath.times import Moment, Time, compare
from gateway.fhirpath.values import is_number, single

_MOMENTS = frozenset(("date", "dateTime", "instant"))
_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def comparison(sign: str, parts: list[Code]) -> Code:
    """`a < b` and its like: empty when a side is, or when precision or units do not allow an answer.

    Raises NotEvaluated for values of kinds that have no order between them.
    """
    left, right, test = parts[0].many, parts[1].many, _TESTS[sign]

    def truth(focus: Any, state: State) -> bool | None:
        mine, others = left(focus, state), right(focus, state)
        if len(mine) == 1 and len(others) == 1 and written_alike(mine[0], others[0]):
            return bool(test(mine[0].value, others[0].value))
        one, other = single(mine), single(others)
        if one is None or other is None:
            return None
        if type(one) is type(other) and type(one) in (int, str, Decimal):
            return bool(test(one, other))
        order = ordered(one, other, state)
        return None if order is None else bool(test(order, 0))

    return boolean(truth, all(part.constant for part in parts))


def written_alike(one: Any, other: Any) -> bool:
    """Whether two dates of a record have one precision and zone, so that their texts are in the order of the moments."""
    if type(one) is not Node or type(other) is not Node or one.type not in _MOMENTS or other.type not in _MOMENTS:
        return False
    left, right = one.value, other.value
    if type(left) is not str or type(right) is not str or len(left) != len(right):
        return False
    return len(left) <= 10 or left[-6:] == right[-6:] or (left[-1:] == right[-1:] == "Z")


def ordered(one: Any, other: Any, state: State) -> int | None:
    """-1, 0 or 1; None for unknown. Raises NotEvaluated for kinds without an order."""
    if is_number(one) and is_number(other):
        return int(one > other) - int(one < other)
    if isinstance(one, str) and isinstance(other, str):
        return (one > other) - (one < other)
    if isinstance(one, Moment) and isinstance(other, Moment) and isinstance(one, Time) is isinstance(other, Time):
        return compare(one, other)
    if isinstance(one, Quantity | int | Decimal) and isinstance(other, Quantity | int | Decimal):
        return _quantities(one, other, state)
    raise NotEvaluated("Values of different kinds are compared.")


def _quantities(one: Any, other: Any, state: State) -> int | None:
    left, right = (Quantity(Decimal(v)) if is_number(v) else v for v in (one, other))
    if isinstance(left, bool) or isinstance(right, bool):
        raise NotEvaluated("A boolean has no order.")
    values = comparable(left, right, state.env.units)
    return None if values is None else (values[0] > values[1]) - (values[0] < values[1])
