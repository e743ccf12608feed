"""A node of the demo site on each kind of database, the other side as a port of it, and the same node behind its real doors."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from gateway.audit.search import stream
from gateway.audit.verify import Verification, verify
from gateway.demo.messages import Moment, consent
from gateway.demo.people import Person, people
from gateway.demo.processes import free_port
from gateway.demo.receiver import Shelf
from gateway.demo.run import Stage, set_up
from gateway.model.agreement import Agreement, Site
from gateway.model.document import Principal, Received
from gateway.model.questions import Exchange
from gateway.model.records import AuditRow, Unit
from gateway.model.wire import read_json, write_json
from gateway.pipeline import carry, drain
from gateway.pipeline.node import Node
from gateway.pipeline.push import Receipt
from gateway.pipeline.replay import Wish
from gateway.site import load_site

T = TypeVar("T")
V2, FHIR = "x-application/hl7-v2+er7", "application/fhir+json"
HOSPITAL, CARE_TEAM, AGENCY = "hanbit-hospital", "mapo-care-team", "kdca-demo"
REFERRAL, REPORT, RECORD = "discharge-to-community-care", "notifiable-results", "hospital-record"
CONSENTS, NOTICE, READING = "consent-registration", "admission-notice", "care-team-reads"
START = datetime(2026, 11, 2, 0, 0, tzinfo=UTC)
PATIENCE = 20.0
OPERATOR = Principal("ieum-mapo", "key-admin", ("admin",))
NUMBER = "https://hanbit-hospital.example/fhir/sid/patient-number"


class Clock:
    """Goes on by a millisecond whenever somebody looks, and by as much as a test says."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start

    def __call__(self) -> datetime:
        self._now += timedelta(milliseconds=1)
        return self._now

    def pass_by(self, **much: float) -> None:
        self._now += timedelta(**much)


@dataclass(frozen=True, slots=True)
class Sent:
    """One attempt at a delivery as the wire saw it."""

    endpoint: str
    body: bytes
    headers: Mapping[str, str]


@dataclass
class Post:
    """The transport port, with the recipients behind it. What `answers` holds for an endpoint is raised first, one per attempt."""

    shelves: dict[str, Shelf] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    answers: dict[str, list[Exception]] = field(default_factory=dict)
    arrives: bool = False  # what is raised is raised after the recipient has taken it
    before: Callable[[Mapping[str, str]], None] | None = None

    async def send(self, endpoint: Any, payload: bytes, headers: Mapping[str, str]) -> bytes:
        if self.before is not None:
            self.before(headers)
        self.sent.append(Sent(endpoint.id, payload, dict(headers)))
        refused = self.answers.get(endpoint.id)
        if refused and not self.arrives:
            raise refused.pop(0)
        self.shelf(endpoint.id).take(read_json(payload))
        if refused:
            raise refused.pop(0)
        return b"{}"

    async def close(self) -> None:
        """Nothing is open."""

    def shelf(self, endpoint: str) -> Shelf:
        return self.shelves.setdefault(endpoint, Shelf())

    def bytes_sent(self) -> bytes:
        return b"\n".join(one.body for one in self.sent)


