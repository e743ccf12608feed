"""Deliveries: tried again while it makes sense, in order, asked again each time, and a stuck lane parks only itself (ARCHITECTURE.md, 1, 5, 9)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import structlog

from gateway.demo.messages import cases, discharge
from gateway.demo.processes import free_port
from gateway.demo.receiver import Shelf
from gateway.errors import GiveUp, InDoubt, TryLater
from gateway.model.document import Principal
from gateway.model.questions import Exchange
from gateway.model.records import Lease
from gateway.model.wire import read_json
from gateway.outbound.http import HttpTransport
from gateway.pipeline import delivery, drain, taken, worked
from gateway.pipeline.node import Pace
from gateway.pipeline.replay import Wish, replayed
from gateway.standards import standards
from tests.flows.conftest import CARE_TEAM, REFERRAL, Flow, somebody

CASE = cases()["discharges"]["consenting"]


async def due(flow: Flow, number: int) -> Exchange:
    person = somebody(number)
    await flow.consents(person)
    receipt = await flow.sends(discharge(person, flow.moment(), CASE))
    return next(e for e in flow.exchanges(received_id=receipt.received) if e.agreement == REFERRAL)


def now(flow: Flow, exchange: Exchange) -> Exchange:
    found = flow.node.store.exchange(exchange.id)
    assert found is not None
    return found


async def test_what_is_away_is_tried_again_ever_later(flow: Flow) -> None:
    exchange = await due(flow, 50)
    flow.post.answers["mapo-fhir"] = [TryLater() for _ in range(5)]
    pauses = []
    for _ in range(5):
        await flow.drains()
        (entry,) = flow.node.store.outbox(exchange.id)
        pauses.append((entry.not_before - flow.clock()).total_seconds())
        assert (entry.error_class, now(flow, exchange).status) == ("TryLater", "pending")
        await flow.drains()  # not yet due: nothing happens
        flow.clock.pass_by(seconds=pauses[-1] + 1)
    assert len(flow.post.sent) == 5
    bounds = [(0.5 * 2**n - 0.1, 2.0**n) for n in range(5)]
    assert all(least <= pause <= most for pause, (least, most) in zip(pauses, bounds, strict=True)), pauses
    await flow.drains()
    assert now(flow, exchange).status == "delivered"
    assert flow.node.store.outbox(exchange.id) == []
    assert len({one.body for one in flow.post.sent}) == 1
    flow.verified()


async def test_what_the_recipient_will_never_take_has_failed(flow: Flow) -> None:
    exchange = await due(flow, 51)
    flow.post.answers["mapo-fhir"] = [GiveUp()]
    await flow.drains()
    assert (now(flow, exchange).status, now(flow, exchange).why.reason) == ("failed", "GiveUp")
    assert flow.node.store.outbox(exchange.id) == []
    assert [f["outcome"] for f in flow.facts(exchange=exchange.id)] == ["pending", "failed"]
    flow.clock.pass_by(days=1)
    await flow.drains()
    assert len(flow.post.sent) == 1


async def test_what_may_have_arrived_is_sent_again_with_no_second_effect(flow: Flow) -> None:
    exchange = await due(flow, 52)
    flow.post.answers["mapo-fhir"] = [InDoubt()]
    flow.post.arrives = True
    await flow.drains()
    held = {
        key: {k: v for k, v in r.items() if k != "meta"} for key, r in flow.post.shelf("mapo-fhir").resources.items()
    }
    assert now(flow, exchange).status == "pending"
    assert "InDoubt" in {step.note for step in now(flow, exchange).steps}
    flow.clock.pass_by(minutes=1)
    await flow.drains()
    assert now(flow, exchange).status == "delivered"
    assert len(flow.post.sent) == 2
    again = {
        key: {k: v for k, v in r.items() if k != "meta"} for key, r in flow.post.shelf("mapo-fhir").resources.items()
    }
    assert again == held


async def test_what_may_have_arrived_and_is_not_idempotent_waits_for_a_person(flow: Flow) -> None:
    flow = flow.changed(REFERRAL, interaction="message")
    exchange = await due(flow, 53)
    flow.post.answers["mapo-fhir"] = [InDoubt()]
    await flow.drains()
    flow.clock.pass_by(days=1)
    await flow.drains()
    assert (now(flow, exchange).status, now(flow, exchange).why.reason) == ("parked", "InDoubt")
    assert len(flow.post.sent) == 1


async def test_one_persons_lane_waits_and_anothers_goes_on(flow: Flow) -> None:
    person = somebody(54)
    flow = replace(flow, node=replace(flow.node, pace=Pace(backoff_first=60.0)))
    first = await due(flow, 54)
    receipt = await flow.sends(discharge(person, flow.moment(), CASE))
    second = next(e for e in flow.exchanges(received_id=receipt.received) if e.agreement == REFERRAL)
    flow.post.answers["mapo-fhir"] = [TryLater()]
    assert await drain(flow.node, "one", 1) == 1
    for _ in range(5):
        await flow.drains()
    assert {now(flow, e).status for e in (first, second)} == {"pending"}
    other = await due(flow, 55)
    await flow.drains()
    assert now(flow, other).status == "delivered"
    assert {now(flow, e).status for e in (first, second)} == {"pending"}
    flow.clock.pass_by(minutes=2)
    await flow.drains()
    sent = [one.headers["X-Request-Id"] for one in flow.post.sent]
    assert sent == [first.id, other.id, first.id, second.id]


async def test_a_defect_parks_its_lane_and_no_other(flow: Flow) -> None:
    stuck, well = await due(flow, 56), await due(flow, 57)

    def fails(headers: Any) -> None:
        if headers["X-Request-Id"] == stuck.id:
            raise RuntimeError("secret content")

    flow.post.before = fails
    await flow.drains()
    assert (now(flow, stuck).status, now(flow, stuck).why.reason) == ("parked", "Defect")
    assert now(flow, well).status == "delivered"
    assert "secret content" not in str(flow.facts())
    flow.clock.pass_by(days=1)
    assert await drain(flow.node, "later") == 0
    flow.verified()


async def test_a_lease_that_ran_out_is_not_finished_by_whoever_had_it(flow: Flow) -> None:
    """A slow worker whose lease ended must not say what became of the delivery: the next one holds it."""
    exchange = await due(flow, 58)
    entered, go_on = asyncio.Event(), asyncio.Event()
    original = flow.post.send

    async def slow(endpoint: Any, payload: bytes, headers: Any) -> bytes:
        if not entered.is_set():
            entered.set()
            await go_on.wait()
        return await original(endpoint, payload, headers)

    flow.post.send = slow  # type: ignore[method-assign]
    first = asyncio.create_task(drain(flow.node, "slow"))
    await entered.wait()
    flow.clock.pass_by(seconds=flow.node.pace.lease + 1)
    await flow.drains()
    assert now(flow, exchange).status == "delivered"
    rows = len(flow.rows(exchange=exchange.id))
    go_on.set()
    await first
    assert len(flow.rows(exchange=exchange.id)) == rows
    flow.verified()


def wish(reason: str) -> Wish:
    return Wish(Principal("ieum-mapo", "key-admin", ("admin",)), reason)


async def leased(flow: Flow, owner: str) -> Lease:
    (lease,) = [one for one in await taken(flow.node, owner, 32) if one.entry.kind == "deliver"]
    return lease


@pytest.fixture
def messages(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> Flow:
    """A recipient that is sent messages, and takes any."""
    monkeypatch.setattr(Shelf, "take", lambda *_: [])
    return flow.changed(REFERRAL, interaction="message")


async def test_a_rendering_slower_than_its_lease_sends_a_message_once(messages: Flow) -> None:
    """Two leases of one entry, both worked: whoever had it first sends nothing any more."""
    flow = messages
    exchange = await due(flow, 64)
    first = await leased(flow, "slow")
    flow.clock.pass_by(seconds=flow.node.pace.lease + 1)
    second = await leased(flow, "next")
    for lease in (first, second):
        await worked(flow.node, lease)
    assert len(flow.post.sent) == 1
    assert now(flow, exchange).status == "delivered"
    flow.verified()


async def test_a_message_whose_sending_had_begun_waits_for_a_person(messages: Flow) -> None:
    """The process ends between sending and saying so: nobody can know whether it arrived."""
    flow = messages
    exchange = await due(flow, 65)

    def ends(_: Any) -> None:
        raise asyncio.CancelledError

    flow.post.before = ends
    with pytest.raises(asyncio.CancelledError):
        await worked(flow.node, await leased(flow, "ends"))
    flow.post.before = None
    flow.clock.pass_by(seconds=flow.node.pace.lease + 1)
    await flow.drains()
    assert (now(flow, exchange).status, now(flow, exchange).why.reason) == ("parked", "InDoubt")
    assert flow.post.sent == []
    _, unit = replayed(flow.node, exchange.id, wish("it did not arrive"))
    flow.node.store.commit(unit).result()
    await flow.drains()
    assert (now(flow, exchange).status, len(flow.post.sent)) == ("delivered", 1)


async def test_a_rendering_that_is_not_valid_is_our_defect_and_waits(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    fhir = standards()["fhir"]
    made = fhir.render

    def wrong(*told: Any) -> Any:
        rendition = made(*told)
        return replace(rendition, body=rendition.body.replace(b'"transaction"', b'"no type of a Bundle"'))

    monkeypatch.setattr(fhir, "render", wrong)
    exchange = await due(flow, 66)
    with structlog.testing.capture_logs() as logs:
        await flow.drains()
    assert (now(flow, exchange).status, now(flow, exchange).why.reason) == ("parked", "Defect")
    assert flow.post.sent == []
    (told,) = [line for line in logs if line["event"] == "defect in a delivery"]
    assert "Bundle.type" in told["positions"]
    monkeypatch.undo()
    _, unit = replayed(flow.node, exchange.id, wish("it is repaired"))
    flow.node.store.commit(unit).result()
    await flow.drains()
    assert now(flow, exchange).status == "delivered"


async def test_an_entry_from_before_losses_were_counted_is_delivered(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange = await due(flow, 67)

    def older(body: bytes) -> Any:
        kept = read_json(body)
        return {name: value for name, value in kept.items() if name not in ("lost", "lostAt")}

    monkeypatch.setattr(delivery, "read_json", older)
    await flow.drains()
    assert now(flow, exchange).status == "delivered"


async def test_the_same_bytes_for_the_same_document_on_another_day(flow: Flow) -> None:
    """What was sent and fails is built again, byte for byte, when it is tried again."""
    flow.post.answers["mapo-fhir"] = [TryLater()]
    await due(flow, 59)
    await flow.drains()
    flow.clock.pass_by(days=2)
    await flow.drains()
    first, second = flow.post.sent
    assert first.body == second.body


class Elsewhere(BaseHTTPRequestHandler):
    """A recipient that answers as it is told by its path and counts what arrives."""

    asked: list[str] = []

    def do_POST(self) -> None:
        type(self).asked.append(self.path)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status = int(self.path.strip("/").split("/")[0])
        self.send_response(status)
        self.send_header("Location", "/200/stolen")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written."""


