"""`$convert` at the real doors: refusals first, then documents, batches, and the sheet that a page draws lines on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.inbound import conversion
from gateway.model.wire import read_json
from gateway.pipeline.prepare import MAX_ITEMS
from gateway.validating import Validator
from tests.inbound import test_validation
from tests.inbound.test_validation import JSON, MESSAGE, PATIENT, V2, Doors

BHS = b"BHS|^~\\&|HIS\r"


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    yield from test_validation.doors.__wrapped__(tmp_path_factory)  # type: ignore[attr-defined]


async def made(doors: Doors, body: Any, kind: str = V2, query: str = "") -> Any:
    answer = await doors.post(f"/fhir/$convert{query}", body, kind)
    assert answer.status_code == 200, answer.text
    return read_json(answer.content)


async def test_nobody_unknown_or_of_another_role(doors: Doors) -> None:
    assert (await doors.post("/fhir/$convert", MESSAGE, V2, token="")).status_code == 401
    assert (await doors.post("/fhir/$convert", MESSAGE, V2, token="auditor")).status_code == 403


@pytest.mark.parametrize("query", ["what=1", "explain", "explain=yes", "explain=true&explain=true", "Provenance=true"])
async def test_a_question_with_an_unknown_part_is_refused(doors: Doors, query: str) -> None:
    await doors.issues(f"/fhir/$convert?{query}", MESSAGE, V2, status=400)


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"MSH|^^^^|", V2, 400), (b"hello", "", 415), (b"hello", V2, 400), (b"{", JSON, 400), (MESSAGE, "image/png", 415),
        (b"MSH|^~\\&|" + b"|" * 15 + b"X-EVIL\r", V2, 415), (BHS + MESSAGE, "application/fhir+json", 400),
    ],
)  # fmt: skip
async def test_what_cannot_be_converted(doors: Doors, body: bytes, kind: str, status: int) -> None:
    (issue, *_) = await doors.issues("/fhir/$convert", body, kind, status=status)
    assert issue["severity"] == "error"


async def test_a_batch_of_too_many(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "MOST_ECHOED", 1)
    await doors.issues("/fhir/$convert", BHS + MESSAGE + MESSAGE, V2, status=413)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (BHS + MESSAGE + b"BTS|2\r", 422), (BHS + MESSAGE + BHS + MESSAGE + b"BTS|1\r", 422), (BHS + MESSAGE + b"\x1c\r" + MESSAGE, 400),
        (BHS + MESSAGE + b"BTS|1\r" + BHS + MESSAGE, 422), (BHS + b"BTS|x\r" * 50_000, 422),
    ],
)  # fmt: skip
async def test_a_batch_that_the_line_would_refuse(doors: Doors, body: bytes, status: int) -> None:
    answer = await doors.post("/fhir/$convert", body, V2)
    assert answer.status_code == status, answer.text


OBX = b"OBX|1|NM|718-7^Hb^LN||14|g/dL|||||F\r"


async def turns(doors: Doors, body: bytes, status: int) -> int:
    """How often others had their turn while a body was converted."""
    asked = asyncio.create_task(doors.post("/fhir/$convert", body, V2))
    cpu, count = doors.node.cpu, 0
    while not asked.done():
        await cpu.run(str)
        await asyncio.sleep(0.001)
        count += 1
    answer = await asked
    assert answer.status_code == status, answer.text
    return count


async def test_others_have_their_turn_between_the_messages_of_a_batch(doors: Doors) -> None:
    assert await turns(doors, BHS + (MESSAGE + OBX * 100) * 20, 200) >= 10


@pytest.mark.long
async def test_others_have_their_turn_beside_a_large_document(doors: Doors) -> None:
    large = MESSAGE + OBX * MAX_ITEMS + b"NTE|1||x\r" * 5_000
    assert await turns(doors, large, 413) >= 50
    assert await turns(doors, BHS + (MESSAGE + OBX * (MAX_ITEMS - 100)) * 2, 200) >= 50


async def test_a_batch_is_not_explained(doors: Doors) -> None:
    await doors.issues("/fhir/$convert?explain=true", BHS + MESSAGE, V2, status=400)


@pytest.mark.parametrize("kind", [V2, "", "text/plain", f"{V2}; charset=utf-8"])
async def test_a_message_becomes_a_bundle(doors: Doors, kind: str) -> None:
    bundle = await made(doors, MESSAGE, kind)
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "message")
    types = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    assert types[0] == "MessageHeader"
    assert "Patient" in types
    assert await made(doors, MESSAGE, kind) == bundle


async def test_a_resource_becomes_a_bundle_as_well(doors: Doors) -> None:
    bundle = await made(doors, PATIENT, JSON)
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == ["Patient"]


async def test_a_batch_becomes_a_bundle_for_each_and_the_unreadable_stops_no_other(doors: Doors) -> None:
    bundle = await made(doors, BHS + MESSAGE + b"MSH|^^^^|\r" + MESSAGE)
    assert [entry["resource"]["resourceType"] for entry in bundle["entry"]] == ["Bundle", "OperationOutcome", "Bundle"]
    assert bundle["entry"][0]["resource"] == await made(doors, MESSAGE)
    assert await made(doors, BHS + b"BTS|0\r") == {"resourceType": "Bundle", "type": "collection"}


async def test_a_provenance_on_request(doors: Doors) -> None:
    plain, told = await made(doors, MESSAGE), await made(doors, MESSAGE, query="?provenance=true")
    *same, last = told["entry"]
    assert same == plain["entry"]
    assert last["resource"]["resourceType"] == "Provenance"
    assert [t["reference"] for t in last["resource"]["target"]] == [entry["fullUrl"] for entry in same]
    assert [issue["severity"] for issue in Validator().validate(last["resource"])["issue"]] == ["information"]


async def test_a_sheet_for_a_page_joins_both_sides(doors: Doors) -> None:
    for query in ("?explain=true", "?explain=true&provenance=true"):
        sheet = await made(doors, MESSAGE, query=query)
        positions = {value["position"]: value for part in sheet["input"] for value in part["values"]}
        used = {place for origin in sheet["origins"] for place in origin["from"]}
        lost = {loss["from"] for loss in sheet["losses"]}
        assert used | lost == set(positions)
        assert used & lost == set()
        assert {rule for origin in sheet["origins"] for rule in origin["rule"].split(" > ")} == set(sheet["rules"])
        assert all(rule["at"] and rule["source"] for rule in sheet["rules"].values())
        assert all(reached(sheet["output"], origin["element"]) is not None for origin in sheet["origins"])
        assert [issue["severity"] for issue in sheet["findings"]["issue"]]
    name = positions["PID[1]-5[1].1"]
    assert (name["name"], name["text"], name["line"], name["column"]) == ("Patient name", "Kim", 3, 19)
    origins = {origin["element"]: origin for origin in sheet["origins"]}
    (family,) = [one for element, one in origins.items() if element.endswith(".name[0].family")]
    assert (family["from"], sheet["rules"][family["rule"]]["row"]["to"]) == (["PID[1]-5[1].1"], "family")


async def test_a_sheet_of_a_resource(doors: Doors) -> None:
    sheet = await made(doors, {**PATIENT, "id": "p"}, JSON, "?explain=true")
    assert sheet["input"] == [
        {
            "position": "Patient/p#", "name": "Patient",
            "values": [
                {"position": "Patient/p#resourceType", "text": "Patient"}, {"position": "Patient/p#active", "text": "true"},
                {"position": "Patient/p#id", "text": "p"},
            ],
        }
    ]  # fmt: skip
    assert sheet["standard"] == "fhir"


def reached(tree: Any, path: str) -> Any:
    """The value at `Bundle.entry[0].resource.name[0].family`."""
    for step in path.split(".")[1:]:
        name, _, number = step.partition("[")
        tree = tree[name]
        if number:
            tree = tree[int(number.rstrip("]"))]
    return tree
