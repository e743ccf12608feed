"""Variables: `%resource`, `%rootResource`, `%context`, those of R4, those given and those defined on the way (FHIRPath 2.0, 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.fhirpath.code import EMPTY, Code
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import NotEvaluated
from gateway.fhirpath.given import given


def variable(name: str) -> Code:
    """`%name`."""
    if name in _FIXED:
        return _FIXED[name]
    text = _text_of(name)
    if text is not None:
        return Code(lambda _focus, _state: [text], constant=True, literal=text)
    return Code(lambda _focus, state: _looked_up(name, state))


def reserved(name: str) -> bool:
    """Whether a name is one of those that are always there."""
    return name in _FIXED or _text_of(name) is not None


def _text_of(name: str) -> str | None:
    known: str | None = given()["variables"].get(name)
    if known is not None:
        return known
    for prefix, address in given()["prefixes"].items():
        if name.startswith(prefix):
            return str(address) + name.removeprefix(prefix)
    return None


def _looked_up(name: str, state: State) -> list[Any]:
    if name in state.named:
        return state.named[name]
    if name not in state.env.variables:
        raise NotEvaluated("The expression uses a variable that is not given.")
    value = state.env.variables[name]
    if value is None:
        return EMPTY
    return value if isinstance(value, list) else [value]


def _resource(_focus: Any, state: State) -> list[Any]:
    node = state.env.resource or state.env.root
    return [node] if node is not None else EMPTY


def _root(_focus: Any, state: State) -> list[Any]:
    node = state.env.root or state.env.resource
    return [node] if node is not None else EMPTY


def _context(_focus: Any, state: State) -> list[Any]:
    return [state.focus]


_FIXED: Mapping[str, Code] = {
    "resource": Code(_resource, constant=True),
    "rootResource": Code(_root, constant=True),
    "context": Code(_context, constant=True),
}
