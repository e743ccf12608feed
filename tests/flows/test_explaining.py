"""Why, rule by rule, for those entitled and on record; who was refused learns nothing of it, and no content is told."""

from __future__ import annotations

from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.demo.messages import admission, cases, discharge
from gateway.errors import Invalid, NotFound
from gateway.model.document import Principal
from gateway.model.wire import read_json, write_json
from gateway.pipeline.explaining import explained
from tests.flows.conftest import CARE_TEAM, NUMBER, REFERRAL, Flow, Served, somebody

CASE = cases()["discharges"]["consenting"]
AUDITOR = Principal("ieum-demo", "key-auditor", ("auditor",))
JSON = {"Content-Type": "application/json"}


async def referred(flow: Flow, number: int) -> str:
    """The exchange of a referral of somebody who has consented."""
    person = somebody(number)
    await flow.consents(person)
    await flow.sends(discharge(person, flow.moment(), CASE))
    return flow.newest(REFERRAL).id


def request_about(flow: Flow, number: int, **over: Any) -> dict[str, Any]:
    (person,) = flow.persons(somebody(number))
    recipient = flow.node.site.participants[CARE_TEAM]
    return {
        "who": {"references": list(recipient.references), "authorizedPurposes": list(recipient.purposes), "role": recipient.role},
        "whom": {"reference": f"Patient/{person}", "birthDate": "1950-01-01"}, "when": flow.clock().isoformat(), "where": {"jurisdiction": "KR"},
        "what": [{"reference": "Encounter/e", "code": []}], "why": {"purposeOfUse": ["COC"]}, "how": {"action": "disclose", "interaction": "read"},
        **over,
    }  # fmt: skip


async def test_who_may_ask(flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from tests.flows.conftest import serving

    exchange = await referred(flow, 300)
    before = len(flow.rows())
    with serving(flow, monkeypatch, tmp_path) as served:
        asked = write_json({"exchange": exchange})
        for token, status in (
            ("", 401),
            ("hospital", 403),
            ("welfare", 403),
            ("public-health", 403),
            ("admin", 403),
            ("auditor", 200),
        ):
            with served.client(token) as client:
                got = client.post("/consent/explain", content=asked, headers=JSON)
            assert got.status_code == status, token
            assert ("steps" in got.json()) is (status == 200)
            assert b"consent-permit" in got.content if status == 200 else b"consent-permit" not in got.content
    facts = [fact for fact in flow.facts()[before:] if fact["kind"] == "admin"]
    assert [(f["facts"]["what"]["looked"], f["facts"]["what"]["exchange"]) for f in facts] == [
        ("explanation", exchange)
    ]
    assert {f["facts"]["who"]["client"] for f in facts} == {k.id for p in flow.node.site.participants.values() for k in p.keys
                                                   if "auditor" in k.roles}  # fmt: skip
    flow.verified()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"exchange": 1}',
        b'{"request": []}',
        b'{"exchange": "x", "request": {}}',
        b'{"exchange": "x", "more": 1}',
    ],
)
def test_what_is_no_question(served: Served, body: bytes) -> None:
    with served.client("auditor") as client:
        got = client.post("/consent/explain", content=body, headers=JSON)
    assert got.status_code in (400, 422)
    assert served.flow.facts(kind="admin") == []


async def test_an_exchange_that_is_not_there_or_was_not_decided(flow: Flow) -> None:
    await flow.sends(admission(somebody(301), flow.moment()))
    kept = next(e for e in flow.exchanges() if e.status == "kept")
    for id in ("nothing", kept.id):
        with pytest.raises(NotFound):
            explained(flow.node, AUDITOR, {"exchange": id})
    with pytest.raises(Invalid):
        explained(flow.node, AUDITOR, None)


