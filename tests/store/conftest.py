"""What the store's tests keep: one builder per noun of model/records.py, with values that do not matter to a store."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.row import leaf_hash, row_of
from gateway.model.document import PersonKey
from gateway.model.questions import Exchange, How, Step, What, When, Where, Who, Whom, Why
from gateway.model.records import (
    AuditFact,
    AuditRow,
    DecisionRecord,
    IdentityLink,
    Lease,
    Merge,
    OutboxEntry,
    Put,
    ReceivedRecord,
    ResourceRecord,
    Sealed,
    Unit,
)
from gateway.model.wire import read_json

NOW = datetime(2026, 3, 4, 5, 6, 7, 891011, tzinfo=UTC)
SECRET = Sealed("person:p", b"\x00\xffsealed")
CHILD = Path(__file__).with_name("child.py")
WAIT = 30.0  # no answer of a store takes this long


def new_id() -> str:
    return str(uuid.uuid4())


def person() -> PersonKey:
    return PersonKey(new_id())


def kept(store: Any, *puts: Put, changes: tuple[Any, ...] = ()) -> None:
    """Commits one unit and waits until it is durable."""
    done: Future[None] = store.commit(Unit(puts, changes))
    done.result(WAIT)


def refusal(store: Any, *puts: Put, changes: tuple[Any, ...] = ()) -> type[BaseException] | None:
    """The class of what a unit is refused with."""
    error = store.commit(Unit(puts, changes)).exception(WAIT)
    return None if error is None else type(error)


def document(digest: str = "", **changes: Any) -> ReceivedRecord:
    made = ReceivedRecord(
        new_id(), "hanbit-hospital", digest or new_id(), "MSG-1", "x-application/hl7-v2+er7", "mllp", "10.0.0.7", "key-1",
        "UNICODE UTF-8", NOW, 1234, SECRET,
    )  # fmt: skip
    return replace(made, **changes)


def exchange(at: datetime = NOW, **changes: Any) -> Exchange:
    """Every question answered, so that a column that is lost shows."""
    made = Exchange(
        new_id(), new_id(), "discharge-to-community-care", "pending", "r1",
        Who("hanbit-hospital", "key-1", "nurse-7", "nurse"),
        Whom(person(), "mapo-care-team"),
        When(at, at, None, None, at + timedelta(days=3), "2028-03-04", "2026-01", "2026-02-03"),
        Where("KR-11440", "10.0.0.7", "mapo-fhir", "device-1"),
        What("ADT^A03", ({"reference": "Condition/c", "version": 2, "digest": "ab"},), 2, ("PSY", "R"), 3, ("ZPI-3.1",)),
        Why("COC", "statute", "KR-IDCPA-11", "statute-permits"),
        How("hl7v2", "mllp", "transaction", "fhir/referral@1", "welfare/referral@1", ("DELAU", "REDACT")),
        (Step("receive", at), Step("decide", at + timedelta(seconds=1), "parked", "identity")), "replayed",
    )  # fmt: skip
    return replace(made, **changes)


def decision(of: str, at: datetime = NOW) -> DecisionRecord:
    return DecisionRecord(
        new_id(), of, "receipt", at, "permit-with-redaction", "consent-permits", ("Condition/c",),
        (("Observation/o", "label"),), ("DELAU",), ("Consent/1",), 3, "r1", SECRET,
    )  # fmt: skip


def fact(of: PersonKey | None, at: datetime = NOW, **changes: Any) -> AuditFact:
    made = AuditFact(new_id(), new_id(), "intent", at, of, "permit", "r1", {"who": {"participant": "x"}, "n": 1})
    return replace(made, **changes)


def entry(lane: str, not_before: datetime = NOW, **changes: Any) -> OutboxEntry:
    made = OutboxEntry(new_id(), new_id(), "deliver", lane.partition(":")[0], lane, SECRET, not_before)
    return replace(made, **changes)


def resource(of: PersonKey, kind: str = "Condition", id: str = "", version: int = 1, **changes: Any) -> ResourceRecord:
    made = ResourceRecord(kind, id or new_id(), version, of, "hanbit-hospital", ("N",), "d1", NOW, SECRET)
    return replace(made, **changes)


def link(of: PersonKey, system: str = "urn:mrn", token: str = "") -> IdentityLink:
    return IdentityLink(system, token or new_id(), of, NOW, "registrar")


def merge(gone: PersonKey, stays: PersonKey) -> Merge:
    return Merge(gone, stays, NOW, "registrar")


def leased(store: Any, now: datetime = NOW, owner: str = "worker-1", limit: int = 100) -> list[Lease]:
    """What is handed out at a time, for half a minute."""
    return list(store.lease(owner, now, now + timedelta(seconds=30), limit))


def broken_at(rows: list[AuditRow]) -> list[int]:
    """Positions in one person's chain that do not follow from the row before: sequence, previous hash, own hash."""
    wrong, before = [], ""
    for place, row in enumerate(rows, start=1):
        said = read_json(row.line)
        sound = (row.sequence, row.previous_hash, row.leaf_hash) == (place, before, leaf_hash(row.line))
        if not sound or (said["sequence"], said["previous_hash"]) != (place, before):
            wrong.append(place)
        before = row.leaf_hash
    return wrong


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def opened(store_url: str) -> Iterator[Callable[[], Any]]:
    """Opens the same database as often as it is called; closed afterwards."""
    from gateway.store import open_store

    stores: list[Any] = []

    def open_one() -> Any:
        stores.append(open_store(store_url, place=row_of))
        return stores[-1]

    yield open_one
    for one in stores:
        one.close()


@pytest.fixture
def child(store_url: str) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts tests/store/child.py on the database; whatever still runs is killed afterwards."""
    running: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(CHILD), store_url, *arguments]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return running[-1]

    yield start
    for one in running:
        one.kill()
        one.communicate()
