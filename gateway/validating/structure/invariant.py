"""Invariants: an expression that has to hold of every node of a kind (FHIR R4, ElementDefinition.constraint)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gateway.definitions.structure import Invariant
from gateway.fhirpath import Compiler, Expression, Node, NotCompiled, NotEvaluated
from gateway.model.report import Finding, Severity
from gateway.validating.structure.finding import NONE, Findings, error, warning
from gateway.validating.structure.scope import Scope

_BROKEN = "A rule of the definition is not a valid expression; it was not checked."
_UNJUDGED = "A rule could not be judged on this content."
_TOO_COSTLY = "A rule takes more steps on this content than a document is allowed; it could not be judged."
_FAILED = "A rule that this content has to keep does not hold."


@dataclass(frozen=True, slots=True)
class InvariantRule:
    """One invariant, compiled for the type of its node."""

    type: str
    invariant: Invariant
    expression: Expression

    def check(self, node: Any, scope: Scope) -> Findings:
        """0..1 finding, of the severity that the invariant has; a value of the type."""
        return self.of_node(Node(node, self.type), scope)

    def of_node(self, node: Node, scope: Scope) -> Findings:
        """The same for a node that knows its type and what stands beside it."""
        try:
            if self.expression.holds(node, scope.environment()):
                return NONE
        except NotEvaluated as failed:
            if failed.too_costly:  # never passed over: nobody has said that the rule holds
                return error("too-costly", "too-costly", _TOO_COSTLY, expected=self.invariant.key)
            return warning("processing", self.invariant.key, _UNJUDGED, expected=self.invariant.expression)
        severity: Severity = "error" if self.invariant.severity == "error" else "warning"
        return (Finding(severity, "invariant", "", _FAILED, self.invariant.key, self.invariant.expression),)


@dataclass(frozen=True, slots=True)
class Ordered:
    """per-1, which nearly every period keeps: two times of one form and zone are in order when their texts are; else the expression."""

    rule: InvariantRule

    def check(self, node: Any, scope: Scope) -> Findings:
        """0..1 finding."""
        start, end = node.get("start"), node.get("end")
        if (
            type(start) is str
            and type(end) is str
            and len(start) == len(end)
            and start[_ZONE:] == end[_ZONE:]
            and start <= end
        ):
            return NONE
        return self.rule.check(node, scope)


_ZONE = len("2026-01-01T00:00:00")  # where the fraction or the zone starts


@dataclass(frozen=True, slots=True)
class Uncompiled:
    """An invariant whose expression does not compile: said where it would have been judged."""

    key: str

    def check(self, _node: Any, _scope: Scope) -> Findings:
        """One warning."""
        return warning("not-supported", self.key, _BROKEN)

    of_node = check


def invariant_rules(
    compiler: Compiler, type_name: str, invariants: Iterable[Invariant]
) -> tuple[InvariantRule | Uncompiled, ...]:
    """The rules of the invariants of an element of a type; best practice is advice and no rule (R4, dom-6)."""
    return tuple(_rule(compiler, type_name, each) for each in invariants if each.expression and not each.best_practice)


def _rule(compiler: Compiler, type_name: str, invariant: Invariant) -> InvariantRule | Uncompiled:
    try:
        return InvariantRule(type_name, invariant, compiler.compile(invariant.expression, type_name))
    except NotCompiled:
        return Uncompiled(invariant.key)
