# ruff: noqa: E501 — rows of answers
"""FHIR servers of who holds the data, asked over real HTTPS: what is answered from them, what is never asked, and what fails the whole."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.errors import Elsewhere
from gateway.model.agreement import Upstream
from gateway.model.document import PersonKey
from gateway.outbound.upstream import UpstreamServers
from gateway.pipeline.fetching import below
from tests.flows.conftest import CARE_TEAM, HOSPITAL, NUMBER, READING, Flow, Served, serving, somebody
from tests.flows.test_tls import Authority
from tests.flows.upstream import BASE, TOKEN, Hospital, Said, bundle, listening
from tests.flows.worlds import ATC, CANARY, KCD, LOINC, clean, shape_of

ONE, OTHER = somebody(60), somebody(61)
TYPES = ("Patient", "Encounter", "Condition", "Observation", "MedicationStatement")


def coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def own(person: Any = ONE) -> str:
    return f"Patient/{person.id}"


def patient(person: Any = ONE, **more: Any) -> dict[str, Any]:
    number = {"system": NUMBER, "value": person.number}
    return {
        "resourceType": "Patient",
        "id": person.id,
        "identifier": [number],
        "birthDate": person.birth.isoformat(),
        **more,
    }


def condition(id: str, code: str, onset: str, person: Any = ONE, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "id": id, "subject": {"reference": own(person)}, "code": coded(KCD, code),
            "onsetDateTime": onset, "meta": {"versionId": "7", "lastUpdated": "2026-10-01T00:00:00Z"}, **more}  # fmt: skip


def record(hidden: bool = True) -> list[dict[str, Any]]:
    """A hospital's record of two people, as its server has it; what is hidden has a canary and is named by what is not."""
    diagnoses = [{"condition": {"reference": "Condition/c1"}}]
    found = [
        patient(), patient(OTHER), condition("c1", "I63.9", "2026-10-01"), condition("c2", "I10", "2019-05"),
        condition("b1", "I10", "2020", OTHER),
        {"resourceType": "Observation", "id": "o1", "status": "final", "code": coded(LOINC, "4548-4"), "subject": {"reference": own()},
         "effectiveDateTime": "2026-10-02", "encounter": {"reference": "Encounter/e1"},
         "valueQuantity": {"value": 6.1, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}},
        {"resourceType": "MedicationStatement", "id": "m1", "status": "active", "subject": {"reference": own()},
         "medicationCodeableConcept": coded(ATC, "B01AC06")},
    ]  # fmt: skip
    if hidden:
        diagnoses.append({"condition": {"reference": "Condition/psy", "display": CANARY}})
        found.append(condition("psy", "F20.0", "2020-02-02", note=[{"text": CANARY}]))
        found[2] |= {"note": [{"text": CANARY}], "meta": {"versionId": "9", "lastUpdated": "2026-10-30T00:00:00Z"}}
    encounter = {"resourceType": "Encounter", "id": "e1", "status": "finished", "subject": {"reference": own()}, "diagnosis": diagnoses,
                 "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}}  # fmt: skip
    return [*found, encounter]


@dataclass
class Joined:
    """A gateway, the hospital's server beside it, and the care team that asks."""

    served: Served
    hospital: Hospital
    client: httpx.Client

    @property
    def flow(self) -> Flow:
        return self.served.flow

    def id(self, person: Any = ONE) -> str:
        (key,) = self.flow.persons(person)
        return self.flow.node.keyring.rekey(CARE_TEAM, key)

    def gets(self, path: str) -> httpx.Response:
        return self.client.get(path.replace("{A}", self.id()))

    def newest(self) -> Any:
        return self.flow.exchanges(whom_recipient=CARE_TEAM)[0]


def upstream(hospital: Hospital, **more: Any) -> Upstream:
    told = {
        "secret": "file:his.token",
        "certificate": "file:gateway.pem",
        "authority": "file:authority.pem",
        "private": True,
    }
    return replace(Upstream("his", hospital.base, TYPES, NUMBER, **told), **more)


def joined(flow: Flow, hospital: Hospital, secrets: Path, **more: Any) -> Flow:
    holder = flow.node.site.participants[HOSPITAL]
    people = {**flow.node.site.participants, HOSPITAL: replace(holder, upstreams=(upstream(hospital, **more),))}
    made = flow.on(replace(flow.node.site, participants=people))
    return replace(made, node=replace(made.node, upstreams=UpstreamServers(secrets)))


@pytest.fixture
def secrets(tmp_path: Path) -> tuple[Path, Authority]:
    folder = tmp_path / "papers"
    folder.mkdir()
    authority = Authority(folder, "authority")
    mine = authority.signs("gateway")
    (folder / "gateway.pem").write_bytes(mine.certificate.read_bytes() + mine.key.read_bytes())
    (folder / "his.token").write_text(TOKEN)
    return folder, authority


@pytest.fixture
def hospital(secrets: tuple[Path, Authority]) -> Iterator[Hospital]:
    _, authority = secrets
    with listening(Hospital(record()), authority, authority.signs("his")) as made:
        yield made


@pytest.fixture
def both(
    flow: Flow, hospital: Hospital, secrets: tuple[Path, Authority], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Joined]:
    made = joined(flow, hospital, secrets[0], seconds=30.0)
    with serving(made, monkeypatch, tmp_path) as served, served.client("welfare") as client:
        asyncio.run(made.consents(ONE))
        asyncio.run(made.consents(OTHER, "inactive"))
        yield Joined(served, hospital, client)
        served.runs(_closed(made))


async def _closed(flow: Flow) -> None:
    """The connections closed, with time for the other side to hear of it."""
    assert flow.node.upstreams is not None
    await flow.node.upstreams.close()
    await asyncio.sleep(0.2)


def resources(answer: httpx.Response) -> list[Any]:
    assert answer.status_code == 200, answer.text
    return [entry["resource"] for entry in answer.json().get("entry", ())]


NAMED = f"patient.identifier={NUMBER}|{ONE.number}"


# what is never asked


UNASKED = (
    f"/fhir/Condition?patient.identifier={NUMBER}|{OTHER.number}", f"/fhir/Condition?patient.identifier={NUMBER}|F9999999",
    f"/fhir/Procedure?{NAMED}", f"/fhir/AuditEvent?{NAMED}", f"/fhir/Condition?{NAMED}&_has:Procedure:patient:code=1",
    "/fhir/Condition/00000000-0000-4000-8000-000000000000", f"/fhir/Condition?{NAMED}&nothing=1", "/fhir/Condition",
    f"/fhir/Condition?{NAMED}&_lastUpdated=gt2020", f"/fhir/Condition?{NAMED}&_sort=-_lastUpdated",
)  # fmt: skip


@pytest.mark.parametrize("path", UNASKED)
def test_the_question_is_decided_before_anybody_is_asked(both: Joined, path: str) -> None:
    """No consent, nobody known, a type or parameter outside the agreement, no answer by time: the hospital hears nothing of it."""
    answer = both.gets(path)
    assert answer.status_code >= 400 or resources(answer) == []
    assert both.hospital.asked == []
    assert len(resources(both.gets(f"/fhir/Condition?{NAMED}"))) == 2  # the control


def test_who_may_not_ask_is_asked_for_nothing(both: Joined) -> None:
    for token in ("public-health", "hospital", "auditor", ""):
        assert both.served.gets(f"/fhir/Condition?{NAMED}", token).status_code in (401, 403)
    assert both.hospital.asked == []


def consent_of(flow: Flow, provision: dict[str, Any]) -> dict[str, Any]:
    from gateway.demo.messages import consent

    made = json.loads(json.dumps(consent(ONE, flow.moment(), "Organization/mapo-care-team", "active")))
    for one in [made, *(entry["resource"] for entry in made.get("entry", ()))]:
        if one["resourceType"] == "Consent":
            one["provision"] = {**one["provision"], **provision}
    return made


PROVISIONS: tuple[tuple[dict[str, Any], set[str]], ...] = (
    ({"type": "deny"}, set()),
    ({"class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Condition"}]}, {"Patient", "Condition"}),
    ({"code": [coded(KCD, "I10")]}, set(TYPES)),
    ({"dataPeriod": {"start": "2026-01-01"}}, set(TYPES)),
    ({"provision": [{"type": "deny", "code": [coded(KCD, "I10")]}]}, set(TYPES)),
    ({"provision": [{"type": "deny", "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]}]}, set(TYPES) - {"Observation"}),
    ({"purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HMARKT"}]}, set()),
    ({"period": {"end": "2020-01-01"}}, set()),
)  # fmt: skip


@pytest.mark.parametrize("place", range(len(PROVISIONS)))
def test_only_what_a_consent_could_let_out_is_asked_for(both: Joined, place: int) -> None:
    provision, types = PROVISIONS[place]
    receipt = asyncio.run(both.flow.sends(consent_of(both.flow, provision)))
    assert receipt.error is None, receipt.error
    both.gets(f"/fhir/Condition?{NAMED}")
    asked = {path.removeprefix(f"{BASE}/").partition("?")[0].partition("/")[0] for _, path, _ in both.hospital.asked}
    assert asked == types


# what is answered


def test_a_record_elsewhere_is_read_like_one_that_is_kept(both: Joined) -> None:
    found = both.gets(f"/fhir/Condition?{NAMED}&_sort=onset-date")
    assert [one["onsetDateTime"] for one in resources(found)] == ["2019-05", "2026-10-01"]
    assert clean(found)
    first = resources(found)[0]
    assert first["subject"] == {"reference": f"Patient/{both.id()}"}
    assert not {"c1", "c2"} & {one["id"] for one in resources(found)}
    assert set(first["meta"]) == {"security"}  # neither version nor time of the hospital's
    assert both.gets(f"/fhir/Condition/{first['id']}").json() == first
    assert resources(both.gets(f"/fhir/Condition?patient={{A}}&_id={first['id']}")) == [first]
    everything = resources(both.gets("/fhir/Patient/{A}/$everything"))
    assert sorted(one["resourceType"] for one in everything) == [
        "Condition",
        "Condition",
        "Encounter",
        "MedicationStatement",
        "Observation",
        "Patient",
    ]
    (encounter,) = [one for one in everything if one["resourceType"] == "Encounter"]
    assert [one["condition"]["reference"] for one in encounter["diagnosis"] if "condition" in one] == [
        f"Condition/{resources(found)[1]['id']}"
    ]
    brought = resources(both.gets(f"/fhir/Observation?{NAMED}&_include=Observation:encounter"))
    assert [one["resourceType"] for one in brought] == ["Observation", "Encounter"]
    assert both.gets(f"/fhir/Condition/{first['id']}/_history").status_code == 404
    assert len(resources(both.gets(f"/fhir/Condition?{NAMED}&_count=1"))) == 1
    following = both.gets(f"/fhir/Condition?{NAMED}&_count=1").json()["link"][-1]
    assert following["relation"] == "next"
    assert len(resources(both.client.get(following["url"]))) == 1


def test_what_was_asked_is_bounded_and_on_record(both: Joined) -> None:
    assert len(resources(both.gets(f"/fhir/Condition?{NAMED}&code=I10"))) == 1
    exchange = both.newest()
    assert (exchange.status, exchange.agreement, len(exchange.what.released), exchange.what.withheld >= 1) == (
        "answered",
        READING,
        1,
        True,
    )
    assert ("ask", "ok", "his") in [(step.stage, step.outcome, step.note) for step in exchange.steps]
    methods = {(method, path.partition("?")[0].removeprefix(BASE)) for method, path, _ in both.hospital.asked}
    assert methods == {("POST", "/Patient/_search"), *(("GET", f"/{kind}") for kind in TYPES if kind != "Patient")}
    assert not any(ONE.number in path for _, path, _ in both.hospital.asked)  # no address holds the number
    assert all(dict(pair[0] for pair in peer["subject"])["commonName"] == "gateway" for peer in both.hospital.peers)
    assert CANARY not in str(both.flow.facts(exchange=exchange.id))
    both.flow.verified()


def test_a_patient_that_was_sent_is_asked_for_by_its_number(both: Joined) -> None:
    """Named by the reader's own id, without a number in the question: by the number of the Patient on file."""
    assert resources(both.gets("/fhir/Condition?patient={A}")) == []
    assert both.hospital.asked == []
    bundle_ = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient(ONE)}]}
    assert both.served.posts(bundle_).status_code == 202
    both.served.runs(both.flow.drains())
    assert len(resources(both.gets("/fhir/Condition?patient={A}"))) == 2


