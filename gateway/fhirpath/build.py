"""Syntax to code: paths, literals, variables, operators and calls of the function table (FHIRPath 2.0, 3 to 6 and 9)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from gateway.fhirpath.arithmetic import arithmetic, negative
from gateway.fhirpath.code import EMPTY, ITEM, Code, Raw, Scope, Site
from gateway.fhirpath.environment import State
from gateway.fhirpath.failures import NotCompiled
from gateway.fhirpath.functions import FUNCTIONS, TYPED
from gateway.fhirpath.model import Model
from gateway.fhirpath.node import Node
from gateway.fhirpath.operators import OPERATORS
from gateway.fhirpath.paths import child_of_focus, member, named
from gateway.fhirpath.quantity import Quantity
from gateway.fhirpath.subsetting import indexed
from gateway.fhirpath.syntax import (
    Call,
    External,
    Index,
    Literal,
    Member,
    Operation,
    Polarity,
    Special,
    Syntax,
    TypeOperation,
)
from gateway.fhirpath.types import as_type, is_type
from gateway.fhirpath.variables import variable


class Build:
    """One expression being compiled."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._slots: dict[str, int] = {}

    def code(self, syntax: Syntax, scope: Scope) -> Code:
        """The code of a piece of syntax in its scope. Raises NotCompiled."""
        made = self._code(syntax, scope)
        if scope.inner and made.constant and isinstance(syntax, Call | Member | Operation):
            return _once(made, self._slots.setdefault(repr(syntax), len(self._slots) + 1))
        return made

    def _code(self, syntax: Syntax, scope: Scope) -> Code:
        match syntax:
            case Member():
                return self._member(syntax, scope)
            case Call():
                return self._call(syntax, scope)
            case Literal():
                return literal(syntax.value)
            case Operation():
                return self._operation(syntax, scope)
            case TypeOperation():
                make = is_type if syntax.operator == "is" else as_type
                return make(self.code(syntax.operand, scope), syntax.type, self._model, scope.lenient)
        return self._rarer(syntax, scope)

    def _rarer(self, syntax: Syntax, scope: Scope) -> Code:
        match syntax:
            case Index():
                return indexed(self.code(syntax.source, scope), self.code(syntax.place, scope))
            case External():
                return variable(syntax.name)
            case Special():
                return _special(syntax.name, scope)
            case Polarity():
                return self._polarity(syntax, scope)
        raise NotCompiled

    def _member(self, syntax: Member, scope: Scope) -> Code:
        if syntax.source is not None:
            return member(self.code(syntax.source, scope), syntax.name, self._model)
        name = syntax.name
        if name[:1].isupper() and self._model.known(name):
            return self._typed_start(name, scope)
        if scope.kind != ITEM:
            dynamic = named(name, self._model)
            return Code(dynamic)
        kind = self._model.type(scope.type)
        if not kind.name or kind.abstract:
            dynamic = named(name, self._model)
            return Code(lambda focus, state: dynamic([focus], state))
        step = kind.named(name) if scope.lenient else kind.steps.get(name)
        return literal(None) if step is None else child_of_focus(step)

    def _typed_start(self, name: str, scope: Scope) -> Code:
        """`Patient.name`: a path may begin with the type of the focus."""
        focus = _special("$this", scope)
        if scope.type and name in self._model.lineage(scope.type):
            return focus
        model, many = self._model, focus.many

        def of_type(focus: Any, state: State) -> list[Any]:
            return [i for i in many(focus, state) if type(i) is Node and name in model.lineage(i.type)]

        return Code(of_type, "" if self._model.type(name).abstract else name)

    def _call(self, syntax: Call, scope: Scope) -> Code:
        function = FUNCTIONS.get(syntax.name)
        if function is None:
            raise NotCompiled(f"There is no function `{syntax.name[:40]}`.")
        if not function.least <= len(syntax.arguments) <= function.most:
            raise NotCompiled(f"The function `{syntax.name}` does not take {len(syntax.arguments)} arguments.")
        source = _special("$this", scope) if syntax.source is None else self.code(syntax.source, scope)
        if syntax.name in TYPED:
            return TYPED[syntax.name](source, type_written(syntax.arguments[0]), self._model, scope.lenient)
        return function.make(Site(syntax.name, source, syntax.arguments, scope, self.code, self._model))

    def _operation(self, syntax: Operation, scope: Scope) -> Code:
        parts = [self.code(operand, scope) for operand in syntax.operands]
        make = OPERATORS.get(syntax.operator)
        return make(parts) if make is not None else arithmetic(syntax.operator, parts)

    def _polarity(self, syntax: Polarity, scope: Scope) -> Code:
        part = self.code(syntax.operand, scope)
        value = part.literal
        if isinstance(value, int | Decimal | Quantity) and not isinstance(value, bool):
            return literal(_signed(syntax.sign, value))
        return negative(part) if syntax.sign == "-" else part


def _signed(sign: str, value: Any) -> Any:
    if sign == "+":
        return value
    return replace(value, value=-value.value) if isinstance(value, Quantity) else -value


def literal(value: Any) -> Code:
    """A value that is written; None is the empty collection."""
    items = EMPTY if value is None else [value]
    return Code(lambda _focus, _state: items, constant=True, literal=value)


def type_written(syntax: Syntax) -> str:
    """The name of a type that stands as an argument: `Patient`, `FHIR.Patient`, `System.String`. Raises NotCompiled."""
    match syntax:
        case Member(source=None):
            return syntax.name
        case Member(source=Member(source=None) as qualifier):
            return f"{qualifier.name}.{syntax.name}"
    raise NotCompiled("The name of a type is needed here.")


def _special(name: str, scope: Scope) -> Code:
    if name == "$index":
        return Code(lambda _focus, state: [state.index])
    if name == "$total":
        return Code(lambda _focus, state: state.total)
    if scope.kind != ITEM:
        return Code(lambda focus, _state: focus)
    return Code(lambda focus, _state: [focus], scope.type, exists=_always, raw=Raw(values=_itself, exists=_always))


def _always(_focus: Any, _state: State) -> bool:
    return True


def _itself(holder: Any, _state: State) -> list[Any]:
    return [holder]


def _once(code: Code, slot: int) -> Code:
    """Inside a loop, what is the same for every item is evaluated once."""
    many = code.many

    def kept(focus: Any, state: State) -> list[Any]:
        found = state.kept.get(slot)
        if found is None:
            found = state.kept[slot] = many(focus, state)
        return found

    truth = _truth_once(code, -slot) if code.truth is not None else None
    return replace(code, many=kept, truth=truth, exists=None)


def _truth_once(code: Code, slot: int) -> Any:
    truth = code.as_truth()

    def kept(focus: Any, state: State) -> bool | None:
        found = state.kept.get(slot)
        if found is None:
            found = state.kept[slot] = [truth(focus, state)]
        answer: bool | None = found[0]
        return answer

    return kept
