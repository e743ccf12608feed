"""An exception anywhere from parse to record means no: nothing leaves, it is on record, and the next message works (ARCHITECTURE.md, 2 and 3)."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from gateway.demo.messages import cases, discharge
from gateway.errors import Busy, Defect, GatewayError, NotDurable
from gateway.model.document import Principal
from gateway.model.questions import Question
from gateway.model.records import AuditFact, Unit
from gateway.pipeline import answer
from gateway.pipeline import delivery as delivery_line
from gateway.pipeline import index as index_line
from gateway.pipeline import outcome as outcome_line
from gateway.pipeline import person as person_line
from gateway.pipeline import prepare as prepare_line
from gateway.pipeline import pull as pull_line
from gateway.pipeline import push as push_line
from gateway.pipeline import world as world_line
from gateway.stages import release as release_stage
from tests.flows.conftest import CARE_TEAM, RECORD, REFERRAL, Flow, Served, somebody

CASE = cases()["discharges"]["consenting"]
SECRET = "secret content 750101"
NUMBER = "https://hanbit-hospital.example/fhir/sid/patient-number"
STAGES: dict[str, tuple[Any, str]] = {
    "parse": (prepare_line, "parse_document"),
    "validate": (prepare_line, "validate_document"),
    "map": (prepare_line, "map_document"),
    "second map": (outcome_line, "follow"),
    "validate the result": (outcome_line, "validate_mapped"),
    "identify": (person_line, "identify"),
    "enrol": (person_line, "enrol"),
    "consents": (outcome_line, "on_file"),
    "label": (outcome_line, "labelled"),
    "decide": (outcome_line, "decide_items"),
    "release": (outcome_line, "release"),
    "redact": (release_stage, "redact"),
    "record": (outcome_line, "what_of"),
    "decision": (outcome_line, "decision_row"),
    "outbox": (outcome_line, "outbox_entry"),
    "receive": (push_line, "receive"),
}


def fails(*_: Any, **__: Any) -> Any:
    raise RuntimeError(SECRET)


@pytest.mark.parametrize("broken", STAGES)
async def test_a_defect_in_a_stage(flow: Flow, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    person = somebody(80)
    await flow.consents(person)
    before = len(flow.rows())
    message = discharge(person, flow.moment(), CASE)
    with monkeypatch.context() as patch:
        patch.setattr(*STAGES[broken], fails)
        receipt = None
        try:
            receipt = await flow.sends(message)
        except Exception as error:
            assert broken == "receive", repr(error)
        await flow.drains()
    assert flow.post.sent == []
    assert {e.status for e in flow.exchanges(agreement=REFERRAL)} <= {"parked", "refused"}
    if receipt is not None:
        assert len(flow.rows()) > before
        assert flow.exchanges(received_id=receipt.received)
        assert SECRET not in f"{receipt}{flow.facts()}{flow.exchanges()}"
        if receipt.error is not None:
            assert isinstance(receipt.error, Defect)
            assert (receipt.error.status, receipt.error.ack) == (500, "AE")
    again = await flow.sends(discharge(person, flow.moment(), CASE))
    assert again.error is None
    await flow.drains()
    assert [e.status for e in flow.exchanges(received_id=again.received, agreement=REFERRAL)] == ["delivered"]
    flow.verified()


async def test_a_release_that_would_break_an_obligation_does_not_leave(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof reads the output again: a redaction that does nothing is found out."""
    person = somebody(81)
    await flow.consents(person)
    with monkeypatch.context() as patch:
        patch.setattr(release_stage, "redact", lambda resource, _: resource)
        await flow.sends(discharge(person, flow.moment(), CASE))
        await flow.drains()
    assert flow.post.sent == []
    assert flow.one(REFERRAL).status in ("parked", "refused")


