"""A pull through the line: the question is decided, then read, decided again by item, released, and recorded before it is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import structlog

from gateway.errors import (
    Defect,
    Elsewhere,
    GatewayError,
    Gone,
    NotAllowed,
    NotFound,
    OutOfScope,
    Refused,
    TooCostly,
    Unavailable,
)
from gateway.model.agreement import Agreement, domain
from gateway.model.document import PersonKey, Principal
from gateway.model.questions import Exchange, How, Question, Step, What, When, Where, Who, Whom, Why
from gateway.model.records import Unit
from gateway.model.released import Released
from gateway.pipeline.choice import Asking, chosen
from gateway.pipeline.elsewhere import Ask, Found, remembered, to_ask
from gateway.pipeline.emergency import Opening, for_emergencies, open_for
from gateway.pipeline.node import Node
from gateway.pipeline.pages import PAGE, Mark, opened
from gateway.pipeline.world import World, with_versions, world_of
from gateway.searching import Terms, everything_of, named_by, search_of
from gateway.site import reading_agreements
from gateway.stages.decide import project_of
from gateway.stages.read import may_name, narrowed, person_asked, subject_asked
from gateway.stages.record import decision_row, fact_of, what_of
from gateway.stages.release import cut, domain_of, release

_log = structlog.get_logger("gateway.line")


@dataclass(frozen=True, slots=True)
class Pulled:
    """An answer and the unit that must be durable before its first byte; without `released` the caller learns only `error`, if any.

    With `ask` it is none yet: first that has to be asked elsewhere.
    """

    unit: Unit
    released: Released | None = None
    error: GatewayError | None = None
    ask: Ask | None = None


_NOTHING: Mapping[str, Found] = {}


def pull(node: Node, principal: Principal, question: Question, elsewhere: Mapping[str, Found] = _NOTHING) -> Pulled:
    """The answer to a reader's question, with what was found elsewhere, by agreement.

    Who has no agreement, or is told nothing, is on record too, and so is a defect. Raises only what is Unavailable.
    """
    try:
        return _pulled(node, principal, question, elsewhere)
    except Unavailable:
        raise
    except Exception as error:  # the journal: a crash is on record like a refusal, and says nothing of anybody
        told = error if isinstance(error, Refused) else Defect()
        if isinstance(told, Defect):
            _log.error("defect in a question", kind=type(error).__name__)
        sheet = _sheet(node, principal, question, None, None, node.clock())
        return _nothing(node, sheet, type(told).__name__, told)


def _pulled(node: Node, principal: Principal, question: Question, elsewhere: Mapping[str, Found]) -> Pulled:
    at = node.clock()
    mark, question = _going_on(node, principal, question)
    if not _in_scope(principal, question):
        sheet = _sheet(node, principal, question, None, None, at)
        return _nothing(node, sheet, "out-of-scope", OutOfScope())
    agreements = _agreements(node, principal, question, mark)
    if not agreements:
        sheet = _sheet(node, principal, question, None, None, at)
        return _nothing(node, sheet, "no-reading-agreement", Gone() if mark else NotAllowed())
    about = _about(node, question, mark, agreements)
    named = sorted((one for one in agreements if one.id in about), key=project_of)  # who is known here, before projects
    usual = [one for one in named or agreements if not for_emergencies(one)]
    sheet = _sheet(node, principal, question, (usual or agreements)[0], next(iter(about.values()), None), at)
    if not about:
        return _nothing(node, sheet, "nobody-named-or-known", _absent(question))
    openings = {one.id: open_for(node, principal, about[one.id]) for one in named if for_emergencies(one)}
    glass = [one for one in named if openings.get(one.id)]
    if not glass and not usual:
        return _nothing(node, sheet, "nothing-opened", Gone() if mark else _absent(question))
    for agreement in (*glass, *usual):
        emergency, person = openings.get(agreement.id), about[agreement.id]
        sheet = replace(sheet, whom=replace(sheet.whom, person=person))
        one = _under(question, agreement, principal)
        found = elsewhere.get(agreement.id)
        sheet = _with(sheet, found, node.clock())
        seen = _seen(node, _by(sheet, agreement, emergency), agreement, principal, one, emergency, found)
        if isinstance(seen, Pulled):
            return seen
        world = seen
        if mark is not None and world.decision.epoch != mark.epoch:
            return _nothing(node, sheet, "consents-changed", Gone())
        if world.concerned & set(world.decision.released):
            return _told(node, Asking(_by(sheet, agreement, emergency), one, agreement, principal, mark), world, found)
    return _withheld(node, sheet, question, world)


def _told(node: Node, asking: Asking, world: World, found: Found | None) -> Pulled:
    """An answer of which something is let out, unless it cannot be given as it was asked for."""
    agreement = asking.agreement
    if domain_of(world.decision, agreement.recipient) != _domain(agreement):
        return _nothing(node, asking.sheet, "named-under-a-pseudonym", _absent(asking.question))
    if world.costly:  # said to nobody who is told nothing
        return _nothing(node, asking.sheet, TooCostly.__name__, TooCostly())
    return _answered(node, asking, world, found)


def _seen(
    node: Node, by: Exchange, agreement: Agreement, reader: Principal, question: Question, emergency: Opening | None, found: Found | None
) -> World | Pulled:  # fmt: skip
    """The world of a question; else what has to be asked first, or that it was asked for in vain."""
    person, acting = by.whom.person, emergency.acting if emergency else None
    assert person is not None  # noqa: S101 nobody is asked about otherwise
    if found is None and (ask := to_ask(node, agreement, person, reader, question, acting)):
        return Pulled(Unit(), ask=ask)
    if found is not None and (found.error is not None or found.ask.person != person):
        return _nothing(node, by, "elsewhere", found.error or Elsewhere())
    return world_of(node, agreement, person, reader, question, acting, found)


def _going_on(node: Node, principal: Principal, question: Question) -> tuple[Mark | None, Question]:
    """Where a page goes on from, and with what."""
    mark = opened(node, question.page, principal) if question.page else None
    return mark, _again(node, question, mark) if mark else question


def _agreements(node: Node, principal: Principal, question: Question, mark: Mark | None) -> list[Agreement]:
    """Under which a question may be asked; of a page, the one under which it began."""
    return [
        a
        for a in reading_agreements(node.site_now(), principal.participant, node.day(node.clock()))
        if question.types <= frozenset(a.types)
        and principal.claims(a.purpose)
        and (mark is None or (a.id, a.purpose) == (mark.agreement, mark.purpose))
    ]


def _with(sheet: Exchange, found: Found | None, at: datetime) -> Exchange:
    """The sheet with which servers were asked."""
    if found is None:
        return sheet
    return replace(sheet, steps=(*sheet.steps, Step("ask", at, "failed" if found.error else "ok", found.servers)))


def _in_scope(principal: Principal, question: Question) -> bool:
    """Whether a caller's token, if it has one, holds every type that the question touches."""
    return all(principal.may(kind, question.letter) for kind in question.types)


