"""Quantities: a number with a calendar duration or a code of UCUM (FHIRPath 2.0, 4.1.9 and 6.1; FHIR R4, fhirpath.html "Quantity")."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol

from gateway.fhirpath.given import ucum

CALENDAR = {
    word: unit
    for unit in ("year", "month", "week", "day", "hour", "minute", "second", "millisecond")
    for word in (unit, unit + "s")
}
AS_UCUM = {
    "year": "a", "month": "mo", "week": "wk", "day": "d", "hour": "h", "minute": "min", "second": "s", "millisecond": "ms",
}  # fmt: skip
AS_CALENDAR = {code: word for word, code in AS_UCUM.items()}
_MONTHS = {"year": 12, "month": 1}
_MILLISECONDS = {
    "week": 604_800_000, "day": 86_400_000, "hour": 3_600_000, "minute": 60_000, "second": 1000, "millisecond": 1,
}  # fmt: skip


class Units(Protocol):
    """What knows UCUM."""

    def canonical(self, value: Decimal, code: str) -> tuple[Decimal, str] | None:
        """The value in canonical units, and a key of its dimension: equal keys can be compared; None for an unknown code."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """`unit` is a code of UCUM (`1` for none), or a calendar word in the singular with `calendar`.

    `system` is where the code of a FHIR Quantity came from (`text` for a unit without code); empty for one written in the expression.
    """

    value: Decimal
    unit: str = "1"
    calendar: bool = False
    system: str = ""

    def __str__(self) -> str:
        number = format(self.value, "f")
        if self.calendar:
            return f"{number} {self.unit}" + ("" if self.value == 1 else "s")
        return f"{number} '{self.unit}'"


def comparable(left: Quantity, right: Quantity, units: Units) -> tuple[Decimal, Decimal] | None:
    """The two values in one unit; None where that cannot be done, or is not known how."""
    if left.calendar != right.calendar:
        left, right = _calendar(left), _calendar(right)
    if left.unit == right.unit and left.calendar == right.calendar:
        return left.value, right.value
    mine, other = canonical(left, units), canonical(right, units)
    if mine is None or other is None or mine[1] != other[1]:
        return None
    return mine[0], other[0]


def in_unit(quantity: Quantity, wanted: Quantity, units: Units) -> Quantity | None:
    """A quantity in the unit of another; None where that is not known, or a unit is no multiple (degrees Celsius)."""
    if (quantity.unit, quantity.calendar) == (wanted.unit, wanted.calendar):
        return quantity
    values = comparable(quantity, replace(wanted, value=Decimal(1)), units)
    none = canonical(replace(wanted, value=Decimal(0)), units)
    if values is None or not values[1] or none is None or none[0]:
        return None
    return replace(wanted, value=values[0] / values[1])


def times(left: Quantity, right: Quantity) -> Quantity:
    """The product, in the product of the units."""
    return Quantity(left.value * right.value, _unit(left, right, "."))


def by(left: Quantity, right: Quantity) -> Quantity:
    """The quotient, in the quotient of the units; the divisor is not zero."""
    return Quantity(left.value / right.value, _unit(left, right, "/"))


def _unit(left: Quantity, right: Quantity, sign: str) -> str:
    one, other = (AS_UCUM[q.unit] if q.calendar else q.unit for q in (left, right))
    if other == "1":
        return one
    if one == "1" and sign == ".":
        return other
    return f"({one}){sign}({other})"[:200]


def _calendar(quantity: Quantity) -> Quantity:
    """What has a fixed length is the same in both; a year or month of a record counts as one of the calendar (FHIR R4, fhirpath.html)."""
    word = AS_CALENDAR.get(quantity.unit, "")
    if quantity.calendar or not word or not (quantity.system or word not in _MONTHS):
        return quantity
    return Quantity(quantity.value, word, calendar=True)


def canonical(quantity: Quantity, units: Units) -> tuple[Decimal, str] | None:
    """The value in a unit that all of its dimension have, and the name of the dimension; None where it is not known."""
    if not quantity.calendar:
        if quantity.system not in ("", ucum()):
            return None
        return units.canonical(quantity.value, quantity.unit)
    if quantity.unit in _MONTHS:
        return quantity.value * _MONTHS[quantity.unit], "calendar month"
    return quantity.value * _MILLISECONDS[quantity.unit], "calendar millisecond"
