"""An expression that can be evaluated (FHIRPath 2.0; FHIR R4, ElementDefinition.constraint.expression for `holds`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.fhirpath.build import Build
from gateway.fhirpath.code import ITEM, Code, Exists, Many, Scope
from gateway.fhirpath.environment import Environment, State
from gateway.fhirpath.failures import NotEvaluated, TooCostly
from gateway.fhirpath.model import Model
from gateway.fhirpath.node import Node
from gateway.fhirpath.probe import Bare, Unforeseen, Unseen
from gateway.fhirpath.syntax import Syntax
from gateway.fhirpath.values import system

_UNTOLD = frozenset(("?",))
Again = Callable[[str, str], "Expression"]


class Expression:
    """Text compiled for nodes of one type; a node of another type is taken to an expression compiled for that."""

    __slots__ = ("_again", "_holds", "_many", "_model", "_syntax", "_triggers", "context", "text")

    def __init__(self, text: str, syntax: Syntax, context: str, model: Model, again: Again) -> None:
        self.text = text
        self.context = context
        self._syntax = syntax
        self._model = model
        self._again = again
        self._many: Many | None = None
        self._holds: Exists | None = None
        self._triggers: frozenset[str] | None = _UNTOLD

    def check(self) -> None:
        """Raises NotCompiled for an unknown function or type, or arguments that do not fit."""
        self._holds = self._holding()

    def evaluate(self, focus: Node, env: Environment) -> list[Any]:
        """The 0..* items: nodes, and System values (bool, int, Decimal, str, Date, DateTime, Time, Quantity).

        Raises NotEvaluated when the values do not fit, `too_costly` when the budget is used up.
        """
        if focus.type != self.context and self._known(focus.type):
            return self._again(self.text, focus.type).evaluate(focus, env)
        many = self._many
        if many is None:
            many = self._many = self._code(lenient=False).many
        try:
            return list(many(focus, State(env, focus)))
        except (ArithmeticError, RecursionError) as error:
            raise _failed(error) from error

    def holds(self, focus: Node, env: Environment) -> bool:
        """Whether an invariant is kept: empty is no, one boolean is itself, anything else is yes. Raises as `evaluate`."""
        if focus.type != self.context and self._known(focus.type):
            return self._again(self.text, focus.type).holds(focus, env)
        holds = self._holds
        if holds is None:
            holds = self._holds = self._holding()
        state = State(env, focus)
        allowed = state.steps
        try:
            return holds(focus, state)
        except (ArithmeticError, RecursionError) as error:
            raise _failed(error) from error
        finally:
            if env.purse is not None:
                env.purse.left -= allowed - state.steps

    @property
    def triggers(self) -> frozenset[str] | None:
        """JSON keys of the focus: with none of them, `holds` is surely true. None when that cannot be told."""
        if self._triggers is _UNTOLD:
            self._triggers = self._asked()
        return self._triggers

    def _known(self, type: str) -> bool:
        return bool(self._model.type(type).name)

    def _code(self, lenient: bool) -> Code:
        scope = Scope(ITEM, self.context if self._known(self.context) else "", lenient=lenient)
        return Build(self._model).code(self._syntax, scope)

    def _holding(self) -> Exists:
        code = self._code(lenient=True)
        raw, truth, many = code.raw.truth, code.truth, code.many
        if raw is not None:
            return lambda focus, state: raw(focus.value, state) is True
        if truth is not None:
            return lambda focus, state: truth(focus, state) is True
        return lambda focus, state: _kept(many(focus, state))

    def _asked(self) -> frozenset[str] | None:
        kind = self._model.type(self.context)
        if kind.abstract or kind.primitive or not kind.name:
            return None
        bare = Bare()
        try:
            held = self.holds(Node(bare, self.context), Unseen())
        except (NotEvaluated, Unforeseen):
            return None
        return frozenset(bare.asked) if held else None


def _failed(error: Exception) -> NotEvaluated:
    """Numbers beyond what Decimal takes; more levels than Python has."""
    return TooCostly() if isinstance(error, RecursionError) else NotEvaluated("A number is out of bounds.")


def _kept(items: list[Any]) -> bool:
    if len(items) != 1:
        return bool(items)
    value = system(items[0])
    return value if isinstance(value, bool) else value is not None
