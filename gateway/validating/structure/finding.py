"""What rules return and how positions are put together: a rule speaks of its own node, its parent adds the step that leads there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from gateway.model.report import Finding

Findings = tuple[Finding, ...]
NONE: Findings = ()
MOST = 1000  # findings of one node; what comes after is not looked at
_LONGEST = 120


class Rule(Protocol):
    """One thing to hold of a node. Pure: the same node gives the same findings, with expressions relative to the node."""

    def check(self, node: Any, /) -> Findings:
        """0..* findings."""
        ...


def error(code: str, rule: str, text: str, *, expected: str = "", found: Any = "", at: str = "") -> Findings:
    """One error; `found` is what the sender wrote, shortened."""
    return (Finding("error", code, at, text, rule, expected, shown(found)),)


def warning(code: str, rule: str, text: str, *, expected: str = "", found: Any = "", at: str = "") -> Findings:
    """One warning."""
    return (Finding("warning", code, at, text, rule, expected, shown(found)),)


def below(findings: Findings, step: str) -> Findings:
    """The same findings seen from the parent: `given[1]` below `name[0]` is `name[0].given[1]`."""
    return tuple(
        Finding(f.severity, f.code, joined(step, f.expression), f.text, f.rule, f.expected, f.found, f.line, f.column)
        for f in findings
    )


def joined(step: str, rest: str) -> str:
    """Two parts of a path."""
    return f"{step}.{rest}" if rest else step


def shown(value: Any) -> str:
    """A sent value in short: text as it is, objects and lists by kind only."""
    if isinstance(value, str):
        return value[:_LONGEST]
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return (
        {None: "null", True: "true", False: "false"}[value]
        if value is None or isinstance(value, bool)
        else str(value)[:_LONGEST]
    )
