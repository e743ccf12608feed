"""Deliveries: what is due is asked again, released, rendered, sent, and its outcome recorded (commits B and C of ARCHITECTURE.md)."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from gateway.errors import (
    Conflict,
    Defect,
    GatewayError,
    GiveUp,
    InDoubt,
    Misconfigured,
    TryLater,
    Unavailable,
    Undeliverable,
)
from gateway.mapping.overlay import layers
from gateway.model.agreement import Agreement, Endpoint, Participant
from gateway.model.dispatch import Dispatch
from gateway.model.document import Item, PersonKey
from gateway.model.questions import Decision, Exchange, Status, Step
from gateway.model.records import (
    ExchangeAnew,
    ExchangeChange,
    Lease,
    OutboxDone,
    OutboxHeld,
    OutboxRetry,
    Record,
    Unit,
)
from gateway.model.wire import read_json
from gateway.pipeline.again import ALLOWED, LOSS_BUDGET, allowed_of, missing, over_budget
from gateway.pipeline.node import Node
from gateway.pipeline.onfile import REPORTED, about, on_file
from gateway.site import in_force
from gateway.stages.decide import Asked, decide_items, labelled
from gateway.stages.deliver import Rendered, accept, render
from gateway.stages.record import decision_row, fact_of, gist, item_from, what_of
from gateway.stages.release import release

_log = structlog.get_logger("gateway.delivery")


@dataclass(frozen=True, slots=True)
class Ready:
    """A delivery that may go: what to send and where; `before` must be durable first (empty when the first intent covers it)."""

    exchange: Exchange
    decision: Decision
    rendered: Rendered
    endpoint: Endpoint
    before: Unit
    agreement: Agreement


@dataclass(frozen=True, slots=True)
class Over:
    """A delivery that ends here, with the unit that says so."""

    unit: Unit


def reconsider(node: Node, lease: Lease) -> Ready | Over:
    """Asks agreement and consent again, with what holds now."""
    exchange = node.store.exchange(lease.entry.exchange)
    if exchange is None:
        raise Defect("An outbox entry without its exchange.")
    if exchange.steps[-1].outcome == _BEGUN:
        raise InDoubt
    kept = read_json(node.keyring.open(lease.entry.payload))
    lost, places = kept.get("lost", 0), kept.get("lostAt", ())  # not there before losses were counted
    exchange = replace(exchange, what=replace(exchange.what, lost=lost, lost_at=tuple(places)))
    agreement = node.site.agreements.get(exchange.agreement)
    at = node.clock()
    if agreement is None or agreement.state != "active" or not in_force(node.site_now(), agreement, node.day(at)):
        return Over(_ended(node, _nothing_left(exchange), lease, "withheld", "agreement-ended"))
    if exchange.whom.person is None:
        raise Defect("An outbox entry about nobody.")
    person = node.store.survivor(exchange.whom.person)
    items = about([item_from(row) for row in kept["items"]], exchange.whom.person, person)
    decision = _decide(node, exchange, agreement, items, person, kept["birthDate"])
    if decision.decision == "deny":
        rows = decision_row(exchange.id, "delivery", decision, at, node.site.revision, node.keyring, node.ids)
        told = replace(exchange, what=what_of(exchange.what, decision, items, node.keyring.digest))
        return Over(_ended(node, told, lease, "withheld", decision.reason) + rows)
    return _ready(node, exchange, lease, agreement, items, decision, kept["answer"])


def _nothing_left(exchange: Exchange) -> Exchange:
    """What was to be released at receipt and never was counts as withheld."""
    what = exchange.what
    return replace(exchange, what=replace(what, released=(), withheld=what.withheld + len(what.released)))


def _decide(
    node: Node, exchange: Exchange, agreement: Agreement, items: Sequence[Item], person: PersonKey, birth_date: str
) -> Decision:
    known = on_file(node, person, birth_date, items, agreement)
    marked = labelled(items, node.site, known.known_labels)
    recipient, received = node.participant(agreement.recipient), exchange.when.received
    asked = Asked(agreement, recipient, "push", exchange.how.standard, node.clock(), received)
    return decide_items(marked, asked, node.site, known)


def _ready(
    node: Node,
    exchange: Exchange,
    lease: Lease,
    agreement: Agreement,
    items: Sequence[Item],
    decision: Decision,
    first: Mapping[str, Any],
) -> Ready | Over:
    recipient = node.participant(agreement.recipient)
    released = release(items, decision, recipient.id, node.site, node.keyring.rekey)
    at = node.clock()
    anew = replace(
        exchange,
        when=replace(exchange.when, released=at),
        what=what_of(exchange.what, decision, items, node.keyring.digest),
        why=replace(exchange.why, reason=decision.reason),
        how=replace(exchange.how, obligations=decision.obligations),
        steps=(*exchange.steps, Step("decide", at, decision.decision, decision.reason), Step("release", at)),
    )
    same = gist(decision) == first
    before = Unit() if same else _changed(node, anew, lease, decision, at)
    rendered = render(released, _dispatch(node, exchange, agreement, recipient))
    anew = replace(anew, what=missing(anew.what, rendered.losses))
    if over_budget(anew, agreement, allowed_of(node.store.record(ALLOWED, exchange.id))):
        return Over(_parked(node, replace(exchange, what=missing(exchange.what, rendered.losses)), lease, LOSS_BUDGET))
    if agreement.interaction not in _IDEMPOTENT:
        before += _begun(exchange, lease, at)
    endpoint = recipient.endpoints[agreement.endpoint]
    return Ready(anew, decision, rendered, endpoint, before, agreement)


def _dispatch(node: Node, exchange: Exchange, agreement: Agreement, recipient: Participant) -> Dispatch:
    overlays = layers(node.site.root / "mappings", "", recipient.id)
    operator, trigger = node.participant(node.site.id), exchange.what.trigger
    return Dispatch(exchange.id, exchange.when.received, trigger, agreement, operator, recipient, overlays)


def _changed(node: Node, exchange: Exchange, lease: Lease, decision: Decision, at: datetime) -> Unit:
    """Commit B: the decision is not the one of the receipt, so it and its intent are made durable before anything leaves."""
    rows = decision_row(exchange.id, "delivery", decision, at, node.site.revision, node.keyring, node.ids)
    held = OutboxHeld(lease.entry.id, lease.entry.token)
    return rows + Unit((fact_of(exchange, "intent", "pending", at, node.ids),), (held,))


def _begun(exchange: Exchange, lease: Lease, at: datetime) -> Unit:
    """That sending begins. Whoever finds this as the last step cannot know whether it arrived; a lease that has passed on cannot say it."""
    steps = (*exchange.steps, Step("deliver", at, _BEGUN))
    return Unit((), (ExchangeChange(exchange.id, {"steps": steps}), OutboxHeld(lease.entry.id, lease.entry.token)))


async def send(node: Node, ready: Ready) -> None:
    """Over the endpoint's transport, well within the lease. Raises what is Undeliverable."""
    transport = node.transports[ready.endpoint.transport]
    try:
        async with asyncio.timeout(node.pace.lease * _OF_LEASE):
            answer = await transport.send(ready.endpoint, ready.rendered.body, ready.rendered.headers)
        accept(ready.rendered, answer, ready.agreement)
    except TimeoutError:
        raise InDoubt from None


