"""A node that dies where it is told: `mortal.py SITE DATA_DIR DATABASE_URL`, one JSON job per line of standard input.

A job `{"messages": [[content type, text], …], "dies_at": n, "ahead": seconds}` is done by a child process of its own, so that what is
slow to load is loaded once. Every boundary the line crosses (a commit handed over, a commit durable, a lease, a sending) counts one;
at the n-th the child kills itself with SIGKILL. It writes `ack <number> <received id>` when a receipt is given, `over <count>` at the
end; the parent adds `ended <status>`.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from gateway.app import build_node, close
from gateway.model.document import Principal, Received
from gateway.model.records import Lease, Unit
from gateway.pipeline import carry, drain
from gateway.pipeline.prepare import context_of, prepare
from gateway.settings import Settings
from gateway.site import load_site

HOSPITAL = "hanbit-hospital"


class Fate:
    """Counts boundaries, and ends the process at the one it was told."""

    def __init__(self, dies_at: int) -> None:
        self._dies_at = dies_at
        self._lock = threading.Lock()
        self.crossed = 0

    def crosses(self) -> None:
        with self._lock:
            self.crossed += 1
            if self.crossed == self._dies_at:
                os.kill(os.getpid(), signal.SIGKILL)


class MortalStore:
    """The store port; everything it does not say is the real store's."""

    def __init__(self, store: Any, fate: Fate) -> None:
        self._store, self._fate = store, fate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def commit(self, unit: Unit) -> Future[None]:
        self._fate.crosses()
        done: Future[None] = self._store.commit(unit)
        done.add_done_callback(lambda _: self._fate.crosses())
        return done

    def lease(self, owner: str, now: datetime, until: datetime, limit: int) -> Sequence[Lease]:
        found: Sequence[Lease] = self._store.lease(owner, now, until, limit)
        if found:
            self._fate.crosses()
        return found


class MortalTransport:
    """The transport port over the real one."""

    def __init__(self, transport: Any, fate: Fate) -> None:
        self._transport, self._fate = transport, fate

    async def send(self, endpoint: Any, payload: bytes, headers: Mapping[str, str]) -> bytes:
        self._fate.crosses()
        answer: bytes = await self._transport.send(endpoint, payload, headers)
        self._fate.crosses()
        return answer

    async def close(self) -> None:
        await self._transport.close()


def say(*words: object) -> None:
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


async def live(settings: Settings, site: Any, job: Mapping[str, Any]) -> None:
    fate = Fate(job["dies_at"])
    built = build_node(settings, site)
    ahead = timedelta(seconds=job["ahead"])
    node = replace(
        built, store=MortalStore(built.store, fate), clock=lambda: datetime.now(UTC) + ahead,
        transports={"http": MortalTransport(built.transports["http"], fate)},
    )  # fmt: skip
    for number, (kind, text) in enumerate(job["messages"]):
        principal = Principal(HOSPITAL, "test", network="127.0.0.1")
        receipt = await carry(node, Received(node.ids(), principal, text.encode(), kind, "mllp", node.clock()))
        if receipt.error is None:
            say("ack", number, receipt.received)
    while await drain(node, f"worker-{os.getpid()}"):
        pass
    say("over", fate.crossed)
    await close(node)


def warm(site: Any, messages: Sequence[Sequence[str]]) -> None:
    """Maps compiled, definitions loaded; no thread is started."""
    for kind, text in messages:
        principal = Principal(HOSPITAL, "test")
        received = Received("warm", principal, text.encode(), kind, "mllp", datetime.now(UTC))
        sender = site.participants[HOSPITAL]
        prepare(received, sender, context_of(_Nobody(site), sender))  # type: ignore[arg-type]


class _Nobody:
    """As much of a node as maps ask for."""

    def __init__(self, site: Any) -> None:
        self.site = site
        self.keyring = self
        self.id_key = b"warm"


def main() -> None:
    folder, data, url = sys.argv[1:]
    site = load_site(Path(folder))
    settings = Settings(
        data_dir=Path(data), database_url=url, lease=9.0
    )  # over in the next life, which is ten seconds later; a sending may take its time
    first = True
    for line in sys.stdin:
        job = json.loads(line)
        if first:
            warm(site, job["messages"])
            first = False
        child = os.fork()
        if child == 0:
            asyncio.run(live(settings, site, job))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        say("ended", os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
