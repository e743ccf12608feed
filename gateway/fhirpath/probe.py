"""Which members an invariant looks at before it holds: it is evaluated on an object without any, and what it asks for is noted.

What was not asked for cannot change the outcome: with none of the members asked for, the same steps lead to the same answer. An
expression that looks at anything else (all children, %resource, the clock, a port) tells nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.fhirpath.environment import Environment


class Unforeseen(Exception):
    """The expression depends on more than single members of its focus."""


class Bare(Mapping[str, Any]):
    """A JSON object that has nothing, and notes what is asked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        self.asked.add(key)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        self.asked.add(str(key))
        return False

    def get(self, key: str, default: Any = None) -> Any:
        """The default, noted."""
        self.asked.add(key)
        return default

    def __iter__(self) -> Iterator[str]:
        raise Unforeseen

    def __len__(self) -> int:
        raise Unforeseen

    def __bool__(self) -> bool:
        raise Unforeseen


class Unseen(Environment):
    """An environment that nothing may be asked of but the budget."""

    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        if name in ("steps", "purse", "trace"):
            return object.__getattribute__(self, name)
        raise Unforeseen
