"""The stage `validate`, at both ends: the document by the rules of its standard, what it became by FHIR R4."""

from __future__ import annotations

from gateway.model.document import Mapped, Parsed
from gateway.model.report import Report
from gateway.standards import standards
from gateway.validating.rulebook import Rulebook, Rules, rules_of


def validate_document(parsed: Parsed) -> Report:
    """The findings on what came in, those of reading it among them. Raises Unsound or Invalid for what an exchange cannot be built on."""
    return standards()[parsed.standard].admit(parsed)


def validate_mapped(mapped: Mapped, rules: Rules | None = None) -> Report:
    """The findings on the resources a document became, by R4 and what the site requires; an error here is a fault of a map or of a
    value it could not place."""
    rules = rules or rules_of(Rulebook())
    found = Report()
    for item in mapped.items:
        found += rules.report(item.resource)
    return found
