"""Whose document it is: nobody twice, merged people in one person and one lane, and whoever cannot be named waits (ARCHITECTURE.md, 7 and 9)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gateway.demo.messages import admission, cases, discharge, merge, update
from gateway.demo.people import Person
from gateway.errors import Conflict, NotFound, TryLater
from gateway.model.document import PersonKey, Principal
from gateway.model.questions import Question
from gateway.model.records import Unit
from gateway.pipeline import answer
from gateway.pipeline.person import WORKLIST
from gateway.pipeline.resume import linked, unlinked
from tests.flows.conftest import CARE_TEAM, RECORD, REFERRAL, Flow, somebody

CASE = cases()["discharges"]["consenting"]
NUMBER = "https://hanbit-hospital.example/fhir/sid/patient-number"


def kept(flow: Flow, unit: Unit) -> None:
    flow.node.store.commit(unit).result(10)


def waiting(flow: Flow) -> Sequence[Any]:
    return flow.node.store.records(WORKLIST)


async def test_first_messages_at_once_make_one_person(flow: Flow) -> None:
    person = somebody(10)
    messages = [admission(person, flow.moment()) for _ in range(8)]
    receipts = await asyncio.gather(*(flow.sends(message) for message in messages))
    assert all(r.error is None for r in receipts)
    assert len({r.received for r in receipts}) == 8
    assert len(flow.persons(person)) == 1
    assert {e.whom.person for e in flow.exchanges(agreement=RECORD)} == flow.persons(person)
    flow.verified()


async def test_first_messages_in_two_processes_make_one_person(flow: Flow, tmp_path: Any) -> None:
    """Two nodes on one database and one site key, as two processes have them."""
    from gateway.app import build_node, close
    from gateway.settings import Settings

    url = flow.node.store._engine.url.render_as_string(hide_password=False)  # type: ignore[attr-defined]
    second = build_node(Settings(data_dir=tmp_path, database_url=url), flow.node.site)
    other = replace(flow, node=replace(second, clock=flow.clock, transports=flow.node.transports))
    try:
        person = somebody(11)
        flows = [flow, other] * 3
        receipts = await asyncio.gather(*(one.sends(admission(person, flow.moment())) for one in flows))
        assert all(r.error is None for r in receipts)
        assert len(flow.persons(person)) == 1
        flow.verified()
    finally:
        await close(other.node)
        await second.transports["http"].close()


async def test_after_a_merge_either_number_leads_to_one_person_and_one_lane(flow: Flow) -> None:
    stays, old = somebody(20), somebody(21, birth=somebody(20).birth, sex="M")
    await flow.sends(admission(stays, flow.moment()))
    await flow.sends(admission(old, flow.moment()))
    await flow.consents(old)
    assert len(flow.persons(stays, old)) == 2
    flow.post.answers["mapo-fhir"] = [TryLater()] * 2
    await flow.sends(discharge(old, flow.moment(), CASE))
    receipt = await flow.sends(merge(stays, old.number, flow.moment()))
    assert receipt.error is None
    assert len(flow.persons(stays, old)) == 1
    await flow.sends(discharge(stays, flow.moment(), CASE))  # the consent was given under the number that is gone
    entries = [entry for e in flow.exchanges(agreement=REFERRAL) for entry in flow.node.store.outbox(e.id)]
    assert {entry.lane for entry in entries} == {f"{CARE_TEAM}:{flow.persons(stays).pop()}"}
    assert len(entries) == 2
    flow.clock.pass_by(seconds=60)
    for _ in range(6):
        await flow.drains()
        flow.clock.pass_by(seconds=60)
    assert {e.status for e in flow.exchanges(agreement=REFERRAL)} == {"delivered"}
    order = [one.headers["X-Request-Id"] for one in flow.post.sent]
    late = sorted(flow.exchanges(agreement=REFERRAL), key=lambda e: e.when.received)
    assert list(dict.fromkeys(order)) == [e.id for e in late]
    assert len(flow.post.shelf("mapo-fhir").of("Patient", "")) == 1
    flow.verified()


async def test_a_merged_person_is_read_once(flow: Flow) -> None:
    stays, old = somebody(22), somebody(23, birth=somebody(22).birth, sex="M")
    for one in (old, stays):
        await flow.sends(admission(one, flow.moment()))
    await flow.drains()
    await flow.sends(merge(stays, old.number, flow.moment()))
    await flow.consents(stays)
    await flow.drains()
    reader = Principal(CARE_TEAM, "test")
    for number in (stays.number, old.number):
        found = await answer(flow.node, reader, Question("Patient", identifier=(NUMBER, number)))
        assert found is not None
        assert len(found.resources) == 1
        assert stays.number in str(found.resources[0]["identifier"])


async def test_a_merge_that_names_itself_is_refused(flow: Flow) -> None:
    person = somebody(24)
    receipt = await flow.sends(merge(person, person.number, flow.moment()))
    assert receipt.error is not None
    assert receipt.error.ack == "AE"


async def ambiguous(flow: Flow) -> tuple[Person, str]:
    """A document with the numbers of two people, and its id."""
    one, other = somebody(30), somebody(31, birth=somebody(30).birth, sex="M")
    await flow.sends(admission(one, flow.moment()))
    await flow.sends(admission(other, flow.moment()))
    await flow.consents(one)
    both = replace(one, number=other.number)
    receipt = await flow.sends(discharge(both, flow.moment(), CASE))
    assert receipt.error is None
    return one, receipt.received


async def test_two_peoples_numbers_wait_and_go_on_as_the_same_exchange(flow: Flow) -> None:
    one, document = await ambiguous(flow)
    await flow.drains()
    (parked,) = [e for e in flow.exchanges(agreement=REFERRAL, status="parked")]
    assert parked.why.reason == "identity-ambiguous"
    (row,) = waiting(flow)
    assert (row.key, row.value["because"], len(row.value["candidates"])) == (document, "ambiguous", 2)
    assert one.number not in str(row.value)
    assert one.resident_number not in str(row.value)
    assert flow.post.sent == []
    (person,) = {p for p in flow.node.store.persons(flow.tokens_of(one)[:1]).values()}
    kept(flow, linked(flow.node, document, person, "operator"))
    await flow.drains()
    after = flow.node.store.exchange(parked.id)
    assert after is not None
    assert (after.status, after.whom.person) == ("delivered", person)
    assert len(flow.post.sent) == 1
    assert waiting(flow) == []
    assert {e.id for e in flow.exchanges(received_id=document)} == {e.id for e in flow.exchanges(received_id=document)}
    facts = [f for f in flow.facts(kind="identity") if f["facts"]["who"].get("user") == "operator"]
    assert [f["facts"]["what"]["identity"] for f in facts] == ["link"]
    with pytest.raises(NotFound):
        linked(flow.node, document, person, "operator")
    flow.verified()


async def test_two_operators_at_once_link_once(flow: Flow) -> None:
    one, document = await ambiguous(flow)
    (person,) = {p for p in flow.node.store.persons(flow.tokens_of(one)[:1]).values()}
    first, second = (linked(flow.node, document, person, by) for by in ("a", "b"))
    kept(flow, first)
    assert isinstance(flow.node.store.commit(second).exception(10), Conflict)
    await flow.drains()
    assert len(flow.post.sent) == 1
    flow.verified()


async def test_nobody_is_linked_to_whom_does_not_exist(flow: Flow) -> None:
    _, document = await ambiguous(flow)
    with pytest.raises(Conflict):
        linked(flow.node, document, PersonKey(flow.node.ids()), "operator")


async def test_a_document_that_names_nobody_waits_and_may_be_about_somebody_new(flow: Flow) -> None:
    named = admission(somebody(32), flow.moment())
    unnamed = b"\r".join(b"PID|1||||||19500101|F" if s.startswith(b"PID|") else s for s in named.split(b"\r"))
    receipt = await flow.sends(unnamed)
    assert receipt.error is None
    assert {e.why.reason for e in flow.exchanges(received_id=receipt.received)} == {"identity-absent"}
    kept(flow, linked(flow.node, receipt.received, None, "operator"))
    await flow.drains()
    (after,) = flow.exchanges(received_id=receipt.received, agreement=RECORD)
    assert after.status == "kept"
    assert after.whom.person is not None
    assert flow.node.store.resources(after.whom.person, "Patient")


async def test_another_birth_date_under_a_known_number_waits(flow: Flow) -> None:
    person = somebody(33)
    await flow.sends(admission(person, flow.moment()))
    wrong = replace(person, birth=person.birth.replace(year=1999))
    receipt = await flow.sends(update(replace(wrong, id="x"), flow.moment()))
    exchanges = flow.exchanges(received_id=receipt.received)
    # the resident number is made of the birth date: the hospital's own number says one person, the birth date contradicts
    assert {e.why.reason for e in exchanges} == {"identity-contradicted"}
    assert str(person.birth) not in str(flow.facts())


async def test_an_unlinked_number_leads_to_nobody(flow: Flow) -> None:
    person = somebody(34)
    await flow.sends(admission(person, flow.moment()))
    system, token = flow.tokens_of(person)[0]
    kept(flow, unlinked(flow.node, system, token, "operator"))
    assert flow.node.store.persons([(system, token)]) == {}
    with pytest.raises(NotFound):
        unlinked(flow.node, system, token, "operator")
    assert [f["outcome"] for f in flow.facts(kind="identity")][-1] == "unlink"
    flow.verified()


async def test_a_document_about_several_people_is_refused(flow: Flow) -> None:
    patients = [
        {"resourceType": "Patient", "id": f"p{n}", "identifier": [{"system": NUMBER, "value": f"X{n}"}]} for n in (1, 2)
    ]
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [
        {"fullUrl": f"https://hanbit-hospital.example/fhir/Patient/{p['id']}", "resource": p} for p in patients
    ]}  # fmt: skip
    receipt = await flow.sends(bundle)
    assert receipt.error is not None
    assert receipt.error.status == 415
    assert flow.one("").status == "refused"


async def test_an_agreement_that_ended_while_a_document_waited_gives_nothing(flow: Flow) -> None:
    one, document = await ambiguous(flow)
    (person,) = {p for p in flow.node.store.persons(flow.tokens_of(one)[:1]).values()}
    await flow.drains()
    before = flow.node.store.resources(person)
    for agreement in (REFERRAL, RECORD):
        flow = flow.changed(agreement, state="ended")
    kept(flow, linked(flow.node, document, person, "operator"))
    await flow.drains()
    found = flow.exchanges(received_id=document)
    assert {(e.status, e.why.reason, e.whom.person) for e in found} == {("refused", "agreement-ended", person)}
    assert flow.post.sent == []
    assert flow.node.store.resources(person) == before
    flow.verified()


async def test_a_merge_that_is_not_the_senders_to_make_waits_and_is_made_by_a_person(flow: Flow) -> None:
    """Two birth dates on file: a person decides, and the link makes the merge."""
    stays, old = somebody(36), somebody(37)
    for one in (stays, old):
        await flow.sends(admission(one, flow.moment()))
    receipt = await flow.sends(merge(stays, old.number, flow.moment()))
    assert {e.why.reason for e in flow.exchanges(received_id=receipt.received)} == {"identity-merge"}
    assert len(flow.persons(stays, old)) == 2
    (person,) = flow.persons(stays)
    kept(flow, linked(flow.node, receipt.received, PersonKey(person), "operator"))
    assert flow.persons(stays, old) == {person}
    flow.verified()
