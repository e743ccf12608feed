"""Rows by the shape of what is there: which of them can do something, and what is left of each, is worked out once for each shape.

Of the forty fields that the map of a segment reads, a message fills ten. A shape says which fields, components and subcomponents hold
something, never what. All that depends on it alone (does a path lead anywhere, is a field empty, how many repetitions are there) is
settled when a shape is first met; what depends on values is asked each time. A plan holds rows of maps, nothing of a document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import IntFlag
from functools import reduce
from operator import or_
from typing import Protocol

from gateway.mapping.scope import Scope

NOTHING, CONSTANT, SOURCED = 0, 1, 2
Run = Callable[[Scope], int]
_MOST = 256


class Asks(IntFlag):
    """Whose shape an answer depends on: that of the map's node, of the current node, of the document (which names are there)."""

    NOBODY = 0
    OWN = 1
    HERE = 2
    OTHERS = 4

    @classmethod
    def of(cls, parts: Iterable[Asking]) -> Asks:
        """What several depend on together."""
        return reduce(or_, (part.asks for part in parts), cls.NOBODY)


class Asking(Protocol):
    """What answers by shapes: a path, a condition, a row."""

    @property
    def asks(self) -> Asks:
        """Whose."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """`run` does it and says how much came of it: nothing, a constant, something of the source.

    `left` gives what is left of the row for everything that is shaped as where the scope stands, None when it can do nothing there; it
    asks only for the shapes named in `asks`. `fixed`: nothing of the source can come of it.
    """

    run: Run
    left: Callable[[Scope], Row | None]
    asks: Asks = Asks.NOBODY
    fixed: bool = False


class Rows:
    """Rows in their order, with the plans that were made of them."""

    __slots__ = ("_here", "_others", "_own", "_plans", "asks", "rows")

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows = tuple(rows)
        self.asks = Asks.of(self.rows)
        self._own, self._here, self._others = (kind in self.asks for kind in (Asks.OWN, Asks.HERE, Asks.OTHERS))
        self._plans: dict[tuple[str, str, str], tuple[Row, ...]] = {}

    def able(self, scope: Scope) -> tuple[Row, ...]:
        """What is left of the rows where the scope stands; all of them where a node does not tell its shape."""
        own, here = scope.top.shape, scope.node.shape
        if own is None or here is None:
            return self.rows
        key = (
            own if self._own else "",
            here if self._here else "",
            (scope.run.source.shape or "") if self._others else "",
        )
        plan = self._plans.get(key)
        return self._planned(key, scope) if plan is None else plan

    def _planned(self, key: tuple[str, str, str], scope: Scope) -> tuple[Row, ...]:
        plan = tuple(left for row in self.rows if (left := row.left(scope)) is not None)
        if len(self._plans) >= _MOST:  # what is common comes again at once
            self._plans.clear()
        self._plans[key] = plan
        return plan

    def run(self, scope: Scope) -> int:
        """All rows where the scope stands."""
        return ran(self.able(scope), scope)


def ran(rows: Iterable[Row], scope: Scope) -> int:
    """These rows in their order; the most that came of one."""
    done = NOTHING
    for row in rows:
        if (one := row.run(scope)) > done:
            done = one
    return done
