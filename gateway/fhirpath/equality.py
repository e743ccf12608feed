"""Equality and equivalence (FHIRPath 2.0, 6.1): `=`, `!=`, `~`, `!~`.

`=` is empty when a side is, or when dates are given to different precision. `~` never is: it leaves aside case, blanks, order, and
digits beyond those of the less precise number.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from gateway.fhirpath.code import Code, Many, Truth, boolean
from gateway.fhirpath.environment import State
from gateway.fhirpath.identity import frozen
from gateway.fhirpath.node import Node, is_object
from gateway.fhirpath.quantity import AS_UCUM, Quantity, comparable, in_unit
from gateway.fhirpath.times import Moment, Time, compare
from gateway.fhirpath.values import DECIMALS, decimal_of, is_number, operand


def equal(parts: list[Code]) -> Code:
    """`a = b`."""
    return _either_way(parts, True)


def different(parts: list[Code]) -> Code:
    """`a != b`."""
    return _either_way(parts, False)


def _either_way(parts: list[Code], wanted: bool) -> Code:
    left, right = parts
    constant = left.constant and right.constant
    if left.truth is not None and right.truth is not None:
        raw = None
        if left.raw.truth is not None and right.raw.truth is not None:
            raw = _same_truth(left.raw.truth, right.raw.truth, wanted)
        return boolean(_same_truth(left.truth, right.truth, wanted), constant, raw)
    truth = _compared(left.many, right.many, wanted)
    raw = _raw(left, right.literal, wanted) or _raw(right, left.literal, wanted)
    return boolean(truth, constant, raw)


def _same_truth(first: Truth, second: Truth, wanted: bool) -> Truth:
    def truth(focus: Any, state: State) -> bool | None:
        left, right = first(focus, state), second(focus, state)
        return None if left is None or right is None else (left is right) is wanted

    return truth


def _compared(first: Many, second: Many, wanted: bool) -> Truth:
    def truth(focus: Any, state: State) -> bool | None:
        found = same(first(focus, state), second(focus, state), state)
        return None if found is None else found is wanted

    return truth


_TEXTUAL = frozenset(
    ("string", "code", "uri", "url", "canonical", "id", "oid", "uuid", "markdown", "base64Binary", "xhtml")
)


def _raw(path: Code, literal: Any, wanted: bool) -> Truth | None:
    """`code = 'x'` on a primitive directly below the focus: one look into the JSON."""
    key, type_name = path.raw.key, path.type
    if not key or not isinstance(literal, str) or type_name not in _TEXTUAL:
        return None

    def truth(holder: Any, _state: State) -> bool | None:
        if is_object(holder):
            value = holder.get(key)
            if type(value) is str:
                return (value == literal) is wanted
            if type(value) is not list:
                return None if value is None else not wanted
            holder = [one for one in value if one is not None]
            return None if not holder else (holder == [literal]) is wanted
        return None

    return truth


def same(left: list[Any], right: list[Any], state: State) -> bool | None:
    """Whether two collections are equal, item by item in order; None for unknown."""
    if not left or not right:
        return None
    if len(left) != len(right):
        return False
    found: bool | None = True
    state.spend(len(left))
    for one, other in zip(left, right, strict=True):
        answer = same_item(one, other, state)
        if answer is False:
            return False
        if answer is None:
            found = None
    return found


def same_item(one: Any, other: Any, state: State) -> bool | None:
    """Whether two items are equal; None when a primitive has no value, or dates or units do not allow an answer."""
    if (
        type(one) is Node
        and type(other) is Node
        and one.type == other.type
        and type(one.value) is str
        and one.value == other.value
    ):
        return True
    left, right = operand(one), operand(other)
    if type(left) is str and type(right) is str:
        return left == right
    if left is None or right is None:
        return None
    if type(left) is Node or type(right) is Node:
        if type(left) is not type(right):
            return False
        return bool(frozen(left.value, state) == frozen(right.value, state))
    return _same_system(left, right, state)


def _same_system(left: Any, right: Any, state: State) -> bool | None:
    if is_number(left) and is_number(right):
        return bool(left == right)
    if isinstance(left, Moment) and isinstance(right, Moment):
        return _same_moment(left, right)
    if isinstance(left, Quantity) or isinstance(right, Quantity):
        pair = _quantities(left, right)
        values = None if pair is None else comparable(*pair, state.env.units)
        return (False if pair is None else None) if values is None else values[0] == values[1]
    return type(left) is type(right) and bool(left == right)


def _same_moment(left: Moment, right: Moment) -> bool | None:
    if isinstance(left, Time) is not isinstance(right, Time):
        return False
    found = compare(left, right)
    return None if found is None else found == 0


def _quantities(left: Any, right: Any) -> tuple[Quantity, Quantity] | None:
    """Both as quantities: a number is one without unit."""
    made = [Quantity(Decimal(one)) if is_number(one) else one for one in (left, right)]
    return (made[0], made[1]) if all(isinstance(one, Quantity) for one in made) else None


def equivalent(parts: list[Code]) -> Code:
    """`a ~ b`."""
    return boolean(_alike(parts, True), all(part.constant for part in parts))


def unlike(parts: list[Code]) -> Code:
    """`a !~ b`."""
    return boolean(_alike(parts, False), all(part.constant for part in parts))


def _alike(parts: list[Code], wanted: bool) -> Truth:
    first, second = parts[0].many, parts[1].many

    def truth(focus: Any, state: State) -> bool | None:
        return alike(first(focus, state), second(focus, state), state) is wanted

    return truth


def alike(left: list[Any], right: list[Any], state: State) -> bool:
    """Whether two collections are equivalent, in any order."""
    if len(left) != len(right):
        return False
    rest = list(right)
    for one in left:
        state.spend(1 + len(rest))
        place = next((i for i, other in enumerate(rest) if alike_item(one, other, state)), None)
        if place is None:
            return False
        del rest[place]
    return True


def alike_item(one: Any, other: Any, state: State) -> bool:
    """Whether two items are equivalent."""
    left, right = operand(one), operand(other)
    if type(left) is Node and type(right) is Node:
        return alike_json(left.value, right.value, state)
    if isinstance(left, str) and isinstance(right, str):
        return _worded(left) == _worded(right)
    if is_number(left) and is_number(right):
        return _alike_numbers(Decimal(left), Decimal(right))
    if isinstance(left, Quantity) and isinstance(right, Quantity):
        return _alike_quantities(left, right, state)
    if isinstance(left, Moment) and isinstance(right, Moment):
        return _same_moment(left, right) is True
    return type(left) is type(right) and bool(left == right)


def _worded(text: str) -> str:
    return " ".join(text.casefold().split())


def _alike_numbers(left: Decimal, right: Decimal) -> bool:
    """Rounded to the less precise; trailing zeros are no precision."""
    places = min(_places(left), _places(right))
    step = Decimal(1).scaleb(-places)
    return left.quantize(step, ROUND_HALF_UP, DECIMALS) == right.quantize(step, ROUND_HALF_UP, DECIMALS)


def _places(number: Decimal) -> int:
    exponent = number.normalize(DECIMALS).as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def _alike_quantities(left: Quantity, right: Quantity, state: State) -> bool:
    """A year of the calendar and one of UCUM are alike; numbers are taken in the unit of either."""
    if left.calendar != right.calendar:
        left, right = _in_ucum(left), _in_ucum(right)
    for one, other in ((left, right), (right, left)):
        moved = in_unit(other, one, state.env.units)
        if moved is not None and _alike_numbers(one.value, moved.value):
            return True
    return False


def _in_ucum(quantity: Quantity) -> Quantity:
    return Quantity(quantity.value, AS_UCUM[quantity.unit]) if quantity.calendar else quantity


def alike_json(left: Any, right: Any, state: State) -> bool:
    """Whether two complex values are equivalent: the same members, lists in any order."""
    state.spend(1)
    if is_object(left) and is_object(right):
        return left.keys() == right.keys() and all(alike_json(left[key], right[key], state) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        rest = list(right)
        for one in left:
            place = next((i for i, other in enumerate(rest) if alike_json(one, other, state)), None)
            if place is None:
                return False
            del rest[place]
        return not rest
    return alike_item(decimal_of(left), decimal_of(right), state)
