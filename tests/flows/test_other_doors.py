"""Attacks by other doors than the façade: HL7 v2, replays after a withdrawal, addresses, the console (catalogue: A20, A47, A51, A52, A53)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.demo.messages import Moment, cases, discharge, laboratory
from gateway.demo.run import Stage
from gateway.demo.sender import over_mllp
from gateway.model.agreement import Site
from gateway.model.questions import Exchange
from tests.flows.conftest import NUMBER, READING, REFERRAL, START, Flow, Served, changed, serving, somebody

A, CANARY = somebody(900), "CANARY-PSY-7f3a"

RESULT = cases()["results"]["reported"]
ORDINARY = cases()["discharges"]["withdrawing"]


def hidden_result(flow: Flow, words: bool) -> bytes:
    """A result about which nobody may learn anything: a code of our own, words in NTE, a Z segment, a document in OBX-5."""
    message = laboratory(A, Moment(START, 7), {**RESULT, "rows": RESULT["rows"][:1]}, "L47")
    canary = CANARY if words else "x"
    more = (
        f"OBX|2|ST|{canary}^{canary}^L||{canary}||||||F", f"NTE|1||{canary}",
        f"OBX|3|ED|11488-4^Consult note^LN||HANBIT^TEXT^^A^{canary}||||||F", f"ZPS|1|{canary}",
    )  # fmt: skip
    head, _, specimen = message.rstrip(b"\r").rpartition(b"\rSPM")
    return head + b"\r" + "\r".join(more).encode() + b"\rSPM" + specimen + b"\r"


def test_a_result_is_acknowledged_alike_whatever_it_says(served: Served) -> None:
    """A47: neither the acknowledgement nor an error text repeats what was sent."""
    acks = [over_mllp(served.mllp, hidden_result(served.flow, words)).partition(b"\rMSA")[2] for words in (True, False)]
    assert CANARY.encode() not in acks[0]
    assert acks[0].partition(b"|")[2][:2] == b"AA"
    assert len(acks[0].split(b"\r")) == len(acks[1].split(b"\r"))


def test_what_a_result_says_in_words_stays_with_the_hospital(served: Served) -> None:
    """A47: OBX of a code nobody classified, NTE, Z segment and a document do not reach whoever reads the record; the laboratory value does."""
    served.runs(served.flow.consents(A))
    assert b"|AA|" in served.posts(hidden_result(served.flow, words=True)).content
    served.runs(served.flow.drains())
    reader = "/fhir/Observation?patient.identifier=" + f"{NUMBER}|{A.number}"
    answer = served.gets(reader)
    assert [e["resource"]["code"]["coding"][0]["code"] for e in answer.json()["entry"]] == ["1988-5"]
    assert CANARY not in answer.text
    assert CANARY.encode() not in served.flow.post.bytes_sent()


async def _ended(flow: Flow) -> Exchange:
    """A delivered exchange whose person has withdrawn since."""
    await flow.consents(A)
    assert (await flow.sends(discharge(A, flow.moment(), ORDINARY))).error is None
    await flow.drains()
    found = flow.newest(REFERRAL)
    assert found.status == "delivered"
    assert (await flow.consents(A, "inactive")).error is None
    return found


def test_a_replay_after_a_withdrawal_sends_nothing(served: Served) -> None:
    """A51: withheld now, and both rows name each other. The same by the door of operators as by the page, which calls the same function."""
    found = served.runs(_ended(served.flow))
    sent = len(served.flow.post.sent)
    with served.client("admin") as client:
        answer = client.post(f"/exchanges/{found.id}/replay", json={"reason": "lost there"})
    assert answer.status_code == 200, answer.text
    served.runs(served.flow.drains())
    (again,) = [e for e in served.flow.exchanges(agreement=REFERRAL) if e.id != found.id]
    assert (again.replay_of, again.status) == (found.id, "refused")
    assert len(served.flow.post.sent) == sent
    (row,) = [row for row in served.flow.facts(kind="admin") if row["outcome"] == "replay"]
    assert (row["exchange"], row["facts"]["what"]["replay_of"]) == (again.id, found.id)


def test_what_an_address_holds_is_not_logged(served: Served, capfd: pytest.CaptureFixture[str]) -> None:
    """A52: the query of a request, a number in a path and the words of a refused body are in no line of the log."""
    asked = (
        f"/fhir/CodeSystem/$validate-code?url=http://loinc.org&code={CANARY}", f"/fhir/Patient?identifier={NUMBER}|{CANARY}",
        f"/fhir/Condition?patient={CANARY}", f"/fhir/Condition/{CANARY}", f"/{CANARY}", f"/exchanges/{CANARY}",
    )  # fmt: skip
    for path in asked:
        for who in ("welfare", "admin", ""):
            assert served.gets(path, who).status_code < 500
    served.posts(f"MSH|^~\\&|{CANARY}\rPID|{CANARY}".encode())
    served.posts({"resourceType": "Patient", "id": CANARY, "name": CANARY})
    out, err = capfd.readouterr()
    assert CANARY not in out + err


PAGES = ("/console", "/console/gaps", "/console/identities", "/console/emergencies")


def test_who_operates_the_gateway_reads_no_record(served: Served) -> None:
    """A53: pages, lists, traces and the audit log show what was exchanged, never what it said."""
    flow = served.flow
    message = hidden_result(flow, words=True)
    assert b"|AA|" in served.posts(message).content
    assert (
        b"|AA|"
        not in served.posts(
            message.replace(b"ORU^R01^ORU_R01", b"ORU^R99^ORU_R99").replace(b"|2.5.1|", b"|9.9|")
        ).content
    )
    served.runs(flow.drains())
    rows = flow.exchanges()
    assert rows
    paths = [*PAGES, *(f"/console/exchanges/{row.id}" for row in rows), *(f"/exchanges/{row.id}" for row in rows)]
    paths += [f"/console/people/{row.whom.person}" for row in rows if row.whom.person] + ["/exchanges", "/audit"]
    for key in ("admin", "auditor"):
        for path in paths:
            answer = served.gets(path, key)
            assert answer.status_code in (200, 403, 404), path
            for hidden in (CANARY, A.number, A.resident_number, A.korean[1], A.phone):
                assert hidden not in answer.text, (key, path, hidden)


def test_a_document_reference_leads_nowhere(
    stage: Stage, site: Site, flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A20: an attachment is withheld whole, and nothing makes a document of what is kept."""
    types = (*site.agreements[READING].types, "DocumentReference")
    wider = flow.on(changed(site, READING, types=types))
    with serving(wider, monkeypatch, tmp_path) as here:
        here.runs(here.flow.consents(A))
        assert b"|AA|" in here.posts(hidden_result(here.flow, words=True)).content
        here.runs(here.flow.drains())
        whom = f"{NUMBER}|{A.number}"
        answer = here.gets(f"/fhir/DocumentReference?patient.identifier={whom}")
        assert (answer.status_code, answer.json().get("entry", [])) == (200, [])
        for path in (
            "/fhir/Composition/x/$document",
            "/fhir/DocumentReference/$docref",
            "/fhir/$graphql",
            "/fhir/Patient/$match",
        ):
            assert here.posts({"resourceType": "Parameters"}, "welfare", path).status_code in (404, 405), path
