"""Exchanges that do not end at once: what parks one for its losses, the record that it waits by, and how it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from gateway.mapping.gaps import place
from gateway.model.agreement import Agreement
from gateway.model.questions import Exchange, Step, What
from gateway.model.records import Record
from gateway.model.report import Loss

LOSS_BUDGET = "loss-budget"  # the reason of an exchange that lost more than its agreement lets it
PARKED = "parked"  # kind of the generic records by which exchanges wait for an operator
ALLOWED = "loss-allowed"  # kind of the generic records that an operator lets an exchange lose more
PLACES = 20  # of losses that an exchange names


@dataclass(frozen=True, slots=True)
class Again:
    """An exchange that waited goes on under its own `id`, or another try of one that ended; `step` is the first of what is new."""

    id: str
    step: Step | None = None
    phase: Literal["receipt", "replay"] = "receipt"
    replay_of: str = ""
    allowed: int = 0  # values that an operator lets it lose

    def of(self, sheet: Exchange) -> Exchange:
        """The sheet of a new exchange as that of this one."""
        steps = (*sheet.steps, self.step) if self.step is not None else sheet.steps
        return replace(sheet, id=self.id, replay_of=self.replay_of, steps=steps)


def missing(what: What, losses: Sequence[Loss]) -> What:
    """With how many values are lost, and the first few places, without any value."""
    lost = [loss for loss in losses if loss.counts]
    places = dict.fromkeys((*what.lost_at, *(place(loss.source) for loss in lost)))
    return replace(what, lost=what.lost + len(lost), lost_at=tuple(places)[:PLACES])


def over_budget(exchange: Exchange, agreement: Agreement, allowed: int) -> bool:
    """Has it lost more values than its agreement or an operator lets it? An agreement without a budget lets it lose any number."""
    return agreement.loss_budget is not None and exchange.what.lost > max(agreement.loss_budget, allowed)


def allowed_record(exchange_id: str, lost: int, by: str, at: datetime) -> Record:
    """That an operator lets an exchange lose as many values as were seen, and no more."""
    return Record(ALLOWED, exchange_id, {"by": by, "lost": lost}, at)


def allowed_of(record: Record | None) -> int:
    """How many values an exchange may lose by that record; one from before the number was kept allows none."""
    return int(record.value.get("lost", 0)) if record is not None else 0


def parked_record(parked: Exchange) -> Record:
    """By which it waits: each time it is parked another one, so that what was decided about it is decided once."""
    last = parked.steps[-1]
    value = {"exchange": parked.id, "agreement": parked.agreement, "reason": parked.why.reason}
    return Record(PARKED, f"{parked.id} {last.at.isoformat()}", value, last.at)