@dataclass
class Flow:
    """A node, and what a test does with it from outside the line."""

    node: Node
    clock: Clock
    post: Post
    stage: Stage
    written: int = 0

    def moment(self) -> Moment:
        """A second later than the last one, and never in the future."""
        self.written += 1
        self.clock.pass_by(seconds=2)
        return Moment(self.clock().replace(microsecond=0) - timedelta(seconds=1), self.written % 100)

    def received(self, body: bytes | Mapping[str, Any], who: str = HOSPITAL, **more: Any) -> Received:
        kind = V2 if isinstance(body, bytes) else FHIR
        raw = body if isinstance(body, bytes) else write_json(body)
        told = {"content_type": kind, "transport": "mllp" if kind == V2 else "http", **more}
        return Received(self.node.ids(), Principal(who, "test", network="127.0.0.1"), raw, at=self.clock(), **told)

    async def sends(self, body: bytes | Mapping[str, Any], who: str = HOSPITAL, **more: Any) -> Receipt:
        return await carry(self.node, self.received(body, who, **more))

    async def consents(
        self, person: Person, status: str = "active", to: str = "Organization/mapo-care-team"
    ) -> Receipt:
        return await self.sends(consent(person, self.moment(), to, status))

    async def drains(self) -> int:
        """Until nothing is due; how many entries were taken up."""
        done = 0
        while taken := await drain(self.node, "test"):
            done += taken
        return done

    def exchanges(self, **where: str) -> Sequence[Exchange]:
        return self.node.store.exchanges(where, 500)

    def one(self, agreement: str, **where: str) -> Exchange:
        found = self.exchanges(agreement=agreement, **where)
        assert len(found) == 1, [(e.agreement, e.status) for e in found]
        return found[0]

    def newest(self, agreement: str) -> Exchange:
        return self.exchanges(agreement=agreement)[0]

    def rows(self, **where: str) -> Sequence[AuditRow]:
        return list(stream(self.node.store, where))

    def facts(self, **where: str) -> list[dict[str, Any]]:
        """The canonical lines, read."""
        return [read_json(row.line) for row in self.rows(**where)]

    def verified(self) -> Verification:
        found = verify(stream(self.node.store, {}))
        assert found.ok, found.findings
        return found

    def on(self, site: Site) -> Flow:
        """The same store and keys, another revision of the site."""
        return replace(self, node=replace(self.node, site=site))

    def changed(self, agreement: str, **changes: Any) -> Flow:
        return self.on(changed(self.node.site, agreement, **changes))

    def tokens_of(self, person: Person) -> list[tuple[str, str]]:
        said = {
            "https://hanbit-hospital.example/fhir/sid/patient-number": person.number,
            "https://ieum-gateway.example/fhir/sid/kr-resident-number": person.resident_number,
        }
        return [(system, self.node.keyring.token(system, value)) for system, value in said.items()]

    def persons(self, *whom: Person) -> set[str]:
        return set(self.node.store.persons([token for one in whom for token in self.tokens_of(one)]).values())


def wish(*allowed: str, reason: str = "the care team knows") -> Wish:
    """What an operator wants of an exchange that waits."""
    return Wish(OPERATOR, reason, frozenset(allowed))


async def done(flow: Flow, what: tuple[Exchange, Unit]) -> Exchange:
    """The exchange as it is when what an operator wanted is on record and nothing is due any more."""
    made, unit = what
    flow.node.store.commit(unit).result()
    await flow.drains()
    kept = flow.node.store.exchange(made.id)
    assert kept is not None
    return kept


def changed(site: Site, agreement: str, **changes: Any) -> Site:
    """A site in which one agreement is different."""
    new: Agreement = replace(site.agreements[agreement], **changes)
    return replace(site, agreements={**site.agreements, agreement: new})


def somebody(number: int, **changes: Any) -> Person:
    """Somebody invented, of the demo's kind; the same number, the same person."""
    like = people()["consenting"]
    made = replace(
        like, id=f"flow-{number}", number=f"F{number:07d}", korean=("흐", f"름{number}"), english=("Flow", f"No{number}"),
        birth=like.birth + timedelta(days=number), phone=f"{number:08d}",
    )  # fmt: skip
    return replace(made, **changes)


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The demo's site with keys of its own, and a folder that holds its secrets; nobody listens anywhere."""
    made = set_up(tmp_path_factory.mktemp("stage"), 1, 2)
    hold(made.issuer_port)
    return made


_HELD: dict[int, socket.socket] = {}


def hold(port: int) -> None:
    """Keeps a port of the stage from being given to anybody else; who connects is refused."""
    _HELD[port] = made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", port))


def let_go(port: int) -> None:
    """For whoever is to listen there."""
    _HELD.pop(port).close()


