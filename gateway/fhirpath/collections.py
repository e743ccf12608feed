"""Membership (FHIRPath 2.0, 6.4.2 and 6.4.3): `in` and `contains`."""

from __future__ import annotations

from typing import Any

from gateway.fhirpath.code import Code, Many, Truth, boolean
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import NotEvaluated
from gateway.fhirpath.identity import identity
from gateway.fhirpath.node import is_object


def inside(parts: list[Code]) -> Code:
    """`a in b`: empty when there is no `a`; Raises NotEvaluated for several."""
    return _membership(parts[0], parts[1])


def contains(parts: list[Code]) -> Code:
    """`a contains b`."""
    return _membership(parts[1], parts[0])


def _membership(item: Code, collection: Code) -> Code:
    constant = item.constant and collection.constant
    known = _Known(collection.many, collection.constant)
    truth = _truth(item.many, known)
    raw = None
    if collection.constant and item.raw.key:
        raw = _raw(item.raw.key, known, item.type)
    return boolean(truth, constant, raw)


class _Known:
    """The keys of a collection; those of one that is the same for every focus are kept for one evaluation."""

    __slots__ = ("_constant", "_many")

    def __init__(self, many: Many, constant: bool) -> None:
        self._many, self._constant = many, constant

    def keys(self, focus: Any, state: State) -> Any:
        """The keys as a set."""
        slot = id(self)
        found = state.kept.get(slot) if self._constant else None
        if found is None:
            items = self._many(focus, state)
            state.spend(len(items))
            found = [{identity(item, state) for item in items}]
            if self._constant:
                state.kept[slot] = found
        return found[0]


def _truth(item: Many, known: _Known) -> Truth:
    def truth(focus: Any, state: State) -> bool | None:
        items = item(focus, state)
        if not items:
            return None
        if len(items) > 1:
            raise NotEvaluated("Several values stand where one is looked for.")
        return identity(items[0], state) in known.keys(focus, state)

    return truth


def _only(values: list[Any]) -> Any:
    if len(values) > 1:
        raise NotEvaluated("Several values stand where one is looked for.")
    return values[0] if values else None


def _raw(key: str, known: _Known, type_name: str) -> Truth | None:
    """A code directly below the focus among codes that are written out."""
    if type_name not in ("code", "string", "uri", "canonical", "url", "id", "markdown"):
        return None

    def truth(holder: Any, state: State) -> bool | None:
        value = holder.get(key) if is_object(holder) else None
        if type(value) is list:
            value = _only([one for one in value if one is not None])
        return None if value is None else type(value) is str and value in known.keys(None, state)

    return truth
