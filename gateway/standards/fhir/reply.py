"""The answer to a FHIR sender: an OperationOutcome (R4 OperationOutcome; RFC 9110 for the status)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.errors import GatewayError
from gateway.model.document import Verdict, status_of
from gateway.model.released import Notice
from gateway.model.report import Finding, Report, outcome, outcome_of

_TAKEN = Report((Finding("information", "informational", "", "The document was accepted and is on record."),))


def reply(body: bytes, error: GatewayError | None, control_id: str, at: datetime) -> Notice:  # noqa: ARG001 the form of every standard
    """202 and neutral words when `error` is None, else what the error says."""
    if error is None:
        return Notice(_TAKEN.as_outcome(), 202)
    return Notice(outcome_of(error), error.status)


def reply_all(body: bytes, verdicts: Sequence[Verdict], found: Report, control_id: str, at: datetime) -> Notice:  # noqa: ARG001 the form of every standard
    """1..* issues: at least one for each document of a batch (`message[2]`), and what was found about the batch itself.

    202 when everything is on record; else by `joint_status`.
    """
    told = (issue for one in verdicts for issue in _issues(one))
    return Notice(outcome([*told, *(finding.as_issue() for finding in found.findings)]), status_of(verdicts) or 202)


def _issues(verdict: Verdict) -> Iterator[Mapping[str, Any]]:
    here = f"message[{verdict.number}]"
    if verdict.error is None:
        exchanges = ", ".join(sorted(f"{agreement} {id}" for id, agreement in verdict.exchanges))
        said = f"received: {verdict.received}; exchanges: {exchanges}"
        yield {**_TAKEN.findings[0].as_issue(), "diagnostics": said, "expression": [here]}
        return
    for issue in outcome_of(verdict.error)["issue"]:
        yield {**issue, "expression": [".".join((here, *issue.get("expression", ())))]}