@contextmanager
def elsewhere() -> Iterator[str]:
    Elsewhere.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def over_http(flow: Flow, url: str, secrets: Path) -> Flow:
    """The flow with the real transport, and the care team at this address."""
    site = flow.node.site
    team = site.participants[CARE_TEAM]
    endpoint = replace(team.endpoints["mapo-fhir"], url=url, timeout=2.0)
    there = replace(team, endpoints={"mapo-fhir": endpoint})
    changed = flow.on(replace(site, participants={**site.participants, CARE_TEAM: there}))
    return replace(changed, node=replace(changed.node, transports={"http": HttpTransport(secrets)}))


@pytest.mark.parametrize(
    ("status", "ends"),
    [("503", "pending"), ("429", "pending"), ("401", "pending"), ("302", "pending"), ("307", "pending"), ("400", "failed"),
     ("422", "failed")],
)  # fmt: skip
async def test_what_an_answer_means(flow: Flow, status: str, ends: str) -> None:
    exchange = await due(flow, 60)
    with elsewhere() as base:
        served = over_http(flow, f"{base}/{status}", flow.stage.data_dir / "secrets")
        await served.drains()
        await served.node.transports["http"].close()
        assert Elsewhere.asked == [f"/{status}"]  # no redirect is followed
    assert now(flow, exchange).status == ends


