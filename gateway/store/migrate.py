"""The schema's history, run by Alembic: an empty database is filled, an older one is refused until it is migrated on purpose."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Misconfigured, NotDurable
from gateway.store.engine import make_engine

_ALONE = text("SELECT pg_advisory_xact_lock(4779)")  # one migration at a time; SQLite's BEGIN IMMEDIATE does the same


def migrate(url: str) -> str:
    """Brings the database to the newest schema; gives its revision.

    Raises Misconfigured for a schema that a newer version made, NotDurable when the database cannot be reached.
    """
    engine = make_engine(url)
    try:
        return _upgraded(engine)
    except CommandError:
        raise Misconfigured("The database has a schema that this version does not know.") from None
    except SQLAlchemyError:
        raise NotDurable from None
    finally:
        engine.dispose()


def ensure_schema(url: str) -> None:
    """Fills an empty database. Raises Misconfigured for any other revision than the newest, NotDurable when unreachable."""
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            empty = not inspect(connection).get_table_names()  # first: another process may fill it in between
            revision = _revision(connection)
        if empty:
            _upgraded(engine)
        elif revision != ScriptDirectory.from_config(_config()).get_current_head():
            raise Misconfigured("The database has another schema than this version; run: gateway store migrate")
    except SQLAlchemyError:
        raise NotDurable from None
    finally:
        engine.dispose()


def _upgraded(engine: Engine) -> str:
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(_ALONE)
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        return str(_revision(connection))


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