@pytest.fixture(scope="session")
def site(stage: Stage) -> Site:
    return load_site(stage.site)


@pytest.fixture
async def flow(store_url: str, stage: Stage, site: Site, tmp_path: Path) -> AsyncIterator[Flow]:
    """A node on an empty database, its clock and its recipients in the test's hands."""
    from gateway.app import build_node, close
    from gateway.settings import Settings

    clock, post = Clock(), Post()
    built = build_node(Settings(data_dir=tmp_path, database_url=store_url, backoff_first=1.0), site)
    await built.transports["http"].close()
    node = replace(built, clock=clock, transports={**built.transports, "http": post})
    yield Flow(node, clock, post, stage)
    await close(node)


@dataclass
class Served:
    """A node behind its real doors: HTTP and MLLP sockets of this machine, in a thread of its own."""

    flow: Flow
    base: str
    mllp: tuple[str, int]
    loop: asyncio.AbstractEventLoop

    def client(self, token: str = "", **more: Any) -> httpx.Client:
        """A caller with the key of that name in demo.json, or with none."""
        headers = {"Authorization": f"Bearer {self.flow.stage.tokens[token]}"} if token else {}
        return httpx.Client(base_url=self.base, headers=headers, trust_env=False, timeout=PATIENCE, **more)

    def posts(
        self, body: bytes | Mapping[str, Any], token: str = "hospital", path: str = "/messages", **headers: str
    ) -> httpx.Response:
        kind = V2 if isinstance(body, bytes) else FHIR
        raw = body if isinstance(body, bytes) else write_json(body)
        told = {"Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
        with self.client(token) as client:
            return client.post(path, content=raw, headers=told)

    def gets(self, path: str, token: str = "welfare", **query: str) -> httpx.Response:
        with self.client(token) as client:
            return client.get(path, params=query or None)

    def runs(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of a coroutine in the node's own loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(PATIENCE)


@contextmanager
def serving(flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **settings: Any) -> Iterator[Served]:
    """`gateway.app.serve` on free ports, with this flow's node; ended at the end."""
    from gateway import app
    from gateway.settings import Settings

    port, mllp = free_port(), free_port()
    hospital = flow.node.site.participants[HOSPITAL]
    assert hospital.mllp is not None
    listening = replace(hospital, mllp=replace(hospital.mllp, port=mllp))
    participants = {**flow.node.site.participants, HOSPITAL: listening}
    served = flow.on(replace(flow.node.site, participants=participants))
    servers: list[Any] = []

    class Server(app.uvicorn.Server):  # type: ignore[name-defined,misc]
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            servers.append(self)

    async def left_open(node: Node) -> None:
        """The flow's fixture closes it."""

    monkeypatch.setattr(app.uvicorn, "Server", Server)
    monkeypatch.setattr(app, "build_node", lambda _: served.node)
    monkeypatch.setattr(app, "close", left_open)
    told = {"data_dir": tmp_path, "port": port, "mllp_host": "127.0.0.1", "idle_poll": 3600.0, **settings}
    loop = asyncio.new_event_loop()
    failed: list[BaseException] = []

    def run() -> None:
        try:
            loop.run_until_complete(app.serve(Settings(**told)))
        except BaseException as error:  # told to the test
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        _await_start(thread, servers, failed)
        scheme = "https" if settings.get("tls_certificate") else "http"
        yield Served(served, f"{scheme}://127.0.0.1:{port}", ("127.0.0.1", mllp), loop)
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(PATIENCE)
        loop.close()


def _await_start(thread: threading.Thread, servers: list[Any], failed: list[BaseException]) -> None:
    waiting = threading.Event()
    while thread.is_alive() and not (servers and servers[0].started):
        waiting.wait(0.01)
    if failed:
        raise failed[0]


@pytest.fixture
def served(flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    with serving(flow, monkeypatch, tmp_path) as made:
        yield made
