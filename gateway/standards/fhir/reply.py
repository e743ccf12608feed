"""The answer to a FHIR sender: an OperationOutcome (R4 OperationOutcome; RFC 9110 for the status)."""

from __future__ import annotations

from datetime import datetime

from gateway.errors import GatewayError
from gateway.model.released import Notice
from gateway.model.report import Finding, Report, outcome_of

_TAKEN = Report((Finding("information", "informational", "", "The document was accepted and is on record."),))


def reply(body: bytes, error: GatewayError | None, control_id: str, at: datetime) -> Notice:  # noqa: ARG001 the form of every standard
    """202 and neutral words when `error` is None, else what the error says."""
    if error is None:
        return Notice(_TAKEN.as_outcome(), 202)
    return Notice(outcome_of(error), error.status)