def delivered(node: Node, ready: Ready, lease: Lease) -> Unit:
    """Commit C of a success."""
    at = node.clock()
    done = replace(
        ready.exchange, status="delivered", when=replace(ready.exchange.when, delivered=at),
        steps=(*ready.exchange.steps, Step("deliver", at)),
    )  # fmt: skip
    fact = fact_of(done, "outcome", "delivered", at, node.ids)
    reported = tuple(
        Record(REPORTED, f"{done.agreement}:{item['reference']}", {"rules": item["reportRule"]}, at)
        for item in ready.decision.request.what
        if item.get("reportRule") and item["reference"] in ready.decision.released
    )
    return Unit((fact, *reported), (ExchangeAnew(done), OutboxDone(lease.entry.id, lease.entry.token)))


def undelivered(node: Node, exchange: Exchange, lease: Lease, error: GatewayError) -> Unit:
    """Commit C of a failure: tried again with back-off, given up when the recipient will never take it or time is over.

    What may have arrived is tried again only where that has no second effect.
    """
    at = node.clock()
    if lease.entry.kind == "index":  # the exchange is kept all the same; only reading it waits
        later = None if isinstance(error, Defect) else at + timedelta(seconds=_pause(node, lease.entry.attempts))
        return Unit((), (OutboxRetry(lease.entry.id, lease.entry.token, later, type(error).__name__),))
    too_old = (at - exchange.when.received).total_seconds() > node.pace.give_up_after
    again = isinstance(error, TryLater) or (isinstance(error, InDoubt) and _idempotent(node, exchange))
    if again and not too_old:
        later = at + timedelta(seconds=_pause(node, lease.entry.attempts))
        kind = type(error).__name__
        waiting = replace(exchange, status="pending", steps=_noted(exchange, at, kind))
        return Unit((), (ExchangeAnew(waiting), OutboxRetry(lease.entry.id, lease.entry.token, later, kind)))
    if isinstance(error, Defect | TryLater | InDoubt):
        return _parked(node, exchange, lease, type(error).__name__)
    return _ended(node, exchange, lease, "failed", type(error).__name__)


