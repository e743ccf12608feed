"""`and`, `or`, `xor`, `implies`, `not()` over true, false and empty (FHIRPath 2.0, 6.5); the right side only where it matters."""

from __future__ import annotations

from typing import Any

from gateway.fhirpath.code import Code, Function, Site, Truth, boolean
from gateway.fhirpath.environment import State


def both(parts: list[Code]) -> Code:
    """`a and b and …`."""
    return _chain(parts, False)


def either(parts: list[Code]) -> Code:
    """`a or b or …`."""
    return _chain(parts, True)


def _chain(parts: list[Code], decisive: bool) -> Code:
    make = _two if len(parts) == 2 else _many
    raws = [part.raw.truth for part in parts]
    raw = make([r for r in raws if r is not None], decisive) if None not in raws else None
    truths = make([part.as_truth() for part in parts], decisive)
    return boolean(truths, all(part.constant for part in parts), raw)


def _two(truths: list[Truth], decisive: bool) -> Truth:
    first, second = truths

    def truth(focus: Any, state: State) -> bool | None:
        left = first(focus, state)
        if left is decisive:
            return decisive
        right = second(focus, state)
        if right is decisive:
            return decisive
        return None if left is None or right is None else not decisive

    return truth


def _many(truths: list[Truth], decisive: bool) -> Truth:
    def truth(focus: Any, state: State) -> bool | None:
        found: bool | None = not decisive
        for one in truths:
            answer = one(focus, state)
            if answer is decisive:
                return decisive
            if answer is None:
                found = None
        return found

    return truth


def one_of_two(parts: list[Code]) -> Code:
    """`a xor b`."""
    return _pair(parts, _xor)


def _xor(first: Truth, second: Truth) -> Truth:
    def truth(focus: Any, state: State) -> bool | None:
        left = first(focus, state)
        right = None if left is None else second(focus, state)
        return None if right is None else left is not right

    return truth


def implied(parts: list[Code]) -> Code:
    """`a implies b`."""
    return _pair(parts, _implies)


def _implies(first: Truth, second: Truth) -> Truth:
    def truth(focus: Any, state: State) -> bool | None:
        left = first(focus, state)
        if left is False:
            return True
        right = second(focus, state)
        return right if left or right else None

    return truth


def _pair(parts: list[Code], make: Any) -> Code:
    left, right = parts
    raw = None
    if left.raw.truth is not None and right.raw.truth is not None:
        raw = make(left.raw.truth, right.raw.truth)
    return boolean(make(left.as_truth(), right.as_truth()), left.constant and right.constant, raw)


def _not(site: Site) -> Code:
    raw = site.source.raw.truth
    truth = _negated(site.source.as_truth())
    return boolean(truth, site.source.constant, None if raw is None else _negated(raw))


def _negated(truth: Truth) -> Truth:
    def negated(focus: Any, state: State) -> bool | None:
        found = truth(focus, state)
        return None if found is None else not found

    return negated


FUNCTIONS = {"not": Function(0, 0, _not)}
