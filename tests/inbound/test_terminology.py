"""The doors of the terminology operations: strict questions, answers that are metadata, both ways of asking."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from gateway.inbound import fhir
from gateway.inbound.mount import router
from gateway.inbound.terminology import DOORS
from gateway.model.door import ANYONE
from gateway.pipeline.node import Cpu, Node
from gateway.validating.rulebook import Rulebook, rules_of

GENDER, SYSTEM = "http://hl7.org/fhir/ValueSet/administrative-gender", "http://hl7.org/fhir/administrative-gender"
_OPERATIONS = (
    *("ValueSet/$expand", "ValueSet/$validate-code", "CodeSystem/$validate-code"),
    *("CodeSystem/$lookup", "CodeSystem/$subsumes", "ConceptMap/$translate"),
)
VALIDATE, EXPAND = "/fhir/ValueSet/$validate-code", "/fhir/ValueSet/$expand"


@pytest.fixture
def client() -> Iterator[httpx.AsyncClient]:
    """The doors before those of single resources, which would take their addresses; who asks is not the matter here."""
    cpu = Cpu(8)
    rules = rules_of(Rulebook())
    node = SimpleNamespace(
        cpu=cpu, clock=lambda: datetime(2026, 3, 1, tzinfo=UTC), counted=lambda *_: None, rules=rules
    )
    app = FastAPI()
    doors = tuple(replace(door, roles=ANYONE) for door in (*DOORS, *fhir.DOORS))
    app.include_router(router(cast(Node, node), doors))
    yield httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://localhost")
    cpu.close()


def parameters(**values: Any) -> dict[str, Any]:
    rows = [{"name": name.partition("_")[0], f"value{name.partition('_')[2]}": value} for name, value in values.items()]
    return {"resourceType": "Parameters", "parameter": rows}


def result(answer: httpx.Response) -> Any:
    return {row["name"]: row for row in answer.json()["parameter"]}["result"]["valueBoolean"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 400),
        ({"url": GENDER}, 400),
        ({"url": GENDER, "code": "male", "inferSystem": "true"}, 400),
        ({"url": GENDER, "code": "male", "_format": "xml"}, 400),
        ({"url": GENDER, "code": ["male", "female"]}, 400),
        ({"url": GENDER, "code": ""}, 400),
        ({"url": "http://example.org/none", "code": "male"}, 404),
    ],
)
async def test_a_question_in_an_address_is_refused(client: httpx.AsyncClient, query: Any, status: int) -> None:
    answer = await client.get(VALIDATE, params=query)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(
    ("body", "headers", "query", "status"),
    [
        (b"", {}, {}, 400),
        (b"{", {}, {}, 400),
        (b"[]", {}, {}, 400),
        (b'{"resourceType": "Patient"}', {}, {}, 400),
        (b'{"resourceType": "Parameters", "parameter": [{"name": "x", "valueUri": "y"}]}', {}, {}, 400),
        (b"<Parameters/>", {"Content-Type": "application/fhir+xml"}, {}, 400),
        (b'{"resourceType": "Parameters"}', {}, {"url": GENDER}, 400),
        (b'{"resourceType": "Parameters", "parameter": "' + b"x" * 200_000 + b'"}', {}, {}, 413),
        (b'{"a":' * 100 + b"1" + b"}" * 100, {}, {}, 413),
    ],
)
async def test_a_question_in_a_body_is_refused(
    client: httpx.AsyncClient, body: bytes, headers: Any, query: Any, status: int
) -> None:
    answer = await client.post(VALIDATE, content=body, headers=headers, params=query)
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize(("code", "said"), [("man", False), ("male", True)])
async def test_both_ways_of_asking_say_the_same(client: httpx.AsyncClient, code: str, said: bool) -> None:
    one = await client.get(VALIDATE, params={"url": GENDER, "system": SYSTEM, "code": code})
    other = await client.post(VALIDATE, json=parameters(url_Uri=GENDER, system_Uri=SYSTEM, code_Code=code))
    coded = await client.post(VALIDATE, json=parameters(url_Uri=GENDER, coding_Coding={"system": SYSTEM, "code": code}))
    assert one.json() == other.json() == coded.json()
    assert (one.status_code, result(one)) == (200, said)
    assert one.headers["content-type"] == "application/fhir+json"
    assert one.headers["cache-control"] == "private, no-store"


async def test_what_is_said_of_a_code_repeats_no_display(client: httpx.AsyncClient) -> None:
    """A caller's words are not handed back, so that nothing that slipped in goes anywhere."""
    answer = await client.get(VALIDATE, params={"url": GENDER, "system": SYSTEM, "code": "male", "display": "Kim Ieum"})
    assert "Kim" not in answer.text


async def test_the_other_operations_answer(client: httpx.AsyncClient) -> None:
    expanded = await client.get(EXPAND, params={"url": GENDER, "count": "2"})
    assert [row["code"] for row in expanded.json()["expansion"]["contains"]] == ["male", "female"]
    assert expanded.json()["expansion"]["timestamp"] == "2026-03-01T00:00:00+00:00"
    in_system = await client.get(
        "/fhir/CodeSystem/$validate-code", params={"url": "http://unitsofmeasure.org", "code": "mmHg"}
    )
    assert result(in_system) is False
    looked = await client.get("/fhir/CodeSystem/$lookup", params={"system": SYSTEM, "code": "male"})
    assert looked.status_code == 200
    system = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
    above = await client.get("/fhir/CodeSystem/$subsumes", params={"system": system, "codeA": "AMB", "codeB": "IMP"})
    assert above.json()["parameter"] == [{"name": "outcome", "valueCode": "not-subsumed"}]
    mapped = await client.get(
        "/fhir/ConceptMap/$translate", params={"url": "http://example.org/map", "system": SYSTEM, "code": "male"}
    )
    assert mapped.status_code == 404


def test_every_operation_is_offered_both_ways_and_to_nobody_unknown() -> None:
    assert {(door.method, door.path) for door in DOORS} == {
        (method, f"/fhir/{name}") for method in ("GET", "POST") for name in _OPERATIONS
    }
    assert all(door.roles == ("system", "operator", "integrator", "auditor") for door in DOORS)
    assert all((door.max_body > 0) == (door.method == "POST") for door in DOORS)
