"""What the façade gives under one, several, old, future and contradicting consents, and on a node that did not hear of them (A45, A46)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.messages import consent, merge
from gateway.demo.people import Person
from gateway.errors import NotFound
from gateway.inbound.fhir import searched
from gateway.model.document import PersonKey, Principal
from gateway.model.questions import Question
from gateway.pipeline import answer
from tests.flows.conftest import CARE_TEAM, NUMBER, Flow, Served, serving, somebody

Consent = dict[str, Any]
KCD = "http://www.hl7korea.or.kr/CodeSystem/kostat-kcd-8"
TO = "Organization/mapo-care-team"


def _same(given: Consent) -> list[Consent]:
    return [given]


def _other(given: Consent, **provision: Any) -> Consent:
    """A Consent of another series: its own policy, so that neither supersedes the other."""
    policy = [{"uri": "https://ieum-gateway.example/policies/other/v1"}]
    return {**given, "id": f"{given['id']}-other", "policy": policy, "provision": {**given["provision"], **provision}}


def _period(given: Consent, start: str, end: str) -> Consent:
    return {**given, "provision": {**given["provision"], "period": {"start": start, "end": end}}}


def _within(given: Consent, **provision: Any) -> Consent:
    return {**given, "provision": {**given["provision"], **provision}}


def _actor(given: Consent, reference: str) -> list[dict[str, Any]]:
    return [{**given["provision"]["actor"][0], "reference": {"reference": reference}}]


def _purpose(given: Consent, code: str) -> list[dict[str, Any]]:
    return [{**given["provision"]["purpose"][0], "code": code}]


CASES: dict[str, tuple[Callable[[Consent], list[Consent]], int]] = {
    "given": (_same, 2),
    "none": (lambda _: [], 0),
    "for somebody else": (lambda c: [_within(c, actor=_actor(c, "Organization/other"))], 0),
    "denied beside": (lambda c: [c, _other(c, type="deny")], 0),
    "denied beside, the other way round": (lambda c: [_other(c, type="deny"), c], 0),
    "denied before its time": (lambda c: [c, _period(_other(c, type="deny"), "2030-01-01", "2031-01-01")], 2),
    "one illness denied beside": (lambda c: [c, _other(c, type="deny", code=[{"coding": [{"system": KCD, "code": "I10"}]}])], 1),
    "permitted twice, overlapping": (lambda c: [c, _period(_other(c), "2026-01-01", "2027-06-01")], 2),
    "over": (lambda c: [_period(c, "2020-01-01", "2021-01-01")], 0),
    "not yet": (lambda c: [_period(c, "2030-01-01", "2031-01-01")], 0),
    "entered in error": (lambda c: [{**c, "status": "entered-in-error"}], 0),
    "proposed": (lambda c: [{**c, "status": "proposed"}], 0),
    "another purpose": (lambda c: [_within(c, purpose=_purpose(c, "HMARKT"))], 0),
}  # fmt: skip


def record(person: Person) -> dict[str, Any]:
    """Two illnesses of a person."""
    subject = {"identifier": {"system": NUMBER, "value": person.number}}
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "birthDate": person.birth.isoformat(),
        "identifier": [subject["identifier"]],
    }
    found = [
        {
            "resourceType": "Condition",
            "id": f"{code}-{person.number}",
            "subject": subject,
            "code": {"coding": [{"system": KCD, "code": code}]},
        }
        for code in ("I10", "I63.9")
    ]
    rows = [patient, *found]
    entries = [{"fullUrl": f"https://x.example/{r['resourceType']}/{r['id']}", "resource": r} for r in rows]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


@pytest.fixture
async def filled(flow: Flow) -> Flow:
    """A person for each case, with the consents of the case."""
    for number, (make, _) in enumerate(CASES.values()):
        person = somebody(950 + number)
        for given in make(consent(person, flow.moment(), TO, "active")):
            await flow.sends(given)
        receipt = await flow.sends(record(person))
        assert receipt.error is None
    await flow.drains()
    return flow


@pytest.fixture
def open_doors(filled: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    with serving(filled, monkeypatch, tmp_path) as made:
        yield made


def test_consents_together(open_doors: Served) -> None:
    """A deny overrides, in any order; what is not in force gives nothing; what does not cover the question gives nothing."""
    found = {}
    with open_doors.client("welfare") as client:
        for number, name in enumerate(CASES):
            (person,) = open_doors.flow.persons(somebody(950 + number))
            id = open_doors.flow.node.keyring.rekey(CARE_TEAM, person)
            conditions = client.get("/fhir/Condition", params={"patient": id, "_total": "accurate"}).json()
            everything = client.get(f"/fhir/Patient/{id}/$everything?_type=Condition")
            found[name] = conditions["total"]
            assert len(conditions.get("entry", ())) == conditions["total"]
            assert everything.status_code == (200 if conditions["total"] else 404), name
    assert found == {name: count for name, (_, count) in CASES.items()}


async def test_a_withdrawal_is_felt_on_another_node_at_once(flow: Flow) -> None:
    """Nothing of a consent is remembered: the next question reads it again, wherever it is asked."""
    person = somebody(990)
    await flow.consents(person)
    await flow.sends(record(person))
    await flow.drains()
    other = replace(flow.node, counts={})
    question = Question("Condition", identifier=(NUMBER, person.number))
    reader = Principal(CARE_TEAM, "test")
    for node in (flow.node, other):
        found = await answer(node, reader, question)
        assert found is not None
        assert len(found.resources) == 2
    await flow.consents(person, "inactive")
    for node in (other, flow.node):
        assert await answer(node, reader, question) is None


async def test_one_version_that_is_withheld_takes_the_others_with_it(flow: Flow) -> None:
    """What a rule keeps back by its code, not by a label, was of one version only; the history is not given around it."""
    person = somebody(991)
    given = consent(person, flow.moment(), TO, "active")
    await flow.sends(given)
    await flow.sends(_other(given, type="deny", code=[{"coding": [{"system": KCD, "code": "I10"}]}]))
    was, is_now = record(person), record(person)
    is_now["entry"][1]["resource"]["code"]["coding"][0]["code"] = "I11"  # it was I10
    for one in (was, is_now):
        receipt = await flow.sends(one)
        assert receipt.error is None
        await flow.drains()
    reader = Principal(CARE_TEAM, "test")
    found = await answer(flow.node, reader, Question("Condition", identifier=(NUMBER, person.number)))
    assert found is not None
    ids = {row["code"]["coding"][0]["code"]: row["id"] for row in found.resources}
    assert set(ids) == {"I11", "I63.9"}
    for question in (Question("Condition", ids["I11"], history=True), Question("Condition", ids["I11"], version="2")):
        with pytest.raises(NotFound):
            await answer(flow.node, reader, question)
    for code in ids:
        assert await answer(flow.node, reader, Question("Condition", ids[code])) is not None
    whole = await answer(flow.node, reader, Question("Condition", ids["I63.9"], history=True))
    assert whole is not None
    assert len(whole.resources) == 1


async def test_what_a_version_says_counts_when_its_label_is_lost(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels stick in the store; should one get lost there, every version is looked at again before any of them is shown (A17, A18)."""
    person = somebody(992)
    await flow.consents(person)
    was, is_now = record(person), record(person)
    was["entry"][1]["resource"]["code"]["coding"][0]["code"] = "F20.0"
    for one in (was, is_now):
        await flow.sends(one)
        await flow.drains()
    reader = Principal(CARE_TEAM, "test")
    (key,) = flow.persons(person)
    rows = flow.node.store.resources(PersonKey(key), "Condition")
    (sensitive,) = [row for row in rows if "PSY" in row.labels]
    id = flow.node.keyring.rekey(CARE_TEAM, sensitive.id)
    questions = (
        Question("Condition", id),
        Question("Condition", id, history=True),
        Question("Condition", id, version="2"),
    )
    for question in questions:
        with pytest.raises(NotFound):
            await answer(flow.node, reader, question)
    store = Forgetful(flow.node.store)
    forgetful = replace(flow.node, store=store)
    assert await answer(forgetful, reader, questions[0]) is not None  # nothing else says what it once was
    for question in questions[1:]:
        with pytest.raises(NotFound):
            await answer(forgetful, reader, question)