@pytest.mark.parametrize("broken", ["on_file", "decide_items", "release", "render"])
async def test_a_defect_at_delivery(flow: Flow, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    person = somebody(82)
    await flow.consents(person)
    await flow.sends(discharge(person, flow.moment(), CASE))
    with monkeypatch.context() as patch:
        patch.setattr(delivery_line, broken, fails)
        await flow.drains()
    assert flow.post.sent == []
    exchange = flow.one(REFERRAL)
    assert (exchange.status, exchange.why.reason) == ("parked", "Defect")
    assert SECRET not in str(flow.facts())
    flow.verified()


PULL: dict[str, Any] = {
    "file_of": world_line, "asked_under": world_line, "labelled": world_line, "decide_items": world_line, "rows_held": world_line,
    "wanted": world_line, "release": pull_line, "chosen": pull_line, "cut": pull_line, "narrowed": pull_line, "what_of": pull_line,
    "decision_row": pull_line,
}  # fmt: skip


@pytest.mark.parametrize("broken", PULL)
async def test_a_defect_in_a_pull_is_on_record_and_answers_nothing(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    person = somebody(83)
    await flow.consents(person)
    await flow.sends(discharge(person, flow.moment(), CASE))
    await flow.drains()
    reader, question = (
        Principal(CARE_TEAM, "test"),
        Question("Condition", identifier=None, patient=await own_id(flow, person)),
    )
    with monkeypatch.context() as patch:
        patch.setattr(PULL[broken], broken, fails)
        with pytest.raises(Defect) as refused:
            await answer(flow.node, reader, question)
    assert SECRET not in f"{refused.value}{flow.facts()}"
    (exchange,) = [e for e in flow.exchanges() if e.why.reason == "Defect"]
    assert (exchange.status, exchange.whom.recipient, exchange.what.released) == ("refused", CARE_TEAM, ())
    found = await answer(flow.node, reader, question)
    assert found is not None
    assert found.resources
    flow.verified()


async def own_id(flow: Flow, person: Any) -> str:
    found = await answer(
        flow.node, Principal(CARE_TEAM, "test"), Question("Patient", identifier=(NUMBER, person.number))
    )
    assert found is not None
    return str(found.resources[0]["id"])


class Refusing:
    """The store port when its disk is full: nothing is taken while `refuses`; everything else is the real store's."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.refuses: GatewayError | None = NotDurable()
        self.refused: list[Unit] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, unit: Unit) -> Future[None]:
        if self.refuses is None:
            taken: Future[None] = self._store.commit(unit)
            return taken
        self.refused.append(unit)
        done: Future[None] = Future()
        done.set_exception(self.refuses)
        return done


@pytest.mark.parametrize("kind", [NotDurable, Busy])
async def test_a_store_that_refuses(flow: Flow, kind: type[GatewayError]) -> None:
    person = somebody(84)
    await flow.consents(person)
    store = Refusing(flow.node.store)
    store.refuses = kind()
    sick = replace(flow, node=replace(flow.node, store=store))
    message = discharge(person, flow.moment(), CASE)
    with pytest.raises(kind):
        await sick.sends(message)
    await sick.drains()
    assert flow.exchanges(agreement=REFERRAL) == []
    assert flow.post.sent == []
    store.refuses = None
    assert (await sick.sends(message)).error is None  # the sender's retry makes the entry
    await sick.drains()
    assert flow.one(REFERRAL).status == "delivered"
    flow.verified()


async def test_a_changed_decision_that_cannot_be_kept_sends_nothing(flow: Flow) -> None:
    """Commit B refused: the intent of the new decision is not durable, so nothing leaves."""
    from gateway.demo.messages import consent

    person = somebody(85)
    await flow.consents(person)
    await flow.sends(discharge(person, flow.moment(), CASE))
    narrow = consent(person, flow.moment(), "Organization/mapo-care-team")
    narrow["provision"]["provision"] = [
        {"type": "deny", "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "AllergyIntolerance"}]}
    ]
    await flow.sends(narrow)
    sick = replace(flow, node=replace(flow.node, store=Refusing(flow.node.store)))
    await sick.drains()
    assert flow.post.sent == []
    flow.clock.pass_by(minutes=5)
    await flow.drains()
    assert flow.one(REFERRAL).status == "delivered"
    flow.verified()


async def test_an_answer_that_cannot_be_kept_is_not_given(flow: Flow) -> None:
    person = somebody(86)
    await flow.consents(person)
    await flow.sends(discharge(person, flow.moment(), CASE))
    await flow.drains()
    sick = replace(flow, node=replace(flow.node, store=Refusing(flow.node.store)))
    with pytest.raises(NotDurable):
        await answer(sick.node, Principal(CARE_TEAM, "test"), Question("Patient", identifier=(NUMBER, person.number)))


async def test_an_outcome_that_cannot_be_kept_is_made_up_for(flow: Flow) -> None:
    """Commit C refused after sending: sent again later, one effect, one outcome."""
    person = somebody(87)
    await flow.consents(person)
    await flow.sends(discharge(person, flow.moment(), CASE))
    store = Refusing(flow.node.store)
    await replace(flow, node=replace(flow.node, store=store)).drains()
    assert len(flow.post.sent) == 1
    assert any(isinstance(put, AuditFact) and put.outcome == "delivered" for unit in store.refused for put in unit.puts)
    assert flow.one(REFERRAL).status == "pending"
    flow.clock.pass_by(minutes=5)
    await flow.drains()
    assert flow.one(REFERRAL).status == "delivered"
    assert [f["outcome"] for f in flow.facts(exchange=flow.one(REFERRAL).id)] == ["pending", "delivered"]
    assert len(flow.post.shelf("mapo-fhir").of("Patient", "")) == 1
    flow.verified()


def test_a_store_that_refuses_at_the_doors(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.demo.sender import over_mllp

    person = somebody(88)
    message = discharge(person, served.flow.moment(), CASE)
    store = served.flow.node.store
    real = store.commit

    def refused(_: Unit) -> Future[None]:
        done: Future[None] = Future()
        done.set_exception(NotDurable())
        return done

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "commit", lambda _, unit: refused(unit))
        got = served.posts(message, Accept="application/fhir+json")
        assert (got.status_code, got.headers["retry-after"]) == (503, "5")
        assert got.json()["resourceType"] == "OperationOutcome"
        assert b"MSA|AE|" in over_mllp(served.mllp, message)
    assert store.commit == real
    assert served.flow.exchanges(agreement=RECORD) == []
    assert b"MSA|AA|" in over_mllp(served.mllp, message)
    assert len(served.flow.exchanges(agreement=RECORD)) == 1
    assert served.flow.node.counts[("NotDurable", "/messages")] == 1


@pytest.mark.parametrize(
    ("error", "ends"), [(NotDurable(), True), (RuntimeError(SECRET), False)], ids=["away", "defect"]
)
async def test_indexing_that_fails(flow: Flow, monkeypatch: pytest.MonkeyPatch, error: Exception, ends: bool) -> None:
    """What is kept stays kept; only reading it waits, and a defect stays at the head of its lane to be seen."""
    person = somebody(89)
    await flow.sends(discharge(person, flow.moment(), CASE))

    def broken(*_: Any) -> Any:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(index_line, "index", broken)
        await flow.drains()
    kept = flow.one(RECORD)
    (entry,) = flow.node.store.outbox(kept.id)
    assert (kept.status, entry.attempts) == ("kept", 1)
    flow.clock.pass_by(minutes=5)
    await flow.drains()
    assert (flow.node.store.outbox(kept.id) == []) is ends
    (found,) = flow.node.store.persons(flow.tokens_of(person)[:1]).values()
    assert bool(flow.node.store.resources(found, "Patient")) is ends
    assert SECRET not in str(flow.facts())
    flow.verified()
