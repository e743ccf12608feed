"""Engines for both databases: durable to the disk on commit, writing on one connection, reading beside it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import make_url

from gateway.errors import Misconfigured

_DURABLE = ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", "PRAGMA busy_timeout=10000")
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}


def make_engine(url: str, *, reading: bool = False) -> Engine:
    """An engine for `sqlite:///PATH` or `postgresql://…`. A reading one cannot write. Raises Misconfigured for another database."""
    parsed = make_url(url)
    name = parsed.get_backend_name()
    if name not in _DRIVERS:
        raise Misconfigured("The database is SQLite or PostgreSQL.")
    if name == "sqlite":
        return _sqlite(url, reading)
    options = "-c synchronous_commit=on" + (" -c default_transaction_read_only=on" if reading else "")
    return create_engine(
        parsed.set(drivername=_DRIVERS[name]), pool_pre_ping=True, pool_size=5, connect_args={"options": options}
    )


def _sqlite(url: str, reading: bool) -> Engine:
    engine = create_engine(url, connect_args={"check_same_thread": False}, pool_size=5)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, not by the driver
        for pragma in (*_DURABLE, *(("PRAGMA query_only=ON",) if reading else ())):
            connection.execute(pragma)

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine
