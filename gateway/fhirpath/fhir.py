"""What FHIR adds (FHIR R4, fhirpath.html "additional functions"): extensions, values of primitives, references, terminology, narratives.

What a port does not know is empty.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.fhirpath.code import EMPTY, Code, Function, Functions, Raw, Site, boolean, plain
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import NotEvaluated
from gateway.fhirpath.filtering import filtered
from gateway.fhirpath.node import Node, is_object
from gateway.fhirpath.paths import member
from gateway.fhirpath.values import single, system, text


def _extension(site: Site) -> Code:
    """`extension(url)`: as `extension.where(url = …)`."""
    address = site.argument(0)
    found = member(site.source, "extension", site.model)
    if isinstance(address.literal, str):
        return filtered(found, _addressed(address.literal))
    many, wanted = found.many, address.many

    def extensions(focus: Any, state: State) -> list[Any]:
        url = text(wanted(focus, state))
        return [node for node in many(focus, state) if _url(node.value) == url]

    return Code(extensions, "Extension", constant=found.constant and address.constant)


def _addressed(url: str) -> Code:
    def raw(holder: Any, _state: State) -> bool:
        return bool(_url(holder) == url)

    def truth(node: Any, _state: State) -> bool:
        return bool(_url(node.value) == url)

    return Code(lambda _focus, _state: EMPTY, truth=truth, constant=True, raw=Raw(truth=raw))


def _url(holder: Any) -> Any:
    return holder.get("url") if is_object(holder) else None


def _has_value(site: Site) -> Code:
    """One primitive, with a value and not only extensions."""
    many, key = site.source.many, site.source.raw.key

    def truth(focus: Any, state: State) -> bool | None:
        items = many(focus, state)
        return len(items) == 1 and _valued(items[0])

    return boolean(truth, site.source.constant, _raw_valued(key) if key else None)


def _valued(item: Any) -> bool:
    if type(item) is Node:
        return item.value is not None and not is_object(item.value)
    return item is not None


def _raw_valued(key: str) -> Any:
    def truth(holder: Any, _state: State) -> bool:
        value = holder.get(key) if is_object(holder) else None
        if type(value) is list:
            value = value[0] if len(value) == 1 else None
        return value is not None

    return truth


def _get_value(_state: State, items: list[Any]) -> list[Any]:
    value = system(items[0]) if len(items) == 1 else None
    return EMPTY if value is None or type(value) is Node else [value]


def _resolve(state: State, items: list[Any]) -> list[Any]:
    out = []
    for item in items:
        address = item.value.get("reference") if _holds(item) else system(item)
        state.spend(10)
        found = state.env.resolve(address) if isinstance(address, str) else None
        if found is not None:
            out.append(found)
    return out


def _holds(item: Any) -> bool:
    return type(item) is Node and is_object(item.value)


def _asked(port: str) -> Function:
    """A question about one item and a canonical address."""

    def run(state: State, items: list[Any], address: list[Any]) -> list[Any]:
        url = text(address)
        if not items or url is None:
            return EMPTY
        if len(items) > 1:
            raise NotEvaluated("Several values stand where one is asked about.")
        state.spend(20)
        ask: Callable[[Any, str], bool | None] = getattr(state.env, port)
        answer = ask(items[0], url)
        return EMPTY if answer is None else [answer]

    return plain(run, 1)


def _subsumes(forward: bool) -> Function:
    def run(state: State, items: list[Any], others: list[Any]) -> list[Any]:
        if len(items) != 1 or len(others) != 1:
            return EMPTY
        state.spend(20)
        wide, narrow = (items[0], others[0]) if forward else (others[0], items[0])
        answer = state.env.subsumes(wide, narrow)
        return EMPTY if answer is None else [answer]

    return plain(run, 1)


def _html_checks(state: State, items: list[Any]) -> list[Any]:
    value = single(items)
    return [state.env.html(value)] if isinstance(value, str) else EMPTY


def _check_modifiers(_state: State, items: list[Any], *known: list[Any]) -> list[Any]:
    """The items, if every modifier extension on them is one of the known. Raises NotEvaluated for another."""
    urls = {text(one) for one in known}
    for item in items:
        rows = item.value.get("modifierExtension") if _holds(item) else None
        if any(_url(row) not in urls for row in rows or ()):
            raise NotEvaluated("There is a modifier extension that the expression does not know.")
    return items


FUNCTIONS: Functions = {
    "extension": Function(1, 1, _extension),
    "hasValue": Function(0, 0, _has_value),
    "getValue": plain(_get_value, 0),
    "resolve": plain(_resolve, 0),
    "memberOf": _asked("member_of"),
    "conformsTo": _asked("conforms_to"),
    "subsumes": _subsumes(forward=True),
    "subsumedBy": _subsumes(forward=False),
    "htmlChecks": plain(_html_checks, 0),
    "checkModifiers": plain(_check_modifiers, 0, 100),
}
