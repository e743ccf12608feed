"""The stage `validate`, at both ends: the document by the rules of its standard, what it became by the FHIR R4 core."""

from __future__ import annotations

from functools import lru_cache

from gateway.model.document import Mapped, Parsed
from gateway.model.report import Report
from gateway.standards import standards
from gateway.validating import Validator


def validate_document(parsed: Parsed) -> Report:
    """The findings on what came in. Raises Unsound or Invalid for what an exchange cannot be built on."""
    return parsed.report + standards()[parsed.standard].admit(parsed)


def validate_mapped(mapped: Mapped) -> Report:
    """The findings on the resources a document became; an error here is a fault of a map or of a value it could not place."""
    found = Report()
    for item in mapped.items:
        found += _validator().report(item.resource)
    return found


@lru_cache(maxsize=1)
def _validator() -> Validator:
    return Validator()