async def test_a_connection_that_is_refused_is_tried_again(flow: Flow) -> None:
    exchange = await due(flow, 61)
    served = over_http(flow, f"http://127.0.0.1:{free_port()}", flow.stage.data_dir / "secrets")
    await served.drains()
    await served.node.transports["http"].close()
    assert now(flow, exchange).status == "pending"
    assert flow.node.store.outbox(exchange.id)[0].error_class == "TryLater"


async def test_a_missing_secret_sends_nothing_and_waits(flow: Flow, tmp_path: Path) -> None:
    exchange = await due(flow, 62)
    with elsewhere() as base:
        served = over_http(flow, f"{base}/200", tmp_path / "no secrets here")
        await served.drains()
        await served.node.transports["http"].close()
        assert Elsewhere.asked == []
    assert now(flow, exchange).status == "pending"


async def test_after_the_last_day_it_is_given_up_visibly(flow: Flow) -> None:
    exchange = await due(flow, 63)
    flow.post.answers["mapo-fhir"] = [TryLater()] * 9
    await flow.drains()
    flow.clock.pass_by(days=8)
    await flow.drains()
    assert now(flow, exchange).status in ("parked", "failed")
    assert now(flow, exchange).why.reason == "TryLater"
    flow.clock.pass_by(days=8)
    await flow.drains()
    assert len(flow.post.sent) == 2
