# ruff: noqa: E501 — rows of requests
"""Writes at the façade over real HTTP: create, update, transaction and batch, and what is refused of them (FHIR R4, http.html)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.model.document import PersonKey
from gateway.model.wire import read_json
from gateway.pipeline.resume import linked
from tests.flows.conftest import FHIR, HOSPITAL, NUMBER, READING, Flow, Served, serving, somebody
from tests.flows.worlds import ATC, KCD

RRN = "https://ieum-gateway.example/fhir/sid/kr-resident-number"
ONE, OTHER, THIRD = somebody(40), somebody(41), somebody(42)


@pytest.fixture
def hospital(served: Served) -> Iterator[httpx.Client]:
    with served.client("hospital") as client:
        client.headers["Content-Type"] = FHIR
        yield client


def subject(person: Any = ONE, system: str = NUMBER) -> dict[str, Any]:
    return {"identifier": {"system": system, "value": person.number if system == NUMBER else person.resident_number}}


def condition(code: str = "I10", about: Any = None, **more: Any) -> dict[str, Any]:
    coded = {"coding": [{"system": KCD, "code": code}]}
    return {
        "resourceType": "Condition",
        "subject": about or subject(),
        "code": coded,
        "onsetDateTime": "2026-01",
        **more,
    }


def patient(person: Any = ONE, **more: Any) -> dict[str, Any]:
    number = {"system": NUMBER, "value": person.number}
    return {"resourceType": "Patient", "birthDate": person.birth.isoformat(), "identifier": [number], **more}


def kept(flow: Flow, person: Any, kind: str = "Condition") -> list[Any]:
    (key,) = flow.persons(person)
    rows = flow.node.store.resources(PersonKey(key), kind)
    return [read_json(flow.node.keyring.open(row.content)) for row in rows]


def mine(flow: Flow, **where: str) -> Any:
    """What is on record of the hospital; not the question that a node puts to itself at its start."""
    return flow.exchanges(who_participant=HOSPITAL, **where)


def put(client: httpx.Client, id: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.put(f"/fhir/Condition/{id}", content=json.dumps({**body, "id": id}), headers=told)


def transaction(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries), **more}


def entry(method: str, url: str, resource: Any, **more: Any) -> dict[str, Any]:
    return {"request": {"method": method, "url": url, **more}, "resource": resource}


def statuses(answer: httpx.Response) -> list[str]:
    return [one["response"]["status"][:3] for one in answer.json()["entry"]]


# what is refused

REFUSED: tuple[tuple[str, str, Any, dict[str, str], int], ...] = (
    ("POST", "/fhir/Condition", {}, {}, 422), ("POST", "/fhir/Condition", [], {}, 422), ("POST", "/fhir/Condition", "{", {}, 400),
    ("POST", "/fhir/Patient", condition(), {}, 422), ("POST", "/fhir/Nothing", condition(), {}, 404),
    ("POST", "/fhir/Bundle", {"resourceType": "Bundle", "type": "collection"}, {}, 422),
    ("POST", "/fhir/Condition", condition(onsetDateTime="soon"), {}, 422),
    ("POST", "/fhir/Condition?code=I10", condition(), {}, 400),
    ("POST", "/fhir/Condition", condition(), {"Content-Type": "application/fhir+xml"}, 415),
    ("POST", "/fhir/Condition", condition(), {"If-None-Exist": "code=I10"}, 400),
    ("POST", "/fhir/Condition", condition(), {"If-Match": 'W/"1"'}, 400),
    ("POST", "/fhir/AuditEvent", {"resourceType": "AuditEvent"}, {}, 422),
    ("POST", "/fhir/Device", {"resourceType": "Device"}, {}, 422),
    ("PUT", "/fhir/Condition/c1", condition(), {}, 400), ("PUT", "/fhir/Condition/c1", condition(id="c2"), {}, 400),
    ("PUT", "/fhir/Condition/c_1", condition(id="c_1"), {}, 404), ("PUT", "/fhir/Condition", condition(id="c1"), {}, 405),
    ("PUT", "/fhir/Condition?code=I10", condition(), {}, 405), ("PUT", "/fhir/Patient/c1", condition(id="c1"), {}, 422),
    ("PUT", "/fhir/Condition/c1", condition(id="c1"), {"If-None-Match": "*"}, 400),
    ("PUT", "/fhir/Condition/c1", condition(id="c1"), {"If-Match": "1"}, 400),
    ("PUT", "/fhir/Condition/c1", condition(id="c1"), {"If-Match": 'W/"1", W/"2"'}, 400),
    ("PUT", "/fhir/Condition/c1", condition(id="c1"), {"If-Match": 'W/"1"'}, 412),
    ("PUT", "/fhir/Condition/c1", condition(id="c1"), {"If-Match": "*"}, 412),
    ("PUT", "/fhir/Condition/c1/_history/1", condition(id="c1"), {}, 405),
    ("DELETE", "/fhir/Condition/c1", None, {}, 405), ("PATCH", "/fhir/Condition/c1", [], {}, 405),
)  # fmt: skip


@pytest.mark.parametrize("place", range(len(REFUSED)))
def test_what_is_refused_is_not_kept(served: Served, hospital: httpx.Client, place: int) -> None:
    method, path, body, headers, status = REFUSED[place]
    text = body if isinstance(body, str) else None if body is None else json.dumps(body)
    answer = hospital.request(method, path, content=text, headers={"Content-Type": FHIR, **headers})
    assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome"), answer.text
    assert served.flow.persons(ONE) == set()
    if status in (412,) or "Device" in path:  # by the line
        assert [e.status for e in mine(served.flow)] == ["refused"]


def test_nobody_writes_as_somebody_else(served: Served) -> None:
    """Who has no agreement to send writes nothing, whatever it may read; without a key nobody is asked anything."""
    for token, status in (("welfare", 422), ("public-health", 422), ("", 401), ("auditor", 403)):
        with served.client(token) as client:
            for answer in (
                client.post("/fhir/Condition", content=json.dumps(condition()), headers={"Content-Type": FHIR}),
                client.put("/fhir/Condition/x", content=json.dumps(condition(id="x")), headers={"Content-Type": FHIR}),
            ):
                assert answer.status_code == status, answer.text
    assert served.flow.persons(ONE) == set()


SCOPES = (("system/Condition.cu", 201, 201), ("system/Condition.c", 201, 403), ("system/Condition.u", 403, 403),
          ("system/*.rs", 403, 403), ("system/Patient.cu", 403, 403))  # fmt: skip


@pytest.mark.parametrize(("scopes", "created", "updated"), SCOPES)
def test_a_token_writes_what_it_holds(
    served: Served, monkeypatch: pytest.MonkeyPatch, scopes: str, created: int, updated: int
) -> None:
    """At its own door, in a transaction and in a batch alike; who may only update makes nothing new."""
    from gateway.model.document import Principal
    from gateway.model.scopes import read_scopes

    who = Principal(HOSPITAL, "c", proof="token", scopes=read_scopes(scopes), purposes=())
    monkeypatch.setattr("gateway.inbound.mount.principal_of", lambda *_: who)
    with served.client() as client:
        client.headers["Content-Type"] = FHIR
        assert client.post("/fhir/Condition", content=json.dumps(condition())).status_code == created
        assert put(client, "c1", condition()).status_code == updated
        both = [
            entry("POST", "Condition", condition("E11.9")),
            entry("PUT", "Condition/c2", condition("I63.9", id="c2")),
        ]
        whole = client.post("/fhir", content=json.dumps(transaction(*both)))
        assert whole.status_code == (200 if {created, updated} == {201} else 403)
        apart = client.post("/fhir", content=json.dumps({**transaction(*both), "type": "batch"}))
        assert statuses(apart) == (["200", "200"] if {created, updated} == {201} else [str(created), str(updated)])


# what is written


def test_a_resource_is_created_once(served: Served, hospital: httpx.Client) -> None:
    first = hospital.post("/fhir/Condition", content=json.dumps(condition(id="mine")))
    assert (first.status_code, first.content, first.headers["etag"]) == (201, b"", 'W/"1"')
    place = first.headers["location"]
    assert place.startswith("/fhir/Condition/g-")
    assert place.endswith("/_history/1")
    assert first.headers["last-modified"].endswith("GMT")
    again = hospital.post("/fhir/Condition", content=json.dumps(condition(id="other")))
    assert (again.status_code, again.headers["location"], again.headers["etag"]) == (200, place, 'W/"1"')
    assert len(kept(served.flow, ONE)) == 1
    id = place.split("/")[3]
    assert put(hospital, id, condition(onsetDateTime="2026-02")).headers["etag"] == 'W/"2"'
    assert hospital.post("/fhir/Condition", content=json.dumps(condition())).headers["etag"] == 'W/"2"'
    assert kept(served.flow, ONE)[0]["onsetDateTime"] == "2026-02"
    one, *_ = [e for e in mine(served.flow) if e.steps[0].note == "create"]
    assert (one.status, one.how.interaction, one.how.transport, one.what.trigger) == (
        "kept",
        "keep",
        "http",
        "Condition",
    )
    assert (one.who.participant, one.why.purpose, one.whom.person) == (
        HOSPITAL,
        "HOPERAT",
        next(iter(served.flow.persons(ONE))),
    )
    assert [fact["kind"] for fact in served.flow.facts(exchange=one.id)] == ["outcome"]
    served.flow.verified()


def test_a_resource_is_updated_as_its_sender_knows_it(served: Served, hospital: httpx.Client) -> None:
    made = put(hospital, "c1", condition())
    assert (made.status_code, made.headers["location"]) == (201, "/fhir/Condition/c1/_history/1")
    same = put(hospital, "c1", condition())
    assert (same.status_code, same.headers["etag"], "location" in same.headers) == (200, 'W/"2"', False)
    assert put(hospital, "c1", condition("I63.9"), If_Match='W/"2"').headers["etag"] == 'W/"3"'
    late = put(hospital, "c1", condition("E11.9"), If_Match='W/"2"')
    assert (late.status_code, late.json()["issue"][0]["code"]) == (412, "conflict")
    assert put(hospital, "c1", condition("E11.9"), If_Match="*").status_code == 200
    assert [one["code"]["coding"][0]["code"] for one in kept(served.flow, ONE)] == ["E11.9"]
    # the same id of the intake is the same resource
    assert served.posts(condition("I10", id="c1")).status_code == 202
    served.runs(served.flow.drains())
    assert (
        put(hospital, "c1", condition("I10"), If_Match='W/"4"').status_code == 412
    )  # it said more since, by another door
    assert put(hospital, "c1", condition("I10"), If_Match='W/"5"').headers["etag"] == 'W/"6"'
    assert len(kept(served.flow, ONE)) == 1


def test_labels_stay_whatever_an_update_says(served: Served, hospital: httpx.Client) -> None:
    put(hospital, "c1", condition("F20.0"))
    put(hospital, "c1", condition("I10"))
    (key,) = served.flow.persons(ONE)
    assert "PSY" in served.flow.node.store.resources(PersonKey(key), "Condition")[0].labels


def test_what_came_earlier_and_is_filed_later_takes_nothing_back(served: Served, hospital: httpx.Client) -> None:
    """A document of the intake waits in the outbox while the façade is told newer content."""
    assert served.posts(condition("F20.0", id="c1")).status_code == 202
    assert put(hospital, "c1", condition("I63.9")).status_code == 201
    served.runs(served.flow.drains())
    assert [one["code"]["coding"][0]["code"] for one in kept(served.flow, ONE)] == ["I63.9"]
    (key,) = served.flow.persons(ONE)
    assert "PSY" in served.flow.node.store.resources(PersonKey(key), "Condition")[0].labels


def test_a_patient_is_known_by_the_id_it_was_given(served: Served, hospital: httpx.Client) -> None:
    made = hospital.post("/fhir/Patient", content=json.dumps(patient()))
    id = made.headers["location"].split("/")[3]
    about = condition(about={"reference": f"Patient/{id}"})
    assert hospital.post("/fhir/Condition", content=json.dumps(about)).status_code == 201
    (key,) = served.flow.persons(ONE)
    assert kept(served.flow, ONE)[0]["subject"] == {"reference": f"Patient/{key}"}
    changed = hospital.put(
        f"/fhir/Patient/{id}", content=json.dumps(patient(id=id, gender="female")), headers={"If-Match": 'W/"1"'}
    )
    assert (changed.status_code, changed.headers["etag"]) == (200, 'W/"2"')
    encounter = {"resourceType": "Encounter", "id": "e1", "status": "finished", "subject": {"reference": f"Patient/{id}"},
                 "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}}  # fmt: skip
    assert hospital.put("/fhir/Encounter/e1", content=json.dumps(encounter)).status_code == 201
    later = condition("E11.9", about={"reference": f"Patient/{id}"}, encounter={"reference": "Encounter/e1"})
    assert put(hospital, "c9", later).status_code == 201
    (filed,) = kept(served.flow, ONE, "Encounter")
    assert f"Encounter/{filed['id']}" in [
        one["encounter"]["reference"] for one in kept(served.flow, ONE) if "encounter" in one
    ]


def test_nobody_named_is_on_record_and_kept_nowhere(served: Served, hospital: httpx.Client) -> None:
    for about in ({"reference": "Patient/nobody"}, {"display": "somebody"}, subject(ONE, "urn:unknown")):
        answer = hospital.post("/fhir/Condition", content=json.dumps(condition(about=about)))
        assert (answer.status_code, "location" in answer.headers) == (202, False), answer.text
    assert {e.status for e in mine(served.flow)} == {"parked"}


def test_an_answer_tells_nothing_of_who_else_is_known(served: Served, hospital: httpx.Client) -> None:
    """Two people's numbers, another birth date, a resource moved to somebody else: answered as if nobody else were known, and parked."""

    def told(*bodies: dict[str, Any]) -> list[tuple[int, str, bool]]:
        found = []
        for body in bodies:
            answer = hospital.put(f"/fhir/{body['resourceType']}/{body['id']}", content=json.dumps(body))
            found.append((answer.status_code, answer.headers.get("etag", ""), "location" in answer.headers))
        return found

    def story(mark: str, first: Any, second: Any) -> list[tuple[int, str, bool]]:
        both = [*patient(first)["identifier"], {"system": RRN, "value": second.resident_number}]
        return told(
            patient(first, id=f"p{mark}", identifier=both), condition(about={"reference": f"Patient/p{mark}"}, id=f"a{mark}"),
            condition("E11.9", about={"reference": f"Patient/p{mark}"}, id=f"a{mark}"), condition(about=subject(first), id=f"b{mark}"),
            condition(about=subject(second, RRN), id=f"b{mark}"), patient(first, id=f"p{mark}", identifier=both, gender="male"),
        )  # fmt: skip

    unknown = story("1", ONE, ONE)
    told(condition(about=subject(OTHER), id="k1"), condition(about=subject(THIRD, RRN), id="k2"))
    assert story("2", OTHER, THIRD) == unknown
    assert {e.why.reason for e in mine(served.flow, status="parked")} == {
        "identity-ambiguous",
        "identity-waiting",
        "identity-moved",
    }
    wrong = patient(ONE, id="p3", birthDate="1901-01-01")
    assert told(wrong) == [(201, 'W/"1"', True)]
    assert mine(served.flow)[0].why.reason == "identity-contradicted"


