"""What runs beside the doors: one alarm before a deadline, counts that are not lost, deliveries that go on (ARCHITECTURE.md, 3 and 9)."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from gateway.demo.messages import cases, discharge, laboratory
from gateway.errors import NotDurable, TryLater
from gateway.model.records import Unit
from gateway.pipeline.workers import ALARM, Workers
from tests.flows.conftest import REFERRAL, REPORT, Flow, somebody

REPORTED = cases()["results"]["reported"]
CASE = cases()["discharges"]["consenting"]


async def undelivered(flow: Flow, number: int) -> str:
    """A notifiable result that the agency does not take."""
    flow.post.answers["kdca-fhir"] = [TryLater()] * 99
    receipt = await flow.sends(laboratory(somebody(number), flow.moment(), REPORTED, f"L{number}"))
    await flow.drains()
    (exchange,) = flow.exchanges(received_id=receipt.received, agreement=REPORT)
    assert exchange.when.due is not None
    assert (exchange.when.due - exchange.when.received).total_seconds() == 86_400
    return exchange.id


async def test_one_alarm_before_the_deadline(flow: Flow) -> None:
    exchange = await undelivered(flow, 300)
    workers = Workers(flow.node, alarm_before=7200.0)
    await workers._alarm()
    assert flow.node.store.records(ALARM) == []
    flow.clock.pass_by(hours=22, minutes=30)
    for _ in range(3):
        await workers._alarm()
    assert [record.key for record in flow.node.store.records(ALARM)] == [exchange]
    alarms = [f for f in flow.facts(exchange=exchange) if f["kind"] == "admin"]
    assert [a["outcome"] for a in alarms] == ["alarm"]
    flow.verified()


async def test_what_was_delivered_raises_no_alarm(flow: Flow) -> None:
    await flow.sends(laboratory(somebody(301), flow.moment(), REPORTED, "L301"))
    await flow.drains()
    flow.clock.pass_by(days=3)
    await Workers(flow.node)._alarm()
    assert flow.node.store.records(ALARM) == []


async def test_old_alarms_do_not_hide_new_ones(flow: Flow) -> None:
    """More exchanges over their deadline than one round looks at: the next ones are called out as well."""
    first = await undelivered(flow, 302)
    exchange = flow.node.store.exchange(first)
    assert exchange is not None
    copies = tuple(replace(exchange, id=flow.node.ids(), received_id=flow.node.ids()) for _ in range(120))
    flow.node.store.commit(Unit(copies)).result(20)
    flow.clock.pass_by(hours=23)
    for _ in range(3):
        await Workers(flow.node)._alarm()
    assert len(flow.node.store.records(ALARM)) == 121


async def test_counts_that_could_not_be_kept_are_kept_later(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    workers = Workers(flow.node)
    flow.node.counted("UnknownCaller", "/messages")

    def refused(*_: Any) -> Future[None]:
        done: Future[None] = Future()
        done.set_exception(NotDurable())
        return done

    with monkeypatch.context() as patch:
        patch.setattr(type(flow.node.store), "commit", refused)
        with pytest.raises(NotDurable):
            await workers._count()
    flow.node.counted("UnknownCaller", "/messages")
    await workers._count()
    (row,) = flow.facts(kind="count")
    assert row["facts"]["what"]["refusals"] == [{"what": "UnknownCaller", "where": "/messages", "count": 2}]


async def test_a_stopped_node_writes_what_it_counted(flow: Flow) -> None:
    workers = Workers(flow.node, idle=0.01, summary=3600.0)
    workers.start()
    await asyncio.sleep(0.05)
    flow.node.counted("mllp-peer", "mllp:hanbit-hospital")
    await workers.stop()
    assert [f["outcome"] for f in flow.facts(kind="count")] == ["refused"]


async def test_the_worker_delivers_and_survives_a_store_that_is_away(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = somebody(303)
    await flow.consents(person)
    await flow.sends(discharge(person, flow.moment(), CASE))
    real, asked = type(flow.node.store).lease, []

    def sick(self: Any, *args: Any) -> Any:
        asked.append(1)
        if len(asked) == 1:
            raise NotDurable
        if len(asked) == 2:
            raise RuntimeError("secret content")
        return real(self, *args)

    monkeypatch.setattr(type(flow.node.store), "lease", sick)
    workers = Workers(flow.node, idle=0.01, summary=3600.0)
    workers.start()
    for _ in range(500):
        if flow.one(REFERRAL).status == "delivered":
            break
        await asyncio.sleep(0.01)
    await workers.stop()
    assert flow.one(REFERRAL).status == "delivered"
    assert len(flow.post.sent) == 1


async def test_a_slow_recipient_holds_one_place(flow: Flow) -> None:
    """While one delivery takes its time, others begin and end."""
    slow, quick = somebody(304), somebody(305)
    for one in (slow, quick):
        await flow.consents(one)
        await flow.sends(discharge(one, flow.moment(), CASE))
    first, second = reversed(flow.exchanges(agreement=REFERRAL))
    entered, go_on, real = asyncio.Event(), asyncio.Event(), flow.post.send

    async def send(endpoint: Any, payload: bytes, headers: Any) -> bytes:
        if headers["X-Request-Id"] == first.id:
            entered.set()
            await go_on.wait()
        return await real(endpoint, payload, headers)

    flow.post.send = send  # type: ignore[method-assign]
    workers = Workers(flow.node, idle=0.01, summary=3600.0)
    workers.start()
    await asyncio.wait_for(entered.wait(), 10)
    for _ in range(500):
        found = flow.node.store.exchange(second.id)
        if found is not None and found.status == "delivered":
            break
        await asyncio.sleep(0.01)
    assert found is not None
    assert found.status == "delivered"
    go_on.set()
    await asyncio.sleep(0.05)
    await workers.stop()
    after = flow.node.store.exchange(first.id)
    assert after is not None
    assert after.status in ("delivered", "pending")
