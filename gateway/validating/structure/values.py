"""When two values are the same, and when one contains a pattern (FHIR R4, ElementDefinition.fixed[x] and pattern[x])."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def same(value: Any, fixed: Any) -> bool:
    """Exactly equal, decimals with their precision, objects in any order of members."""
    if isinstance(fixed, Mapping):
        return (
            isinstance(value, Mapping) and value.keys() == fixed.keys() and all(same(value[k], fixed[k]) for k in fixed)
        )
    if isinstance(fixed, list):
        return isinstance(value, list) and len(value) == len(fixed) and all(map(same, value, fixed))
    if isinstance(fixed, bool) or isinstance(value, bool):
        return value is fixed
    return bool(value == fixed) and repr(value) == repr(fixed)


def contains(value: Any, pattern: Any) -> bool:
    """Everything in the pattern is in the value; each item of a list in the pattern matches some item of the value's list."""
    if isinstance(pattern, Mapping):
        return isinstance(value, Mapping) and all(k in value and contains(value[k], pattern[k]) for k in pattern)
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(contains(item, wanted) for item in value) for wanted in pattern)
    return same(value, pattern)
