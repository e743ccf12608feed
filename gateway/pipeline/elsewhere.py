"""Whether a question is put to the FHIR servers of who holds the data, and what they gave, in our namespace (decision 139).

The question is decided first, as far as it can be without the data: types by the agreement and by what the person's Consents could let
out at all. What comes back goes the way of a document: read, validated, mapped, identified; only then is it part of the person's record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.errors import Elsewhere, GatewayError, Unanswerable
from gateway.model.agreement import Agreement, Upstream
from gateway.model.document import Item, PersonKey, Principal
from gateway.model.questions import Question
from gateway.model.records import Record, ResourceRecord, Sealed, Unit
from gateway.model.wire import read_json
from gateway.pipeline.node import Node
from gateway.pipeline.onfile import known_about, known_of
from gateway.pipeline.prepare import Prepared
from gateway.stages.decide import Acting, Asked, reached
from gateway.stages.identify import attributed, identify, named_persons, readdress, subject_of, tokenised
from gateway.stages.read import HELD

NUMBER = "number-elsewhere"  # kind of the sealed records of the number by which a server knows a person
_BY_TIME = ("_lastUpdated", "_since")
_NO_TIMES = "Part of this record is held elsewhere, and is not told apart by when it came."


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to the servers of one participant: about whom, by which number there, and for which types."""

    agreement: str
    holder: str
    person: PersonKey
    servers: tuple[tuple[Upstream, str], ...]
    types: frozenset[str]


@dataclass(frozen=True, slots=True)
class Found:
    """What the servers hold of a person, addressed to the person, or why there is no telling; `birth`: what they say of the birth date."""

    ask: Ask
    items: tuple[Item, ...] = ()
    birth: str = ""
    error: GatewayError | None = None

    @property
    def servers(self) -> str:
        """Which were asked, for the record."""
        return ",".join(upstream.id for upstream, _ in self.ask.servers)


def to_ask(
    node: Node, agreement: Agreement, person: PersonKey, reader: Principal, question: Question, acting: Acting | None
) -> Ask | None:
    """What is to be asked elsewhere before the question can be answered under an agreement, if anything.

    Raises Unanswerable for what only a record with times of its own can answer.
    """
    upstreams = node.participant(agreement.sender).upstreams
    if not upstreams or question.interaction in ("vread", "history"):
        return None
    held = {kind for one in upstreams for kind in one.types} & set(agreement.types)
    types = _reached(node, agreement, person, reader, held, acting)
    servers = [
        (one, number)
        for one in upstreams
        if types & set(one.types) and (number := _number(node, one, agreement, person, question))
    ]
    if not servers:
        return None
    if any(time in name for name in _names(question) for time in _BY_TIME):
        raise Unanswerable(_NO_TIMES, "_lastUpdated")
    there = {kind for upstream, _ in servers for kind in upstream.types}
    return Ask(agreement.id, agreement.sender, person, tuple(servers), types & there)


def _names(question: Question) -> list[str]:
    pairs = question.wanted.pairs
    return [name for name, _ in pairs] + [part for name, value in pairs if name == "_sort" for part in value.split(",")]


def _reached(
    node: Node, agreement: Agreement, person: PersonKey, reader: Principal, types: set[str], acting: Acting | None
) -> frozenset[str]:
    at, recipient = node.clock(), node.participant(agreement.recipient)
    asked = Asked(agreement, recipient, "search", "fhir", at, at, acting, reader.purposes)
    return reached(sorted(types), asked, node.site, known_about(node, person, []))


def _number(node: Node, upstream: Upstream, agreement: Agreement, person: PersonKey, question: Question) -> str:
    """The number by which a server knows a person: of the question, of the Patient that its holder sent, or as it was asked before."""
    system = upstream.identifier
    if question.identifier is not None and question.identifier[0] == system:
        return question.identifier[1]
    for row in node.store.resources(person, "Patient"):
        if row.source == agreement.sender:
            rows = read_json(node.keyring.open(row.content)).get("identifier", ())
            if found := [str(one["value"]) for one in rows if one.get("system") == system and one.get("value")]:
                return found[0]
    record = node.store.record(NUMBER, _key(agreement.sender, upstream, person))
    return node.keyring.open(record.sealed).decode() if record is not None and record.sealed is not None else ""


def _key(holder: str, upstream: Upstream, person: PersonKey) -> str:
    return f"{holder}/{upstream.id}/{person}"


def taken_in(node: Node, ask: Ask, prepared: Prepared) -> Found:
    """What came back as items about the person. Raises Elsewhere where it is about somebody else, or is no sound FHIR."""
    items, token = prepared.mapped.items, node.keyring.token
    named = named_persons(items, token, node.site.person_systems)
    subject = subject_of(named, ())
    known = known_of(node.store, [t for one in named for t in one.tokens])
    if not prepared.valid or subject is None or identify(subject, known, token).person != ask.person:
        raise Elsewhere
    whose = readdress(items, {subject.reference: f"Patient/{ask.person}"})
    made = tokenised(attributed(whose, ask.person), node.site.national_systems, token)
    return Found(ask, tuple(item for item in made if item.resource["resourceType"] in ask.types), subject.birth_date)


def rows_of(node: Node, found: Found, agreement: Agreement) -> Mapping[str, tuple[Item, ResourceRecord]]:
    """The items by reference, with rows that no store has: of version 0."""
    at, nothing, made = node.clock(), Sealed("", b""), {}
    for item in found.items:
        kind, _, id = item.reference.partition("/")
        row = ResourceRecord(kind, id, 0, found.ask.person, agreement.sender, (), "", at, nothing)
        made[item.reference] = (item, row)
    return made


def remembered(node: Node, found: Found, shown: Sequence[Item], question: Question) -> Unit:
    """By which id and number what was shown is found again: whose each resource is, and how its holder's server knows the person."""
    at, person = node.clock(), found.ask.person
    own = {item.reference for item in found.items if item.resource["resourceType"] != "Patient"}
    unit = Unit(tuple(Record(HELD, item.reference, {"person": person}, at) for item in shown if item.reference in own))
    for upstream, number in found.ask.servers:
        if question.identifier is not None and question.identifier[0] == upstream.identifier:
            sealed, keys = node.keyring.seal(f"person:{person}", number.encode())
            unit += Unit((*keys, Record(NUMBER, _key(found.ask.holder, upstream, person), {}, at, sealed=sealed)))
    return unit