def test_who_was_named_by_somebody_is_known_by_the_id_it_was_given(served: Served, hospital: httpx.Client) -> None:
    """A Patient that waited for its person leads there from then on, and so does what its sender writes about it."""
    put(hospital, "k1", condition(about=subject(OTHER)))
    put(hospital, "k2", condition(about=subject(THIRD, RRN)))
    both = [*patient(OTHER)["identifier"], {"system": RRN, "value": THIRD.resident_number}]
    body = patient(OTHER, id="p2", identifier=both)
    assert hospital.put("/fhir/Patient/p2", content=json.dumps(body)).status_code == 201
    (waiting,) = mine(served.flow, status="parked")
    (person,) = served.flow.node.store.persons([served.flow.tokens_of(OTHER)[0]]).values()
    served.flow.node.store.commit(linked(served.flow.node, waiting.received_id, person, "key-admin")).result()
    served.runs(served.flow.drains())
    assert put(hospital, "k3", condition("E11.9", about={"reference": "Patient/p2"})).status_code == 201
    rows = served.flow.node.store.resources(person, "Condition")
    assert len(rows) == 2
    changed = hospital.put(
        "/fhir/Patient/p2", content=json.dumps({**body, "identifier": both[:1]}), headers={"If-Match": 'W/"1"'}
    )
    assert (changed.status_code, changed.headers["etag"]) == (200, 'W/"2"')