class Forgetful:
    """The store port when labels have been lost; everything else is the real store's."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def file(self, *asked: Any) -> tuple[int, Any, list[Any]]:
        epoch, consents, rows = self._store.file(*asked)
        return epoch, consents, [replace(row, labels=()) for row in rows]

    def versions(self, *asked: Any) -> list[Any]:
        return [replace(row, labels=()) for row in self._store.versions(*asked)]


async def test_the_record_of_a_merged_person_is_one(flow: Flow) -> None:
    """What was kept under either is about whoever remained, by the id of either; nothing names who is gone."""
    stays, old = somebody(993), somebody(994, birth=somebody(993).birth)
    for one in (old, stays):
        await flow.sends(record(one))
    await flow.drains()
    before = {flow.node.keyring.rekey(CARE_TEAM, key) for key in flow.persons(old)}
    await flow.sends(merge(stays, old.number, flow.moment()))
    await flow.consents(stays)
    await flow.drains()
    (key,) = flow.persons(stays, old)
    now, (gone,) = flow.node.keyring.rekey(CARE_TEAM, key), before
    reader = Principal(CARE_TEAM, "test")
    for id in (now, gone):
        found = await answer(
            flow.node, reader, searched(flow.node, "Condition", (("patient", id), ("_include", "Condition:subject")))
        )
        assert found is not None
        assert [row["resourceType"] for row in found.resources] == ["Condition"] * 4 + ["Patient"]
        assert {row["subject"]["reference"] for row in found.resources[:4]} == {f"Patient/{now}"}
        assert gone not in str(found.resources)
