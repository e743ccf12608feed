"""`gateway store`: the database's schema."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="The database.")


@app.callback()
def _root() -> None:
    """The database of a node (GATEWAY_DATABASE_URL, else SQLite in GATEWAY_DATA_DIR)."""


@app.command("migrate")
def migrate_command() -> None:
    """Bring the database to this version's schema."""
    from gateway.settings import Settings
    from gateway.store.migrate import migrate

    settings = Settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    typer.echo(f"The database is at schema {migrate(settings.database)}.")
