"""The identity worklist: a person names a person, and what waited goes on as the same exchange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from gateway.errors import Conflict, Invalid, NotFound
from gateway.model.document import Identity, PersonKey, Principal, Received
from gateway.model.questions import Exchange, Step
from gateway.model.records import AuditFact, ExchangeAnew, IdentityLink, LinkGone, ReceivedRecord, RecordGone, Unit
from gateway.pipeline.again import Again
from gateway.pipeline.node import Node
from gateway.pipeline.onfile import known_of
from gateway.pipeline.outcome import outcome
from gateway.pipeline.person import WORKLIST, Whose
from gateway.pipeline.prepare import Prepared, context_of, prepare
from gateway.pipeline.writing import found_out, ours
from gateway.site import agreements_for
from gateway.stages.identify import merged_pairs, merges, named_persons, subject_of
from gateway.stages.record import fact_of


def linked(node: Node, received_id: str, person: PersonKey | None, by: str) -> Unit:
    """The unit that links a waiting document to a person (None: a new one) and lets its exchanges go on.

    Raises NotFound when nothing waits under that id, Conflict when the person is unknown.
    """
    record, row = node.store.record(WORKLIST, received_id), node.store.received(received_id)
    if record is None or row is None:
        raise NotFound
    if person is not None and not node.store.links(person):
        raise Conflict("There is no such person.")
    chosen = PersonKey(node.ids()) if person is None else node.store.survivor(person)
    at = node.clock()
    tokens = [(str(system), str(token)) for system, token in record.value["tokens"]]
    taken = node.store.persons(tokens)
    links = tuple(
        IdentityLink(system, token, chosen, at, by) for system, token in tokens if (system, token) not in taken
    )
    fact = _fact(node, "link", chosen, by, at, {"received": received_id})
    return Unit((*links, fact), (RecordGone(WORKLIST, received_id),)) + _resumed(node, row, chosen)


def unlinked(node: Node, system: str, token: str, by: str) -> Unit:
    """The unit that takes an identifier away from its person. Raises NotFound."""
    person = node.store.persons([(system, token)]).get((system, token))
    if person is None:
        raise NotFound
    return Unit((_fact(node, "unlink", person, by, node.clock(), {"system": system}),), (LinkGone(system, token),))


def _fact(node: Node, what: str, person: PersonKey, by: str, at: datetime, more: dict[str, str]) -> AuditFact:
    facts = {"who": {"user": by}, "what": {"identity": what, **more}}
    return AuditFact(node.ids(), "", "identity", at, person, what, node.site.revision, facts)


def _resumed(node: Node, row: ReceivedRecord, person: PersonKey) -> Unit:
    """Every parked exchange of the document, walked again from `identify` on."""
    received, prepared = prepared_again(node, row)
    named = named_persons(prepared.mapped.items, node.keyring.token, node.site.person_systems)
    whose = whose_is(node, received, prepared, person)
    unit = Unit(merges(merged_pairs(prepared.mapped.items), named, whose.known, person, row.at, row.participant))
    unit += found_out(node, prepared.mapped.items, person)
    today = node.day(node.clock())
    agreements = {a.id: a for a in agreements_for(node.site, row.participant, prepared.parsed.trigger, today)}
    for exchange in _parked(node, row.id):
        agreement = agreements.get(exchange.agreement)
        if agreement is None:
            unit += anew(ended(node, exchange, person)[1])
            continue
        try:
            unit += anew(outcome(node, received, prepared, whose, agreement, Again(exchange.id))[1])
        except (Conflict, Invalid) as error:  # as at the door: refused and on record; the link is made all the same
            unit += anew(ended(node, exchange, person, type(error).__name__)[1])
    return unit


def prepared_again(node: Node, row: ReceivedRecord) -> tuple[Received, Prepared]:
    """A document that was kept, read and mapped by what holds today. Raises NotFound when it was erased."""
    principal = Principal(row.participant, row.client, network=row.network)
    body = node.keyring.open(row.payload)
    received = Received(row.id, principal, body, row.content_type, row.transport, row.at, row.charset)
    sender = node.participant(row.participant)
    return received, prepare(received, sender, context_of(node, sender), node.rules)


def whose_is(node: Node, received: Received, prepared: Prepared, person: PersonKey) -> Whose:
    """The document as that of a person who is known by now; nothing is added to the cross-reference."""
    named = named_persons(prepared.mapped.items, node.keyring.token, node.site.person_systems)
    subject = subject_of(named, merged_pairs(prepared.mapped.items))
    known = known_of(node.store, [token for one in named for token in one.tokens])
    reference = subject.reference if subject else ""
    identity = Identity(person, "", subject.birth_date if subject else "", reference)
    addresses = (
        dict(ours(node, received, prepared.mapped.items).addresses) if prepared.parsed.standard == "fhir" else {}
    )
    return Whose(identity, subject, known, Unit(), addresses | ({reference: f"Patient/{person}"} if reference else {}))


def ended(node: Node, exchange: Exchange, person: PersonKey, reason: str = "agreement-ended") -> tuple[Exchange, Unit]:
    """The agreement ended while the document waited, or what it says may not take effect any more: nothing is kept and nothing leaves."""
    at = node.clock()
    over = replace(
        exchange, status="refused", whom=replace(exchange.whom, person=person), why=replace(exchange.why, reason=reason),
        steps=(*exchange.steps, Step("identify", at, "refused", reason)),
    )  # fmt: skip
    return over, Unit((over, fact_of(over, "refusal", reason, at, node.ids)))


def _parked(node: Node, received_id: str) -> Sequence[Exchange]:
    return [e for e in node.store.exchanges({"received_id": received_id}, 100) if e.status == "parked"]


def anew(unit: Unit) -> Unit:
    """The exchange is there already: its row is written again instead of put."""
    puts = tuple(put for put in unit.puts if not isinstance(put, Exchange))
    anew = tuple(ExchangeAnew(put) for put in unit.puts if isinstance(put, Exchange))
    return replace(unit, puts=puts, changes=(*anew, *unit.changes))
