"""A narrower question, or a narrower token, never gives what a wider one would not; and nobody is named by a third one's number."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from gateway.demo.messages import consent
from gateway.errors import NotFound
from gateway.inbound.fhir import searched
from gateway.model.document import Principal
from gateway.model.questions import Question
from gateway.model.scopes import read_scopes
from gateway.pipeline import answer
from gateway.searching import Terms, everything_of
from tests.flows.conftest import CARE_TEAM, HOSPITAL, NUMBER, RECORD, Flow, somebody
from tests.flows.worlds import _bundle, _condition, _patient, _subject

TO = "Organization/mapo-care-team"
P = somebody(991)
READER = Principal(CARE_TEAM, "test")
CLINIC = "mind-clinic"
CLINIC_NUMBER = f"https://{CLINIC}.example/fhir/sid/patient-number"
RESIDENT = "https://ieum-gateway.example/fhir/sid/kr-resident-number"


@pytest.fixture
async def denied(flow: Flow) -> Flow:
    """A stay that names a stroke; the person lets the care team read, but nothing that is related to that stay."""
    given = consent(P, flow.moment(), TO)
    await flow.sends(given)
    stay = {
        "resourceType": "Encounter", "id": "e1", "status": "finished", "subject": _subject(P),
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "diagnosis": [{"condition": {"reference": "Condition/c1"}}],
    }  # fmt: skip
    rows = [_patient(P), stay, _condition("c1", "I63.9", "2026-10-01", P), _condition("c2", "I10", "2019-05", P)]
    assert (await flow.sends(_bundle(rows))).error is None
    await flow.drains()
    (person,) = flow.persons(P)
    kept = flow.node.store.resources(person, "Encounter")[0].id  # type: ignore[arg-type]
    data = [{"meaning": "related", "reference": {"reference": f"Encounter/{kept}"}}]
    other = [{"uri": "https://ieum-gateway.example/policies/other/v1"}]
    no = {**given, "id": "no", "policy": other, "provision": {**given["provision"], "type": "deny", "data": data}}
    assert (await flow.sends(no)).error is None
    await flow.drains()
    return flow


def own(flow: Flow) -> str:
    (person,) = flow.persons(P)
    return flow.node.keyring.rekey(CARE_TEAM, person)


async def diagnoses(flow: Flow, question: Question, reader: Principal = READER) -> list[str]:
    found = await answer(flow.node, reader, question)
    given: Sequence[Any] = found.resources if found is not None else ()
    return sorted(one["code"]["coding"][0]["code"] for one in given if one["resourceType"] == "Condition")


async def test_what_a_denied_stay_names_is_withheld_however_it_is_asked_for(denied: Flow) -> None:
    node, pairs = denied.node, (("patient", own(denied)),)
    assert await diagnoses(denied, searched(node, "Condition", pairs)) == ["I10"]
    beyond = (*pairs, ("_revinclude", "Encounter:diagnosis"))
    assert await diagnoses(denied, searched(node, "Condition", beyond)) == ["I10"]
    (person,) = denied.persons(P)
    found = []
    for row in node.store.resources(person, "Condition"):  # type: ignore[arg-type]
        with suppress(NotFound):
            found += await diagnoses(denied, Question("Condition", id=node.keyring.rekey(CARE_TEAM, row.id)))
    assert found == ["I10"]


async def test_fewer_scopes_never_give_more(denied: Flow) -> None:
    node = denied.node
    every = Question("Patient", own(denied), search=everything_of((), (), Terms(None, node.clock())))  # type: ignore[arg-type]
    for scopes in ("system/*.rs", "system/Patient.rs system/Condition.rs", "system/Patient.r system/Condition.r"):
        reader = replace(READER, proof="token", scopes=read_scopes(scopes))
        assert await diagnoses(denied, every, reader) == ["I10"], scopes


async def test_nobody_is_named_by_the_number_of_a_third_one(flow: Flow) -> None:
    site = flow.node.site
    hospital = site.participants[HOSPITAL]
    systems = {name: system.replace(HOSPITAL, CLINIC) for name, system in hospital.identifier_systems.items()}
    clinic = replace(
        hospital, id=CLINIC, references=(f"Organization/{CLINIC}",), keys=(), mllp=None, identifier_systems=systems
    )
    record = replace(site.agreements[RECORD], id="clinic-record", sender=CLINIC)
    there = flow.on(
        replace(
            site,
            participants={**site.participants, CLINIC: clinic},
            agreements={**site.agreements, record.id: record},
            person_systems=(*site.person_systems, CLINIC_NUMBER),
        )
    )
    resident = {"system": RESIDENT, "value": P.resident_number}
    await there.sends(consent(P, there.moment(), TO))
    patient = _patient(P)
    await there.sends(
        _bundle([{**patient, "identifier": [*patient["identifier"], resident]}, _condition("c", "I10", "2020", P)])
    )
    seen = {"identifier": {"system": CLINIC_NUMBER, "value": "M0001"}}
    also = {**patient, "identifier": [resident, {"system": CLINIC_NUMBER, "value": "M0001"}]}
    sent = await there.sends(_bundle([also, {**_condition("k", "F20.0", "2022", P), "subject": seen}]), who=CLINIC)
    assert sent.error is None
    await there.drains()
    assert len(there.persons(P)) == 1

    async def asked(system: str, value: str) -> list[str]:
        return await diagnoses(there, searched(there.node, "Condition", (("patient.identifier", f"{system}|{value}"),)))

    assert await asked(NUMBER, P.number) == ["I10"]  # the control
    assert await asked(CLINIC_NUMBER, "M0001") == []
    assert await asked(CLINIC_NUMBER, "M9999") == []
