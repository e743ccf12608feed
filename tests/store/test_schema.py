"""The schema's history on both databases, and how files and servers are opened (gateway/store/migrate.py, engine.py)."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from typer.testing import CliRunner

from gateway.audit.row import row_of
from gateway.errors import Misconfigured, NotDurable
from gateway.store import open_store
from gateway.store.engine import make_engine
from gateway.store.migrate import migrate
from gateway.store.tables import metadata
from tests.store.conftest import WAIT, document, kept


def execute(url: str, statement: str) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_the_migrated_schema_is_what_the_tables_say(store_url: str) -> None:
    migrate(store_url)
    engine = make_engine(store_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        inspector = inspect(connection)
        for table in metadata.sorted_tables:
            there = {one["name"]: one["nullable"] for one in inspector.get_columns(table.name)}
            assert there == {column.name: bool(column.nullable) for column in table.columns}, table.name
            unique = {tuple(one["column_names"]) for one in inspector.get_unique_constraints(table.name)}
            said = [one for one in table.constraints if type(one).__name__ == "UniqueConstraint"]
            assert unique == {tuple(column.name for column in one.columns) for one in said}, table.name
    engine.dispose()


def test_an_empty_database_is_filled(store_url: str) -> None:
    for _ in range(2):
        store = open_store(store_url, place=row_of)
        one = document()
        kept(store, one)
        assert store.received(one.id) == one
        store.close()


def test_migrating_again_changes_nothing(store_url: str) -> None:
    first = migrate(store_url)
    assert (migrate(store_url), migrate(store_url)) == (first, first)
    open_store(store_url, place=row_of).close()


@pytest.mark.parametrize("revision", ["0000", "9999"])
def test_another_revision_is_refused_with_the_command_that_helps(store_url: str, revision: str) -> None:
    migrate(store_url)
    execute(store_url, f"UPDATE alembic_version SET version_num = '{revision}'")
    with pytest.raises(Misconfigured, match="gateway store migrate"):
        open_store(store_url, place=row_of)


def test_migrating_what_a_newer_version_made_is_refused(store_url: str) -> None:
    migrate(store_url)
    execute(store_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Misconfigured):
        migrate(store_url)


def test_somebody_else_s_database_is_refused(store_url: str) -> None:
    execute(store_url, "CREATE TABLE theirs (id INTEGER)")
    with pytest.raises(Misconfigured):
        open_store(store_url, place=row_of)


@pytest.mark.long
def test_two_processes_open_an_empty_database_at_once(child: Callable[..., Any]) -> None:
    both = [child("open") for _ in range(3)]
    said = [one.communicate(timeout=WAIT) for one in both]
    assert [one.returncode for one in both] == [0] * 3, said


def test_many_threads_open_an_empty_database_at_once(store_url: str) -> None:
    failed: list[BaseException] = []

    def open_it() -> None:
        try:
            open_store(store_url, place=row_of).close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert failed == []


def test_who_opens_a_file_that_is_held_waits(tmp_path: Path) -> None:
    path = tmp_path / "held.db"
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    later = threading.Timer(0.3, holder.execute, ["ROLLBACK"])
    later.start()
    open_store(f"sqlite:///{path}", place=row_of).close()
    later.join()
    holder.close()


def test_a_file_that_is_no_database_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database" * 100)
    with pytest.raises(NotDurable):
        open_store(f"sqlite:///{tmp_path / 'x.db'}", place=row_of)


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store_url: str) -> None:
    from gateway.cli.store import app

    monkeypatch.setenv("GATEWAY_DATABASE_URL", store_url)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "data dir"))
    for _ in range(2):
        said = CliRunner().invoke(app, ["migrate"])
        assert (said.exit_code, "schema" in said.output) == (0, True), said.output


class TestSqliteFiles:
    def test_a_relative_path_below_a_new_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        store = open_store("sqlite:///var/a b/gateway.db", place=row_of)
        one = document()
        kept(store, one)
        assert store.received(one.id) == one
        store.close()
        assert (tmp_path / "var" / "a b" / "gateway.db").exists()

    @pytest.mark.parametrize("name", ["100% sure.db", "한 글.db", "a?b#c&d.db", "plus+and%20.db"])
    def test_a_path_with_marks_in_it(self, tmp_path: Path, name: str) -> None:
        from sqlalchemy.engine import URL

        url = URL.create("sqlite", database=str(tmp_path / name)).render_as_string()
        store = open_store(url, place=row_of)
        one = document()
        kept(store, one)
        assert store.received(one.id) == one
        store.close()
        assert [path.name for path in tmp_path.iterdir()] == [name]

    def test_only_its_owner_reads_it(self, sqlite_url: str) -> None:
        store = open_store(sqlite_url, place=row_of)
        kept(store, document())
        path = Path(sqlite_url.removeprefix("sqlite:///"))
        assert {one.name: stat.S_IMODE(one.stat().st_mode) & 0o077 for one in path.parent.iterdir()} == {
            "gateway.db": 0, "gateway.db-wal": 0, "gateway.db-shm": 0,
        }  # fmt: skip
        store.close()

    def test_a_reading_engine_before_there_is_a_file(self, sqlite_url: str) -> None:
        reading = make_engine(sqlite_url, reading=True)
        store = open_store(sqlite_url, place=row_of)
        with reading.connect() as connection:
            assert connection.execute(text("SELECT count(*) FROM received")).scalar() == 0
        reading.dispose()
        store.close()

    def test_what_is_no_database_is_refused(self, tmp_path: Path) -> None:
        from gateway.errors import NotDurable

        path = tmp_path / "text.db"
        path.write_text("this is a text of some length, not a database; " * 50)
        with pytest.raises((Misconfigured, NotDurable)):
            open_store(f"sqlite:///{path}", place=row_of)

    def test_a_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(Misconfigured):
            open_store(f"sqlite:///{tmp_path}", place=row_of)


@pytest.mark.parametrize("statement", ["INSERT INTO lane_heads VALUES ('l', 1)", "DELETE FROM received"])
def test_a_reading_engine_cannot_write(store: Any, store_url: str, statement: str) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    reading = make_engine(store_url, reading=True)
    with pytest.raises(SQLAlchemyError), reading.connect() as connection:
        connection.execute(text(statement))
    reading.dispose()


def test_durable_to_the_disk(store: Any, store_url: str) -> None:
    ask = {"sqlite": ("PRAGMA synchronous", 2), "postgresql": ("SHOW synchronous_commit", "on")}
    question, answer = ask[store_url.partition(":")[0].partition("+")[0]]
    assert store._writer.run(lambda connection: connection.exec_driver_sql(question).scalar()) == answer
