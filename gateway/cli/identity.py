"""`gateway identity`: the worklist of documents whose person could not be named, and the cross-reference itself."""

from __future__ import annotations

import asyncio
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gateway.pipeline.node import Node

app = typer.Typer(no_args_is_help=True, help="The identity worklist: list, link, unlink.")
SiteDir = Annotated[
    Path, typer.Option("--site", envvar="GATEWAY_SITE", exists=True, file_okay=False, help="The site's directory.")
]


@app.command("list")
def list_command(site: SiteDir) -> None:
    """What waits: why, since when, from whom, and the persons it may be. Identifiers are never shown."""
    from rich.console import Console
    from rich.table import Table

    from gateway.pipeline.person import WORKLIST

    with _node(site) as node:
        rows = node.store.records(WORKLIST)
    table = Table("document", "since", "from", "trigger", "because", "may be")
    for row in rows:
        value = row.value
        candidates = "\n".join(value["candidates"])
        table.add_row(
            row.key,
            row.at.isoformat(timespec="minutes"),
            value["sender"],
            value["trigger"],
            value["because"],
            candidates,
        )
    Console().print(table if rows else "Nothing waits.")


@app.command("link")
def link_command(
    document: Annotated[str, typer.Argument(help="The waiting document (first column of list).")],
    person: Annotated[str, typer.Argument(help="A person key, or 'new'.")],
    site: SiteDir,
) -> None:
    """Say whose document it is; its exchanges then go on."""
    from gateway.model.document import PersonKey
    from gateway.pipeline.resume import linked

    with _node(site) as node:
        chosen = None if person == "new" else PersonKey(person)
        node.store.commit(linked(node, document, chosen, getpass.getuser())).result()
    typer.echo("Linked. What waited goes on.")


@app.command("unlink")
def unlink_command(
    system: Annotated[str, typer.Argument(help="The identifier's system (a URI).")],
    site: SiteDir,
    value: Annotated[
        str, typer.Option(prompt=True, hide_input=True, help="The identifier itself (asked for, not shown).")
    ] = "",
) -> None:
    """Take an identifier away from its person."""
    from gateway.pipeline.resume import unlinked

    with _node(site) as node:
        token = node.keyring.token(system, value)
        node.store.commit(unlinked(node, system, token, getpass.getuser())).result()
    typer.echo("Unlinked.")


@contextmanager
def _node(site: Path) -> Iterator[Node]:
    from gateway.app import build_node, close
    from gateway.settings import Settings

    node = build_node(Settings(site=site))
    try:
        yield node
    finally:
        asyncio.run(close(node))
