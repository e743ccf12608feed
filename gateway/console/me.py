"""`/me`: a citizen's own pages, and the same as JSON: who received what, what is allowed, what was refused for want of a word, and the word.

Every page shows what is the signed-in person's own; an id that is somebody else's is an id that is not there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from anyio import from_thread
from starlette.requests import Request
from starlette.responses import Response

from gateway.audit.disclosures import Disclosure, Told, report
from gateway.audit.facts import Entry, entry_of
from gateway.console import access as gate
from gateway.console.desk import Look
from gateway.console.render import HEADERS, html, to
from gateway.console.signed import People
from gateway.console.visit import Page, Visit
from gateway.errors import GatewayError, Invalid, NotAllowed, NotFound
from gateway.model.document import PersonKey
from gateway.model.records import AuditRow
from gateway.model.wire import read_json, write_json
from gateway.pipeline import citizen, offers, simulation, statements
from gateway.pipeline.citizen import Standing
from gateway.pipeline.guardians import wards
from gateway.pipeline.offers import Offer, Wish
from gateway.pipeline.sessions import Session, person_of
from gateway.pipeline.simulation import Simulated
from gateway.pipeline.statements import Speaker

JSON = "application/json"
FOR = "for"  # of the address: the id of whoever a guardian speaks for
_TYPE, _MOST_ROWS, _SHOWN = "type-", 500, 40
_TEXTS = ("offer", "until", "withdraw")


def wants_json(request: Request) -> bool:
    """Whether a program asks: by what it sends, else by what it accepts."""
    if not (request.url.path == "/me" or request.url.path.startswith("/me/")):
        return False
    sent = request.headers.get("content-type", "").partition(";")[0].strip()
    accepts = request.headers.get("accept", "")
    return sent == JSON or (JSON in accepts and "text/html" not in accepts)


def fields_of(body: bytes, token: str) -> dict[str, str]:
    """The fields of a form as a program sends them: `offer`, `types`, `until`, or `withdraw`. Raises Malformed, Invalid."""
    said = read_json(body) if body else {}
    if not isinstance(said, dict) or set(said) - {*_TEXTS, "types"}:
        raise Invalid(f"The body is a JSON object with {', '.join((*_TEXTS, 'types'))}.")
    types = said.get("types", [])
    if not isinstance(types, list) or not all(isinstance(one, str) for one in types) or len(types) > 50:
        raise Invalid("The types are a list of names.", "types")
    texts = {name: said[name] for name in _TEXTS if name in said}
    if not all(isinstance(one, str) for one in texts.values()):
        raise Invalid("Every value is a text.")
    return {**texts, **{f"{_TYPE}{one}": "1" for one in types}, "token": token}


def refused(error: GatewayError) -> Response:
    """What a program is told."""
    return _json({"error": error.issue, "text": error.text, "positions": list(error.positions)}, error.status)


def home(visit: Visit) -> Page:
    """Everything at a glance; a plain page for somebody nobody here knows and who looks after nobody."""
    people, session = _who(visit)
    node = people.node
    kept = wards(node, session.identifier)
    if not visit.one(FOR) and person_of(node, session) is None and not kept:
        return visit.show(Look("me"), "me-nobody.html")
    if not visit.one(FOR) and person_of(node, session) is None:
        return visit.show(Look("me"), "me-others.html", wards=kept)
    _, who, visit = _known(visit)
    return visit.show(
        Look("me", person=who.person),
        "me.html",
        wards=kept,
        ward=who.ward,
        young=statements.is_too_young(node, who),
        questions=citizen.unasked(node, who.person),
        standings=citizen.standings(node, who.person),
        offers=tuple(_offers(people).values()),
        told=_told(visit, who.person),
        done=visit.one("done"),
    )


def listed(request: Request, visit: Visit) -> Response:
    """The Consents on file, what can be allowed, what is asked, for whom else, and the token that a program sends with what changes something."""
    people, who, visit = _known(visit)
    node = people.node
    visit.looked(Look("me", person=who.person))
    said = {
        "consents": [_standing_json(one) for one in citizen.standings(node, who.person)],
        "offers": [_offer_json(one) for one in _offers(people).values()],
        "questions": [{"offer": one.offer.id, "at": one.exchange.when.received.isoformat(), "types": list(one.types)}
                      for one in citizen.unasked(node, who.person)],
        "for": [{"id": one.id, "birthDate": one.birth_date} for one in wards(node, who.session.identifier)],
        "decides": not statements.is_too_young(node, who),
        "token": visit.token(),
    }  # fmt: skip
    return _json(said) if wants_json(request) else to(visit.link("/me"))


def asked(visit: Visit) -> Page:
    """The form by which something is allowed; nothing in it is chosen beforehand."""
    people, who, visit = _deciding(visit, "give")
    offer = _offers(people).get(visit.place["offer"])
    if offer is None:
        raise NotFound
    return _form(visit, people, who.person, offer, "")


def withdrawing(visit: Visit) -> Page:
    """What taking a Consent back would change, before it is taken back."""
    people, who, visit = _deciding(visit, "take-back")
    standing = _mine(people, who.person, visit.place["consent"])
    found = simulation.simulate(people.node, who.person, simulation.without(standing.id))
    return visit.show(Look("me", person=who.person), "me-check.html", found=found, wish=None, standing=standing)


def simulated(request: Request, visit: Visit) -> Response:
    """What a wish, or a withdrawal, would have changed in the last exchanges. Nothing is kept but that somebody looked."""
    people, who, visit = _known(visit)
    _ours(request, visit)
    if visit.form.get("withdraw"):
        standing = _mine(people, who.person, visit.form["withdraw"])
        found = simulation.simulate(people.node, who.person, simulation.without(standing.id))
        page = visit.show(Look("me", person=who.person), "me-check.html", found=found, wish=None, standing=standing)
        return _json(_simulated_json(found)) if wants_json(request) else html(page, visit)
    try:
        wish = _wish(people, visit)
    except Invalid as error:
        offer = _offers(people).get(visit.form.get("offer", ""))
        if offer is None or wants_json(request):
            raise
        return html(_form(visit, people, who.person, offer, error.positions[0]), visit)
    change = simulation.adding(statements.draft(people.node, who, wish), who.person)
    found = simulation.simulate(people.node, who.person, change)
    page = visit.show(Look("me", person=who.person), "me-check.html", found=found, wish=wish, standing=None)
    return _json(_simulated_json(found)) if wants_json(request) else html(page, visit)


def given(request: Request, visit: Visit) -> Response:
    """A Consent, in force from now on."""
    people, who, visit = _known(visit)
    _ours(request, visit)
    from_thread.run(statements.give, people.node, who, _wish(people, visit))
    return _json({"done": "given"}, 201) if wants_json(request) else to(visit.link("/me", done="given"))


def withdrawn(request: Request, visit: Visit) -> Response:
    """A Consent taken back, from now on."""
    people, who, visit = _known(visit)
    _ours(request, visit)
    from_thread.run(statements.take_back, people.node, who, visit.place["consent"])
    return _json({"done": "withdrawn"}) if wants_json(request) else to(visit.link("/me", done="withdrawn"))


def declined(request: Request, visit: Visit) -> Response:
    """A question answered with no: nothing changes, and it is not asked again."""
    people, who, visit = _deciding(visit, "decline")
    _ours(request, visit)
    offer = _offers(people).get(visit.place["offer"])
    if offer is None:
        raise NotFound
    people.node.store.commit(statements.declined(people.node, who, offer)).result()
    return _json({"done": "declined"}) if wants_json(request) else to(visit.link("/me", done="declined"))


def _who(visit: Visit) -> tuple[People, Session]:
    if visit.people is None or visit.session is None:
        raise NotAllowed
    return visit.people, visit.session


def _known(visit: Visit) -> tuple[People, Speaker, Visit]:
    """Whose pages these are (`for` in the address: a guardian's, for somebody else), and the visit as whoever speaks there. Raises NotFound
    for somebody nobody here knows, and for anybody whom the signed-in person may not act for today."""
    people, session = _who(visit)
    who = statements.speaker(people.node, session, visit.one(FOR))
    return people, who, replace(visit, principal=who.principal)


def _deciding(visit: Visit, what: str) -> tuple[People, Speaker, Visit]:
    """The same for what only somebody does who may decide. Raises TooYoung as well."""
    people, who, visit = _known(visit)
    from_thread.run(statements.check_age, people.node, who, what)
    return people, who, visit


def _ours(request: Request, visit: Visit) -> None:
    gate.check_form(request, visit.form.get("token", ""), gate.subject_of(visit.principal), visit.access)


def _offers(people: People) -> Mapping[str, Offer]:
    return offers.offers(people.node.site, people.node.day(people.node.clock()))


def _mine(people: People, person: PersonKey, id: str) -> Standing:
    found = [one for one in citizen.standings(people.node, person) if one.id == id]
    if not found or found[0].state not in ("in-force", "later"):
        raise NotFound
    return found[0]


def _wish(people: People, visit: Visit) -> Wish:
    types = [name.removeprefix(_TYPE) for name in visit.form if name.startswith(_TYPE)]
    today = people.node.day(people.node.clock())
    return offers.wished(people.node.site, today, visit.form.get("offer", ""), types, visit.form.get("until", ""))


def _form(visit: Visit, people: People, person: PersonKey, offer: Offer, wrong: str) -> Page:
    today = people.node.day(people.node.clock())
    page = visit.show(
        Look("me", person=person), "me-allow.html", offer=offer, wrong=wrong, today=today, latest=offers.latest(today),
        chosen=visit.form,
    )  # fmt: skip
    return replace(page, status=Invalid.status) if wrong else page


def _told(visit: Visit, person: PersonKey) -> tuple[Disclosure, ...]:
    """What happened with the person's information, the newest first; that he himself looked is left out."""
    assert visit.people is not None  # noqa: S101 asked before
    keys = citizen.keys_of(visit.people.node, person)
    entries = [entry_of(row) for key in keys for row in _newest(visit, key)]
    speaks = visit.messages.language
    told = Told(speaks, visit.desk.site(), visit.desk.names(speaks))
    own = {entry.exchange for entry in entries if entry.exchange and entry.text("who", "role") == "citizen"}
    rows = report([entry for entry in entries if not _own(entry)], told)
    said = (visit.messages.say("me.told.own"),)
    shown = [replace(row, sentences=said) if row.exchange in own else row for row in rows]
    return tuple(sorted(shown, key=lambda row: row.at, reverse=True)[:_SHOWN])


def _newest(visit: Visit, key: PersonKey) -> Sequence[AuditRow]:
    """The last rows of a person's chain, which is read from its beginning."""
    kept: list[AuditRow] = []
    after = ""
    while page := visit.desk.rows(key, _MOST_ROWS, after):
        kept, after = [*kept, *page][-_MOST_ROWS:], page[-1].id
    return kept


def _own(entry: Entry) -> bool:
    return entry.is_of_log and entry.text("who", "role") == "citizen"


def _standing_json(one: Standing) -> dict[str, Any]:
    return {
        "id": one.id, "state": one.state, "permits": one.permits, "recipients": list(one.recipients), "purposes": list(one.purposes),
        "types": list(one.types), "given": one.given.isoformat(), "until": one.until, "from": one.source, "sensitive": one.sensitive,
        "limited": one.limited,
    }  # fmt: skip


def _offer_json(one: Offer) -> dict[str, Any]:
    return {
        "id": one.id,
        "recipient": one.recipient,
        "purpose": one.purpose,
        "types": list(one.types),
        "always": list(one.always),
    }


def _simulated_json(found: Simulated) -> dict[str, Any]:
    rows = [{"at": one.exchange.when.received.isoformat(), "recipient": one.exchange.whom.recipient, "purpose": one.exchange.why.purpose,
             "more": list(one.more), "less": list(one.less)} for one in found.different]  # fmt: skip
    return {"looked": found.looked, "different": rows}


def _json(value: Mapping[str, Any], status: int = 200) -> Response:
    return Response(write_json(value), status, HEADERS, JSON)
