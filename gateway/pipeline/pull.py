"""A pull through the line: the question is decided, then read, decided again by item, released, and recorded before it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from gateway.errors import Defect, GatewayError, NotAllowed, NotFound, OutOfScope, Refused, Unavailable
from gateway.model.agreement import Agreement
from gateway.model.document import Item, PersonKey, Principal
from gateway.model.questions import Decision, Exchange, How, Question, Step, What, When, Where, Who, Whom, Why
from gateway.model.records import ResourceRecord, Unit
from gateway.model.released import Released
from gateway.model.wire import read_json
from gateway.pipeline.node import Node
from gateway.pipeline.onfile import about, on_file
from gateway.site import reading_agreements
from gateway.stages.decide import Asked, decide_items, labelled
from gateway.stages.read import limited, person_asked, rows_asked
from gateway.stages.record import decision_row, fact_of, what_of
from gateway.stages.release import release

_log = structlog.get_logger("gateway.line")


@dataclass(frozen=True, slots=True)
class Pulled:
    """An answer and the unit that must be durable before its first byte; without `released` the caller learns only `error`, if any."""

    unit: Unit
    released: Released | None = None
    error: GatewayError | None = None


def pull(node: Node, principal: Principal, question: Question) -> Pulled:
    """The answer to a reader's question; who has no agreement, or is told nothing, is on record too, and so is a defect.

    Raises only what is Unavailable.
    """
    try:
        return _pulled(node, principal, question)
    except Unavailable:
        raise
    except Exception as error:  # the journal: a crash is on record like a refusal, and says nothing of anybody
        _log.error("defect in a question", kind=type(error).__name__)
        told = error if isinstance(error, Refused) else Defect()
        sheet = _sheet(node, principal, question, None, None, node.clock())
        return _nothing(node, sheet, type(told).__name__, told)


def _pulled(node: Node, principal: Principal, question: Question) -> Pulled:
    at = node.clock()
    if not principal.may(question.type, "r" if question.id else "s"):
        return _nothing(node, _sheet(node, principal, question, None, None, at), "out-of-scope", OutOfScope())
    agreements = [
        a for a in reading_agreements(node.site_now(), principal.participant, node.day(at))
        if question.type in a.types and principal.claims(a.purpose)
    ]  # fmt: skip
    if not agreements:
        sheet = _sheet(node, principal, question, None, None, at)
        return _nothing(node, sheet, "no-reading-agreement", NotAllowed())
    person = person_asked(question, principal.participant, node.store, node.keyring)
    sheet = _sheet(node, principal, question, agreements[0], person, at)
    if person is None:
        return _nothing(node, sheet, "nobody-named-or-known", _absent(question))
    for agreement in agreements:
        rows = rows_asked(question, person, agreement.sender, principal.participant, node.store, node.keyring)
        items = [item for row in rows for item in about([_item(node, row)], row.person, person)]
        decision = _decided(node, principal, agreement, person, items)
        if decision.decision != "deny":
            return _answered(node, replace(sheet, agreement=agreement.id), question, items, decision)
    return _withheld(node, sheet, question, items, decision)


def _absent(question: Question) -> GatewayError | None:
    """A read of what is not there, or not for this caller, is one 404; a search is an empty Bundle."""
    return NotFound() if question.id else None


def _item(node: Node, row: ResourceRecord) -> Item:
    return Item(read_json(node.keyring.open(row.content)), frozenset(row.labels))


def _decided(
    node: Node, principal: Principal, agreement: Agreement, person: PersonKey, items: Sequence[Item]
) -> Decision:
    births = {str(b) for row in node.store.resources(person, "Patient") if (b := _birth(node, row))}
    known = on_file(node, person, births.pop() if len(births) == 1 else "", items, agreement)
    marked = labelled(items, node.site, known.known_labels)
    at = node.clock()
    asked = Asked(agreement, node.participant(agreement.recipient), "read", "fhir", at, at, principal.purposes)
    return decide_items(marked, asked, node.site, known)


def _birth(node: Node, row: ResourceRecord) -> str:
    return str(read_json(node.keyring.open(row.content)).get("birthDate", ""))


def _sheet(
    node: Node,
    principal: Principal,
    question: Question,
    agreement: Agreement | None,
    person: PersonKey | None,
    at: datetime,
) -> Exchange:
    return Exchange(
        id=node.ids(), received_id="", agreement=agreement.id if agreement else "", status="answered",
        site_revision=node.site.revision,
        who=Who(agreement.sender if agreement else "", principal.client, node.account(principal.user), ",".join(principal.roles)),
        whom=Whom(person, principal.participant), when=When(at),
        where=Where(agreement.jurisdiction if agreement else "", principal.network),
        what=What(f"{'read' if question.id else 'search'}:{question.type}"),
        why=Why(*((agreement.purpose, agreement.basis, agreement.statute) if agreement else ())),
        how=How("fhir", "http", "read"), steps=(Step("receive", at),),
    )  # fmt: skip


def _nothing(node: Node, sheet: Exchange, reason: str, error: GatewayError | None) -> Pulled:
    at = node.clock()
    no = replace(
        sheet,
        status="refused",
        why=replace(sheet.why, reason=reason),
        steps=(*sheet.steps, Step("decide", at, "deny", reason)),
    )
    return Pulled(Unit((no, fact_of(no, "refusal", reason, at, node.ids))), None, error)


def _withheld(node: Node, sheet: Exchange, question: Question, items: Sequence[Item], decision: Decision) -> Pulled:
    told = replace(sheet, what=what_of(sheet.what, decision, items, node.keyring.digest))
    none = _nothing(node, told, decision.reason, _absent(question))
    at = node.clock()
    rows = decision_row(told.id, "answer", decision, at, node.site.revision, node.keyring, node.ids)
    return replace(none, unit=none.unit + rows)


def _answered(node: Node, sheet: Exchange, question: Question, items: Sequence[Item], decision: Decision) -> Pulled:
    shown = limited(decision, question.count)
    released = release(items, shown, sheet.whom.recipient, node.site, node.keyring.rekey)
    at = node.clock()
    done = replace(
        sheet, when=replace(sheet.when, decided=at, released=at),
        what=what_of(sheet.what, shown, items, node.keyring.digest),
        why=replace(sheet.why, reason=shown.reason), how=replace(sheet.how, obligations=shown.obligations),
        steps=(*sheet.steps, Step("decide", at, shown.decision, shown.reason), Step("release", at)),
    )  # fmt: skip
    unit = Unit((done, fact_of(done, "read", "answered", at, node.ids)))
    unit += decision_row(done.id, "answer", shown, at, node.site.revision, node.keyring, node.ids)
    return Pulled(unit, released)
