"""Findings as values: what a validator, a grammar or a map noticed, and its FHIR form (R4 OperationOutcome)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from gateway.errors import GatewayError
from gateway.model.rules import page_of

Severity = Literal["fatal", "error", "warning", "information"]


RULES = "https://ieum-gateway.example/fhir/CodeSystem/rule"
_LINE = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-line"
_COLUMN = "http://hl7.org/fhir/StructureDefinition/operationoutcome-issue-col"
_AUTHORITY = "http://hl7.org/fhir/StructureDefinition/operationoutcome-authority"
_UNSOUND = {
    code: "\N{REPLACEMENT CHARACTER}" for code in range(32) if chr(code) not in "\t\r\n"
}  # R4 datatypes, "string"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing noticed. `code` is a FHIR issue-type, `expression` the element (`Patient.name[0].given[1]`, or `PID-3.1` in v2).

    `rule` names what was broken, `text` says it to people without any value of the record, `expected` and `found` may hold what
    the caller sent and go only into an Echo, never into a log. `line` and `column` are 1-based, 0 when unknown. `source` is the
    canonical address of the profile that has the rule, "" for a rule of the base specification.
    """

    severity: Severity
    code: str
    expression: str
    text: str
    rule: str = ""
    expected: str = ""
    found: str = ""
    line: int = 0
    column: int = 0
    source: str = ""

    @property
    def link(self) -> str:
        """Where the rule can be read: the profile that has it, else the page of the specification, else nothing."""
        return self.source or page_of(self.rule)

    def as_issue(self) -> dict[str, Any]:
        """The R4 OperationOutcome.issue. Line and column are extensions as well, as other validators of FHIR write them."""
        issue: dict[str, Any] = {"severity": self.severity, "code": self.code, "details": {"text": _sound(self.text)}}
        if self.rule.split() == [self.rule]:  # a code, which has no white space
            issue["details"] = {"coding": [{"system": RULES, "code": _sound(self.rule)}], **issue["details"]}
        extras = [("rule", self.rule), ("expected", self.expected), ("found", self.found)]
        if said := "; ".join(f"{name}: {value}" for name, value in extras if value):
            issue["diagnostics"] = _sound(said)
        if self.line:
            issue["location"] = [f"{self.line}:{self.column}"]
        if self.expression:
            issue["expression"] = [_sound(self.expression)]
        extensions = self._extensions()
        return {"extension": extensions, **issue} if extensions else issue

    def _extensions(self) -> list[dict[str, Any]]:
        made: list[dict[str, Any]] = []
        if self.line:
            made += [{"url": _LINE, "valueInteger": self.line}, {"url": _COLUMN, "valueInteger": self.column}]
        if (link := self.link) and not any(sign.isspace() for sign in link):
            made.append({"url": _AUTHORITY, "valueUri": link})
        return made


def _sound(text: str) -> str:
    """As an R4 string, which has no control characters."""
    return text.translate(_UNSOUND)


@dataclass(frozen=True, slots=True)
class Report:
    """0..* findings; joined with `+`, never appended to."""

    findings: tuple[Finding, ...] = ()

    def __add__(self, other: Report) -> Report:
        return Report(self.findings + other.findings)

    @property
    def ok(self) -> bool:
        """No error and nothing fatal."""
        return not any(f.severity in ("error", "fatal") for f in self.findings)

    def as_outcome(self) -> dict[str, Any]:
        """The R4 OperationOutcome; never an empty issue list: without findings one `information` issue says so."""
        return outcome(f.as_issue() for f in self.findings)


ALL_OK: Mapping[str, Any] = {"severity": "information", "code": "informational", "details": {"text": "All OK"}}


def outcome(issues: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Issues to an OperationOutcome; at least one issue."""
    return {"resourceType": "OperationOutcome", "issue": [dict(i) for i in issues] or [dict(ALL_OK)]}


def outcome_of(error: GatewayError) -> dict[str, Any]:
    """What an error says to a FHIR caller."""
    severity: Severity = "fatal" if error.status >= 500 else "error"
    return Report(tuple(Finding(severity, error.issue, place, text) for place, text in error.told())).as_outcome()


class Origin(NamedTuple):
    """Where an output element came from: `source` is a position such as `PID[1]-5[1].1`, `rule` the id of the row that made it."""

    source: str
    rule: str


IGNORED = "ignored: "  # how the reason of a loss begins that a map declares
EXPLICIT_NULL = "explicit null"  # the reason of a loss that is none of a value: the sender says that there is none


class Loss(NamedTuple):
    """A source value that reached no output element. `source` is its position, `reason` why (`no rule`, `ignored: …`)."""

    source: str
    reason: str

    @property
    def counts(self) -> bool:
        """Is a value missing where it went? Not what a map ignores with a reason, nor a null, where no value was."""
        return not self.reason.startswith(IGNORED) and self.reason != EXPLICIT_NULL


@dataclass(frozen=True, slots=True)
class Conversion:
    """What `convert()` gives: content (a Bundle, or bytes of another standard), where each element came from, what was lost."""

    content: Any
    origins: Mapping[str, Origin] = field(default_factory=dict)
    losses: tuple[Loss, ...] = ()
    report: Mapping[str, Any] = field(default_factory=lambda: Report().as_outcome())
