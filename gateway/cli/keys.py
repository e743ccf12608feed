"""`gateway keys`: the site key."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="The site key.")


@app.callback()
def _root() -> None:
    """The site key (GATEWAY_SITE_KEY_FILE, else keys/site.key in GATEWAY_DATA_DIR)."""


@app.command("rotate")
def rotate_command() -> None:
    """Seal every data key under a new site key. Nodes may run meanwhile; safe to interrupt and to run again."""
    from rich.progress import Progress

    from gateway.audit.row import row_of
    from gateway.settings import Settings
    from gateway.store import open_store
    from gateway.store.rotation import rotate

    settings = Settings()
    store = open_store(settings.database, place=row_of)
    try:
        with Progress(transient=True) as progress:
            task = progress.add_task("sealing data keys", total=None)
            moved = rotate(settings.site_key, store, lambda n: progress.update(task, completed=n))
    finally:
        store.close()
    typer.echo(f"{moved} data keys are sealed under the new site key; the old one is gone.")
