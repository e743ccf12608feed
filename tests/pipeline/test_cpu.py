"""One CPU thread with a bounded queue; what is large goes to a process of its own. Refusals first."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator

import pytest

from gateway.errors import Busy, Malformed
from gateway.pipeline.node import LARGE, MAX_HELD, Cpu


@pytest.fixture
async def cpu() -> AsyncIterator[Cpu]:
    made = Cpu(2)
    yield made
    made.close()


def dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuses() -> None:
    raise Malformed("The bytes break their own standard.", "PID-3")


async def test_a_full_queue_is_busy(cpu: Cpu) -> None:
    go_on = threading.Event()
    waiting = [asyncio.create_task(cpu.run(go_on.wait, 10)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await cpu.run(str)
    with pytest.raises(Busy):
        await cpu.run_apart(str)
    go_on.set()
    assert await asyncio.gather(*waiting) == [True, True]
    assert await cpu.run(str, 1) == "1"


async def test_too_much_at_one_time_is_busy(cpu: Cpu) -> None:
    with cpu.holding(MAX_HELD - 1), pytest.raises(Busy), cpu.holding(2):
        pass
    with pytest.raises(ValueError, match="x"), cpu.holding(MAX_HELD):
        raise ValueError("x")
    with cpu.holding(MAX_HELD):
        pass


async def test_what_fails_gives_its_place_back(cpu: Cpu) -> None:
    for _ in range(5):
        with pytest.raises(Malformed):
            await cpu.run(refuses)
    assert await asyncio.to_thread(cpu.run_blocking, str, 1) == "1"


@pytest.mark.long
async def test_what_is_large_is_done_in_a_process_of_its_own(cpu: Cpu) -> None:
    assert await cpu.run_sized(LARGE, os.getpid) == os.getpid()
    assert await cpu.run_sized(LARGE + 1, os.getpid) != os.getpid()
    with pytest.raises(Malformed):
        await cpu.run_sized(LARGE + 1, refuses)


@pytest.mark.long
async def test_a_process_of_its_own_that_dies_is_replaced(cpu: Cpu) -> None:
    with pytest.raises(Busy):
        await cpu.run_apart(dies)
    done = await cpu.run_apart(refuses)
    with pytest.raises(Malformed) as refused:
        done()
    assert refused.value.positions == ("PID-3",)
    assert (await cpu.run_apart(str, 1))() == "1"
