"""What one process of the gateway is made of: the site, the ports, one CPU thread; joined in app.py, handed to the line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from gateway.errors import Busy
from gateway.model.agreement import Participant, Site
from gateway.model.ports import Clock, Ids, Keyring, Store, Transport

T = TypeVar("T")


class Cpu:
    """One thread for everything that computes, with a bounded queue: one is what keeps the event loop's delay low (DESIGN.md)."""

    def __init__(self, most: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cpu")
        self._most = most
        self._waiting = 0

    async def run(self, work: Callable[..., T], *args: object) -> T:
        """The result of the work. Raises Busy when too many wait."""
        if self._waiting >= self._most:
            raise Busy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Finishes what runs."""
        self._pool.shutdown()


@dataclass(frozen=True, slots=True)
class Pace:
    """How deliveries are paced, in seconds."""

    lease: float = 30.0
    backoff_first: float = 1.0
    backoff_most: float = 3600.0
    give_up_after: float = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Node:
    """The gateway as the line sees it."""

    site: Site
    store: Store
    keyring: Keyring
    clock: Clock
    ids: Ids
    cpu: Cpu
    transports: Mapping[str, Transport]
    pace: Pace = field(default_factory=Pace)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)

    def counted(self, what: str, where: str) -> None:
        """A refusal of somebody unknown: counted now, summarised in the audit later, so that a flood costs no commit each."""
        self.counts[what, where] = self.counts.get((what, where), 0) + 1

    def participant(self, id: str) -> Participant:
        """A participant of the site. Raises KeyError."""
        return self.site.participants[id]
