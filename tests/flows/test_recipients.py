"""Two recipients cannot join a person, and what is withheld leaves no trace anywhere (ARCHITECTURE.md, 6, 8, 10; "At rest")."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog

from gateway.demo.messages import admission, cases, discharge, laboratory
from gateway.demo.sender import over_mllp
from gateway.model.agreement import Site
from gateway.model.references import references_in
from gateway.model.wire import read_json
from tests.flows.conftest import AGENCY, CARE_TEAM, REFERRAL, V2, Flow, Served, somebody

CASE = cases()["discharges"]["consenting"]
CANARY = "카나리아우울증XQZ7"
CODE = "F32.1"


def psychiatric() -> dict[str, Any]:
    """The case with one diagnosis whose words stand nowhere else."""
    rows = [{**row, "text": CANARY} if row["code"] == CODE else row for row in CASE["diagnoses"]]
    return {**CASE, "diagnoses": rows}


def for_two(site: Site) -> Site:
    """The same referral to two recipients of one kind, at endpoints of their own."""
    team = site.participants[CARE_TEAM]
    second = replace(
        team, id="second-team", references=("Organization/second-team",), keys=(),
        endpoints={"second-fhir": replace(team.endpoints["mapo-fhir"], id="second-fhir")},
    )  # fmt: skip
    copy = replace(site.agreements[REFERRAL], id="referral-two", recipient="second-team", endpoint="second-fhir")
    return replace(
        site, participants={**site.participants, second.id: second}, agreements={**site.agreements, copy.id: copy}
    )


def ids_in(tree: Any) -> set[str]:
    """Every `id`, and every id in a reference, in a Bundle."""
    resources = [entry["resource"] for entry in tree["entry"]]
    return {r["id"] for r in resources} | {r.partition("/")[2] for r in references_in(tree) if "Organization" not in r}


async def test_two_recipients_get_ids_of_their_own(flow: Flow) -> None:
    flow = flow.on(for_two(flow.node.site))
    person = somebody(70)
    both = consent_to(flow, person, "Organization/mapo-care-team")
    (actor,) = both["provision"]["actor"]
    both["provision"]["actor"] = [actor, {**actor, "reference": {"reference": "Organization/second-team"}}]
    await flow.sends(both)
    await flow.sends(discharge(person, flow.moment(), CASE))
    await flow.drains()
    one, two = (read_json(sent.body) for sent in sorted(flow.post.sent, key=lambda s: s.endpoint))
    assert [e["resource"]["resourceType"] for e in one["entry"]] == [
        e["resource"]["resourceType"] for e in two["entry"]
    ]
    assert not ids_in(one) & ids_in(two)
    for bundle in (one, two):
        own = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle["entry"]}
        inner = {r for r in references_in(bundle) if not r.startswith("Organization/")}
        assert inner <= own  # what refers, refers to something that came along
        assert all(entry["request"]["url"] in own for entry in bundle["entry"])
    stored = {row["reference"].partition("/")[2] for e in flow.exchanges() for row in e.what.released}
    assert not stored & (ids_in(one) | ids_in(two))
    assert person.resident_number.encode() not in flow.post.bytes_sent()


def consent_to(flow: Flow, person: Any, recipient: str) -> dict[str, Any]:
    from gateway.demo.messages import consent

    return consent(person, flow.moment(), recipient)


async def test_the_same_person_keeps_one_id_at_one_recipient(flow: Flow) -> None:
    person = somebody(71)
    await flow.consents(person)
    for _ in range(2):
        await flow.sends(discharge(person, flow.moment(), CASE))
    await flow.drains()
    bundles = [read_json(sent.body) for sent in flow.post.sent]
    patients = [
        {e["resource"]["id"] for e in b["entry"] if e["resource"]["resourceType"] == "Patient"} for b in bundles
    ]
    assert patients[0] == patients[1]
    assert len(patients[0]) == 1


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


def test_no_trace_of_what_is_withheld(served: Served, logged: list[Any], capfd: pytest.CaptureFixture[str]) -> None:
    """Bytes that left, acknowledgements, answers to every caller, logs, output and figures."""
    flow, person = served.flow, somebody(72)
    said: list[bytes] = []
    consent = consent_to(flow, person, "Organization/mapo-care-team")
    said.append(served.posts(consent).content)
    message = discharge(person, flow.moment(), psychiatric())
    said.append(over_mllp(served.mllp, message))
    said.append(over_mllp(served.mllp, message))
    broken = message.replace(b"|2.5.1|", b"|9.9|")
    said.append(over_mllp(served.mllp, broken))
    said.append(served.posts(broken).content)
    said.append(served.posts(message[:-40] + b"\xff\xfe").content)
    served.runs(flow.drains())
    assert flow.post.sent
    number = "https://hanbit-hospital.example/fhir/sid/patient-number"
    (patient,) = served.gets("/fhir/Patient", identifier=f"{number}|{person.number}").json()["entry"]
    id = patient["resource"]["id"]
    for kind in ("Patient", "Condition", "Observation", "Encounter", "AllergyIntolerance", "MedicationStatement"):
        said.append(served.gets(f"/fhir/{kind}", patient=id).content)
        said.append(served.gets(f"/fhir/{kind}", "public-health", patient=id).content)
        said.append(served.gets(f"/fhir/{kind}", "hospital", patient=id).content)
    for path in ("/metrics", "/healthz", "/readyz", "/openapi.json", "/fhir/metadata"):
        said.append(served.gets(path, "").content)
    for path in ("/exchanges", "/audit/rows", "/exchanges/daily"):
        said.append(served.gets(path, "auditor").content)
    everything = b"\n".join([*said, flow.post.bytes_sent(), str(logged).encode(), "".join(capfd.readouterr()).encode()])
    for word in (CANARY, CODE, "PSY", "withheld"):
        found = b"\n".join([*said[:-3], flow.post.bytes_sent(), str(logged).encode()]).count(word.encode())
        assert found == 0, word  # the auditor may know of labels, never of content
    for word in (CANARY, CODE, person.resident_number):
        assert word.encode() not in everything, word
    assert b"S72.0" in flow.post.bytes_sent()


async def test_a_defect_says_nothing_of_the_document(
    flow: Flow, logged: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.pipeline import outcome

    def fails(*_: Any) -> Any:
        raise ValueError(CANARY)

    monkeypatch.setattr(outcome, "decide_items", fails)
    person = somebody(73)
    await flow.consents(person)
    receipt = await flow.sends(discharge(person, flow.moment(), psychiatric()))
    await flow.drains()
    assert CANARY not in f"{receipt}{receipt.error!r}{logged}{flow.facts()}{flow.exchanges()}"
    assert flow.post.sent == []


async def test_the_report_to_the_agency_holds_what_the_form_asks_for(flow: Flow) -> None:
    person, case = somebody(74), cases()["results"]["reported"]
    await flow.sends(laboratory(person, flow.moment(), case, "L1"))
    await flow.drains()
    (sent,) = flow.post.sent
    assert sent.endpoint == "kdca-fhir"
    assert b"38379-4" in sent.body
    assert b"75622-1" not in sent.body
    assert person.resident_number.encode() not in sent.body
    assert {e.whom.recipient for e in flow.exchanges(status="delivered")} == {AGENCY}


async def test_nothing_at_rest_is_in_clear(flow: Flow, store_url: str) -> None:
    """Neither names nor numbers nor diagnoses stand in any column of any table."""
    from sqlalchemy import create_engine, inspect, text

    person = somebody(75)
    await flow.consents(person)
    await flow.sends(admission(person, flow.moment()))
    await flow.sends(discharge(person, flow.moment(), psychiatric()))
    await flow.sends(discharge(somebody(76), flow.moment(), CASE), content_type=V2)
    await flow.drains()
    engine = create_engine(store_url)
    with engine.connect() as connection:
        for table in inspect(engine).get_table_names():
            rows = connection.execute(text(f'SELECT * FROM "{table}"')).all()
            held = b"\n".join(v if isinstance(v, bytes) else str(v).encode() for row in rows for v in row)
            for word in (person.number, person.resident_number, person.korean[1], CANARY, "S72.0", str(person.birth)):
                assert word.encode() not in held, (table, word)
    engine.dispose()
