"""Which items of a collection are one and the same by value (FHIRPath 2.0, 5.1.11 distinct; 6.1.1 equality): a key that can be hashed.

Equal keys are equal items. Numbers, zones and units are brought to one form; what cannot be compared is not the same.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from gateway.fhirpath.environment import State
from gateway.fhirpath.node import Node, is_object
from gateway.fhirpath.quantity import Quantity, canonical
from gateway.fhirpath.times import Moment
from gateway.fhirpath.values import decimal_of, is_number, kind, operand


def identity(item: Any, state: State) -> Any:
    """The key of an item."""
    if type(item) is str:
        return item
    value = operand(item)
    if type(value) is Node:
        return frozen(value.value, state)
    if value is None:
        return ("shadow", frozen(item.shadow, state))
    return value if type(value) is str else _of_system(value, state)


def _of_system(value: Any, state: State) -> Any:
    if isinstance(value, Moment):
        return (isinstance(value, Moment) and _moment(value), value.key)
    if isinstance(value, Quantity):
        found = canonical(value, state.env.units)
        return ("quantity", *(found or (value.value, value.unit)))
    if is_number(value):
        return ("number", Decimal(value))
    return (kind(value) or type(value).__name__, str(value))


def _moment(value: Moment) -> str:
    return f"{'time' if kind(value) == 'Time' else 'date'} {value.offset is None}"


def frozen(value: Any, state: State) -> Any:
    """JSON as a key: objects by member, lists in order, numbers by value. Depth is bounded by what JSON is read (wire.py)."""
    state.spend(1)
    if is_object(value):
        return frozenset((key, frozen(one, state)) for key, one in value.items())
    if isinstance(value, list | tuple):
        return tuple(frozen(one, state) for one in value)
    if isinstance(value, bool):
        return ("Boolean", value)
    number = decimal_of(value)
    return ("number", number) if isinstance(number, Decimal) else value


def distinct(items: list[Any], state: State) -> list[Any]:
    """Items in order, each once."""
    state.spend(2 * len(items))
    seen: set[Any] = set()
    out = []
    for item in items:
        key = identity(item, state)
        if key not in seen:
            seen.add(key)
            out.append(item)
    return out
