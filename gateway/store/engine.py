"""Engines for both databases: durable to the disk on commit, writing on one connection, reading beside it."""

from __future__ import annotations

import os
import time
from pathlib import Path
from sqlite3 import SQLITE_BUSY, OperationalError
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from gateway.errors import Misconfigured

READERS = 8
_WAIT = 10  # seconds, for others who hold the file
_DURABLE = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={_WAIT * 1000}")
_PATIENCE = "-c statement_timeout=60000 -c lock_timeout=20000 -c idle_in_transaction_session_timeout=60000"
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


def _patiently(connection: Any, statement: str) -> None:
    """The switch to WAL does not always wait for others who open the file: SQLite answers "locked" at once, whatever its busy_timeout."""
    until = time.monotonic() + _WAIT
    while True:
        try:
            connection.execute(statement).close()
            return
        except OperationalError as error:
            if error.sqlite_errorcode != SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def make_engine(url: str, *, reading: bool = False) -> Engine:
    """An engine for `sqlite:///PATH` or `postgresql+psycopg://…`. A reading one cannot write, and each transaction is one snapshot.

    Parameters never show in its errors. Raises Misconfigured for another database, or a file that cannot be opened.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Misconfigured("The database URL cannot be read.") from None
    name = parsed.get_backend_name()
    if name not in _DRIVERS or (name == "sqlite" and parsed.database in (None, "", ":memory:")):
        raise Misconfigured("The database is a SQLite file or PostgreSQL.")
    return _sqlite(parsed, reading) if name == "sqlite" else _postgresql(parsed, reading)


def _sqlite(url: URL, reading: bool) -> Engine:
    _private_file(Path(str(url.database)))
    engine = create_engine(
        url, connect_args={"check_same_thread": False}, pool_size=READERS if reading else 1, max_overflow=0,
        hide_parameters=True,
    )  # fmt: skip

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in (*_DURABLE, *(("query_only=ON",) if reading else ())):
            _patiently(connection, f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    @event.listens_for(engine, "before_cursor_execute")
    def _as_strict(_connection: Any, _cursor: Any, _statement: str, parameters: Any, _context: Any, many: bool) -> None:
        for values in parameters if many else (parameters,):
            if any("\0" in value for value in values if type(value) is str):
                raise UnicodeError("U+0000 in a text")  # PostgreSQL takes none, so neither do we here

    return engine


def _private_file(path: Path) -> None:
    """The database file, for its owner only; SQLite gives the files beside it the same mode."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError:
        raise Misconfigured("The database file cannot be opened.") from None


def _postgresql(url: URL, reading: bool) -> Engine:
    own = "-c default_transaction_read_only=on" if reading else "-c synchronous_commit=on"
    options = " ".join((str(url.query.get("options", "")), own, _PATIENCE)).strip()
    return create_engine(
        url.set(drivername=_DRIVERS["postgresql"]).difference_update_query(["options"]),
        pool_pre_ping=True, pool_size=READERS if reading else 1, max_overflow=0, hide_parameters=True,
        isolation_level="REPEATABLE READ" if reading else "READ COMMITTED",
        connect_args={"options": options, "connect_timeout": 10},
    )  # fmt: skip
