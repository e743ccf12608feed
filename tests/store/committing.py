"""A process that commits until it is killed, and says what it was told is durable: `committing.py URL`."""

from __future__ import annotations

import sys
import threading
import uuid
from datetime import UTC, datetime

from gateway.audit.row import row_of
from gateway.model.document import PersonKey
from gateway.model.records import AuditFact, OutboxEntry, ReceivedRecord, Sealed, Unit
from gateway.store import open_store

NOW = datetime(2026, 11, 23, tzinfo=UTC)
STORE = open_store(sys.argv[1], place=row_of)
SAYING = threading.Lock()


def unit(id: str) -> Unit:
    sealed = Sealed("received:1", b"x" * 500)
    return Unit((
        ReceivedRecord(id, "hospital", id, "", "text/plain", "http", "", "", "", NOW, 1, sealed),
        AuditFact(str(uuid.uuid4()), id, "admin", NOW, PersonKey("p"), "ok", "rev", {}),
        OutboxEntry(str(uuid.uuid4()), id, "deliver", "x", "x:p", sealed, NOW),
    ))  # fmt: skip


def commit() -> None:
    for _ in range(2000):
        id = str(uuid.uuid4())
        STORE.commit(unit(id)).result()
        with SAYING:
            sys.stdout.write(id + "\n")
            sys.stdout.flush()


for _ in range(4):
    threading.Thread(target=commit, daemon=True).start()
threading.Event().wait(60)
