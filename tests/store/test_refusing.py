"""A database that refuses, stops or dies, and a process that is killed: nothing half kept, nothing lost that was said to be durable."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text

from gateway.audit.row import row_of
from gateway.audit.verify import verify
from gateway.errors import GatewayError, Misconfigured, NotDurable
from gateway.model.records import Unit
from gateway.store import open_store
from gateway.store.engine import make_engine
from tests.store.conftest import (
    NOW,
    WAIT,
    broken_at,
    document,
    entry,
    exchange,
    fact,
    kept,
    leased,
    merge,
    person,
    refusal,
    resource,
)

_REFUSES = (
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
    "$$BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END$$",
    "CREATE TRIGGER refuse BEFORE INSERT ON received FOR EACH ROW EXECUTE FUNCTION refuse()",
)


def statement(url: str, *statements: str) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        for one in statements:
            connection.execute(text(one))
    engine.dispose()


@pytest.fixture
def full(tmp_path: Path) -> Iterator[tuple[Any, Callable[[bool], None]]]:
    """A store on SQLite whose disk is full, or not, as one says: the file may not grow over what it has."""
    store, now = open_store(f"sqlite:///{tmp_path / 'full.db'}", place=row_of), {"full": False}

    @event.listens_for(store._writing, "connect")
    def _limit(connection: Any, _: Any) -> None:
        if now["full"]:
            connection.execute("PRAGMA max_page_count = 1").close()

    def fill(full: bool) -> None:
        now["full"] = full
        store._writing.dispose()

    yield store, fill
    store.close()


class TestRefusals:
    def test_a_full_disk_keeps_nothing_and_recovers(self, full: tuple[Any, Callable[[bool], None]]) -> None:
        store, fill = full
        of = person()
        kept(store, fact(of))
        fill(True)
        large = [document(payload=resource(of).content.__class__("k", b"x" * 200_000)) for _ in range(3)]
        waiting = [store.commit(Unit((one, fact(of), entry(f"mapo:{of}")))) for one in large]
        assert {type(done.exception(WAIT)) for done in waiting} == {NotDurable}
        assert [store.received(one.id) for one in large] == [None] * 3
        assert len(store.audit_rows({"person": of}, 9)) == 1
        fill(False)
        kept(store, large[0], fact(of), entry(f"mapo:{of}"))
        assert broken_at(store.audit_rows({"person": of}, 9)) == []
        assert leased(store)[0].entry.sequence == 1

    def test_postgresql_out_of_space_keeps_nothing_and_recovers(self, postgresql_url: str) -> None:
        store, of = open_store(postgresql_url, place=row_of), person()
        try:
            kept(store, fact(of))
            statement(postgresql_url, *_REFUSES)
            waiting = [store.commit(Unit(puts)) for puts in ((fact(of),), (document(), fact(of)), (fact(of),))]
            outcomes = [done.exception(WAIT) for done in waiting]
            assert type(outcomes[1]) is NotDurable
            statement(postgresql_url, "DROP TRIGGER refuse ON received")
            kept(store, document(), fact(of), entry(f"mapo:{of}"))
            rows = store.audit_rows({"person": of}, 9)
            assert len(rows) == 2 + outcomes.count(None)
            assert broken_at(rows) == []
        finally:
            store.close()

    @pytest.mark.skipif(os.geteuid() == 0, reason="the superuser writes to a read-only file")
    def test_a_read_only_file(self, sqlite_url: str) -> None:
        store = open_store(sqlite_url, place=row_of)
        store.close()
        Path(sqlite_url.removeprefix("sqlite:///")).chmod(0o400)
        with pytest.raises((NotDurable, Misconfigured)):
            open_store(sqlite_url, place=row_of)

    def test_a_locked_file_is_not_durable(self, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(
            "gateway.store.engine._DURABLE", ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=50")
        )
        store, path = open_store(sqlite_url, place=row_of), sqlite_url.removeprefix("sqlite:///")
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert refusal(store, document()) is NotDurable
        with pytest.raises(NotDurable):
            leased(store)
        other.execute("ROLLBACK")
        other.close()
        kept(store, document())
        store.close()

    def test_a_server_that_stops_and_starts_again(self, postgresql_server: Any, postgresql_url: str) -> None:
        store, of = open_store(postgresql_url, place=row_of), person()
        try:
            kept(store, fact(of), entry(f"mapo:{of}"))
            assert store.survivor(of) == of
            postgresql_server.stop()
            waiting = [store.commit(Unit((document(), fact(of)))) for _ in range(20)]
            assert {type(done.exception(WAIT)) for done in waiting} == {NotDurable}
            reads: list[Callable[[], Any]] = [
                lambda: store.exchange("x"), lambda: store.persons([("a", "b")]), lambda: store.consents(of),
                lambda: store.data_keys(["x"]), lambda: store.audit_rows({}, 1), lambda: leased(store),
                lambda: store.labels(["A/b"]), lambda: store.exchanges({}, 1), lambda: store.survivor(of),
            ]  # fmt: skip
            for read in reads:
                with pytest.raises(NotDurable):
                    read()
            with pytest.raises(NotDurable):
                open_store(postgresql_url, place=row_of)
            postgresql_server.ensure_postgres_running()
            kept(store, document(), fact(of))
            assert broken_at(store.audit_rows({"person": of}, 99)) == []
            assert len(store.audit_rows({"person": of}, 99)) == 2
            assert len(leased(store)) == 1
        finally:
            postgresql_server.ensure_postgres_running()
            store.close()

    def test_a_database_that_cannot_be_reached(self) -> None:
        with pytest.raises(NotDurable) as refused:
            open_store("postgresql://u:a-password@127.0.0.1:1/none", place=row_of)
        assert "a-password" not in repr(refused.value) + str(refused.value.__cause__)

    @pytest.mark.parametrize("url", ["", "nonsense", "mysql://u@h/d", "sqlite://", "sqlite:///:memory:", "sqlite:///"])
    def test_another_database_is_misconfigured(self, url: str) -> None:
        with pytest.raises(Misconfigured):
            open_store(url, place=row_of)

    def test_no_value_shows_in_what_is_raised(self, store: Any) -> None:
        secret = "very-secret-value"
        kept(store, document(secret))
        refused = store.commit(Unit((document(secret, control_id=secret),))).exception(WAIT)
        assert isinstance(refused, GatewayError)
        assert secret not in repr(refused) + repr(refused.__cause__) + repr(refused.__context__)

    def test_a_merge_and_others_in_one_batch_with_a_bad_one(self, store: Any) -> None:
        there, a, b = document(), person(), person()
        kept(store, there)
        units = [
            Unit((entry(f"mapo:{a}"), fact(a))),
            Unit((merge(a, b),)),
            Unit((document(there.digest),)),
            Unit((fact(a),)),
        ]
        errors = [done.exception(WAIT) for done in [store.commit(one) for one in units]]
        assert [error is None for error in errors] == [True, True, False, True]
        assert store.survivor(a) == b
        assert [one.entry.lane for one in leased(store)] == [f"mapo:{b}"]


class TestKilled:
    @pytest.mark.long
    def test_what_was_said_to_be_durable_survives_a_kill(
        self, child: Callable[..., Any], store_url: str, place: Any
    ) -> None:
        of, said = person(), []
        for units_before in (15, 90):
            one = child("commit", of, "100000")
            assert one.stdout.readline() == "ready\n"
            said += [one.stdout.readline().strip() for _ in range(units_before)]
            one.send_signal(signal.SIGKILL)
            rest = one.communicate(timeout=WAIT)[0]
            said += [line for line in rest.splitlines() if len(line) == 36]  # a line may be torn
        assert len(said) >= 105
        store = self._reopened(store_url, place)
        try:
            assert [digest for digest in said if store.seen("hanbit-hospital", digest) is None] == []
            rows = store.audit_rows({"person": of}, 1_000_000)
            assert broken_at(rows) == []
            assert len(rows) >= len(said)
            assert verify(rows).ok
            assert len(leased(store)) == 1
            kept(store, fact(of), document(), exchange(NOW))
            assert store.audit_rows({"person": of}, 1_000_000)[-1].sequence == len(rows) + 1
        finally:
            store.close()

    def _reopened(self, url: str, place: Any) -> Any:
        """PostgreSQL may need a moment to notice that the process is gone."""
        time.sleep(0.2)
        return open_store(url, place=place)
