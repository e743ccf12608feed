"""Search parameters as values (FHIR R4, SearchParameter)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SearchParameter:
    """`type` is number | date | string | token | reference | composite | quantity | uri | special; `targets` 0..* resource types."""

    url: str
    code: str
    type: str
    expression: str = ""
    targets: tuple[str, ...] = ()
    comparators: tuple[str, ...] = ()
    components: tuple[tuple[str, str], ...] = ()


def search_from(facts: Mapping[str, Any]) -> SearchParameter:
    """The facts of a SearchParameter (facts.py) as a SearchParameter."""
    return SearchParameter(
        url=facts["url"],
        code=facts["code"],
        type=facts["type"],
        expression=facts.get("expression", ""),
        targets=tuple(facts.get("target", ())),
        comparators=tuple(facts.get("comparator", ())),
        components=tuple((c[0], c[1]) for c in facts.get("component", ())),
    )
