"""FHIR primitives as System values, and what one operand of an operator is (FHIR R4, fhirpath.html "using FHIR types"; FHIRPath 2.0, 4.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from typing import Any

from gateway.fhirpath.failures import NotEvaluated
from gateway.fhirpath.node import Node, is_object
from gateway.fhirpath.quantity import Quantity
from gateway.fhirpath.times import Date, DateTime, Time, read_date, read_date_time, read_time
from gateway.model.wire import Exact

DECIMALS = Context(prec=40, Emax=2_000, Emin=-2_000, traps=[InvalidOperation, DivisionByZero, Overflow])
_QUANTITIES = frozenset(("Quantity", "Age", "Count", "Distance", "Duration", "SimpleQuantity", "MoneyQuantity"))
LARGEST = 2**31 - 1
SMALLEST = -(2**31)


def decimal_of(value: Any) -> Any:
    """A JSON number as Decimal with the digits it was written with."""
    if isinstance(value, Exact):
        return Decimal(value.text)
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return Decimal(repr(value)) if isinstance(value, float) else value


def _date(value: Any) -> Any:
    return (read_date(value) or value) if isinstance(value, str) else value


def _date_time(value: Any) -> Any:
    return (read_date_time(value) or value) if isinstance(value, str) else value


def _time(value: Any) -> Any:
    return (read_time(value) or value) if isinstance(value, str) else value


def _guess(value: Any) -> Any:
    return decimal_of(value) if isinstance(value, float) else value


_READ: Mapping[str, Callable[[Any], Any]] = {
    "date": _date, "dateTime": _date_time, "instant": _date_time, "time": _time, "decimal": decimal_of, "": _guess,
}  # fmt: skip


def system(item: Any) -> Any:
    """A primitive node as System value (None when it has no value); System values and complex nodes as they are."""
    if type(item) is not Node:
        return item
    value = item.value
    if is_object(value):
        return item
    read = _READ.get(item.type)
    return value if read is None else read(value)


def operand(item: Any) -> Any:
    """As `system`, and a FHIR Quantity as System Quantity where it has a value and no comparator."""
    if type(item) is Node and item.type in _QUANTITIES and is_object(item.value):
        return quantity_of(item.value) or item
    return system(item)


def quantity_of(given: Mapping[str, Any]) -> Quantity | None:
    """A FHIR Quantity; without a code its unit as text stands for itself."""
    value = decimal_of(given.get("value"))
    if not isinstance(value, Decimal) or given.get("comparator") is not None:
        return None
    unit = given.get("code") or given.get("unit") or "1"
    place = given.get("system") if given.get("code") else ""
    return Quantity(value, str(unit), system=str(place or "text"))


def single(items: Sequence[Any]) -> Any:
    """The System value of 0..1 items, None for none. Raises NotEvaluated for several."""
    if not items:
        return None
    if len(items) > 1:
        raise NotEvaluated("Several values stand where one is needed.")
    return operand(items[0])


def truth(items: Sequence[Any]) -> bool | None:
    """0..1 items as truth: any single value that is not a boolean counts as true (4.5). Raises NotEvaluated for several."""
    if not items:
        return None
    if len(items) > 1:
        raise NotEvaluated("Several values stand where one truth is needed.")
    value = system(items[0])
    return value if isinstance(value, bool) else None if value is None else True


def text(items: Sequence[Any]) -> str | None:
    """0..1 items as text, None for none. Raises NotEvaluated for several, or a value that is no text."""
    value = single(items)
    if value is None or isinstance(value, str):
        return value
    raise NotEvaluated("A text is needed here.")


def whole(items: Sequence[Any]) -> int | None:
    """0..1 items as Integer, None for none. Raises NotEvaluated for several, or a value that is no integer."""
    value = single(items)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise NotEvaluated("An integer is needed here.")


def is_number(value: Any) -> bool:
    """Integer or Decimal, not Boolean."""
    return type(value) is int or isinstance(value, Decimal)


def kind(value: Any) -> str:
    """The System type of a value (6.3), empty for a node."""
    return _KINDS.get(type(value), "")


_KINDS: Mapping[type, str] = {
    bool: "Boolean", int: "Integer", Decimal: "Decimal", str: "String", Date: "Date", DateTime: "DateTime", Time: "Time",
    Quantity: "Quantity",
}  # fmt: skip
