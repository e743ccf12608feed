"""Conversion (FHIRPath 2.0, 5.5): `iif`, `toX()`, `convertsToX()`; what cannot be converted is empty."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from gateway.fhirpath.code import EMPTY, Code, Function, Functions, Site, plain
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import NotEvaluated
from gateway.fhirpath.node import Node
from gateway.fhirpath.quantity import CALENDAR, Quantity, in_unit
from gateway.fhirpath.times import Date, DateTime, Moment, Time, read_date, read_date_time, read_time, written
from gateway.fhirpath.values import LARGEST, SMALLEST, is_number, single

_TRUE = frozenset(("true", "t", "yes", "y", "1", "1.0"))
_FALSE = frozenset(("false", "f", "no", "n", "0", "0.0"))
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,60}(?:\.[0-9]{1,60})?")
_QUANTITY = re.compile(r"([+-]?[0-9]{1,60}(?:\.[0-9]{1,60})?)[ \t]*(?:'([^']{1,200})'|([a-z]{1,20}))?")


def _iif(site: Site) -> Code:
    """Only the side that is wanted is evaluated."""
    criterion, then = site.whole(0).as_truth(), site.whole(1)
    otherwise = site.whole(2) if len(site.arguments) > 2 else None
    many = site.source.many

    def chosen(focus: Any, state: State) -> list[Any]:
        items = many(focus, state)
        if criterion(items, state):
            return then.many(items, state)
        return EMPTY if otherwise is None else otherwise.many(items, state)

    return Code(chosen)


def _to_boolean(value: Any) -> bool | None:
    if isinstance(value, bool):
        return value
    if is_number(value):
        return {Decimal(1): True, Decimal(0): False}.get(Decimal(value))
    if isinstance(value, str):
        word = value.lower() if len(value) < 6 else ""
        return True if word in _TRUE else False if word in _FALSE else None
    return None


def _to_integer(value: Any) -> int | None:
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, str) and _INTEGER.fullmatch(value) and SMALLEST <= int(value) <= LARGEST:
        return int(value)
    return None


def _to_decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool | int | Decimal):
        return Decimal(value)
    return Decimal(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else None


def to_string(value: Any) -> str | None:
    """A System value as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    return None if isinstance(value, Node) else str(value)


def _to_date(value: Any) -> Moment | None:
    if isinstance(value, Date):
        return value
    if isinstance(value, DateTime):
        return written(Date, value.parts[:3], 0, 0, None)
    return read_date(value) if isinstance(value, str) else None


def _to_date_time(value: Any) -> Moment | None:
    if isinstance(value, DateTime):
        return value
    if isinstance(value, Date):
        return DateTime(value.parts, value.text)
    return read_date_time(value) if isinstance(value, str) else None


def _to_time(value: Any) -> Moment | None:
    if isinstance(value, Time):
        return value
    return read_time(value) if isinstance(value, str) else None


def _to_quantity(value: Any) -> Quantity | None:
    if isinstance(value, Quantity):
        return value
    if isinstance(value, bool | int | Decimal):
        return Quantity(Decimal(value))
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    number, code, word = found.groups()
    if word is None:
        return Quantity(Decimal(number), code or "1")
    return Quantity(Decimal(number), CALENDAR[word], calendar=True) if word in CALENDAR else None


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "Boolean": _to_boolean,
    "Integer": _to_integer,
    "Decimal": _to_decimal,
    "String": to_string,
    "Date": _to_date,
    "DateTime": _to_date_time,
    "Time": _to_time,
}


def _to(convert: Callable[[Any], Any]) -> Function:
    def run(_state: State, items: list[Any]) -> list[Any]:
        value = single(items)
        made = None if value is None else convert(value)
        return EMPTY if made is None else [made]

    return plain(run, 0)


def _converts(convert: Callable[[Any], Any]) -> Function:
    def run(_state: State, items: list[Any]) -> list[Any]:
        value = single(items)
        return EMPTY if value is None else [convert(value) is not None]

    return plain(run, 0)


def _in_unit(state: State, value: Any, unit: Any) -> Quantity | None:
    """`toQuantity(unit)`: the quantity in that unit, where it is known how."""
    made = _to_quantity(value)
    if made is None or unit is None:
        return made
    if not isinstance(unit, str):
        raise NotEvaluated("A unit is written as text.")
    return in_unit(made, Quantity(Decimal(1), CALENDAR.get(unit, unit), calendar=unit in CALENDAR), state.env.units)


def _quantity(state: State, items: list[Any], unit: list[Any] = EMPTY) -> list[Any]:
    value = single(items)
    made = None if value is None else _in_unit(state, value, single(unit))
    return EMPTY if made is None else [made]


def _is_quantity(state: State, items: list[Any], unit: list[Any] = EMPTY) -> list[Any]:
    return [bool(_quantity(state, items, unit))] if items else EMPTY


FUNCTIONS: Functions = {
    "iif": Function(2, 3, _iif),
    **{f"to{name}": _to(convert) for name, convert in _CONVERSIONS.items()},
    **{f"convertsTo{name}": _converts(convert) for name, convert in _CONVERSIONS.items()},
    "toQuantity": plain(_quantity, 0, 1),
    "convertsToQuantity": plain(_is_quantity, 0, 1),
}