def test_a_resource_names_no_facility(flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What a participant may write into MSH is asked of messages."""
    people = flow.node.site.participants
    site = replace(flow.node.site, participants={**people, HOSPITAL: replace(people[HOSPITAL], facilities=("HANBIT",))})
    with serving(flow.on(site), monkeypatch, tmp_path) as served, served.client("hospital") as client:
        client.headers["Content-Type"] = FHIR
        assert put(client, "c1", condition()).status_code == 201


# together


def test_a_transaction_is_whole(served: Served, hospital: httpx.Client) -> None:
    full = "urn:uuid:0a6f2f4e-4b1e-4c68-9a68-2f0b7c0f9d11"
    bundle = transaction(
        {"fullUrl": full, **entry("POST", "Patient", patient())},
        entry("POST", "Condition", condition(about={"reference": full})),
        entry("PUT", "AllergyIntolerance/a1", {
            "resourceType": "AllergyIntolerance", "id": "a1", "patient": {"reference": full}, "code": {"coding": [{"system": ATC, "code": "J01CA04"}]},
            "clinicalStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]}}),
    )  # fmt: skip
    answer = hospital.post("/fhir", content=json.dumps(bundle))
    assert (answer.status_code, answer.json()["type"]) == (200, "transaction-response"), answer.text
    assert statuses(answer) == ["201", "201", "201"]
    rows = [one["response"] for one in answer.json()["entry"]]
    assert rows[2]["location"] == "/fhir/AllergyIntolerance/a1/_history/1"
    assert (rows[2]["etag"], rows[2]["lastModified"][-1]) == ('W/"1"', "Z")
    assert len(kept(served.flow, ONE)) == len(kept(served.flow, ONE, "AllergyIntolerance")) == 1
    again = hospital.post("/fhir", content=json.dumps(bundle))
    assert statuses(again) == ["200", "200", "200"]
    assert [one["response"]["etag"] for one in again.json()["entry"]] == ['W/"1"', 'W/"1"', 'W/"2"']
    bad = transaction(
        entry("PUT", "Condition/x", condition("I10", id="x")),
        entry("PUT", "Condition/y", condition(id="y", onsetDateTime="soon")),
    )
    assert hospital.post("/fhir", content=json.dumps(bad)).status_code == 422
    late = transaction(
        entry("PUT", "Condition/x", condition("I10", id="x")),
        entry("PUT", "AllergyIntolerance/a1", bundle["entry"][2]["resource"], ifMatch='W/"7"'),
    )
    assert hospital.post("/fhir", content=json.dumps(late)).status_code == 412
    assert len(kept(served.flow, ONE)) == 1


TRANSACTIONS = (
    [], [entry("DELETE", "Condition/x", condition(id="x"))], [entry("POST", "Condition", condition(), ifNoneExist="code=I10")],
    [entry("PUT", "Condition?code=I10", condition(id="x"))], [entry("PUT", "Condition/x", condition(id="y"))],
    [entry("POST", "Condition/x", condition())], [entry("POST", "Patient", condition())], [entry("GET", "Condition", None)],
    [entry("PUT", "Condition/x", condition(id="x"), ifNoneMatch="*")], [{"resource": condition()}], [entry("POST", "http://x/Condition", condition())],
    [entry("PUT", "Condition/../Patient/x", condition(id="x"))], [entry("PUT", "Condition/x", condition(id="x"))] * 2, ["x"],
)  # fmt: skip


@pytest.mark.parametrize("place", range(len(TRANSACTIONS)))
def test_what_is_no_transaction(served: Served, hospital: httpx.Client, place: int) -> None:
    answer = hospital.post("/fhir", content=json.dumps(transaction(*TRANSACTIONS[place])))  # type: ignore[arg-type]
    assert answer.status_code == 400, answer.text
    assert mine(served.flow) == []


def test_a_batch_is_each_by_itself(served: Served, hospital: httpx.Client) -> None:
    entries = [
        entry("PUT", "Condition/c1", condition(id="c1")), entry("PUT", "Condition/c2", condition(id="c2", onsetDateTime="soon")),
        entry("POST", "Condition", condition("E11.9")), entry("POST", "Condition", condition("E11.9")),
        entry("PUT", "Condition/c1", condition("I63.9", id="c1"), ifMatch='W/"1"'), entry("PUT", "Condition/c1", condition(id="c1"), ifMatch='W/"1"'),
        entry("POST", "Condition", condition(), ifNoneExist="code=I10"), entry("PUT", "Condition/c9", condition(id="c8")),
        {"request": {"method": "DELETE", "url": "Condition/c1"}}, {"request": {"method": "POST", "url": "Condition"}},
    ]  # fmt: skip
    answer = hospital.post("/fhir", content=json.dumps({**transaction(*entries), "type": "batch"}))
    assert statuses(answer) == ["201", "422", "201", "200", "200", "412", "400", "400", "400", "400"]
    assert len(kept(served.flow, ONE)) == 2


# what its writer is told


def test_its_writer_reads_it_only_under_an_agreement(
    flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """return=representation is a read like any other: decided, redacted, on record; else the answer is minimal."""
    reading = flow.node.site.agreements[READING]
    own = replace(reading, id="own-reads", recipient=HOSPITAL, purpose="TREAT", basis="consent")
    site = replace(
        flow.node.site,
        agreements={**flow.node.site.agreements, "own-reads": own},
        implicit_policy="permit-treatment-normal",
    )
    with serving(flow.on(site), monkeypatch, tmp_path) as served, served.client("hospital") as client:
        client.headers["Content-Type"] = FHIR
        shown = put(client, "c1", condition(note=[{"text": "words"}]), Prefer="return=representation")
        assert (shown.status_code, shown.headers["location"]) == (201, "/fhir/Condition/c1/_history/1")
        body = shown.json()
        assert (body["resourceType"], body["meta"]["lastUpdated"][:10]) == ("Condition", "2026-11-02")
        assert "words" not in shown.text
        assert client.get("/fhir/Condition/c1").json() == body
        assert client.get(f"/fhir/Condition/{body['id']}").json() == body
        assert client.get("/fhir/Condition/c1/_history/1").json() == body
        assert client.get(f"/fhir/Condition/c1/_history/{body['meta']['versionId']}").json() == body
        assert put(client, body["id"], condition("I63.9")).headers["etag"] == 'W/"2"'
        hidden = put(client, "c2", condition("F20.0"), Prefer="return=representation")
        assert (hidden.status_code, hidden.content) == (201, b"")
        told = put(client, "c3", condition("E11.9"), Prefer="return=OperationOutcome")
        assert told.json()["issue"][0]["severity"] == "information"
        assert len(kept(served.flow, ONE)) == 3
    assert served.flow.exchanges(agreement="own-reads")


def test_the_statement_of_capabilities_says_what_is_answered(served: Served) -> None:
    def of(token: str) -> dict[str, set[str]]:
        with served.client(token) as client:
            rows = client.get("/fhir/metadata").json()["rest"][0].get("resource", ())
        return {row["type"]: {one["code"] for one in row["interaction"]} for row in rows}

    written = of("hospital")
    assert {kind for kind, codes in written.items() if codes == {"create", "update"}} == {
        "Patient", "Encounter", "Condition", "AllergyIntolerance", "Observation", "MedicationStatement", "Procedure", "Consent",
    }  # fmt: skip
    team = of("welfare")
    assert team.pop("RelatedPerson") == {"create", "update"}
    assert all(not codes & {"create", "update"} for codes in team.values())
    assert of("public-health") == {}
