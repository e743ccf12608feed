"""How precisely a value was given, and the least and greatest it may stand for (FHIRPath 2.0, 5.7 and 5.9: boundaries, `precision`).

Digits of a date are counted as in `YYYYMMDDhhmmssfff`; without a zone the earliest moment is that of +14:00, the latest that of -12:00.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from gateway.fhirpath.code import EMPTY, Function, Functions, plain
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import NotEvaluated
from gateway.fhirpath.quantity import Quantity, comparable
from gateway.fhirpath.times import Date, Moment, Time, written
from gateway.fhirpath.values import DECIMALS, is_number, single, whole

_DIGITS = {Date: (4, 6, 8), Time: (2, 4, 6, 9)}
_DATE_TIME = (4, 6, 8, 10, 12, 14, 17)
_MOST_DIGITS = 31
_LOW_ZONE, _HIGH_ZONE = 14 * 60, -12 * 60


def _boundary(high: bool) -> Function:
    def run(_state: State, items: list[Any], digits: list[Any] = EMPTY) -> list[Any]:
        value, wanted = single(items), whole(digits)
        if value is None:
            return EMPTY
        made = _of(value, wanted, high)
        return EMPTY if made is None else [made]

    return plain(run, 0, 1)


def _of(value: Any, digits: int | None, high: bool) -> Any:
    if isinstance(value, Moment):
        return _moment(value, digits, high)
    if isinstance(value, Quantity):
        number = _number(value.value, digits, high)
        return None if number is None else replace(value, value=number)
    if is_number(value):
        return _number(Decimal(value), digits, high)
    raise NotEvaluated("A boundary needs a number, a date, a time or a quantity.")


def _places(number: Decimal) -> int:
    exponent = number.as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _number(number: Decimal, digits: int | None, high: bool) -> Decimal | None:
    wanted = 8 if digits is None else digits
    if not 0 <= wanted <= _MOST_DIGITS:
        return None
    half = Decimal(5).scaleb(-_places(number) - 1)
    edge = DECIMALS.add(number, half if high else -half)
    return edge.quantize(Decimal(1).scaleb(-wanted), ROUND_CEILING if high else ROUND_FLOOR, DECIMALS)


def _moment(moment: Moment, digits: int | None, high: bool) -> Moment | None:
    """A moment filled up with its least or greatest parts, then cut to the digits that are wanted."""
    steps = _DIGITS.get(type(moment), _DATE_TIME)
    wanted = steps[-1] if digits is None else digits
    if wanted not in steps:
        return None
    parts, nanos = _filled(moment, high)
    count = min(steps.index(wanted) + 1, len(parts))
    fraction = 3 if wanted == steps[-1] and type(moment) is not Date else 0
    zone = moment.offset if moment.offset is not None else (_HIGH_ZONE if high else _LOW_ZONE)
    timed = type(moment) not in (Date, Time)
    return written(type(moment), parts[:count], fraction, nanos if fraction else 0, zone if timed else None)


def _filled(moment: Moment, high: bool) -> tuple[tuple[int, ...], int]:
    timed = isinstance(moment, Time)
    least, most = ((0, 0, 0), (23, 59, 59)) if timed else ((1, 1, 1, 0, 0, 0), (9999, 12, 31, 23, 59, 59))
    parts = (*moment.parts, *(most if high else least)[len(moment.parts) :])
    if high and not timed and len(moment.parts) < 3:
        parts = (*parts[:2], monthrange(parts[0], parts[1])[1], *parts[3:])
    if isinstance(moment, Date):
        return parts[:3], 0
    whole_second = len(moment.parts) < len(parts) or not moment.digits
    return parts, 999_000_000 if high and whole_second else moment.nanos


def _precision(_state: State, items: list[Any]) -> list[Any]:
    value = single(items)
    if isinstance(value, Moment):
        steps = _DIGITS.get(type(value), _DATE_TIME)
        return [steps[len(value.parts) - 1] + value.digits]
    if is_number(value):
        return [_places(Decimal(value))]
    if value is None:
        return EMPTY
    raise NotEvaluated("Only numbers, dates and times have a precision.")


def _comparable(state: State, items: list[Any], other: list[Any]) -> list[Any]:
    one, two = single(items), single(other)
    if one is None or two is None:
        return EMPTY
    if not isinstance(one, Quantity) or not isinstance(two, Quantity):
        raise NotEvaluated("Only quantities can be comparable.")
    return [comparable(one, two, state.env.units) is not None]


FUNCTIONS: Functions = {
    "lowBoundary": _boundary(high=False),
    "highBoundary": _boundary(high=True),
    "precision": plain(_precision, 0),
    "comparable": plain(_comparable, 1),
}
