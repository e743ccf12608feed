"""Two worlds that differ only in what a caller may not see give the same answer (ARCHITECTURE.md, promise 6)."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from gateway.demo.messages import cases, discharge
from gateway.errors import OutOfScope
from gateway.inbound.fhir import searched
from gateway.model.document import Principal
from gateway.model.questions import Question
from gateway.model.scopes import read_scopes
from gateway.pipeline import answer
from gateway.searching import Terms, everything_of
from tests.flows.conftest import CARE_TEAM, NUMBER, READING, Flow, Served, changed, serving, somebody

CASE = cases()["discharges"]["consenting"]
TYPES = ("Patient", "Encounter", "Condition", "AllergyIntolerance", "Observation")


@pytest.fixture
async def recorded(flow: Flow) -> Flow:
    """One person with a consent, one without, both on record."""
    for number, consenting in ((200, True), (201, False)):
        person = somebody(number)
        if consenting:
            await flow.consents(person)
        await flow.sends(discharge(person, flow.moment(), CASE))
    await flow.drains()
    return flow


@pytest.fixture
def reading(recorded: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    with serving(recorded, monkeypatch, tmp_path) as made:
        yield made


SELF = re.compile(rb'"link":\[\{"relation":"self","url":"[^"]*"\}\],?')


def told(answer: httpx.Response) -> tuple[Any, ...]:
    """Status, headers apart from the date, and body, byte for byte; without the question itself, which the self link repeats."""
    headers = sorted((k, v) for k, v in answer.headers.items() if k not in ("date", "content-length"))
    return answer.status_code, headers, SELF.sub(b"", answer.content)


def same(one: httpx.Response, other: httpx.Response) -> None:
    assert told(one) == told(other)


def resources(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 200, answer.content
    return [entry["resource"] for entry in answer.json().get("entry", ())]


def patient(served: Served, number: int, token: str = "welfare") -> str:
    (found,) = resources(served.gets("/fhir/Patient", token, identifier=f"{NUMBER}|{somebody(number).number}"))
    return str(found["id"])


def as_seen(served: Served, number: int, recipient: str = "mapo-care-team") -> str:
    """The id that a recipient would know the person by, whether or not it may."""
    (person,) = served.flow.persons(somebody(number))
    return str(served.flow.node.keyring.rekey(recipient, person))


def test_without_consent_is_like_not_there(reading: Served) -> None:
    silent, nobody = as_seen(reading, 201), str(uuid.uuid4())
    for kind in TYPES:
        same(reading.gets(f"/fhir/{kind}", patient=silent), reading.gets(f"/fhir/{kind}", patient=nobody))
        same(reading.gets(f"/fhir/{kind}", subject=silent), reading.gets(f"/fhir/{kind}", subject="no-uuid"))
    same(reading.gets(f"/fhir/Patient/{silent}"), reading.gets(f"/fhir/Patient/{nobody}"))
    same(reading.gets(f"/fhir/Patient/{silent}"), reading.gets("/fhir/Patient/no-uuid"))
    numbers = (somebody(201).number, "F9999999")
    same(*(reading.gets("/fhir/Patient", identifier=f"{NUMBER}|{number}") for number in numbers))
    assert reading.gets(f"/fhir/Patient/{silent}").status_code == 404


def test_a_resource_of_whom_has_not_consented_is_like_not_there(reading: Served) -> None:
    store, keyring = reading.flow.node.store, reading.flow.node.keyring
    (silent,) = reading.flow.persons(somebody(201))
    held = [row for row in store.resources(silent) if row.type != "Patient"]
    assert held
    for row in held:
        there = reading.gets(f"/fhir/{row.type}/{keyring.rekey('mapo-care-team', row.id)}")
        same(there, reading.gets(f"/fhir/{row.type}/{uuid.uuid4()}"))


def test_what_is_withheld_of_a_person_is_like_not_there(reading: Served) -> None:
    store, keyring = reading.flow.node.store, reading.flow.node.keyring
    (person,) = reading.flow.persons(somebody(200))
    for row in store.resources(person, "Condition"):
        got = reading.gets(f"/fhir/Condition/{keyring.rekey('mapo-care-team', row.id)}")
        assert got.status_code == (404 if "PSY" in row.labels else 200)
        if "PSY" in row.labels:
            same(got, reading.gets(f"/fhir/Condition/{uuid.uuid4()}"))


def test_the_readers_own_ids_work_and_nobody_elses(reading: Served) -> None:
    id = patient(reading, 200)
    assert id == as_seen(reading, 200)
    conditions = resources(reading.gets("/fhir/Condition", patient=f"Patient/{id}"))
    assert len(conditions) == 2
    assert {c["subject"]["reference"] for c in conditions} == {f"Patient/{id}"}
    one = conditions[0]
    assert reading.gets(f"/fhir/Condition/{one['id']}").json() == one
    (stored,) = reading.flow.persons(somebody(200))
    for other in (stored, as_seen(reading, 200, "kdca-demo")):
        same(reading.gets(f"/fhir/Patient/{other}"), reading.gets(f"/fhir/Patient/{uuid.uuid4()}"))
        assert resources(reading.gets("/fhir/Condition", patient=other)) == []
    same(reading.gets(f"/fhir/Observation/{one['id']}"), reading.gets(f"/fhir/Observation/{uuid.uuid4()}"))
    same(reading.gets(f"/fhir/Patient/{one['id']}"), reading.gets(f"/fhir/Patient/{uuid.uuid4()}"))


def test_whoever_has_no_agreement_to_read_is_refused_alike(reading: Served) -> None:
    there, nowhere = as_seen(reading, 200), str(uuid.uuid4())
    for token in ("hospital", "public-health"):
        same(reading.gets(f"/fhir/Patient/{there}", token), reading.gets(f"/fhir/Patient/{nowhere}", token))
        assert reading.gets("/fhir/Condition", token, patient=there).status_code == 403


def test_types_outside_the_agreement(reading: Served) -> None:
    there, nowhere = as_seen(reading, 200), str(uuid.uuid4())
    for kind in ("Consent", "Procedure", "ServiceRequest", "Bundle", "AuditEvent"):
        same(reading.gets(f"/fhir/{kind}", patient=there), reading.gets(f"/fhir/{kind}", patient=nowhere))
        same(reading.gets(f"/fhir/{kind}/{there}"), reading.gets(f"/fhir/{kind}/{nowhere}"))
        assert reading.gets(f"/fhir/{kind}/{there}").status_code == 403


UNANSWERED = (
    "patient={id}&unknown=1", "patient={id}&_include=Condition:code", "patient={id}&_has:Observation:patient:code=1",
    "patient:exact={id}", "patient.nickname=x", "patient={id}&_sort=colour", "patient={id}&code:text=x", "patient={id}&_text=x",
    "_count=0&patient={id}", "_count=x&patient={id}", "_count=-1&patient={id}", "patient={id},{id}", "patient={id}&_count=1&_count=2",
    "_summary=most&patient={id}", "patient={id}&%00=1", "patient=%00", "patient=%ff", "patient=https://elsewhere.example/Patient/1",
    "patient=%ZZ", "patient={id}&_filter=code eq 1", "patient={id}&onset-date=soon", "patient={id}&_revinclude=*",
    "patient={id}&code-value-quantity=1$2", "patient={id}&_page=1", "patient={id}&Patient=1", "patient={id}&PATIENT={id}",
)  # fmt: skip


def test_questions_that_are_not_answered(reading: Served) -> None:
    """Known person or not: 400 in the same words, and never an answer."""
    ids = (as_seen(reading, 200), str(uuid.uuid4()))
    with reading.client("welfare") as client:
        for query in UNANSWERED:
            answers = [client.get("/fhir/Condition?" + query.format(id=id)) for id in ids]
            same(*answers)
            assert answers[0].status_code == 400, query


def test_how_many(reading: Served) -> None:
    id = patient(reading, 200)
    assert len(resources(reading.gets("/fhir/Condition", patient=id, _count="1"))) == 1
    assert len(resources(reading.gets("/fhir/Condition", patient=id, _count="99999999999999999999"))) == 2
    assert "total" not in reading.gets("/fhir/Condition", patient=id).json()
    assert resources(reading.gets("/fhir/Condition")) == []  # nobody is named, nobody is found
    assert resources(reading.gets("/fhir/Condition", patient=id, subject=str(uuid.uuid4()))) == []


PATHS = ("Nonsense/1", "patient/1", "Patient/%00", "Patient/a%2Fb", "Patient/" + "a" * 65, "Patient/%ZZ")


def test_paths_that_name_nothing(reading: Served) -> None:
    for path in PATHS:
        got = reading.gets(f"/fhir/{path}")
        assert got.status_code == 404, path
        assert got.json()["resourceType"] == "OperationOutcome", path


def test_every_reading_is_on_record_before_it_is_answered(reading: Served) -> None:
    flow, id = reading.flow, patient(reading, 200)
    before = len(flow.exchanges(agreement=READING))
    reading.gets("/fhir/Condition", patient=id)
    reading.gets("/fhir/Condition", patient=as_seen(reading, 201))
    found = flow.exchanges(agreement=READING)
    assert len(found) == before + 2
    assert {e.status for e in found[:2]} == {"answered", "refused"}
    assert {f["kind"] for e in found[:2] for f in flow.facts(exchange=e.id)} == {"read", "refusal"}
    assert all(e.whom.person for e in found[:2])
    flow.verified()


async def test_in_shadow_or_ended_nothing_is_answered(recorded: Flow) -> None:
    from gateway.errors import NotAllowed
    from gateway.model.document import Principal
    from gateway.model.questions import Question
    from gateway.pipeline import answer

    asked = Question("Patient", identifier=(NUMBER, somebody(200).number))
    for state in ("shadow", "ended", "draft"):
        off = recorded.on(changed(recorded.node.site, READING, state=state))
        with pytest.raises(NotAllowed):
            await answer(off.node, Principal("mapo-care-team", "test"), asked)
    recorded.verified()


async def test_an_include_goes_no_further_than_the_token(recorded: Flow) -> None:
    (person,) = recorded.persons(somebody(200))
    node, known = recorded.node, recorded.node.keyring.rekey(CARE_TEAM, person)
    asked = searched(node, "Condition", (("patient", known), ("_include", "Condition:encounter")))

    async def given(scopes: str) -> set[str]:
        reader = Principal(CARE_TEAM, "c", proof="token", scopes=read_scopes(scopes))
        released = await answer(node, reader, asked)
        return {one["resourceType"] for one in released.resources} if released is not None else set()

    assert await given("system/Condition.s system/Encounter.s") == {"Condition", "Encounter"}
    with pytest.raises(OutOfScope):
        await given("system/Encounter.s")
    assert await given("system/*.s") == {"Condition", "Encounter"}
    everything = Question("Patient", known, search=everything_of((), (), Terms(ZoneInfo("UTC"), node.clock())))
    reader = Principal(CARE_TEAM, "c", proof="token", scopes=read_scopes("system/Patient.r system/Observation.r"))
    released = await answer(node, reader, everything)
    assert released is not None
    assert {one["resourceType"] for one in released.resources} == {"Patient", "Observation"}
