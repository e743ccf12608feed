"""kill -9 at every boundary of the line: nothing acknowledged is lost, nothing leaves without its intent, one effect (promises 1, 4, 7, 9)."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from gateway.audit.row import row_of
from gateway.audit.search import stream
from gateway.audit.verify import verify
from gateway.demo.messages import Moment, cases, consent, discharge
from gateway.demo.receiver import Server, Shelf
from gateway.demo.run import Stage, set_up
from gateway.model.wire import write_json
from gateway.store import open_store
from tests.flows.conftest import FHIR, REFERRAL, V2, somebody

CASE = cases()["discharges"]["consenting"]
CHILD = Path(__file__).with_name("mortal.py")
KILLED = -9


@dataclass
class Recipient:
    """The care team's server. Of every delivery it notes whether its intent was durable when it came in."""

    store: Any
    app: Any
    shelf: Shelf
    arrived: list[tuple[str, bool]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        if scope.get("method") == "POST":
            exchange = headers[b"x-request-id"].decode()
            kinds = [json.loads(row.line)["kind"] for row in self.store.audit_rows({"exchange": exchange}, 100)]
            self.arrived.append((exchange, "intent" in kinds and bool(self.store.decisions(exchange))))
        await self.app(scope, receive, send)

    def held(self) -> dict[str, int]:
        made: dict[str, int] = {}
        for kind, _ in self.shelf.resources:
            made[kind] = made.get(kind, 0) + 1
        return made


@contextmanager
def listening(recipient: Recipient, port: int) -> Iterator[None]:
    config = uvicorn.Config(recipient, host="127.0.0.1", port=port, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    waiting = threading.Event()
    while thread.is_alive() and not server.started:
        waiting.wait(0.01)
    assert server.started, f"nobody can listen on {port}"
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(20)


@dataclass
class Mortal:
    """The process that forks a node per job."""

    process: subprocess.Popen[str]
    at: float = 0.0

    def lives(self, messages: list[tuple[str, str]], dies_at: int = 0) -> tuple[dict[int, str], int, int]:
        """Receipts given by number of the message, boundaries crossed (0: it died), exit status. Each life is later than the last."""
        self.at += 10.0
        job = {"messages": messages, "dies_at": dies_at, "ahead": self.at}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        acks: dict[int, str] = {}
        crossed = 0
        for line in self.process.stdout:
            word, *rest = line.split()
            if word == "ack":
                acks[int(rest[0])] = rest[1]
            elif word == "over":
                crossed = int(rest[0])
            else:
                return acks, crossed, int(rest[0])
        raise AssertionError("the process ended")


@contextmanager
def mortal(stage: Stage, url: str) -> Iterator[Mortal]:
    process = subprocess.Popen(
        [sys.executable, str(CHILD), str(stage.site), str(stage.data_dir), url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Mortal(process)
    finally:
        process.kill()
        process.communicate()


def messages(number: int) -> list[tuple[str, str]]:
    """A consent and two discharges of one person."""
    from datetime import UTC, datetime

    person, now = somebody(1000 + number), datetime.now(UTC).replace(microsecond=0)
    given = write_json(consent(person, Moment(now, 10 * number + 1), "Organization/mapo-care-team")).decode()
    return [(FHIR, given), *((V2, discharge(person, Moment(now, 10 * number + n), CASE).decode()) for n in (2, 3))]


@pytest.mark.long
def test_killed_at_every_boundary(store_url: str, tmp_path: Path) -> None:
    stage = set_up(tmp_path, 1, 2)
    store = open_store(store_url, place=row_of)
    shelf = Shelf()
    recipient = Recipient(store, Server(shelf, (stage.data_dir / "secrets" / "welfare.token").read_text()).app(), shelf)
    try:
        with listening(recipient, stage.ports["welfare"]), mortal(stage, store_url) as node:
            acks, crossed, status = node.lives(messages(0))
            assert (sorted(acks), status) == ([0, 1, 2], 0)
            assert crossed >= 20
            once = recipient.held()
            for dies_at in range(1, crossed + 1):
                one_death(node, recipient, dies_at)
                assert recipient.held() == {kind: n * (dies_at + 1) for kind, n in once.items()}, dies_at
        found = verify(stream(store, {}))
        assert found.ok, found.findings
        assert found.open_count == 0
    finally:
        store.close()


def one_death(node: Mortal, recipient: Recipient, dies_at: int) -> None:
    """Killed there; then started again, and the sender sends again what it has (copies of what was acknowledged too)."""
    store, told, before = recipient.store, messages(dies_at), len(recipient.arrived)
    acks, _, status = node.lives(told, dies_at)
    assert status == KILLED, dies_at
    assert all(store.received(id) is not None for id in acks.values()), dies_at
    again, _, status = node.lives(told)
    assert (sorted(again), status) == ([0, 1, 2], 0), dies_at
    assert all(again[n] == id for n, id in acks.items() if n), dies_at  # a copy of a message gets the first receipt
    sent = [e for id in (again[1], again[2]) for e in store.exchanges({"received_id": id, "agreement": REFERRAL}, 10)]
    assert [e.status for e in sent] == ["delivered", "delivered"], dies_at
    assert not [entry for e in sent for entry in store.outbox(e.id)], dies_at
    arrived = recipient.arrived[before:]
    assert all(durable for _, durable in arrived), dies_at
    assert list(dict.fromkeys(exchange for exchange, _ in arrived)) == [e.id for e in sent], dies_at
