"""A push through the line, from bytes to the unit that is committed before the sender hears anything (commit A of ARCHITECTURE.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from gateway.errors import Conflict, Defect, GatewayError, Invalid, NotAgreed, Unavailable
from gateway.mapping.gaps import gaps
from gateway.model.agreement import Agreement
from gateway.model.document import Received, Written
from gateway.model.questions import Exchange, How, Step, What, When, Where, Who, Whom, Why
from gateway.model.records import AuditFact, GapCount, Put, ReceivedRecord, Unit
from gateway.pipeline.node import Node
from gateway.pipeline.outcome import DEFECT, broken, outcome
from gateway.pipeline.person import Whose, identified, waiting
from gateway.pipeline.prepare import Prepared, context_of, prepare
from gateway.pipeline.writing import Target, again, only_created_before, stated, targets_of, written
from gateway.site import agreements_for
from gateway.stages.receive import digest_of, receive
from gateway.stages.record import fact_of

_log = structlog.get_logger("gateway.line")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the sender may know: what it sent is on record, under which agreements; or why it is not (an error of its own)."""

    received: str
    exchanges: tuple[tuple[str, str], ...] = ()  # (exchange id, agreement id)
    error: GatewayError | None = None
    echo: Mapping[str, Any] | None = None  # a dry run only: made of the sender's own document
    written: tuple[Written, ...] = ()  # what became of the writes that the document is


@dataclass(frozen=True, slots=True)
class Settled:
    """A receipt and the unit that must be durable before it is given."""

    receipt: Receipt
    unit: Unit


Ready = Callable[[], Prepared]


def push(node: Node, received: Received, ready: Ready | None = None) -> Settled:
    """One document of a known caller, settled. Raises only what is Unavailable: everything else is on record in the unit.

    `ready` gives what was prepared elsewhere, or raises what that raised.
    """
    first = None if received.dry_run else _first(node, received, digest_of(received, node.keyring))
    mark = f"again:{received.id}:" if first is not None else ""
    prepared = None
    try:
        targets = targets_of(node, received)
        if first is not None and (first.control_id or only_created_before(targets)):
            exchanges = node.store.exchanges({"received_id": first.id}, 100)
            known = tuple((e.id, e.agreement) for e in exchanges)
            return Settled(Receipt(first.id, known, written=again(targets)), Unit())
        prepared = ready() if ready else prepared_here(node, received)
        return _settled(node, received, prepared, targets, mark)
    except Unavailable:
        raise
    except GatewayError as error:
        return _refused(node, received, error, prepared)
    except Exception as error:  # the journal: a crash is on record like a refusal, and says nothing of the document
        _log.error("defect in the line", received=received.id, kind=type(error).__name__)
        return _refused(node, received, Defect(), prepared)


def _first(node: Node, received: Received, digest: str) -> ReceivedRecord | None:
    """The first copy of the same bytes. One that carries an identity of its own (MSH-10, Bundle.identifier) is not taken twice;

    a bare resource states what holds now, and stating it again after something else is a new statement.
    """
    return node.store.seen(received.principal.participant, digest)


def prepared_here(node: Node, received: Received) -> Prepared:
    """The document prepared in this thread."""
    sender = node.participant(received.principal.participant)
    return prepare(received, sender, context_of(node, sender), node.rules)


def _settled(node: Node, received: Received, prepared: Prepared, targets: tuple[Target, ...], mark: str) -> Settled:
    day = node.day(received.at)
    agreements = agreements_for(node.site_now(), received.principal.participant, prepared.parsed.trigger, day)
    if not agreements:
        raise NotAgreed(None, "MSH-9" if prepared.parsed.standard == "hl7v2" else "")
    whose = identified(node, received, prepared, targets)
    outcomes = [_alone(node, received, prepared, whose, agreement) for agreement in agreements]
    if all(exchange.why.reason == DEFECT for exchange, _ in outcomes):
        raise Defect
    unit = sum((unit for _, unit in outcomes), Unit())
    receipt = Receipt(received.id, tuple((e.id, e.agreement) for e, _ in outcomes))
    if received.dry_run:
        return Settled(
            replace(receipt, echo=prepared.echo()), Unit(tuple(_dry(put) for put in unit.puts if _is_fact(put)))
        )
    owner = f"person:{whose.person}" if whose.person else f"received:{received.id}"
    kept = receive(received, prepared.parsed.control_id, owner, node.keyring, mark)
    kept += Unit(tuple(_counted(node, received, prepared)))
    if whose.person is None:
        kept += Unit((waiting(received, prepared, whose),))
    told = written(node, received.at, targets, agreements, whose.identity.because if prepared.valid else "", unit)
    kept += stated(received, targets, told, whose.person, unit)
    return Settled(replace(receipt, written=told), kept + whose.unit + unit)


def _counted(node: Node, received: Received, prepared: Prepared) -> Iterator[GapCount]:
    """What of the document met no rule, counted for its sender and the day (`gateway maps gaps --site`)."""
    day, sender = node.day(received.at).isoformat(), received.principal.participant
    for gap, count in gaps(sender, prepared.mapped).items():
        yield GapCount(day, sender, gap.what, gap.position, gap.table, gap.code, count)


def _alone(
    node: Node, received: Received, prepared: Prepared, whose: Whose, agreement: Agreement
) -> tuple[Exchange, Unit]:
    """One agreement's exchange; a defect in it parks it and does not take the others with it."""
    try:
        return outcome(node, received, prepared, whose, agreement)
    except (Unavailable, Conflict, Invalid):
        raise
    except Exception as error:  # the journal: on record, and nothing of this exchange leaves
        _log.error("defect in an exchange", received=received.id, agreement=agreement.id, kind=type(error).__name__)
        return broken(node, received, prepared, whose, agreement)


def _is_fact(put: Put) -> bool:
    """Of a dry run only that it happened is kept."""
    return isinstance(put, Exchange | AuditFact)


def _dry(put: Put) -> Put:
    if isinstance(put, Exchange):
        return replace(put, status="dry", received_id="")
    return replace(put, outcome="dry-run") if isinstance(put, AuditFact) else put


def _refused(node: Node, received: Received, error: GatewayError, prepared: Prepared | None) -> Settled:
    """A document that goes no further: kept, on record, answered with its error."""
    principal, at = received.principal, node.clock()
    kind = type(error).__name__
    parsed = prepared.parsed if prepared is not None else None
    exchange = Exchange(
        id=node.ids(), received_id=received.id, agreement="", status="refused", site_revision=node.site.revision,
        who=Who(**principal.who(node.account(principal.user))), whom=Whom(),
        when=When(received.at), where=Where(network=principal.network),
        what=What(parsed.trigger if parsed else ""), why=Why(reason=kind),
        how=How(parsed.standard if parsed else "", received.transport), steps=(Step("receive", received.at), Step("refuse", at, "refused", kind)),
    )  # fmt: skip
    unit = Unit((exchange, fact_of(exchange, "refusal", kind, at, node.ids)))
    receipt = Receipt(received.id, ((exchange.id, ""),), error)
    if received.dry_run:
        return Settled(receipt, Unit(tuple(_dry(put) for put in unit.puts)))
    mark = "refused:"
    if first := _first(node, received, mark + digest_of(received, node.keyring)):  # its bytes are kept already
        told = replace(exchange, received_id=first.id)
        fact = fact_of(told, "refusal", kind, at, node.ids)
        return Settled(replace(receipt, received=first.id), Unit((told, fact)))
    return Settled(receipt, receive(received, "", f"received:{received.id}", node.keyring, mark) + unit)
