"""What was acknowledged is there after a crash, and a store that refuses keeps nothing and comes back (DESIGN.md, invariants 1 and 4)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.row import row_of
from gateway.audit.verify import verify
from gateway.errors import Busy, Misconfigured, NotDurable, Unavailable
from gateway.model.records import Unit
from gateway.store import open_store
from gateway.store.engine import make_engine
from gateway.store.writer import Writer

WAIT = 60
CHILD = Path(__file__).with_name("committing.py")


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///:memory:", "mysql://h/d", "nonsense", "sqlite:////proc/no/such/file"]
)
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(Misconfigured):
        open_store(url, place=row_of)


def test_an_unreachable_server_is_not_durable(tmp_path: Path) -> None:
    with pytest.raises(NotDurable):
        open_store(f"postgresql+psycopg://postgres@/d?host={tmp_path}", place=row_of)


def test_a_full_queue_is_busy_at_once(store: Any, store_url: str, make: Any) -> None:
    engine = make_engine(store_url)
    writer = Writer(engine, row_of, most=5)
    with engine_held(engine):
        writer.commit(Unit((make.received(),)))
        time.sleep(0.2)
        waiting = [writer.commit(Unit((make.received(),))) for _ in range(8)]
        refused = [future for future in waiting if future.done()]
        assert len(refused) == 3
        assert all(isinstance(future.exception(), Busy) for future in refused)
    for future in set(waiting) - set(refused):
        future.result(WAIT)
    writer.close()
    engine.dispose()


class engine_held:
    """Keeps the only writing connection of an engine, so that its writer stands still."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def __enter__(self) -> None:
        self._connection = self._engine.connect()

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def test_a_full_disk_keeps_nothing_and_the_writer_recovers(sqlite_url: str, make: Any) -> None:
    store = open_store(sqlite_url, place=row_of)
    commit(store, make.fact())
    limit(store, "page_count")
    large = make.received(payload=type(make.sealed)("received:1", os.urandom(2_000_000)))
    with pytest.raises(NotDurable):
        commit(store, make.fact(), large)
    limit(store, None)
    assert store.received(large.id) is None
    commit(store, make.fact(), large)
    rows = store.audit_rows({}, 10)
    assert [row.sequence for row in rows] == [1, 2]
    assert verify(rows).ok
    store.close()


def limit(store: Any, pages: str | None) -> None:
    """Lets the database file grow no more (or again), for every connection that the writer makes from now on."""
    from sqlalchemy import event

    engine = store._writing
    engine.dispose()

    def full(connection: Any, _: Any) -> None:
        now = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={now + 2 if store_full else 1_000_000}").close()

    store_full = pages is not None
    event.listen(engine, "connect", full)


def test_a_server_that_goes_away_keeps_nothing_and_comes_back(
    postgresql_server: Any, postgresql_url: str, make: Any
) -> None:
    store = open_store(postgresql_url, place=row_of)
    commit(store, make.fact())
    postgresql_server.stop()
    with pytest.raises(NotDurable):
        commit(store, make.fact())
    with pytest.raises(Unavailable):
        store.audit_rows({}, 10)
    postgresql_server.ensure_postgres_running()
    commit(store, make.fact())
    rows = store.audit_rows({}, 10)
    assert [row.sequence for row in rows] == [1, 2]
    assert verify(rows).ok
    store.close()


def commit(store: Any, *puts: Any) -> None:
    store.commit(Unit(puts)).result(WAIT)


@pytest.mark.parametrize("after", [5, 60])
def test_what_was_durable_is_there_after_kill_9(store_url: str, after: int) -> None:
    child = subprocess.Popen([sys.executable, str(CHILD), store_url], stdout=subprocess.PIPE)
    assert child.stdout is not None
    told = []
    for line in child.stdout:
        told.append(line.decode().strip())
        if len(told) == after:
            child.send_signal(signal.SIGKILL)
            break
    told += [line.decode().strip() for line in child.stdout if line.endswith(b"\n")]
    child.wait(WAIT)
    child.stdout.close()
    store = open_store(store_url, place=row_of)
    assert [id for id in told if store.received(id) is None] == []
    rows = store.audit_rows({}, 100_000)
    assert len(rows) >= len(told) >= after
    assert verify(rows).ok
    store.close()


def test_the_database_file_is_private(sqlite_url: str, make: Any) -> None:
    store = open_store(sqlite_url, place=row_of)
    commit(store, make.received())
    files = list(Path(sqlite_url.removeprefix("sqlite:///")).parent.iterdir())
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    store.close()


def test_writing_is_durable_by_its_settings(store: Any, store_url: str) -> None:
    with store._writing.connect() as connection:
        if store_url.startswith("sqlite"):
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        else:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