def _by(sheet: Exchange, agreement: Agreement, emergency: Opening | None) -> Exchange:
    """The sheet under the agreement by which something is let out; in an emergency for whom, and by which opening."""
    why = Why(agreement.purpose, agreement.basis, agreement.statute)
    made = replace(sheet, agreement=agreement.id, why=why, who=replace(sheet.who, participant=agreement.sender))
    if emergency is None:
        return made
    step = Step("emergency", sheet.when.received, "ok", emergency.id)
    return replace(made, who=replace(made.who, user=emergency.user, role=emergency.role), steps=(*made.steps, step))


def _again(node: Node, question: Question, mark: Mark) -> Question:
    """The question that a page goes on with. Raises Gone for a link of another door."""
    if (question.type, question.interaction, question.id) != (mark.type, mark.interaction, mark.id):
        raise Gone
    terms = Terms(ZoneInfo(node.site.zone), mark.asked)
    if mark.interaction == "everything":
        return replace(question, search=everything_of(mark.pairs, (), terms))
    _, search = named_by(search_of(mark.type, mark.pairs, terms), node.site.national_systems)
    return replace(question, search=search)


def _about(
    node: Node, question: Question, mark: Mark | None, agreements: Sequence[Agreement]
) -> Mapping[str, PersonKey]:
    """Whom the question is about under each agreement, by its id; under one of a project, only whom an id of the project names."""
    found = {one.id: _person(node, question, mark, one) for one in agreements}
    return {id: person for id, person in found.items() if person is not None}


