"""Attacks through the sender's own door: somebody else's data, consent or identity, and words that were never decided."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.demo.messages import admission, cases, consent, discharge
from gateway.demo.people import Person
from gateway.errors import Conflict, Invalid, Unsupported
from gateway.model.questions import Question
from gateway.pipeline import answer
from gateway.pipeline.person import WORKLIST
from gateway.pipeline.resume import linked
from tests.flows.conftest import CARE_TEAM, CONSENTS, NUMBER, REFERRAL, Flow, somebody

CASE = cases()["discharges"]["consenting"]
KCD = "http://www.hl7korea.or.kr/CodeSystem/kostat-kcd-8"
CANARY = "CANARY-7f3a"


async def two(flow: Flow) -> tuple[Person, Person]:
    """Somebody who consents, and a victim who never did; both are patients here."""
    attacker, victim = somebody(40), somebody(41)
    await flow.consents(attacker)
    for person in (attacker, victim):
        await flow.sends(admission(person, flow.moment()))
    await flow.drains()
    return attacker, victim


def patient(person: Person) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "id": "p", "birthDate": person.birth.isoformat(),
        "identifier": [{"system": NUMBER, "value": person.number}],
    }  # fmt: skip


def condition(subject: dict[str, Any], code: str = "I63.9") -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": "c",
        "subject": subject,
        "code": {"coding": [{"system": KCD, "code": code}]},
    }


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [{"fullUrl": f"https://x.example/{r['resourceType']}/{r['id']}", "resource": r} for r in resources]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


async def readable(flow: Flow, person: Person, kind: str = "Condition") -> tuple[Any, ...]:
    caller = flow.received(b"", CARE_TEAM).principal
    released = await answer(flow.node, caller, Question(kind, identifier=(NUMBER, person.number)))
    return released.resources if released is not None else ()


def subjects(victim: Person) -> list[dict[str, Any]]:
    return [
        {"identifier": {"system": NUMBER, "value": victim.number}},
        {"reference": "Patient/999"},
        {"reference": "https://elsewhere.example/Patient/1"},
        {"reference": "urn:uuid:11111111-1111-4111-8111-111111111111"},
        {"identifier": {"system": "urn:unheard-of", "value": "1"}},
        {"display": "somebody else"},
        {"reference": "Group/1"},
    ]


@pytest.mark.parametrize("number", range(7))
async def test_what_is_about_somebody_else_is_not_the_person_s(flow: Flow, number: int) -> None:
    attacker, victim = await two(flow)
    receipt = await flow.sends(bundle(patient(attacker), condition(subjects(victim)[number])))
    await flow.drains()
    assert receipt.error is not None
    assert await readable(flow, attacker) == ()


async def test_what_names_the_person_by_the_same_number_is_the_person_s(flow: Flow) -> None:
    """The positive control of the test above."""
    attacker, _ = await two(flow)
    same = {"identifier": {"system": NUMBER, "value": attacker.number}}
    receipt = await flow.sends(bundle(patient(attacker), condition(same)))
    await flow.drains()
    assert receipt.error is None
    assert len(await readable(flow, attacker)) == 1


async def test_two_unnamed_people_are_not_pooled(flow: Flow) -> None:
    attacker, _ = await two(flow)
    stranger = somebody(42)
    mine = condition({"identifier": {"system": NUMBER, "value": attacker.number}})
    other = {**condition({"identifier": {"system": NUMBER, "value": stranger.number}}), "id": "d"}
    receipt = await flow.sends(bundle(mine, other))
    assert isinstance(receipt.error, Unsupported)
    assert not flow.persons(stranger)


async def test_a_consent_of_one_is_not_filed_for_another(flow: Flow) -> None:
    attacker, victim = await two(flow)
    given = consent(attacker, flow.moment(), "Organization/mapo-care-team", "active")
    header = {
        "resourceType": "MessageHeader", "id": "m", "eventCoding": {"system": "urn:x", "code": "Consent"},
        "source": {"endpoint": "urn:x"},
    }  # fmt: skip
    forged = bundle(header, {**patient(victim), "id": "p"}, {**given, "id": "k"})
    receipt = await flow.sends({**forged, "type": "message"})
    assert receipt.error is not None
    await flow.sends(discharge(victim, flow.moment(), CASE))
    assert flow.one(REFERRAL, whom_person=next(iter(flow.persons(victim)))).status == "refused"


async def test_a_consent_that_says_its_patient_both_ways_is_filed_by_the_identifier(flow: Flow) -> None:
    attacker, _ = await two(flow)
    given = consent(attacker, flow.moment(), "Organization/mapo-care-team", "inactive")
    given = {**given, "patient": {**given["patient"], "reference": "Patient/12345"}}
    receipt = await flow.sends(given)
    assert receipt.error is None
    await flow.sends(discharge(attacker, flow.moment(), CASE))
    assert flow.one(REFERRAL).status == "refused"  # the withdrawal counts


async def test_a_consent_of_nobody_in_particular_is_never_kept(flow: Flow) -> None:
    given = consent(somebody(43), flow.moment(), "Organization/mapo-care-team", "active")
    receipt = await flow.sends({**given, "patient": {"display": "somebody"}})
    assert all(e.status == "parked" for e in flow.exchanges(received_id=receipt.received)) or isinstance(
        receipt.error, Invalid
    )


async def test_a_bundle_cannot_merge_people(flow: Flow) -> None:
    attacker, victim = await two(flow)
    gone = {**patient(victim), "id": "g", "active": False}
    link = [{"type": "replaces", "other": {"reference": "Patient/g"}}]
    await flow.sends(bundle({**patient(attacker), "link": link}, gone))
    assert flow.persons(attacker) != flow.persons(victim)
    assert [r.value["because"] for r in flow.node.store.records(WORKLIST)] == ["merge"]


async def test_a_merge_by_a_national_number_waits_for_a_person(flow: Flow) -> None:
    attacker, victim = await two(flow)
    national = flow.node.site.national_systems[0]
    moment = flow.moment().at.strftime("%Y%m%d%H%M%S+0900")
    lines = [
        f"MSH|^~\\&|EMR|HANBIT|IEUM|IEUM|{moment}||ADT^A40^ADT_A39|m{moment}|P|2.5.1",
        f"EVN|A40|{moment}",
        f"PID|1||{attacker.number}^^^HANBIT^MR||X^Y||{attacker.birth:%Y%m%d}|F",
        f"MRG|{victim.resident_number}^^^MOIS^NI",
    ]
    assert national
    await flow.sends("\r".join(lines).encode() + b"\r")
    assert flow.persons(attacker) != flow.persons(victim)
    assert [r.value["because"] for r in flow.node.store.records(WORKLIST)] == ["merge"]


@pytest.mark.parametrize("code", ["f32.1", "F 32", "Ｆ32", "XF32", "ZZZ-DEPRESSION", "F32\t"])
async def test_a_code_in_another_writing_is_not_harmless(flow: Flow, code: str) -> None:
    attacker, _ = await two(flow)
    await flow.sends(bundle(patient(attacker), condition({"reference": "Patient/p"}, code)))
    await flow.drains()
    assert await readable(flow, attacker) == ()


async def test_words_of_the_sender_stay_behind(flow: Flow) -> None:
    attacker, _ = await two(flow)
    made = condition({"reference": "Patient/p", "display": CANARY}, "I10")
    made["code"]["coding"][0]["display"] = CANARY
    made["code"]["coding"].append({"system": "urn:local", "code": CANARY, "display": CANARY})
    made["code"]["text"] = CANARY
    made["identifier"] = [{"system": "urn:local", "value": CANARY}]
    made["meta"] = {"tag": [{"system": "urn:local", "code": CANARY}], "source": f"urn:{CANARY}"}
    made["recorder"] = {"display": CANARY}
    made["extension"] = [{"url": "urn:x", "valueString": CANARY}]
    made["note"] = [{"text": CANARY}]
    await flow.sends(bundle(patient(attacker), made))
    await flow.drains()
    shown = await readable(flow, attacker)
    assert len(shown) == 1
    assert CANARY not in repr(shown)
    assert shown[0]["subject"]["reference"].startswith("Patient/")


async def test_an_old_consent_that_comes_late_does_not_undo_a_withdrawal(flow: Flow) -> None:
    person = somebody(44)
    given = consent(person, flow.moment(), "Organization/mapo-care-team", "active")
    withdrawn = {**given, "status": "inactive"}
    for document in (given, withdrawn):
        assert (await flow.sends(document)).error is None
    late = await flow.sends(given)
    assert isinstance(late.error, Conflict)
    await flow.sends(discharge(person, flow.moment(), CASE))
    assert flow.one(REFERRAL).status == "refused"


async def test_a_withdrawal_counts_every_time_it_is_sent(flow: Flow) -> None:
    person = somebody(45)
    first = consent(person, flow.moment(), "Organization/mapo-care-team", "active")
    withdrawn = {**first, "status": "inactive"}
    again = consent(person, flow.moment(), "Organization/mapo-care-team", "active")
    for document in (first, withdrawn, again, withdrawn):
        assert (await flow.sends(document)).error is None
    await flow.sends(discharge(person, flow.moment(), CASE))
    assert flow.one(REFERRAL).status == "refused"


async def test_who_consents_anew_after_a_withdrawal_is_heard(flow: Flow) -> None:
    """The positive control of the two tests above."""
    person = somebody(46)
    for status in ("active", "inactive", "active"):
        document = consent(person, flow.moment(), "Organization/mapo-care-team", status)
        assert (await flow.sends(document)).error is None
    await flow.sends(discharge(person, flow.moment(), CASE))
    assert flow.one(REFERRAL).status == "pending"


def denied(person: Person, flow: Flow) -> dict[str, Any]:
    made = consent(person, flow.moment(), "Organization/mapo-care-team")
    return {**made, "provision": {**made["provision"], "type": "deny"}}


async def test_an_older_permit_that_comes_late_does_not_undo_a_refusal(flow: Flow) -> None:
    person = somebody(47)
    permit = consent(person, flow.moment(), "Organization/mapo-care-team")
    refusal = denied(person, flow)
    assert (await flow.sends(refusal)).error is None
    late = await flow.sends(permit)
    assert isinstance(late.error, Conflict)
    assert [e.why.reason for e in flow.exchanges(received_id=late.received)] == ["Conflict"]
    await flow.sends(discharge(person, flow.moment(), CASE))
    assert flow.one(REFERRAL).status == "refused"


async def test_a_permit_between_an_old_withdrawal_and_a_newer_consent_does_not_count(flow: Flow) -> None:
    """Every version on file is looked at, not only the one in force."""
    person = somebody(48)
    first, between, last = (consent(person, flow.moment(), "Organization/mapo-care-team") for _ in range(3))
    for document in (first, last, {**first, "status": "inactive"}):
        assert (await flow.sends(document)).error is None
    assert isinstance((await flow.sends(between)).error, Conflict)
    await flow.sends(discharge(person, flow.moment(), CASE))
    assert flow.one(REFERRAL).status == "refused"


async def test_who_permits_after_a_refusal_is_heard(flow: Flow) -> None:
    """The positive control of the two tests above."""
    person = somebody(49)
    for document in (denied(person, flow), consent(person, flow.moment(), "Organization/mapo-care-team")):
        assert (await flow.sends(document)).error is None
    await flow.sends(discharge(person, flow.moment(), CASE))
    assert flow.one(REFERRAL).status == "pending"


async def waited(flow: Flow, person: Person, other: Person, document: dict[str, Any]) -> str:
    """A Consent in a document with the numbers of two people, which waits for an operator; the document's id."""
    for one in (person, other):
        await flow.sends(admission(one, flow.moment()))
    numbers = [{"system": NUMBER, "value": one.number} for one in (person, other)]
    receipt = await flow.sends(bundle({**patient(person), "identifier": numbers}, document))
    assert receipt.error is None
    assert flow.one(CONSENTS).status == "parked"
    return receipt.received


async def test_an_older_permit_that_waited_for_its_person_does_not_undo_a_refusal(flow: Flow) -> None:
    """Linked by an operator after the refusal came: the link is made, the Consent is refused, on record."""
    person, waits = somebody(50), flow.changed(CONSENTS, triggers=("Bundle", "Consent"))
    permit = consent(person, flow.moment(), "Organization/mapo-care-team")
    permit["patient"] = {"reference": "https://x.example/Patient/p"}
    document = await waited(waits, person, somebody(51, birth=person.birth, sex="M"), permit)
    assert (await waits.sends({**denied(person, flow), "id": permit["id"]})).error is None
    (known,) = set(flow.node.store.persons(flow.tokens_of(person)).values())
    flow.node.store.commit(linked(waits.node, document, known, "operator")).result()
    (exchange,) = flow.exchanges(received_id=document, agreement=CONSENTS)
    assert (exchange.status, exchange.why.reason, exchange.whom.person) == ("refused", "Conflict", known)
    assert flow.node.store.records(WORKLIST) == []
    await flow.sends(discharge(person, flow.moment(), CASE))
    assert flow.one(REFERRAL).status == "refused"
    flow.verified()
