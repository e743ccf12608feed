"""The recipients' simulator: what it refuses, and that a second PUT is a second version."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from gateway.demo.receiver import Server, Shelf

TOKEN = "t" * 20
PATIENT = {"resourceType": "Patient", "id": "p1"}
TASK = {"resourceType": "Task", "id": "t1", "for": {"reference": "Patient/p1"}}


def put(*resources: dict[str, Any]) -> dict[str, Any]:
    entries = [
        {"resource": r, "request": {"method": "PUT", "url": f"{r['resourceType']}/{r['id']}"}} for r in resources
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Server(Shelf(), TOKEN).app())
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://recipient", headers=headers) as made:
        yield made


@pytest.mark.parametrize("authorization", ["", "Bearer wrong", TOKEN, f"Basic {TOKEN}"])
async def test_nobody_without_the_token(client: httpx.AsyncClient, authorization: str) -> None:
    headers = {"Authorization": authorization}
    assert (await client.post("/fhir", json=put(PATIENT), headers=headers)).status_code == 401
    assert (await client.get("/fhir/Patient", headers=headers)).status_code == 401
    assert (await client.get("/simulator/state")).json()["resources"] == 0


@pytest.mark.parametrize(
    "bundle",
    [
        [],
        PATIENT,
        {"resourceType": "Bundle", "type": "message", "entry": []},
        {"resourceType": "Bundle", "type": "transaction", "entry": [*put(PATIENT)["entry"], {"resource": TASK}]},
        {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [{"resource": TASK, "request": {"method": "PUT", "url": "Task/t2"}}],
        },
    ],
)
async def test_nothing_of_what_is_no_transaction_is_kept(client: httpx.AsyncClient, bundle: Any) -> None:
    assert (await client.post("/fhir", json=bundle)).status_code == 400
    assert (await client.get("/simulator/state")).json()["resources"] == 0


async def test_it_answers_503_while_it_is_down(client: httpx.AsyncClient) -> None:
    await client.put("/simulator/state", json={"answers": "unavailable"})
    assert (await client.post("/fhir", json=put(PATIENT))).status_code == 503
    await client.put("/simulator/state", json={"answers": "normal"})
    assert (await client.get("/fhir/Patient/p1")).status_code == 404


async def test_a_second_put_is_a_second_version(client: httpx.AsyncClient) -> None:
    first = (await client.post("/fhir", json=put(PATIENT, TASK))).json()
    second = (await client.post("/fhir", json=put(TASK))).json()
    assert [e["response"]["status"] for e in first["entry"] + second["entry"]] == ["201", "201", "200"]
    assert (await client.get("/fhir/Task/t1")).json()["meta"]["versionId"] == "2"
    assert (await client.get("/fhir/Task?patient=Patient/p1")).json()["total"] == 1
    assert (await client.get("/fhir/Task?patient=p2")).json()["total"] == 0
