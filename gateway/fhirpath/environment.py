"""What an expression is evaluated in: %resource, %rootResource, further variables, the ports to terminology and references, the budget.

FHIRPath 2.0, 9; FHIR R4, fhirpath.html "variables". Without ports nothing is known: `resolve()` and `memberOf()` are empty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from gateway.fhirpath.failures import NotEvaluated, TooCostly
from gateway.fhirpath.node import Node
from gateway.fhirpath.quantity import Units

STEPS = 200_000
MOST_LONG = 1_000_000  # characters of one text
_NOTHING: Mapping[str, Any] = {}


class NoUnits:
    """Nothing is known of UCUM: only equal codes can be compared."""

    def canonical(self, _value: Decimal, _code: str) -> tuple[Decimal, str] | None:
        """None."""
        return None


_NO_UNITS = NoUnits()


def _none(*_given: Any) -> None:
    return None


def _yes(_div: str) -> bool:
    return True


class Purse:
    """The steps that all evaluations about one document have together."""

    __slots__ = ("left",)

    def __init__(self, steps: int) -> None:
        self.left = steps


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Environment:
    """`resource` is %resource, `root` %rootResource (%resource when not given).

    `variables` values are nodes, system values (bool, int, Decimal, str, Date, DateTime, Time, Quantity) or lists of them.
    Ports: `resolve` turns a reference into 0..1 node; `member_of` and `conforms_to` take a node or text and a canonical address and
    say yes, no or None for unknown; `subsumes` takes two nodes; `html` judges the text of a narrative. `now` is the time of
    evaluation (the clock when None); `steps` the budget of one evaluation, `purse` that of all about a document.
    """

    resource: Node | None = None
    root: Node | None = None
    variables: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    resolve: Callable[[str], Node | None] = _none
    member_of: Callable[[Any, str], bool | None] = _none
    conforms_to: Callable[[Any, str], bool | None] = _none
    subsumes: Callable[[Any, Any], bool | None] = _none
    html: Callable[[str], bool] = _yes
    units: Units = _NO_UNITS
    now: datetime | None = None
    steps: int = STEPS
    purse: Purse | None = None
    trace: Callable[[str, list[Any]], None] = _none


class State:
    """One evaluation: the budget that is left, `$index` and `$total`, what was kept, and variables defined on the way."""

    __slots__ = ("env", "focus", "index", "kept", "named", "now", "steps", "total")

    def __init__(self, env: Environment, focus: Any) -> None:
        self.env = env
        self.focus = focus
        self.steps = env.steps if env.purse is None else min(env.steps, env.purse.left)
        self.index = 0
        self.total: list[Any] = []
        self.kept: dict[int, list[Any]] = {}
        self.named: dict[str, list[Any]] = {}
        self.now: datetime | None = None

    def spend(self, steps: int) -> None:
        """Raises TooCostly when the budget is used up."""
        self.steps -= steps
        if self.steps < 0:
            raise TooCostly

    def text(self, made: str) -> str:
        """A text that was made, paid for by its length. Raises TooCostly."""
        if len(made) > MOST_LONG:
            raise TooCostly
        self.spend(1 + (len(made) >> 6))
        return made

    def moment(self) -> datetime:
        """The time of this evaluation, the same on every call (5.9)."""
        if self.now is None:
            self.now = self.env.now or datetime.now(UTC).astimezone()
        if self.now.tzinfo is None:
            raise NotEvaluated("The time of evaluation has no time zone.")
        return self.now
