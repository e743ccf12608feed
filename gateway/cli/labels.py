"""`gateway labels`: labels stick; taking one off is for who runs the site, with a reason, on record."""

from __future__ import annotations

import asyncio
import getpass
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.speaking import speaking
from gateway.model.document import Principal

app = typer.Typer(no_args_is_help=True, help="Labels of what is kept.")


@app.callback()
def _root() -> None:
    """Labels of what is kept. They only grow by themselves."""


@app.command("remove")
def remove_command(
    reference: Annotated[str, typer.Argument(metavar="TYPE/ID", help="What is kept, by the id it has here.")],
    labels: Annotated[list[str], typer.Option("--label", help="The label to take off; several may be given.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, in one line; it is on record.")],
    site: Annotated[
        Path, typer.Option("--site", envvar="GATEWAY_SITE", exists=True, file_okay=False, help="The site's directory.")
    ],
) -> None:
    """Take labels off. What the site's lists say of its codes counts all the same. Exit code 2: it cannot be done."""
    from gateway.app import build_node, close
    from gateway.pipeline.replay import wish_of
    from gateway.pipeline.unlabel import unlabelled
    from gateway.settings import Settings

    node = build_node(Settings(site=site))
    by = Principal(node.site.id, "command-line", ("admin",), getpass.getuser(), "local")
    try:
        with speaking():
            node.store.commit(unlabelled(node, reference, labels, wish_of(by, reason, []))).result()
    finally:
        asyncio.run(close(node))
    typer.echo(f"{', '.join(labels)}: taken off {reference}.")
