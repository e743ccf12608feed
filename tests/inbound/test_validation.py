"""`$validate` at the real doors: refusals first, then resources, Parameters, XML and messages, always an OperationOutcome."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.model.wire import read_json, write_json
from gateway.pipeline.node import Node
from gateway.validating import Validator

JSON, XML, V2 = "application/fhir+json", "application/fhir+xml", "x-application/hl7-v2+er7"
PATIENT = {"resourceType": "Patient", "active": True}
WRONG = {"resourceType": "Patient", "gender": "man"}
MESSAGE = (
    b"MSH|^~\\&|HIS|H|IEUM|IEUM|20260301093000+0900||ADT^A01^ADT_A01|1|P|2.5.1\r"
    b"EVN|A01|20260301093000+0900\rPID|1||H1^^^H^MR||Kim||1980x|F\rPV1|1|I\r"
)


@dataclass(frozen=True, slots=True)
class Doors:
    """The real application, without a socket."""

    app: Any
    tokens: Mapping[str, str]
    node: Node

    async def post(
        self, path: str, body: bytes | Mapping[str, Any], kind: str = JSON, token: str = "hospital"
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.tokens[token]}"} if token else {}
        headers |= {"Content-Type": kind} if kind else {}
        transport = httpx.ASGITransport(app=self.app, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.post(
                path, content=body if isinstance(body, bytes) else write_json(body), headers=headers
            )

    async def issues(
        self, path: str, body: bytes | Mapping[str, Any], kind: str = JSON, status: int = 200
    ) -> list[dict[str, Any]]:
        answer = await self.post(path, body, kind)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == JSON
        outcome = read_json(answer.content)
        assert outcome["resourceType"] == "OperationOutcome"
        wrong = [f for f in Validator().report(outcome).findings if f.severity in ("fatal", "error")]
        assert wrong == []
        found: list[dict[str, Any]] = outcome["issue"]
        return found


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    import asyncio
    import os

    from gateway.app import build_app, build_node, close
    from gateway.demo.run import set_up
    from gateway.settings import Settings

    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GATEWAY_")]:
            patch.delenv(name)
        stage = set_up(Path(tmp_path_factory.mktemp("a node")), 1, 2)
        node = build_node(Settings(data_dir=stage.data_dir, site=stage.site))
    yield Doors(build_app(node), stage.tokens, node)
    asyncio.run(close(node))


def texts(issues: list[dict[str, Any]]) -> list[str]:
    return [issue["details"]["coding"][0]["code"] for issue in issues if "coding" in issue["details"]]


@pytest.mark.parametrize("path", ["/fhir/$validate", "/fhir/Patient/$validate"])
async def test_nobody_unknown_or_of_another_role(doors: Doors, path: str) -> None:
    assert (await doors.post(path, PATIENT, token="")).status_code == 401
    assert (await doors.post(path, PATIENT, token="auditor")).status_code == 403


@pytest.mark.parametrize(
    "query", ["what=1", "_format=json", "profile=", "mode=delete", "mode=profile", "mode=", "mode=create&mode=create", "Profile=http://x.example",
              "&".join(["profile=http://x.example"] * 21)],
)  # fmt: skip
async def test_a_question_with_an_unknown_part_is_refused(doors: Doors, query: str) -> None:
    (issue, *_) = await doors.issues(f"/fhir/$validate?{query}", PATIENT, status=400)
    assert issue["severity"] == "error"


@pytest.mark.parametrize("kind", ["Patients", "patient", "x" * 200])
async def test_a_type_that_is_none(doors: Doors, kind: str) -> None:
    await doors.issues(f"/fhir/{kind}/$validate", PATIENT, status=404)


@pytest.mark.parametrize("kind", ["image/png", "text/html", "application/pdf"])
async def test_a_content_type_that_is_of_no_standard(doors: Doors, kind: str) -> None:
    await doors.issues("/fhir/$validate", PATIENT, kind, status=415)


@pytest.mark.parametrize(
    ("body", "kind", "rule", "place"),
    [
        (b"", JSON, "empty", "1:1"),
        (b'{"resourceType":"Patient"\n "active":true}', JSON, "json-comma-missing", "1:26"),
        (b'{"a":1,"a":2}', JSON, "json-duplicate", "1:8"),
        (b'{"a":NaN}', JSON, "json-number", "1:6"),
        (b"[" * 100, JSON, "json-deep", "1:65"),
        (b'{"a":"\xff"}', JSON, "encoding", "1:7"),
        (b'<Patient xmlns="http://hl7.org/fhir">\n<name></Patient>', XML, "xml-tag", "2:7"),
        (b"<!DOCTYPE x><Patient/>", XML, "xml-doctype", "1:1"),
        (b"hello", "", "standard-unknown", "1:1"),
        (b"hello", JSON, "neither", "1:1"),
        (b"MSH|^^^^|", V2, "readable", None),
    ],
)
async def test_what_cannot_be_read_is_said_with_its_place(
    doors: Doors, body: bytes, kind: str, rule: str, place: str | None
) -> None:
    (issue, *_) = await doors.issues("/fhir/$validate", body, kind, status=400)
    assert issue["severity"] == "fatal"
    assert issue["details"]["coding"][0]["code"] == rule
    assert issue.get("location", [None]) == [place]


@pytest.mark.parametrize("body", [b"[]", b"1", b"{}", b'{"resourceType":"Nothing"}', b'{"resourceType":1}'])
async def test_what_is_no_resource_is_an_error(doors: Doors, body: bytes) -> None:
    (issue, *_) = await doors.issues("/fhir/$validate", body)
    assert issue["severity"] == "error"


async def test_the_type_in_the_address_is_that_of_the_resource(doors: Doors) -> None:
    assert "address-type" in texts(await doors.issues("/fhir/Observation/$validate", PATIENT))
    assert texts(await doors.issues("/fhir/Patient/$validate", PATIENT)) == []


@pytest.mark.parametrize(
    "kind", [JSON, "application/json; charset=utf-8", "", "text/plain", "application/octet-stream"]
)
async def test_a_finding_has_everything(doors: Doors, kind: str) -> None:
    body = b'{"resourceType":"Patient",\n "gender":"man"}'
    (issue,) = await doors.issues("/fhir/Patient/$validate", body, kind)
    assert (issue["severity"], issue["code"], issue["expression"], issue["location"]) == (
        "error",
        "code-invalid",
        ["Patient.gender"],
        ["2:11"],
    )
    assert {e["url"].rpartition("-")[2] for e in issue["extension"]} == {"line", "col", "authority"}


async def test_xml(doors: Doors) -> None:
    body = b'<Patient xmlns="http://hl7.org/fhir">\n  <gender value="man"/></Patient>'
    (issue,) = await doors.issues("/fhir/$validate", body, XML)
    assert (issue["expression"], issue["location"]) == (["Patient.gender"], ["2:3"])


async def test_a_message_is_judged_by_its_grammar(doors: Doors) -> None:
    for kind in (V2, "", f"{V2}; charset=utf-8"):
        (issue,) = await doors.issues("/fhir/$validate", MESSAGE, kind)
        assert (issue["severity"], issue["expression"], issue["location"]) == ("warning", ["PID[1]-7[1].1"], ["3:24"])


async def test_profiles_in_the_address(doors: Doors) -> None:
    path = "/fhir/$validate?profile=http://example.org/a&profile=http://example.org/b"
    assert texts(await doors.issues(path, PATIENT)) == ["profile-unknown"] * 2


async def test_an_update_needs_an_id(doors: Doors) -> None:
    assert texts(await doors.issues("/fhir/$validate?mode=update", PATIENT)) == ["update-id"]
    assert texts(await doors.issues("/fhir/$validate?mode=update", {**PATIENT, "id": "x"})) == []
    assert texts(await doors.issues("/fhir/$validate?mode=create", PATIENT)) == []


def parameters(*rows: Mapping[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": list(rows)}


RESOURCE = {"name": "resource", "resource": WRONG}


@pytest.mark.parametrize(
    "rows",
    [
        ({"name": "profile", "valueUri": "http://example.org/p"},),
        (RESOURCE, RESOURCE),
        ({"name": "resource", "valueString": "x"},),
        (RESOURCE, {"name": "what", "valueString": "x"}),
        (RESOURCE, {"name": "mode", "valueCode": "delete"}),
        (RESOURCE, {"name": "profile", "valueInteger": 1}),
        (RESOURCE, {"name": "profile"}),
        (RESOURCE, {"valueUri": "x"}),
    ],
)
async def test_parameters_that_ask_for_something_else_are_refused(doors: Doors, rows: tuple[Any, ...]) -> None:
    await doors.issues("/fhir/$validate", parameters(*rows), status=400)


async def test_parameters_with_a_resource(doors: Doors) -> None:
    rows = (
        {"name": "mode", "valueCode": "update"},
        RESOURCE,
        {"name": "profile", "valueCanonical": "http://example.org/p"},
    )
    body = write_json(parameters(*rows))
    issues = await doors.issues("/fhir/Patient/$validate", body)
    assert set(texts(issues)) == {"binding-required", "update-id", "profile-unknown"}
    found = next(i for i in issues if texts([i]) == ["binding-required"])
    assert found["expression"] == ["Patient.gender"]
    assert found["location"] == [f"1:{body.index(b'man')}"]


async def test_parameters_with_a_resource_in_xml(doors: Doors) -> None:
    body = (
        b'<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="resource"/><resource>\n<Patient><gender value="man"/>'
        b"</Patient></resource></parameter></Parameters>"
    )
    for encoded in (body, body.decode().encode("utf-16")):
        (issue,) = await doors.issues("/fhir/$validate", encoded, XML)
        assert (issue["expression"], issue["location"]) == (["Patient.gender"], ["2:10"])


async def test_other_parameters_are_a_resource_like_any_other(doors: Doors) -> None:
    body = parameters({"name": "x", "valueBoolean": "yes"})
    for path in ("/fhir/$validate", "/fhir/Parameters/$validate"):
        (issue,) = await doors.issues(path, body)
        assert issue["expression"] == ["Parameters.parameter[0].value.ofType(boolean)"]


async def test_the_operation_is_told(doors: Doors) -> None:
    headers = {"Authorization": f"Bearer {doors.tokens['hospital']}"}
    transport = httpx.ASGITransport(app=doors.app, client=("192.0.2.1", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        told = (await client.get("/fhir/metadata", headers=headers)).json()
    assert "validate" in [operation["name"] for operation in told["rest"][0]["operation"]]


async def test_a_batch_is_judged_message_by_message(doors: Doors) -> None:
    body = b"BHS|^~\\&|HIS\r" + MESSAGE + MESSAGE + b"BTS|3\r"
    for kind in (V2, ""):
        issues = await doors.issues("/fhir/$validate", body, kind)
        assert [(texts([i]), i["location"]) for i in issues if "location" in i] == [
            (["PID-7"], ["4:24"]), (["PID-7"], ["8:24"]), (["hl7v2-batch-count"], ["10:1"]),
        ]  # fmt: skip
    two = await doors.issues("/fhir/$validate", (b"BHS|^~\\&|HIS\r" + MESSAGE + b"BTS|1\r") * 2, V2)
    assert "hl7v2-batch-second" in texts(two)  # as the line would say
    (issue, *_) = await doors.issues("/fhir/$validate", b"BHS|^~\\&|HIS\rMSH|^^^^|\r", V2, 400)
    assert issue["severity"] == "fatal"
