"""Where the rule that a finding names is explained: the page of the FHIR R4 specification, as data (`rules.json`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any


@cache
def _pages() -> Mapping[str, Any]:
    from gateway.model.wire import read_json  # here, because a finding is made without it

    made: dict[str, Any] = read_json((Path(__file__).parent / "rules.json").read_bytes())
    return made


@lru_cache(maxsize=1024)
def page_of(rule: str) -> str:
    """The address of the page for a rule id (`pat-1`, `cardinality-min`), or "" for a rule that the specification does not have."""
    pages = _pages()
    family, _, rest = rule.partition("-")
    number = rest.rstrip("abcdefghijklmnopqrstuvwxyz")
    if family in pages["invariants"] and number.isdigit():
        return f"{pages['at']}{pages['invariants'][family]}#{rule}"
    page = pages["rules"].get(rule) or pages["families"].get(family, "")
    return f"{pages['at']}{page}" if page else ""
