"""Arithmetic (FHIRPath 2.0, 6.6 and 6.7): numbers, texts, quantities, and dates moved by a duration.

Empty when a side is, when something is divided by zero, and when a result is beyond what the type can hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal, DecimalException
from typing import Any

from gateway.fhirpath.calendar import moved
from gateway.fhirpath.code import EMPTY, Code, eager
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import NotEvaluated
from gateway.fhirpath.quantity import Quantity, by, comparable, in_unit, times
from gateway.fhirpath.times import Moment
from gateway.fhirpath.values import DECIMALS, LARGEST, SMALLEST, is_number, single

Run = Callable[[Any, Any, State], Any]


def arithmetic(operator: str, parts: list[Code]) -> Code:
    """`a + b + …` and its like; `&` joins texts and takes nothing as an empty one."""
    manys = [part.many for part in parts]
    if operator == "&":
        return eager(_joined(manys), *parts)
    run = _RUNS[operator]

    def many(focus: Any, state: State) -> list[Any]:
        found = single(manys[0](focus, state))
        state.spend(len(manys))
        for one in manys[1:]:
            if found is None:
                return EMPTY
            found = _with(run, found, single(one(focus, state)), state)
        return EMPTY if found is None else [found]

    return eager(many, *parts)


def _with(run: Run, left: Any, right: Any, state: State) -> Any:
    if right is None:
        return None
    try:
        found = run(left, right, state)
    except (DecimalException, OverflowError):
        return None
    if isinstance(found, int) and not isinstance(found, bool) and not SMALLEST <= found <= LARGEST:
        return None
    return found


def _joined(manys: list[Any]) -> Any:
    def many(focus: Any, state: State) -> list[Any]:
        texts = [single(one(focus, state)) for one in manys]
        for text in texts:
            if text is not None and not isinstance(text, str):
                raise NotEvaluated("`&` joins texts.")
        return [state.text("".join(text for text in texts if text))]

    return many


def _wrong(*_given: Any) -> NotEvaluated:
    return NotEvaluated("The operator does not take values of these kinds.")


def _numbers(left: Any, right: Any) -> tuple[Any, Any]:
    if is_number(left) and is_number(right):
        return left, right
    raise _wrong()


def _add(left: Any, right: Any, state: State) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return state.text(left + right)
    if isinstance(left, Moment) and isinstance(right, Quantity):
        return moved(left, right)
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        return _summed(left, right, 1, state)
    return _exactly(DECIMALS.add, int.__add__, *_numbers(left, right))


def _subtract(left: Any, right: Any, state: State) -> Any:
    if isinstance(left, Moment) and isinstance(right, Quantity):
        return moved(left, replace(right, value=-right.value))
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        return _summed(left, right, -1, state)
    return _exactly(DECIMALS.subtract, int.__sub__, *_numbers(left, right))


def _summed(left: Quantity, right: Quantity, sign: int, state: State) -> Quantity | None:
    """In the unit of the left."""
    more = in_unit(right, left, state.env.units)
    return None if more is None else replace(left, value=DECIMALS.add(left.value, sign * more.value))


def _multiply(left: Any, right: Any, _state: State) -> Any:
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        return _scaled(left, right)
    return _exactly(DECIMALS.multiply, int.__mul__, *_numbers(left, right))


def _scaled(left: Any, right: Any) -> Quantity:
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        return times(left, right)
    quantity, factor = (left, right) if isinstance(left, Quantity) else (right, left)
    if not is_number(factor):
        raise _wrong()
    return replace(quantity, value=DECIMALS.multiply(quantity.value, Decimal(factor)))


def _divide(left: Any, right: Any, state: State) -> Any:
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        values = comparable(left, right, state.env.units)
        if not right.value or (values is not None and not values[1]):
            return None
        return by(left, right) if values is None else Quantity(DECIMALS.divide(*values))
    if isinstance(left, Quantity) and is_number(right):
        return replace(left, value=DECIMALS.divide(left.value, Decimal(right))) if right else None
    left, right = _numbers(left, right)
    return DECIMALS.divide(Decimal(left), Decimal(right)) if right else None


def _div(left: Any, right: Any, _state: State) -> Any:
    left, right = _numbers(left, right)
    if not right:
        return None
    found = DECIMALS.divide_int(Decimal(left), Decimal(right))
    return int(found.to_integral_value(ROUND_DOWN))


def _mod(left: Any, right: Any, _state: State) -> Any:
    left, right = _numbers(left, right)
    if not right:
        return None
    found = DECIMALS.remainder(Decimal(left), Decimal(right))
    return int(found) if isinstance(left, int) and isinstance(right, int) else found


def _exactly(
    decimals: Callable[[Any, Any], Decimal], integers: Callable[[int, int], int], left: Any, right: Any
) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        return integers(left, right)
    return decimals(Decimal(left), Decimal(right))


_RUNS: Mapping[str, Run] = {
    "+": _add, "-": _subtract, "*": _multiply, "/": _divide, "div": _div, "mod": _mod,
}  # fmt: skip


def negative(part: Code) -> Code:
    """`-x`."""
    many = part.many

    def negated(focus: Any, state: State) -> list[Any]:
        value = single(many(focus, state))
        if value is None:
            return EMPTY
        if isinstance(value, Quantity):
            return [replace(value, value=-value.value)]
        if not is_number(value):
            raise _wrong()
        return [-value]

    return eager(negated, part)
