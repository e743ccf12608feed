"""Failures in one name are slowed, wherever they come from; nobody is shut out, and nothing grows."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from gateway.pipeline.slowing import Slowing


@dataclass
class Time:
    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    def clock(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


def slowing(time: Time) -> Slowing:
    return Slowing(time.clock, first=0.5, most=2.0, forgets=60.0, pauses=time.pause)


async def test_the_first_failures_cost_nothing_and_then_more_and_more() -> None:
    time = Time()
    made = slowing(time)
    for _ in range(8):
        await made.failed("client")
    assert time.pauses == [0.5, 1.0, 2.0, 2.0, 2.0]
    await made.failed("another client")
    assert len(time.pauses) == 5


async def test_it_is_forgotten_after_a_while() -> None:
    time = Time()
    made = slowing(time)
    for _ in range(4):
        await made.failed("client")
    time.now = 61
    await made.failed("client")
    assert time.pauses == [0.5]


async def test_not_many_wait_at_one_time_and_what_is_kept_does_not_grow() -> None:
    time, gate = Time(), asyncio.Event()

    async def pause(_: float) -> None:
        await gate.wait()

    made = Slowing(time.clock, pauses=pause, places=3)
    waiting = [asyncio.create_task(made.failed("client")) for _ in range(20)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (made.waiting, sum(task.done() for task in waiting)) == (3, 17)
    assert (made.crowded("client"), made.crowded("another client")) == (True, False)
    gate.set()
    await asyncio.gather(*waiting)
    assert not made.crowded("client")
    for number in range(5_000):
        await made.failed(f"client-{number}")
    assert len(made._failures) <= 1024
