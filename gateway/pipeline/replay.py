"""An operator lets an exchange go on, tries one again that has ended, or gives it up: on record, with a reason, by one of them only.

Agreement and consent are asked again (ARCHITECTURE.md, promise 5). What was mapped is not kept before it is decided, so the document is
walked again from its bytes, by the maps of today; a delivery that stands at the head of its lane is only tried again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.errors import Conflict, Invalid, NotFound
from gateway.mapping.ids import keyed_id
from gateway.model.agreement import Agreement
from gateway.model.document import Principal
from gateway.model.questions import Exchange, Step, What
from gateway.model.records import (
    AuditFact,
    ExchangeAnew,
    OutboxDone,
    OutboxEntry,
    OutboxRetry,
    RecordGone,
    Unit,
)
from gateway.pipeline.acts import act
from gateway.pipeline.again import LOSS_BUDGET, PARKED, Again, allowed_record, parked_record
from gateway.pipeline.node import Node
from gateway.pipeline.outcome import outcome
from gateway.pipeline.resume import anew, ended, prepared_again, whose_is
from gateway.site import agreements_for
from gateway.stages.record import fact_of

LOSS, ORDER = "loss", "order"  # what an operator may allow: more loss than the budget, old content after newer
GIVEN_UP = "given-up"
MOST_SAID = 500  # characters of a reason
ALLOWABLE = (LOSS, ORDER)
_ENDED = ("delivered", "withheld", "failed", "refused")
_TAKEN_UP = ("pending", "delivered", "kept")


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator wants and why. `allowed`: LOSS, ORDER."""

    by: Principal
    reason: str
    allowed: frozenset[str] = frozenset()


def wish_of(by: Principal, reason: Any, allow: Any) -> Wish:
    """What was said, checked. Raises Invalid without a reason of one line, and for something that cannot be allowed."""
    said = reason.strip() if isinstance(reason, str) else ""
    if not 0 < len(said) <= MOST_SAID or not said.isprintable():
        raise Invalid(f"A reason of one line is needed, of at most {MOST_SAID} characters.", "reason")
    if not isinstance(allow, list) or any(one not in ALLOWABLE for one in allow):
        raise Invalid(f"What may be allowed is {' and '.join(ALLOWABLE)}.", "allow")
    return Wish(by, said, frozenset(allow))


def replayed(node: Node, exchange_id: str, wish: Wish) -> tuple[Exchange, Unit]:
    """The exchange that goes on (a parked one: itself; an ended one: a new one) and the unit that makes it do so.

    Raises NotFound, and Conflict for one that is on its way, waits for an identity, has no agreement or document, would lose more
    than its budget, or is older than what has gone to its recipient since; the last two unless they are allowed. Conflict as well for
    a document whose identifiers do not lead to its person any more, and for a second try for the same reason.
    """
    exchange = _found(node, exchange_id)
    entries = node.store.outbox(exchange.id)
    if exchange.status != "parked" and (exchange.status not in _ENDED or entries):
        raise Conflict("This exchange has not ended and does not wait for an operator.")
    if not exchange.agreement or exchange.whom.person is None:
        raise Conflict("This exchange has no agreement or no person; the document has to come again.")
    if exchange.why.reason == LOSS_BUDGET and LOSS not in wish.allowed:
        raise Conflict("It lost more than its agreement allows; going on has to allow the loss.")
    if ORDER not in wish.allowed and not entries and _newer(node, exchange):
        raise Conflict("Something newer about this person has gone to this recipient; going on has to allow the order.")
    made, unit = _tried_again(node, exchange, entries[0]) if entries else _walked_again(node, exchange, wish)
    if LOSS in wish.allowed:
        unit += Unit((allowed_record(made.id, exchange.what.lost, _who(wish), node.clock()),))
    return made, unit + Unit((_fact(node, made, wish, "replay"),))


def given_up(node: Node, exchange_id: str, wish: Wish) -> tuple[Exchange, Unit]:
    """A parked exchange ended, with what waited in its lane. Raises NotFound, Conflict when it is not parked or waits for an identity."""
    exchange = _found(node, exchange_id)
    if exchange.status != "parked" or exchange.whom.person is None:
        raise Conflict("This exchange does not wait for an operator.")
    at = node.clock()
    step = Step("replay", at, "failed", GIVEN_UP)
    over = replace(exchange, status="failed", why=replace(exchange.why, reason=GIVEN_UP), steps=(*exchange.steps, step))
    entries = node.store.outbox(exchange.id)
    done = Unit((), tuple(OutboxDone(entry.id, entry.token) for entry in entries))
    facts = (fact_of(over, "outcome", "failed", at, node.ids), _fact(node, over, wish, "give-up"))
    return over, Unit(facts, (ExchangeAnew(over),)) + (done if entries else _taken(exchange))