async def test_then_and_now(flow: Flow) -> None:
    exchange, person = await referred(flow, 302), somebody(302)
    same, _ = explained(flow.node, AUDITOR, {"exchange": exchange})
    assert (same["wouldDecideDifferently"], same["differs"], same["agreementState"]) == (False, [], "active")
    assert same["then"]["released"] == same["now"]["released"] != []
    await flow.consents(person, status="inactive")
    now, unit = explained(flow.node, AUDITOR, {"exchange": exchange})
    assert now["wouldDecideDifferently"]
    assert {d["reference"] for d in now["differs"]} == set(now["then"]["released"])
    assert {d["now"] for d in now["differs"]} == {"default-deny"}
    assert [s["says"] for s in now["steps"] if s["step"] == "consent"] == ["not-active"]
    (fact,) = unit.puts
    assert fact.person in flow.persons(person)


async def test_nothing_of_a_record_is_told(flow: Flow) -> None:
    """Of the discharge no name, number, code, date of birth or word stands in an explanation."""
    exchange, person = await referred(flow, 303), somebody(303)
    told, unit = explained(flow.node, AUDITOR, {"exchange": exchange})
    text = write_json([told, unit.puts[0].facts]).decode()
    words = (
        person.number,
        person.korean[1],
        person.english[0],
        person.birth.isoformat(),
        person.phone,
        "S72",
        "hl7korea",
        "loinc",
    )
    assert [word for word in words if word in text] == []
    (stored,) = [read_json(flow.node.keyring.open(d.request)) for d in flow.node.store.decisions(exchange)]
    assert any(coding["code"].startswith("S72") for item in stored["what"] for coding in item["code"])  # the control


async def test_a_request_is_explained_by_what_is_on_file(flow: Flow) -> None:
    await referred(flow, 304)
    told, unit = explained(flow.node, AUDITOR, {"request": request_about(flow, 304)})
    assert (told["steps"][-1]["says"], told["steps"][-1]["reason"]) == ("permit", "consent-permit")
    assert unit.puts[0].person in flow.persons(somebody(304))
    await flow.drains()  # and is kept
    asked = request_about(flow, 304)
    undated = {**asked, "whom": {"reference": asked["whom"]["reference"]}}
    bare = explained(flow.node, AUDITOR, {"request": undated})[0]["steps"]
    assert (bare[-1]["says"], bare[-1]["reason"]) == ("permit", "consent-permit")  # the birth date is on file
    child = {**asked, "whom": {**asked["whom"], "birthDate": flow.clock().date().isoformat()}}
    assert explained(flow.node, AUDITOR, {"request": child})[0]["steps"][-1]["says"] == "deny"  # what is said counts
    stranger = {**request_about(flow, 304), "whom": {"reference": "Patient/nobody", "birthDate": "1950-01-01"}}
    told, unit = explained(flow.node, AUDITOR, {"request": stranger})
    assert (told["steps"][-1]["says"], unit.puts[0].person) == ("deny", None)
    assert explained(flow.node, AUDITOR, {"request": {"whom": 7}})[0]["steps"][-1]["says"] == "deny"


async def test_after_a_merge_it_is_about_who_remained(flow: Flow) -> None:
    from gateway.model.records import Merge, Unit

    exchange = await referred(flow, 305)
    await flow.sends(admission(somebody(306), flow.moment()))
    (gone,), (stays,) = flow.persons(somebody(305)), flow.persons(somebody(306))
    flow.node.store.commit(Unit((Merge(gone, stays, flow.clock(), "test"),))).result()
    told, _ = explained(flow.node, AUDITOR, {"exchange": exchange})
    assert told["now"]["reason"] == "consent-permit"
    assert f"Patient/{stays}" in told["now"]["released"]
    assert told["differs"] == []


def test_the_command(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.demo.run import set_up

    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    site = set_up(tmp_path, 1, 2).site
    file = tmp_path / "request.json"
    file.write_bytes(write_json({"request": {"whom": {"reference": "Patient/x"}}}))

    def run(*words: str) -> Any:
        return CliRunner().invoke(app, ["consent", "explain", *words])

    assert run().exit_code == 2
    assert run("--exchange", "x").exit_code == 2
    assert run("--site", str(site)).exit_code == 2
    assert run("--site", str(site), "--exchange", "x").exit_code == 2
    told = run(str(file), "--site", str(site), "--json")
    assert (told.exit_code, read_json(told.stdout.splitlines()[-1].encode())["says"]) == (0, "deny")
    assert NUMBER not in told.stdout
