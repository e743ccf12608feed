"""The schema's history, run by Alembic: an empty database is filled, an older one is refused until it is migrated on purpose."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import Misconfigured, NotDurable
from gateway.store.engine import make_engine


def migrate(url: str) -> str:
    """Brings the database to the newest schema; gives its revision. Raises NotDurable when it cannot be reached."""
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            _upgrade(connection)
            return str(_revision(connection))
    except SQLAlchemyError as error:
        raise NotDurable from error
    finally:
        engine.dispose()


def ensure_schema(url: str) -> None:
    """Fills an empty database. Raises Misconfigured for any other revision than the newest."""
    engine = make_engine(url)
    try:
        with engine.begin() as connection:
            if not inspect(connection).get_table_names():
                _upgrade(connection)
            elif _revision(connection) != ScriptDirectory.from_config(_config()).get_current_head():
                raise Misconfigured("The database has another schema; run: gateway store migrate")
    except SQLAlchemyError as error:
        raise NotDurable from error
    finally:
        engine.dispose()


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
