"""Line and column of what a validator found, looked up again only when something was found (FHIR R4, OperationOutcome.issue.location)."""

from __future__ import annotations

from gateway.model.report import Finding

Findings = tuple[Finding, ...]


def located(findings: Findings, body: bytes, inside: str = "") -> Findings:
    """The same findings with line and column in the document they are about; those that have a line keep it.

    `body` is JSON or XML that was read without a refusal; for anything else the findings come back as they are. `inside` leads from
    the root of the document to the resource that was judged (`parameter[0].resource`), where that is not the document itself.
    """
    if not any(finding.line == 0 for finding in findings):
        return findings
    from gateway.validating.positions.place import placed

    return placed(findings, body, inside)


def why(body: bytes) -> Finding:
    """What is wrong with a body that could not be read at all: one fatal finding, with line and column where there is a place."""
    from gateway.validating.positions.refused import refused

    return refused(body)


__all__ = ["located", "why"]
