"""What runs beside the doors: deliveries, the summary of counted refusals, the alarm before deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import structlog

from gateway.errors import GatewayError
from gateway.model.records import AuditFact, Record, Unit
from gateway.pipeline import taken, worked
from gateway.pipeline.emergency import reviews
from gateway.pipeline.node import Node

_log = structlog.get_logger("gateway.workers")
_ALARMED = 10_000  # the most overdue exchanges looked at in one round
_PLACES = 32  # deliveries under way at one time
ALARM = "deadline-alarm"  # kind of the generic record that an exchange's deadline was called out


class Workers:
    """The background tasks of one node, started and stopped together."""

    def __init__(self, node: Node, *, idle: float = 0.5, alarm_before: float = 7200.0, summary: float = 10.0) -> None:
        self._node = node
        self._owner = node.ids()
        self._alarm_before = timedelta(seconds=alarm_before)
        self._idle = idle
        self._summary = summary
        self._running: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins all of them in the running event loop."""
        for work, pause in ((self._deliver, self._idle), (self._count, self._summary), (self._alarm, self._summary)):
            self._tasks.append(asyncio.create_task(_forever(work, pause)))

    async def stop(self) -> None:
        """Ends them; what was counted is still summarised."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *self._running, return_exceptions=True)
        await self._count()

    async def _deliver(self) -> None:
        """Takes up what is due as places become free: a slow recipient holds one place, never the others."""
        while True:
            leases = await taken(self._node, self._owner, _PLACES - len(self._running))
            for lease in leases:
                task = asyncio.create_task(worked(self._node, lease))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
            if not self._running or (not leases and len(self._running) < _PLACES):
                return
            await asyncio.wait(self._running, timeout=self._idle, return_when=asyncio.FIRST_COMPLETED)

    async def _count(self) -> None:
        """Refusals of unknown callers, in one row: a flood of them costs no commit each."""
        node = self._node
        counts, at = node.counted_so_far(), node.clock()
        if not counts:
            return
        rows = [{"what": what, "where": where, "count": n} for (what, where), n in sorted(counts.items())]
        fact = AuditFact(node.ids(), "", "count", at, None, "refused", node.site.revision, {"what": {"refusals": rows}})
        try:
            await asyncio.wrap_future(node.store.commit(Unit((fact,))))
        except GatewayError:
            for (what, where), n in counts.items():  # counted again, to be told when the store is back
                node.counted(what, where, n)
            raise

    async def _alarm(self) -> None:
        """One alarm per exchange whose deadline is near and that has not been delivered, and per review that is not closed."""
        before = self._node.clock() + self._alarm_before
        for exchange in await asyncio.to_thread(self._node.store.overdue, before, _ALARMED):
            due = exchange.when.due.isoformat() if exchange.when.due else ""
            await self._called_out("deadline", exchange.id, due, exchange.agreement)
        for opening in await asyncio.to_thread(reviews, self._node):
            if opening.review <= before:
                await self._called_out("emergency-review", opening.id, opening.review.isoformat())

    async def _called_out(self, what: str, id: str, due: str, agreement: str = "") -> None:
        node, at = self._node, self._node.clock()
        if await asyncio.to_thread(node.store.record, ALARM, id) is not None:
            return
        _log.warning("deadline near", what=what, id=id, agreement=agreement, due=due)
        record = Record(ALARM, id, {"due": due, "agreement": agreement}, at)
        facts: dict[str, object] = {"what": {"alarm": what}, "when": {"due": due}}
        exchange = id if what == "deadline" else ""
        facts |= {"agreement": agreement} if exchange else {"what": {"alarm": what, "opening": id}}
        fact = AuditFact(node.ids(), exchange, "admin", at, None, "alarm", node.site.revision, facts)
        await asyncio.wrap_future(node.store.commit(Unit((record, fact))))


async def _forever(work: Callable[[], Awaitable[None]], pause: float) -> None:
    """Again and again; a store that is away is waited for, a defect is called out and does not end the others."""
    while True:
        try:
            await work()
        except GatewayError as error:
            _log.warning("waiting for the store", kind=type(error).__name__)
        except Exception as error:  # the journal's own door: the worker must go on
            _log.error("defect in a worker", kind=type(error).__name__)
        await asyncio.sleep(pause)
