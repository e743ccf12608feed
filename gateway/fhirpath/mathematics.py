"""Mathematics (FHIRPath 2.0, 5.7): of one number, or of the number in a quantity; empty where there is no result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal, DecimalException
from typing import Any

from gateway.fhirpath.code import EMPTY, Functions, plain
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import NotEvaluated
from gateway.fhirpath.quantity import Quantity
from gateway.fhirpath.values import DECIMALS, LARGEST, SMALLEST, is_number, single, whole

_SHORT = Context(prec=28, Emax=2_000, Emin=-2_000, traps=DECIMALS.traps)
_MOST_PLACES = 28


def _number(items: list[Any]) -> Any:
    value = single(items)
    if value is None or is_number(value):
        return value
    raise NotEvaluated("A number is needed here.")


def _over(run: Callable[..., Any], quantities: bool = False) -> Callable[..., list[Any]]:
    """A function of numbers: empty when one is missing, and when there is no result."""

    def over(_state: State, items: list[Any], *arguments: list[Any]) -> list[Any]:
        value = single(items)
        if quantities and isinstance(value, Quantity):
            made = _made(run, value.value, *(_number(argument) for argument in arguments))
            return EMPTY if made is None else [replace(value, value=Decimal(made))]
        made = _made(run, _number(items), *(_number(argument) for argument in arguments))
        return EMPTY if made is None else [made]

    return over


def _made(run: Callable[..., Any], *numbers: Any) -> Any:
    if any(number is None for number in numbers):
        return None
    try:
        made = run(*numbers)
    except (DecimalException, OverflowError, ValueError):
        return None
    if isinstance(made, int) and not SMALLEST <= made <= LARGEST:
        return None
    return made


def _integral(rounding: str) -> Callable[[Any], int]:
    return lambda number: int(Decimal(number).to_integral_value(rounding, DECIMALS))


def _log(number: Any, base: Any) -> Decimal:
    return _SHORT.divide(_SHORT.ln(Decimal(number)), _SHORT.ln(Decimal(base)))


def _power(number: Any, exponent: Any) -> Any:
    """Of integers an integer, where the exponent is not negative."""
    made = _SHORT.power(Decimal(number), Decimal(exponent))
    if isinstance(number, int) and isinstance(exponent, int) and exponent >= 0:
        return int(made)
    return made


def _round(_state: State, items: list[Any], places: list[Any] | None = None) -> list[Any]:
    value, digits = single(items), 0 if places is None else whole(places)
    if value is None or digits is None:
        return EMPTY
    if digits < 0:
        raise NotEvaluated("Digits to round to are not negative.")
    if isinstance(value, Quantity):
        return [replace(value, value=_rounded(value.value, digits))]
    return [value if isinstance(value, int) else _rounded(_number(items), digits)]


def _rounded(number: Decimal, digits: int) -> Decimal:
    places = -number.as_tuple().exponent if isinstance(number.as_tuple().exponent, int) else 0  # type: ignore[operator]
    if digits >= min(places, _MOST_PLACES):
        return number
    return number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, DECIMALS)


FUNCTIONS: Functions = {
    "abs": plain(_over(abs, quantities=True), 0),
    "ceiling": plain(_over(_integral(ROUND_CEILING)), 0),
    "exp": plain(_over(lambda number: _SHORT.exp(Decimal(number))), 0),
    "floor": plain(_over(_integral(ROUND_FLOOR)), 0),
    "ln": plain(_over(lambda number: _SHORT.ln(Decimal(number)) if number > 0 else None), 0),
    "log": plain(_over(lambda number, base: _log(number, base) if number > 0 and base > 0 and base != 1 else None), 1),
    "power": plain(_over(_power), 1),
    "round": plain(_round, 0, 1),
    "sqrt": plain(_over(lambda number: _SHORT.sqrt(Decimal(number)) if number >= 0 else None), 0),
    "truncate": plain(_over(_integral(ROUND_DOWN)), 0),
}
