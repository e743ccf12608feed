"""What rules return and how positions are put together: a rule speaks of its own node, its parent adds the step that leads there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from gateway.model.report import Finding

if TYPE_CHECKING:
    from gateway.validating.structure.scope import Scope

Findings = tuple[Finding, ...]
NONE: Findings = ()
MOST = 1000  # findings of one node; of what comes after only errors count, and not more than as many again
ENOUGH = 2 * MOST  # what comes after so many is not looked at: half of them are errors
_LARGEST = 10**60
_LONGEST = 120


class Rule(Protocol):
    """One thing to hold of a node. Pure: the same node and scope give the same findings, with expressions relative to the node."""

    def check(self, node: Any, scope: Scope, /) -> Findings:
        """0..* findings."""
        ...


class Silent:
    """A rule without anything to say, where another rule has judged already."""

    def check(self, _node: Any, _scope: Scope, /) -> Findings:
        """Nothing."""
        return NONE


def error(code: str, rule: str, text: str, *, expected: str = "", found: Any = "", at: str = "") -> Findings:
    """One error; `found` is what the sender wrote, shortened."""
    return (Finding("error", code, at, text, rule, expected, shown(found)),)


def warning(code: str, rule: str, text: str, *, expected: str = "", found: Any = "", at: str = "") -> Findings:
    """One warning."""
    return (Finding("warning", code, at, text, rule, expected, shown(found)),)


def below(findings: Findings, step: str) -> Findings:
    """The same findings seen from the parent: `given[1]` below `name[0]` is `name[0].given[1]`."""
    return tuple(
        Finding(
            f.severity,
            f.code,
            joined(step, f.expression),
            f.text,
            f.rule,
            f.expected,
            f.found,
            f.line,
            f.column,
            f.source,
        )
        for f in findings
    )


def joined(step: str, rest: str) -> str:
    """Two parts of a path."""
    return f"{step}.{rest}" if rest else step


def shown(value: Any) -> str:
    """A sent value in short: text as it is, objects and lists by kind only."""
    if isinstance(value, str):
        return value[:_LONGEST]
    if isinstance(value, int) and abs(value) > _LARGEST:
        return "a large number"
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return (
        {None: "null", True: "true", False: "false"}[value]
        if value is None or isinstance(value, bool)
        else str(value)[:_LONGEST]
    )


def more(findings: Findings, found: Findings) -> Findings:
    """Both; once there are enough, of what comes only the errors, so that a flood of lesser things hides none."""
    return findings + (found if len(findings) <= MOST else tuple(f for f in found if f.severity in ("error", "fatal")))


def unsound(findings: Findings) -> bool:
    """Whether there is an error among them."""
    return any(f.severity in ("error", "fatal") for f in findings)
