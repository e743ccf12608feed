"""Exchanges that do not end at once: what parks one for its losses, the record that it waits by, and how it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    over_budget: bool = False

    def of(self, sheet: Exchange) -> Exchange:
        """The sheet of a new exchange as that of this one."""
        steps = (*sheet.steps, self.step) if self.step is not None else sheet.steps
        return replace(sheet, id=self.id, replay_of=self.replay_of, steps=steps)


def missing(what: What, losses: Sequence[Loss]) -> What:
    """With how many values are lost, and the first few places, without any value."""
    lost = [loss for loss in losses if loss.counts]
    places = dict.fromkeys((*what.lost_at, *(place(loss.source) for loss in lost)))
    return replace(what, lost=what.lost + len(lost), lost_at=tuple(places)[:PLACES])


def over_budget(exchange: Exchange, agreement: Agreement) -> bool:
    """Has it lost more values than its agreement lets it? An agreement without a budget lets it lose any number."""
    return agreement.loss_budget is not None and exchange.what.lost > agreement.loss_budget


def parked_record(parked: Exchange) -> Record:
    """By which it waits: each time it is parked another one, so that what was decided about it is decided once."""
    last = parked.steps[-1]
    value = {"exchange": parked.id, "agreement": parked.agreement, "reason": parked.why.reason}
    return Record(PARKED, f"{parked.id} {last.at.isoformat()}", value, last.at)
