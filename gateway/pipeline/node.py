"""What one process of the gateway is made of: the site, the ports, one CPU thread; joined in app.py, handed to the line."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from multiprocessing import get_context
from typing import TypeVar
from zoneinfo import ZoneInfo

from gateway.errors import Busy
from gateway.model.agreement import Participant, Site
from gateway.model.ports import Clock, Ids, Keyring, Store, Transport, Upstreams
from gateway.pipeline.introspections import Introspections
from gateway.pipeline.keysets import KeySets
from gateway.pipeline.slowing import Slowing
from gateway.pipeline.standing import Standing
from gateway.validating.rulebook import Rulebook, Rules, rules_of

T = TypeVar("T")
LARGE = 64_000  # bytes; what costs is resources, and 64 KB of OBX are a thousand of them
MAX_HELD = 200_000_000  # bytes of documents on their way at one time
ACCOUNT = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,31}", re.ASCII)  # what may be shown as an account


class Cpu:
    """One thread for everything that computes, with a bounded queue: one is what keeps the event loop's delay low (ARCHITECTURE.md)."""

    def __init__(self, most: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="cpu")
        self._apart: ProcessPoolExecutor | None = None
        self._most = most
        self._waiting = 0
        self._held = 0

    async def run(self, work: Callable[..., T], *args: object) -> T:
        """The result of the work. Raises Busy when too many wait."""
        if self._waiting >= self._most:
            raise Busy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, *args)
        finally:
            self._waiting -= 1

    async def run_apart(self, work: Callable[..., T], *args: object) -> Callable[[], T]:
        """The result of a large piece of work done in a process of its own: called, it gives the result or raises what was raised."""
        if self._waiting >= self._most:
            raise Busy
        self._waiting += 1
        try:
            if self._apart is None:
                self._apart = ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))
            done = self._apart.submit(work, *args)
            future = asyncio.wrap_future(done)
            await asyncio.wait([future])
            if isinstance(
                future.exception(), BrokenProcessPool
            ):  # asked for, so that the event loop has nothing to tell
                raise BrokenProcessPool
        except BrokenProcessPool:
            self._apart = None
            raise Busy from None
        finally:
            self._waiting -= 1
        return done.result

    async def run_sized(self, size: int, work: Callable[..., T], *args: object) -> T:
        """The result of work on a document of that size: in the one thread, or in a process of its own when it is LARGE."""
        return (await self.run_apart(work, *args))() if size > LARGE else await self.run(work, *args)

    def run_blocking(self, work: Callable[..., T], *args: object) -> T:
        """The result of work that somebody outside the event loop waits for."""
        return self._pool.submit(work, *args).result()

    @contextmanager
    def holding(self, size: int) -> Iterator[None]:
        """While a document of this size is on its way. Raises Busy when too much is."""
        if self._held + size > MAX_HELD:
            raise Busy
        self._held += size
        try:
            yield
        finally:
            self._held -= size

    def close(self) -> None:
        """Finishes what runs."""
        self._pool.shutdown()
        if self._apart is not None:
            self._apart.shutdown()


@dataclass(frozen=True, slots=True)
class Pace:
    """How deliveries are paced, in seconds."""

    lease: float = 30.0
    backoff_first: float = 1.0
    backoff_most: float = 3600.0
    give_up_after: float = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Node:
    """The gateway as the line sees it. `base` is its address for callers (`https://gateway.example`), without a slash at the end."""

    site: Site
    store: Store
    keyring: Keyring
    clock: Clock
    ids: Ids
    cpu: Cpu
    transports: Mapping[str, Transport]
    pace: Pace = field(default_factory=Pace)
    rulebook: Rulebook = field(default_factory=Rulebook)
    rules: Rules = field(default_factory=lambda: rules_of(Rulebook()))
    base: str = "http://127.0.0.1:8080"
    keysets: KeySets = field(default_factory=lambda: KeySets(None, time.monotonic))
    introspections: Introspections = field(default_factory=lambda: Introspections(None, time.monotonic))
    upstreams: Upstreams | None = None
    standing: Standing | None = None
    slowing: Slowing = field(default_factory=lambda: Slowing(time.monotonic))
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    _counting: threading.Lock = field(default_factory=threading.Lock)

    def counted(self, what: str, where: str, times: int = 1) -> None:
        """A refusal of somebody unknown: counted now, summarised in the audit later, so that a flood costs no commit each."""
        with self._counting:
            self.counts[what, where] = self.counts.get((what, where), 0) + times

    def counted_so_far(self) -> dict[tuple[str, str], int]:
        """What was counted; the counts begin anew."""
        with self._counting:
            counts = dict(self.counts)
            self.counts.clear()
        return counts

    def site_now(self) -> Site:
        """The site without what its files have taken away since the node began: who may call, ask and receive is asked of this one."""
        return self.site if self.standing is None else self.standing.of(self.site)

    def day(self, at: datetime) -> date:
        """The day of a moment where the site is: agreements begin and end there."""
        return at.astimezone(ZoneInfo(self.site.zone)).date()

    def account(self, user: str) -> str:
        """Who sat at a caller's system, when it reads like an account; anything else only as a keyed token."""
        return user if not user or ACCOUNT.fullmatch(user) else "token:" + self.keyring.token("user", user)[:16]

    def participant(self, id: str) -> Participant:
        """A participant of the site, as its files leave it now. Raises KeyError."""
        return self.site_now().participants[id]