def _found(node: Node, exchange_id: str) -> Exchange:
    exchange = node.store.exchange(exchange_id)
    if exchange is None:
        raise NotFound
    return exchange


def _newer(node: Node, exchange: Exchange) -> bool:
    """Has anything that was received later gone the same way or been kept, or is about to?"""
    where = {
        "whom_person": str(exchange.whom.person), "whom_recipient": exchange.whom.recipient,
        "agreement": exchange.agreement, "when_received_from": exchange.when.received.isoformat(),
    }  # fmt: skip
    since = (one for status in _TAKEN_UP for one in node.store.exchanges({**where, "status": status}, 2))
    return any(one.id != exchange.id and one.when.received > exchange.when.received for one in since)


def _tried_again(node: Node, exchange: Exchange, entry: OutboxEntry) -> tuple[Exchange, Unit]:
    """The delivery at the head of its lane is due now; agreement and consent are asked there."""
    at = node.clock()
    waiting = replace(exchange, status="pending", steps=(*exchange.steps, Step("replay", at)))
    return waiting, Unit((), (ExchangeAnew(waiting), OutboxRetry(entry.id, entry.token, at, "")))


def _walked_again(node: Node, exchange: Exchange, wish: Wish) -> tuple[Exchange, Unit]:
    row = node.store.received(exchange.received_id)
    if row is None:
        raise Conflict("The document of this exchange is not kept; it has to come again.")
    assert exchange.whom.person is not None  # noqa: S101 asked before
    goes_on = exchange.status == "parked"
    again = Again(
        exchange.id if goes_on else _another(node, exchange, wish), Step("replay", node.clock()), "replay",
        exchange.replay_of if goes_on else exchange.id, exchange.what.lost if LOSS in wish.allowed else 0,
    )  # fmt: skip
    person = node.store.survivor(exchange.whom.person)
    received, prepared = prepared_again(node, row)
    whose = whose_is(node, received, prepared, person)
    if set(whose.known.persons.values()) != {person}:
        raise Conflict("The identifiers of this document do not lead to its person any more; it has to come again.")
    agreement = _agreement(node, exchange, prepared.parsed.trigger, node.clock())
    if agreement is None:
        made, unit = ended(node, _blank(exchange, again), person)
    else:
        made, unit = outcome(node, received, prepared, whose, agreement, again)
    return made, anew(unit) + _taken(exchange) if goes_on else unit


def _another(node: Node, exchange: Exchange, wish: Wish) -> str:
    """The id of another try: one for each reason, so that of two at once the store takes one."""
    id = keyed_id(node.keyring.id_key, exchange.id, "replay", [wish.reason])
    if node.store.exchange(id) is not None:
        raise Conflict(
            "This exchange was tried again for the same reason already; another try has a reason of its own."
        )
    return id


def _blank(exchange: Exchange, again: Again) -> Exchange:
    """The sheet as it was before anything was decided."""
    when = replace(exchange.when, decided=None, released=None, delivered=None)
    return replace(again.of(exchange), what=What(exchange.what.trigger), when=when)


def _agreement(node: Node, exchange: Exchange, trigger: str, at: datetime) -> Agreement | None:
    """The exchange's own, when it is in force today for this sender and trigger."""
    there: Sequence[Agreement] = agreements_for(node.site, exchange.who.participant, trigger, node.day(at))
    return next((one for one in there if one.id == exchange.agreement), None)


def _taken(parked: Exchange) -> Unit:
    """Fails the unit when somebody else has decided about it meanwhile."""
    return Unit((), (RecordGone(PARKED, parked_record(parked).key),))


def _fact(node: Node, exchange: Exchange, wish: Wish, what: str) -> AuditFact:
    told = {
        "operator": what, "allowed": sorted(wish.allowed), "lost": exchange.what.lost, "replay_of": exchange.replay_of,
    }  # fmt: skip
    return act(
        node, wish.by, what, told, person=exchange.whom.person, exchange=exchange.id, why={"reason": wish.reason},
        agreement=exchange.agreement,
    )  # fmt: skip


def _who(wish: Wish) -> str:
    return "/".join(part for part in (wish.by.participant, wish.by.client, wish.by.user) if part)
