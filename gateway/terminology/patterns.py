"""Regular expressions from outside, in linear time (RE2): the `regex` filter of value sets (FHIR R4, ValueSet.compose.include.filter)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module

_LONGEST = 1000  # characters of a pattern
_MEMORY = 1 << 20  # bytes of a compiled pattern


@lru_cache(maxsize=256)
def matcher(pattern: str) -> Callable[[str], bool] | None:
    """A function that says whether a whole text matches, or None when the pattern cannot be used: too long, too great, not RE2."""
    if len(pattern) > _LONGEST:
        return None
    try:
        re2 = import_module("re2")
    except ImportError:
        return None
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error:
        return None
    return lambda text: compiled.fullmatch(text) is not None
