"""Every refusal is on record, in one wording, and gives nothing away (ARCHITECTURE.md, promises 3, 4 and 13)."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.messages import admission
from gateway.demo.sender import over_mllp
from gateway.pipeline.workers import Workers
from tests.flows.conftest import RECORD, V2, Flow, Served, serving, somebody


@pytest.fixture
def message(flow: Flow) -> bytes:
    return admission(somebody(90), flow.moment())


def count_rows(flow: Flow) -> list[dict[str, Any]]:
    return [f["facts"]["what"]["refusals"] for f in flow.facts(kind="count")]


def summarised(served: Served) -> list[dict[str, Any]]:
    """What a round of the counting worker writes."""
    served.runs(Workers(served.flow.node)._count())
    return [row for rows in count_rows(served.flow) for row in rows]


def test_strangers_get_one_wording_and_are_counted_in_one_row(served: Served, message: bytes) -> None:
    wrong = [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"},
             {"Authorization": "Bearer " + "x" * 600}, {"Authorization": "bearer \u00e9".encode()}]  # fmt: skip
    before = len(served.flow.rows())
    answers = []
    with served.client() as client:
        for headers in wrong:
            answers.append(client.post("/messages", content=message, headers={**headers, "Content-Type": V2}))
            answers.append(client.get("/fhir/Patient/1", headers=headers))
            answers.append(client.get("/exchanges", headers=headers))
    assert {a.status_code for a in answers} == {401}
    assert len({a.content for a in answers if b"MSH" not in a.content}) == 1
    acks = [a.content.partition(b"\r")[2] for a in answers if b"MSH" in a.content]
    assert len(set(acks)) == 1
    assert all(ack.startswith(b"MSA|AR") for ack in acks)
    assert {a.headers["www-authenticate"] for a in answers} == {"Bearer"}
    assert len(served.flow.rows()) == before  # a flood costs no commit each
    rows = summarised(served)
    assert {(r["what"], r["where"], r["count"]) for r in rows} == {
        ("UnknownCaller", where, len(wrong)) for where in ("/messages", "/fhir/{type}/{id}", "/exchanges")
    }
    assert len(served.flow.rows()) == before + 1
    assert summarised(served) == rows  # nothing new, nothing written


def test_the_body_of_a_stranger_is_not_read(served: Served) -> None:
    with served.client() as client:
        got = client.post("/messages", content=b"x" * 30_000_000, headers={"Content-Type": V2})
    assert got.status_code == 401


def test_a_role_that_may_not(served: Served, message: bytes) -> None:
    assert served.posts(message, "auditor").status_code == 403
    assert served.gets("/exchanges", "hospital").status_code == 403
    assert {r["what"] for r in summarised(served)} == {"NotAllowed"}


UNTAKEN: dict[str, tuple[Any, bytes, int, str]] = {
    "unagreed": (lambda m: m.replace(b"ADT^A01^ADT_A01", b"ADT^A02^ADT_A02"), b"AR", 422, "NotAgreed"),
    "version": (lambda m: m.replace(b"|2.5.1|", b"|9.9|"), b"AR", 422, "Unsound"),
    "delimiters": (lambda m: m.replace(b"MSH|^~\\&|", b"MSH|^^^^|"), b"AR", 400, "Malformed"),
    "no MSH": (lambda m: b"hello " + m, b"AR", 400, "Malformed"),
    "not UTF-8": (lambda m: m + b"\xff\xfe", b"AR", 400, "Malformed"),
    "charset": (lambda m: m.replace(b"UNICODE UTF-8", b"KLINGON"), b"AR", 415, "Unsupported"),
}


def test_what_cannot_be_taken(served: Served, message: bytes) -> None:
    flow = served.flow
    for name, (change, ack, status, reason) in UNTAKEN.items():
        body, before = change(message), {e.id for e in flow.exchanges()}
        got = served.posts(body)
        assert got.status_code == status, name
        assert b"\rMSA|" + ack in got.content, name
        told = served.posts(body, Accept="application/fhir+json")
        assert (told.status_code, told.json()["resourceType"]) == (status, "OperationOutcome"), name
        assert b"MSA|" + ack in over_mllp(served.mllp, body), name
        refused = [e for e in flow.exchanges() if e.id not in before]
        assert {(e.status, e.agreement, e.why.reason) for e in refused} == {("refused", "", reason)}, name
        assert len(refused) == 3, name
        assert all(flow.facts(exchange=e.id)[0]["kind"] == "refusal" for e in refused), name
    assert flow.exchanges(agreement=RECORD) == []
    assert b"MSA|AA|" in over_mllp(served.mllp, message)
    flow.verified()


AT_THE_DOOR: dict[str, tuple[str, dict[str, str], bytes, int, str]] = {
    "gzip": ("/messages", {"Content-Encoding": "gzip"}, gzip.compress(b"MSH|"), 415, "Unsupported"),
    "oversize": ("/messages", {}, b"x" * 20_000_001, 413, "TooLarge"),
    "unknown parameter": ("/messages?dry-run&other=1", {}, b"MSH|", 400, "Unanswerable"),
    "NUL": ("/messages?dry-run=%00", {}, b"MSH|", 400, "Malformed"),
    "not JSON": ("/fhir/$validate", {"Content-Type": "application/fhir+json"}, b"{", 400, "Malformed"),
}


def test_what_a_door_itself_refuses_is_counted(served: Served) -> None:
    for name, (path, headers, body, status, what) in AT_THE_DOOR.items():
        with served.client("hospital") as client:
            got = client.post(path, content=body, headers={"Content-Type": V2, **headers})
        assert got.status_code == status, name
        assert got.headers["content-type"] in ("application/fhir+json", V2), name
        assert [(r["what"], r["count"]) for r in summarised(served)[-1:]] == [(what, 1)], name


def test_an_unknown_content_type_is_on_record(served: Served) -> None:
    got = served.posts(b"%PDF-1.7", Content_Type="application/pdf")
    assert (got.status_code, got.json()["resourceType"]) == (415, "OperationOutcome")
    assert served.flow.exchanges(status="refused")[0].why.reason == "Unsupported"


def test_wrong_framing_is_refused_and_counted(served: Served, message: bytes) -> None:
    for raw, answered in (
        (b"GET / HTTP/1.1\r\n\r\n", False),
        (b"\x0b" + message + b"\x1cX", True),
        (b"\x0b" + message[:40], True),
    ):
        with socket.create_connection(served.mllp, timeout=20) as connection:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            got = b"".join(iter(lambda: connection.recv(65_536), b""))
        assert (b"MSA|AR" in got) == answered, raw[:10]
    assert {(r["what"], r["count"]) for r in summarised(served)} == {("mllp-unframed", 1), ("mllp-framing", 2)}
    assert served.flow.exchanges(agreement=RECORD) == []
    assert b"MSA|AA|" in over_mllp(served.mllp, message)


def test_paths_and_methods_without_a_door(served: Served) -> None:
    assert served.gets("/nothing", "hospital").json()["resourceType"] == "OperationOutcome"
    with served.client("hospital") as client:
        assert client.delete("/messages").status_code == 405
        assert client.put("/fhir/Patient").status_code == 405


@pytest.fixture
def crowded(flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    """A node whose queue takes one document at a time."""
    flow.node.cpu._most = 1
    with serving(flow, monkeypatch, tmp_path) as made:
        yield made


def test_a_full_queue_says_try_again(crowded: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from concurrent.futures import ThreadPoolExecutor
    from threading import Event

    from gateway.pipeline import push as line

    go_on, entered = Event(), Event()
    real = line.prepared_here

    def slow(*args: Any) -> Any:
        entered.set()
        go_on.wait(20)
        return real(*args)

    flow = crowded.flow
    first, second = admission(somebody(91), flow.moment()), admission(somebody(92), flow.moment())
    monkeypatch.setattr(line, "prepared_here", slow)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(crowded.posts, first)
        assert entered.wait(20)
        busy = crowded.posts(second)
        over = over_mllp(crowded.mllp, second)
        go_on.set()
        assert waiting.result().status_code == 200
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "5")
    assert b"MSA|AE|" in busy.content
    assert b"MSA|AE|" in over
    assert len(flow.exchanges(agreement=RECORD)) == 1
    assert crowded.posts(second).status_code == 200
    assert flow.node.counts[("Busy", "/messages")] == 1


def test_to_the_sender_a_withheld_disclosure_is_no_error(served: Served) -> None:
    """Consent or none, kept or parked: the same words."""
    from gateway.demo.messages import cases, discharge

    flow, case = served.flow, cases()["discharges"]["consenting"]
    yes, no = somebody(93), somebody(94)
    asyncio.run_coroutine_threadsafe(flow.consents(yes), served.loop).result(20)
    acks = [over_mllp(served.mllp, discharge(one, flow.moment(), case)) for one in (yes, no)]
    lines = [[s for s in ack.split(b"\r") if s and not s.startswith(b"MSH")] for ack in acks]
    assert all(len(one) == 1 and one[0].startswith(b"MSA|AA|") for one in lines)
    told = [served.posts(discharge(one, flow.moment(), case), Accept="application/fhir+json") for one in (yes, no)]
    assert {t.status_code for t in told} == {202}
    assert len({tuple(sorted(row["agreement"] for row in t.json()["exchanges"])) for t in told}) == 1
    assert {frozenset(t.json()) for t in told} == {frozenset({"received", "exchanges"})}