def _idempotent(node: Node, exchange: Exchange) -> bool:
    agreement = node.site.agreements.get(exchange.agreement)
    return agreement is not None and agreement.interaction in _IDEMPOTENT


def _parked(node: Node, exchange: Exchange, lease: Lease, kind: str) -> Unit:
    """Nothing is thrown away: the entry stays at the head of its lane until a person has seen to it."""
    at = node.clock()
    reason = replace(exchange.why, reason=kind)
    parked = replace(exchange, status="parked", why=reason, steps=_noted(exchange, at, kind))
    fact = fact_of(parked, "outcome", "parked", at, node.ids)
    _log.warning("parked", exchange=parked.id, agreement=parked.agreement, reason=kind, lost=parked.what.lost)
    return Unit((fact,), (ExchangeAnew(parked), OutboxRetry(lease.entry.id, lease.entry.token, None, kind)))


_MAX_STEPS = 40
_BEGUN = "begun"  # how the step of a delivery ends that could not be sent twice
_OF_LEASE = 0.6  # of a lease's time a delivery may take
_IDEMPOTENT = ("transaction",)  # sent again, these have no second effect


def _noted(exchange: Exchange, at: datetime, kind: str) -> tuple[Step, ...]:
    """The steps with this attempt; a long outage does not make a long row."""
    steps = (*exchange.steps, Step("deliver", at, "failed", kind))
    return steps if len(steps) <= _MAX_STEPS else (*steps[: _MAX_STEPS // 2], *steps[-_MAX_STEPS // 2 :])


def _pause(node: Node, attempts: int) -> float:
    """Exponential back-off with jitter, in seconds."""
    most = min(node.pace.backoff_most, node.pace.backoff_first * 2 ** min(attempts, 30))
    return float(most * random.uniform(0.5, 1.0))


def _ended(node: Node, exchange: Exchange, lease: Lease, status: Status, reason: str) -> Unit:
    at = node.clock()
    over = replace(
        exchange, status=status, why=replace(exchange.why, reason=reason),
        steps=(*exchange.steps, Step("deliver", at, status, reason)),
    )  # fmt: skip
    fact = fact_of(over, "outcome", status, at, node.ids)
    return Unit((fact,), (ExchangeAnew(over), OutboxDone(lease.entry.id, lease.entry.token)))


def stuck(error: Exception) -> GatewayError:
    """What a failure of a delivery counts as: what is away or misconfigured here is tried again, a defect parks its lane to be seen."""
    if isinstance(error, Unavailable | Misconfigured | Conflict):
        return TryLater(error.text)
    if isinstance(error, Undeliverable):
        return error
    if isinstance(error, GatewayError) and not isinstance(error, Defect):
        return GiveUp(error.text)
    _log.error("defect in a delivery", kind=type(error).__name__, positions=getattr(error, "positions", ()))
    return Defect()


__all__ = ["Over", "Ready", "delivered", "reconsider", "send", "stuck", "undelivered"]
