"""Research at the façade: who asks in a project knows ids of the project and nothing else (PSEUD; ARCHITECTURE.md, "At rest")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from gateway.demo.messages import consent
from gateway.model.document import PersonKey
from gateway.pipeline.versions import version_id
from tests.flows.conftest import CARE_TEAM, NUMBER, READING, Flow, Served, serving, somebody
from tests.flows.worlds import _bundle, _condition, _patient

WHO = somebody(740)
TEAM = "Organization/mapo-care-team"
SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"
PROJECT = f"project:{CARE_TEAM}:study"


@pytest.fixture
async def studied(flow: Flow) -> Flow:
    """A person who agreed to research by the care team, and to nothing else; an agreement for a project beside that for care."""
    given = consent(WHO, flow.moment(), TEAM, "active")
    purpose = {**given["provision"]["purpose"][0], "code": "HRESCH"}
    research = {"coding": [{"system": SCOPE, "code": "research"}]}
    await flow.sends({**given, "scope": research, "provision": {**given["provision"], "purpose": [purpose]}})
    answer = await flow.sends(_bundle([_patient(WHO), _condition("q1", "I10", "2020-03-04", WHO)]))
    assert answer.error is None
    await flow.drains()
    site = flow.node.site
    team = replace(site.participants[CARE_TEAM], purposes=("COC", "HRESCH"))
    study = replace(site.agreements[READING], id="study", purpose="HRESCH")
    return flow.on(
        replace(
            site, participants={**site.participants, CARE_TEAM: team}, agreements={**site.agreements, "study": study}
        )
    )


@pytest.fixture
def project(studied: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    with serving(studied, monkeypatch, tmp_path) as made:
        yield made


def ids(served: Served, domain: str) -> tuple[str, str]:
    """(Patient, Condition) in somebody's form."""
    (person,) = served.flow.persons(WHO)
    (condition,) = served.flow.node.store.resources(person, "Condition")
    keyring = served.flow.node.keyring
    return keyring.rekey(domain, person), keyring.rekey(domain, condition.id)


def version(served: Served, domain: str) -> str:
    """What a domain calls the one version of the Condition."""
    (person,) = served.flow.persons(WHO)
    (row,) = served.flow.node.store.resources(PersonKey(person), "Condition")
    return version_id(served.flow.node.keyring.id_key, domain, f"Condition/{row.id}", row.at)


def found(served: Served, path: str) -> int:
    answer = served.gets(path)
    if answer.status_code == 404:
        return 0
    assert answer.status_code == 200, answer.text
    return len(answer.json().get("entry", ())) if answer.json()["resourceType"] == "Bundle" else 1


ASKED = (
    "/fhir/Condition/{condition}", "/fhir/Condition/{condition}/_history", "/fhir/Condition/{condition}/_history/{version}",
    "/fhir/Condition?patient={patient}", "/fhir/Condition?_id={condition}&patient={patient}", "/fhir/Patient/{patient}",
    "/fhir/Patient?_id={patient}", "/fhir/Patient/{patient}/$everything",
)  # fmt: skip


@pytest.mark.parametrize("path", ASKED)
def test_an_id_of_ones_own_leads_to_no_pseudonym(project: Served, path: str) -> None:
    for domain, some in ((CARE_TEAM, False), (PROJECT, True), (f"project:{CARE_TEAM}:other", False)):
        patient, condition = ids(project, domain)
        told = {"patient": patient, "condition": condition, "version": version(project, domain)}
        assert (found(project, path.format(**told)) > 0) is some, domain


@pytest.mark.parametrize("path", ["/fhir/Patient?identifier={0}", "/fhir/Condition?patient.identifier={0}"])
def test_a_number_leads_to_no_pseudonym(project: Served, path: str) -> None:
    assert found(project, path.format(f"{NUMBER}%7C{WHO.number}")) == 0
    assert found(project, f"/fhir/Condition?patient={ids(project, PROJECT)[0]}") == 1  # the control


def test_what_was_refused_is_on_record_under_the_person(project: Served) -> None:
    (person,) = project.flow.persons(WHO)
    assert found(project, f"/fhir/Condition?patient={ids(project, CARE_TEAM)[0]}") == 0
    assert project.flow.exchanges(status="refused")[0].whom.person == person
    assert found(project, f"/fhir/Condition?patient={ids(project, PROJECT)[0]}") == 1
    newest = project.flow.exchanges(status="answered")[0]
    assert (newest.whom.person, newest.agreement) == (person, "study")


def test_no_header_tells_the_true_date(project: Served) -> None:
    _, condition = ids(project, PROJECT)
    answer = project.gets(f"/fhir/Condition/{condition}")
    assert answer.status_code == 200
    stated = answer.json()["meta"].get("lastUpdated")
    said = datetime.fromisoformat(stated) if stated else None
    header = answer.headers.get("last-modified")
    assert (header is None) == (said is None)
    if header is not None and said is not None:
        assert parsedate_to_datetime(header) == said.replace(microsecond=0)
    (person,) = project.flow.persons(WHO)
    (row,) = project.flow.node.store.resources(person, "Condition")
    assert header is None or parsedate_to_datetime(header).date() < row.at.date()
    assert answer.headers["etag"]


async def test_for_care_the_date_and_the_person_are_as_ever(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    await flow.consents(WHO)
    await flow.sends(_bundle([_patient(WHO), _condition("q1", "I10", "2020-03-04", WHO)]))
    await flow.drains()
    with serving(flow, monkeypatch, tmp_path) as care:
        answer = care.gets(f"/fhir/Condition/{ids(care, CARE_TEAM)[1]}")
        said = datetime.fromisoformat(answer.json()["meta"]["lastUpdated"])
        assert parsedate_to_datetime(answer.headers["last-modified"]) == said.replace(microsecond=0)
        assert found(care, f"/fhir/Patient?identifier={NUMBER}%7C{WHO.number}") == 1