def _domain(agreement: Agreement) -> str:
    return domain(agreement.recipient, project_of(agreement))


def _person(node: Node, question: Question, mark: Mark | None, agreement: Agreement) -> PersonKey | None:
    if mark is None and not may_name(node.site, question, agreement):
        return None
    if mark is None:
        asked = subject_asked if project_of(agreement) else person_asked
        return asked(question, _domain(agreement), node.store, node.keyring)
    person = PersonKey(mark.person)
    if node.store.survivor(person) != person:
        raise Gone
    return person


def _under(question: Question, agreement: Agreement, principal: Principal) -> Question:
    """`$everything` without types is about all that the agreement covers and the caller's token, if it has one, holds."""
    if question.interaction != "everything" or question.wanted.types:
        return question
    types = tuple(kind for kind in agreement.types if principal.may(kind, question.letter))
    return replace(question, search=replace(question.wanted, types=types))


def _absent(question: Question) -> GatewayError | None:
    """A read of what is not there, or not for this caller, is one 404; a search is an empty Bundle."""
    return None if question.interaction == "search" else NotFound()


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
        what=What(f"{question.interaction}:{question.type}"),
        why=Why(*((agreement.purpose, agreement.basis, agreement.statute) if agreement else ())),
        how=How("fhir", "http", "read"), steps=(Step("receive", at, note=_asked_by(question)),),
    )  # fmt: skip


def _asked_by(question: Question) -> str:
    """The names of the parameters of a question, all of them known ones; never a value."""
    return ",".join(dict.fromkeys(name for name, _ in question.wanted.pairs)) or (PAGE if question.page else "")


def _nothing(node: Node, sheet: Exchange, reason: str, error: GatewayError | None) -> Pulled:
    at = node.clock()
    no = replace(
        sheet,
        status="refused",
        why=replace(sheet.why, reason=reason),
        steps=(*sheet.steps, Step("decide", at, "deny", reason)),
    )
    return Pulled(Unit((no, fact_of(no, "refusal", reason, at, node.ids))), None, error)


def _withheld(node: Node, sheet: Exchange, question: Question, world: World) -> Pulled:
    decision = narrowed(world.decision, world.concerned, ())
    told = replace(sheet, what=what_of(sheet.what, decision, world.items, node.keyring.digest))
    none = _nothing(node, told, decision.reason, _absent(question))
    at = node.clock()
    rows = decision_row(told.id, "answer", decision, at, node.site.revision, node.keyring, node.ids)
    return replace(none, unit=none.unit + rows)


def _answered(node: Node, asking: Asking, world: World, elsewhere: Found | None) -> Pulled:
    """What was released is chosen from, and what was chosen is on record: everything else was not asked for."""
    sheet = asking.sheet
    together = asking.question.interaction in ("vread", "history")
    world = with_versions(node, world, sheet.whom.recipient, PersonKey(str(sheet.whom.person)), together=together)
    whole = release(world.stamped, world.decision, sheet.whom.recipient, node.site, node.keyring.rekey)
    found = chosen(node, asking, world, whole)
    items = [world.items[world.places()[place]] for place in found.places]
    shown = narrowed(world.decision, world.concerned, {item.reference for item in items})
    released = cut(whole, found.places, found.shown, shown, found.page)
    at = node.clock()
    done = replace(
        sheet, when=replace(sheet.when, decided=at, released=at),
        what=what_of(sheet.what, shown, items, node.keyring.digest),
        why=replace(sheet.why, reason=shown.reason), how=replace(sheet.how, obligations=shown.obligations),
        steps=(*sheet.steps, Step("decide", at, shown.decision, shown.reason), Step("release", at)),
    )  # fmt: skip
    unit = Unit((done, fact_of(done, "read", "answered", at, node.ids)))
    unit += decision_row(done.id, "answer", shown, at, node.site.revision, node.keyring, node.ids)
    unit += remembered(node, elsewhere, items, asking.question) if elsewhere is not None else Unit()
    return Pulled(unit, released)
