"""Children by name: `a.b.c` over the JSON of nodes (FHIRPath 2.0, 3.1 path selection; FHIR R4, fhirpath.html, json.html 2.6.2).

`collect` is the only place where JSON becomes nodes: a repetition that is null beside a shadow is a node without value, and the type of
a resource is the one it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

from gateway.fhirpath.code import EMPTY, Code, Many, Raw
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import TooCostly
from gateway.fhirpath.model import Child, Model, Step, guessed
from gateway.fhirpath.node import Node, is_object


def collect(holder: Any, child: Child, out: list[Any]) -> None:
    """Adds the 0..* nodes below a JSON object to `out`; anything else has none."""
    if not is_object(holder):
        return
    given = holder.get(child.key)
    if child.shadow:
        shadow = holder.get(child.shadow)
        if shadow is not None:
            _with_shadow(given, shadow, child.type, out)
            return
    if given is None:
        return
    if type(given) is not list:
        given = (given,)
    if child.resource:
        out.extend([Node(one, guessed(one)) for one in given if is_object(one)])
    else:
        kind = child.type
        out.extend([Node(one, kind) for one in given if one is not None])


def _with_shadow(given: Any, shadow: Any, type_name: str, out: list[Any]) -> None:
    values = given if isinstance(given, list) else [given]
    beside = shadow if isinstance(shadow, list) else [shadow]
    for value, more in zip_longest(values, beside):
        more = more if is_object(more) else None
        if value is not None or more:
            out.append(Node(value, type_name, more))


def below(node: Node, step: Step, out: list[Any]) -> None:
    """Adds the nodes of one name below a node to `out`."""
    holder = node.shadow if step.in_shadow else node.value
    if len(step.children) == 1:
        collect(holder, step.children[0], out)
    elif is_object(holder):
        for child in chosen(holder, step):
            collect(holder, child, out)


def chosen(holder: Mapping[str, Any], step: Step) -> list[Child]:
    """The types of a choice that are there; more than one is wrong, but visible."""
    by_key, found = step.by_key, []
    if type(holder) is dict and len(holder) < len(by_key):
        there = [by_key[key] for key in holder if key in by_key]
    else:
        there = [child for key, child in by_key.items() if key in holder]
    for child in there:
        if child not in found:
            found.append(child)
    return found


def of_unknown(node: Node, name: str, out: list[Any]) -> None:
    """Adds what stands under a key, where no definition says what that is."""
    value = node.value
    if is_object(value) and name in value:
        given = value[name]
        out.extend(Node(one, guessed(one)) for one in (given if isinstance(given, list) else (given,)))


def named(name: str, model: Model) -> Many:
    """Focus (a list of items) → the children of that name, whatever type the items turn out to be."""
    type_of = model.type

    def many(items: list[Any], state: State) -> list[Any]:
        out: list[Any] = []
        for item in items:
            if type(item) is not Node:
                continue
            kind = type_of(item.type)
            step = kind.steps.get(name)
            if step is not None:
                below(item, step, out)
            elif not kind.name:
                of_unknown(item, name, out)
        state.steps -= len(items) + len(out)
        if state.steps < 0:
            raise TooCostly
        return out

    return many


def member(source: Code, name: str, model: Model) -> Code:
    """`source.name`."""
    kind = model.type(source.type) if source.type else None
    many = source.many
    if kind is None or kind.abstract or not kind.name:
        dynamic = named(name, model)
        return Code(lambda focus, state: dynamic(many(focus, state), state), constant=source.constant)
    step = kind.steps.get(name)
    if step is None:
        return Code(lambda _focus, _state: EMPTY, constant=True)
    return _typed(source, step)


def _typed(source: Code, step: Step) -> Code:
    many, child = source.many, step.only

    def walked(focus: Any, state: State) -> list[Any]:
        out: list[Any] = []
        items = many(focus, state)
        for item in items:
            if type(item) is Node:
                below(item, step, out)
        state.steps -= len(items) + len(out)
        if state.steps < 0:
            raise TooCostly
        return out

    raw = _raw_member(source, step)
    exists = None if raw.exists is None else _of_node(raw.exists)
    return Code(walked, _type(child), exists=exists, constant=source.constant, raw=raw, step=step)


def _type(child: Child | None) -> str:
    return child.type if child is not None and not child.resource else ""


def child_of_focus(step: Step) -> Code:
    """A name at the start of a path, on a focus of known type."""
    child = step.only
    raw = NO_STEP if step.in_shadow else _raw_head(step)
    exists = None if raw.exists is None else _of_node(raw.exists)

    def many(focus: Any, state: State) -> list[Any]:
        out: list[Any] = []
        if child is None or step.in_shadow:
            below(focus, step, out)
        else:
            collect(focus.value, child, out)
        state.steps -= 1 + len(out)
        if state.steps < 0:
            raise TooCostly
        return out

    return Code(many, _type(child), exists=exists, raw=raw, step=step, from_focus=True)


def child_of_choice(child: Child) -> Code:
    """`value.ofType(Quantity)` at the start of a path: the one key that can hold it."""
    by_key = {child.key: child} | ({child.shadow: child} if child.shadow else {})
    return child_of_focus(Step((child,), by_key, frozenset(by_key), in_shadow=False))


NO_STEP = Raw()


def _of_node(raw: Any) -> Any:
    return lambda focus, state: raw(focus.value, state)


def _raw_head(step: Step) -> Raw:
    child = step.only
    if child is None:
        return Raw(exists=any_key(step.keys))
    exists = has(child)
    if child.shadow:
        return Raw(exists=exists, key=child.key)
    return Raw(values=values(child.key), exists=exists)


def any_key(keys: frozenset[str]) -> Any:
    """Whether one of the keys of a choice is there."""

    def exists(holder: Any, _state: State) -> bool:
        if type(holder) is dict:
            return not keys.isdisjoint(holder)
        return is_object(holder) and any(key in holder for key in keys)

    return exists


def has(child: Child) -> Any:
    """Whether a child is there, with a value or only a shadow."""
    key, shadow = child.key, child.shadow

    def exists(holder: Any, _state: State) -> bool:
        if not is_object(holder):
            return False
        given = holder.get(key)
        if given:
            return True
        if given is None or given == []:
            return bool(shadow) and bool(holder.get(shadow))
        return True

    return exists


def values(key: str) -> Many:
    """The JSON of a complex child as a list."""

    def many(holder: Any, state: State) -> list[Any]:
        if not is_object(holder):
            return EMPTY
        given = holder.get(key)
        if given is None:
            return EMPTY
        if type(given) is not list:
            return [given]
        state.steps -= len(given)
        if state.steps < 0:
            raise TooCostly
        return given

    return many


def _raw_member(source: Code, step: Step) -> Raw:
    """A further name on a path that has a shortcut."""
    before = source.raw.values
    if before is None or step.in_shadow:
        return NO_STEP
    child = step.only
    one: Any = any_key(step.keys) if child is None else has(child)

    def exists(holder: Any, state: State) -> bool:
        for item in before(holder, state):  # noqa: SIM110 a loop costs less here than a generator
            if one(item, state):
                return True
        return False

    if child is None or child.shadow:
        return Raw(exists=exists)
    return Raw(values=_chained(before, values(child.key)), exists=exists)


def _chained(before: Many, after: Many) -> Many:
    def many(holder: Any, state: State) -> list[Any]:
        items = before(holder, state)
        if len(items) == 1:
            return after(items[0], state)
        return [one for item in items for one in after(item, state)]

    return many
