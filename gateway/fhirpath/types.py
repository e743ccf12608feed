"""Types (FHIRPath 2.0, 5.2.4, 6.3 and 10; FHIR R4, fhirpath.html): `is`, `as`, `ofType`, `type()`.

A FHIR type includes what descends from it. `as` and `ofType` take any number of items: R4's own invariants use `as` on collections.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.fhirpath.code import EMPTY, Code, Functions, boolean, eager, plain
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import NotCompiled, NotEvaluated
from gateway.fhirpath.model import Child, Model, fhir_name
from gateway.fhirpath.node import Node
from gateway.fhirpath.paths import child_of_choice
from gateway.fhirpath.values import kind

Test = Callable[[Any], bool]
_SYSTEM = frozenset(("Boolean", "String", "Integer", "Decimal", "Date", "DateTime", "Time", "Quantity", "Any"))


def is_type(source: Code, name: str, model: Model, lenient: bool = False) -> Code:
    """`x is T`: empty for nothing. Raises NotEvaluated for several items."""
    test, many = tested(name, model, lenient), source.many

    def truth(focus: Any, state: State) -> bool | None:
        items = many(focus, state)
        if len(items) > 1:
            raise NotEvaluated("Several values stand where `is` wants one.")
        return test(items[0]) if items else None

    return boolean(truth, source.constant)


def as_type(source: Code, name: str, model: Model, lenient: bool = False) -> Code:
    """`x as T`, `x.ofType(T)`: the items that are of the type."""
    test, many = tested(name, model, lenient), source.many
    fhir = name.removeprefix("FHIR.")
    known = fhir if model.known(fhir) and not model.type(fhir).abstract else ""
    child = _of_choice(source, known, model)
    if child is not None:
        return child_of_choice(child)

    def of_type(focus: Any, state: State) -> list[Any]:
        items = many(focus, state)
        state.spend(len(items))
        return [item for item in items if test(item)]

    return eager(of_type, source, type=known)


def _of_choice(source: Code, name: str, model: Model) -> Child | None:
    """The one child of a choice at the start of a path that is of the type."""
    if not name or source.step is None or not source.from_focus or source.step.in_shadow:
        return None
    fitting = [child for child in source.step.children if name in model.lineage(child.type)]
    return fitting[0] if len(source.step.children) > 1 and len(fitting) == 1 and fitting[0].type == name else None


def tested(name: str, model: Model, lenient: bool) -> Test:
    """Whether an item is of a type; `name` is written as in the expression. Raises NotCompiled for an unknown type.

    `lenient`: without a namespace invariants mean the primitive of FHIR as well (`answer is Boolean` in que-7, `DateTime` in us-core-1).
    """
    space, dot, last = name.rpartition(".")
    if space == "System" and last in _SYSTEM:
        return _system(last)
    if space == "FHIR" and model.known(last):
        return _fhir(last, model)
    if dot:
        raise NotCompiled(f"There is no type `{name[:80]}`.")
    tests = [_fhir(last, model)] if model.known(last) else []
    tests += [_system(last)] if last in _SYSTEM else []
    tests += [_fhir(fhir_name(last), model)] if lenient and fhir_name(last)[:1].islower() else []
    if not tests:
        raise NotCompiled(f"There is no type `{name[:80]}`.")
    return tests[0] if len(tests) == 1 else lambda item: any(test(item) for test in tests)


def _fhir(name: str, model: Model) -> Test:
    lineage = model.lineage

    def test(item: Any) -> bool:
        return type(item) is Node and (item.type == name or name in lineage(item.type))

    return test


def _system(name: str) -> Test:
    if name == "Any":
        return lambda item: type(item) is not Node
    return lambda item: type(item) is not Node and kind(item) == name


def _type(_state: State, items: list[Any]) -> list[Any]:
    return [_reflected(item) for item in items] if items else EMPTY


def _reflected(item: Any) -> Node:
    """The type of an item as an object with `namespace` and `name` (10.2)."""
    space = "FHIR" if type(item) is Node else "System"
    name = item.type if type(item) is Node else kind(item)
    if "." in name:
        name = "BackboneElement"
    return Node({"namespace": space, "name": name}, "")


TYPED: Mapping[str, Callable[[Code, str, Model, bool], Code]] = {"is": is_type, "as": as_type, "ofType": as_type}
_ONE_TYPE = plain(lambda _state, items, _type: items, 1)
FUNCTIONS: Functions = {"is": _ONE_TYPE, "as": _ONE_TYPE, "ofType": _ONE_TYPE, "type": plain(_type, 0)}
