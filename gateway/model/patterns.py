"""Regular expressions from outside, in linear time whatever the pattern (RE2): of invariants, value sets, profiles and questionnaires."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import Any

_LONGEST = 4_000  # characters of a pattern
_MEMORY = 8 << 20  # bytes of a compiled pattern


class Unreadable(ValueError):
    """A pattern that is wrong, too long, too great, or of a kind that is not linear."""


@lru_cache(maxsize=512)
def compiled(pattern: str, *, dot_all: bool = False) -> Any:
    """A pattern of RE2; with `dot_all` a dot stands for a line break as well. Raises Unreadable."""
    if len(pattern) > _LONGEST:
        raise Unreadable("too long")
    re2 = import_module("re2")  # here, because most documents need no pattern
    options = re2.Options()
    options.dot_nl = dot_all
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        raise Unreadable("wrong") from error


def matcher(pattern: str) -> Callable[[str], bool] | None:
    """A function that says whether a whole text matches, or None when the pattern cannot be used."""
    try:
        fullmatch = compiled(pattern).fullmatch
    except Unreadable:
        return None
    return lambda text: fullmatch(text) is not None