def test_what_is_kept_here_and_there_is_one_record(both: Joined) -> None:
    """What the holder sent here stays; of what both have, its server's word of now counts."""
    sent = [patient(), condition("c2", "I10", "1999"), condition("c7", "E11.9", "2001")]
    bundle_ = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": f"https://x.example/{r['resourceType']}/{r['id']}", "resource": r} for r in sent],
    }
    assert both.served.posts(bundle_).status_code == 202
    both.served.runs(both.flow.drains())
    found = resources(both.gets(f"/fhir/Condition?{NAMED}&_sort=onset-date"))
    assert [one["onsetDateTime"] for one in found] == ["2001", "2019-05", "2026-10-01"]


def test_two_servers_of_one_participant_are_one_record(
    both: Joined, secrets: tuple[Path, Authority], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each calls the person as it does; the Patient is that of the one that holds Patients, and both have to mean the same person."""
    _, authority = secrets
    lab = [
        patient(id="lab-1", gender="male"),
        {**record()[5], "subject": {"reference": "Patient/lab-1"}, "encounter": {"reference": "Encounter/e1"}},
    ]
    with listening(Hospital(lab), authority, authority.signs("lab")) as beside:
        holder = both.flow.node.site.participants[HOSPITAL]
        his = replace(holder.upstreams[0], types=("Patient", "Encounter", "Condition"))
        two = replace(holder, upstreams=(upstream(beside, id="lab", types=("Observation",)), his))
        monkeypatch.setitem(both.flow.node.site.participants, HOSPITAL, two)  # type: ignore[arg-type]
        found = resources(both.gets(f"/fhir/Observation?{NAMED}&_include=Observation:encounter"))
        assert [one["resourceType"] for one in found] == ["Observation", "Encounter"]
        (one,) = resources(both.gets(f"/fhir/Patient?identifier={NUMBER}|{ONE.number}"))
        assert "gender" not in one
        lab[0]["birthDate"] = "1901-01-01"
        assert both.gets(f"/fhir/Observation?{NAMED}").status_code == 502
        beside.twist = lambda *_: (500, {}, b"{}")
        assert both.gets(f"/fhir/Condition?{NAMED}").status_code == 502  # one of two is a part


def test_pages_of_the_server_are_followed(both: Joined) -> None:
    both.hospital.page = 1
    assert len(resources(both.gets(f"/fhir/Condition?{NAMED}"))) == 2
    both.hospital.resources = [one for one in record() if one["resourceType"] == "Patient"]
    assert resources(both.gets(f"/fhir/Condition?{NAMED}")) == []
    both.hospital.resources = []
    assert resources(both.gets(f"/fhir/Condition?{NAMED}")) == []


def test_two_worlds_elsewhere(both: Joined) -> None:
    """What the hospital's server has beyond what the reader may see changes no answer, in none of its bytes."""
    paths = (
        f"/fhir/Condition?{NAMED}", "/fhir/Patient/{A}/$everything", "/fhir/Condition?patient={A}&_total=accurate&_count=1", f"/fhir/Encounter?{NAMED}&_include=*",
        f"/fhir/Patient?identifier={NUMBER}|{ONE.number}&_has:Condition:patient:code=F20.0", f"/fhir/Condition?{NAMED}&code=F20.0", f"/fhir/Condition?{NAMED}&_summary=count",
    )  # fmt: skip
    full = [shape_of(both.gets(path)) for path in paths]
    texts = [both.gets(path).text for path in paths]
    both.hospital.resources = record(hidden=False)
    assert [shape_of(both.gets(path)) for path in paths] == full
    assert not any(CANARY in text for text in texts)
    id = resources(both.gets(f"/fhir/Condition?{NAMED}&code=I63.9"))[0]["id"]
    tag = both.gets(f"/fhir/Condition/{id}").headers["etag"]
    both.hospital.resources = record()
    again = both.client.get(f"/fhir/Condition/{id}", headers={"If-None-Match": tag})
    assert (again.status_code, "last-modified" in again.headers) == (304, False)


# what fails the whole


def page(*found: Any, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": one} for one in found], **more}


def linked(url: str) -> Said:
    return bundle(page(condition("c1", "I10", "2020"), link=[{"relation": "next", "url": url}]))


WRONG: dict[str, Said] = {
    "error": (500, {}, b"{}"), "unauthorised": (401, {}, b"{}"), "absent": (404, {}, b"{}"), "redirect": (302, {"Location": "https://127.0.0.1:1/"}, b""),
    "no json": (200, {}, b"<html/>"), "no bundle": bundle([]), "another resource": bundle(condition("c1", "I10", "2020")),
    "another kind of bundle": bundle({"resourceType": "Bundle", "type": "collection"}), "entries": bundle(page(entry={})),
    "of somebody else": bundle(page(condition("b1", "I10", "2020", OTHER))), "of nobody": bundle(page({"resourceType": "Condition", "id": "x"})),
    "of another type": bundle(page(patient())), "without id": bundle(page({**condition("x", "I10", "2020"), "id": None})),
    "with a bad id": bundle(page(condition("../x", "I10", "2020"))), "unsound": bundle(page(condition("x", "I10", "soon"))),
    "of two": bundle(page({**condition("x", "I10", "2020"), "patient": {"reference": own(OTHER)}})),
    "by words": bundle(page({**condition("x", "I10", "2020"), "subject": {"display": "Kim"}})),
    "in part": bundle(page({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]})),
    "too many": bundle(page(*(condition(f"x{n}", "I10", "2020") for n in range(60)))), "too long": (200, {}, b" " * 400_000),
    "encoded": (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"), "deep": (200, {}, b"[" * 5000 + b"]" * 5000),
    **{f"link {n}": linked(url) for n, url in enumerate((
        "https://evil.example/r4/Condition?x", "http://127.0.0.1/r4/Condition", "//evil.example/r4/Condition", "https://127.0.0.1:1/r4/Condition",
        "/other/Condition", "../admin", "Condition/../../admin", "Condition/%2e%2e/admin", "Condition;x=1", "Condition//x", "./Condition", "\\evil", "file:///etc/passwd",
        "Condition#x", "Condition?patient=\u00e9", "r4/Condition\n",
    ))},
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_not_as_it_should_be_fails_the_whole(both: Joined, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """502 in the reader's dialect, on record, and nothing of the rest; as soon as the server is right again, so is the answer."""
    both.hospital.twist = lambda target, _: WRONG[what] if target.startswith(f"{BASE}/Condition") else None
    holder = both.flow.node.site.participants[HOSPITAL]
    bounded = replace(holder.upstreams[0], entries=50, bytes=300_000)
    monkeypatch.setitem(both.flow.node.site.participants, HOSPITAL, replace(holder, upstreams=(bounded,)))  # type: ignore[arg-type]
    for path in (f"/fhir/Condition?{NAMED}", f"/fhir/Observation?{NAMED}"):
        answer = both.gets(path)
        assert (answer.status_code, answer.json()["resourceType"]) == (502, "OperationOutcome"), answer.text
        assert answer.json()["issue"][0]["code"] == "transient"
        assert clean(answer)
        exchange = both.newest()
        assert (exchange.status, exchange.why.reason, exchange.agreement) == ("refused", "elsewhere", READING)
        assert ("ask", "failed", "his") in [(step.stage, step.outcome, step.note) for step in exchange.steps]
        assert not any("evil" in target or "admin" in target for _, target, _ in both.hospital.asked)
    both.hospital.twist = lambda *_: None
    assert len(resources(both.gets(f"/fhir/Condition?{NAMED}"))) == 2


PERSONS: dict[str, Said] = {
    "two": bundle(page(patient(), {**patient(), "id": "again"})), "somebody else": bundle(page(patient(OTHER))),
    "another birth date": bundle(page(patient(birthDate="1901-01-01"))),
    "somebody else as well": bundle(page(patient(identifier=[{"system": NUMBER, "value": ONE.number}, {"system": NUMBER, "value": OTHER.number}]))),
    "a bad id": bundle(page({**patient(), "id": "x/../y"})), "a birth date that is none": bundle(page(patient(birthDate=["1950"]))),
    "a birth date in parts": bundle(page(patient(birthDate={"year": 1950}))),
}  # fmt: skip


@pytest.mark.parametrize("what", PERSONS)
def test_who_is_found_there_is_who_was_asked_about(both: Joined, what: str) -> None:
    if what == "another birth date":
        sent = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": patient(ONE)}]}
        assert both.served.posts(sent).status_code == 202
        both.served.runs(both.flow.drains())
    both.hospital.twist = lambda target, _: PERSONS[what] if target.startswith(f"{BASE}/Patient") else None
    assert both.gets(f"/fhir/Condition?{NAMED}").status_code == 502
    both.hospital.twist = lambda *_: None
    assert len(resources(both.gets(f"/fhir/Condition?{NAMED}"))) == 2


def test_a_crash_while_a_server_is_asked_gives_nothing_and_is_on_record(
    both: Joined, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr("gateway.pipeline.fetching.taken_in", broken)
    before = len(both.flow.exchanges(whom_recipient=CARE_TEAM))
    answer = both.gets(f"/fhir/Condition?{NAMED}")
    assert (answer.status_code, answer.json()["resourceType"]) == (500, "OperationOutcome")
    assert clean(answer)
    assert len(both.flow.exchanges(whom_recipient=CARE_TEAM)) == before + 1
    assert (both.newest().status, both.newest().why.reason) == ("refused", "elsewhere")
    monkeypatch.undo()


def test_a_server_that_is_slow_or_away(
    both: Joined, monkeypatch: pytest.MonkeyPatch, secrets: tuple[Path, Authority]
) -> None:
    holder = both.flow.node.site.participants[HOSPITAL]
    usual = holder.upstreams[0]

    def said(**more: Any) -> int:
        changed = replace(usual, **more)
        monkeypatch.setitem(both.flow.node.site.participants, HOSPITAL, replace(holder, upstreams=(changed,)))  # type: ignore[arg-type]
        return both.gets(f"/fhir/Condition?{NAMED}").status_code

    assert said() == 200
    both.hospital.twist = lambda target, _: time.sleep(1.0) if "Condition" in target else None  # type: ignore[func-returns-value,arg-type,return-value]
    assert said(seconds=0.4) == 504
    both.hospital.twist = lambda *_: None
    assert said(url="https://127.0.0.1:1/r4") == 503
    assert said(secret="file:nothing") == 503
    assert said(authority="") == 503  # vouched for by nobody this gateway believes
    assert said(certificate="") in (502, 503)  # not let in
    assert said(private=False) == 502  # a private address, where the site does not say so
    assert said(url=usual.url.replace("https", "http")) == 502
    (secrets[0] / "his.token").write_text("old")
    assert said() == 502
    (secrets[0] / "his.token").write_text(TOKEN)
    assert said() == 200


def test_a_withdrawal_is_felt_by_the_next_question(both: Joined) -> None:
    assert len(resources(both.gets(f"/fhir/Condition?{NAMED}"))) == 2
    before = len(both.hospital.asked)
    asyncio.run(both.flow.consents(ONE, "inactive"))
    assert resources(both.gets(f"/fhir/Condition?{NAMED}")) == []
    assert len(both.hospital.asked) == before


def test_a_withdrawal_while_the_server_is_asked_is_felt(both: Joined) -> None:
    """What came back is decided by what is on file when it is there."""

    def withdrawn(target: str, _: str) -> Said | None:
        if target.startswith(f"{BASE}/Condition"):
            asyncio.run(both.flow.consents(ONE, "inactive"))
        return None

    both.hospital.twist = withdrawn
    answer = both.gets(f"/fhir/Condition?{NAMED}")
    assert resources(answer) == []


def test_the_statement_of_capabilities_names_what_is_held_elsewhere(both: Joined) -> None:
    types = {row["type"] for row in both.gets("/fhir/metadata").json()["rest"][0]["resource"]}
    assert set(TYPES) <= types


def test_addresses_below_a_base() -> None:
    base = "https://his.example/r4"
    for link in (
        "https://his.example/r4?_getpages=1",
        "https://his.example/r4/Condition?x=%2e%2e",
        "Condition?page=2",
        "https://his.example/r4/Condition/_search?p=1",
    ):
        assert below(base, link).startswith(base)
    for link in (
        "https://his.example/r4x/Condition",
        "https://his.example:8443/r4/x",
        "https://user@his.example/r4/x",
        "https://his.example/r4//x",
        "x" * 9000,
    ):
        with pytest.raises(Elsewhere):
            below(base, link)


def test_nothing_is_left_of_what_was_hidden(both: Joined) -> None:
    """What is remembered of a question is whose the shown resources are, and the number, sealed."""
    both.gets(f"/fhir/Condition?{NAMED}")
    (key,) = both.flow.persons(ONE)
    kept = both.flow.node.store.records("held-elsewhere")
    assert len(kept) == 2
    assert all(dict(one.value) == {"person": PersonKey(key)} for one in kept)
    (number,) = both.flow.node.store.records("number-elsewhere")
    assert ONE.number not in f"{number.key}{number.value}"
    assert number.sealed is not None
