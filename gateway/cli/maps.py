"""`gateway maps check|test`: are the maps sound, and do the tests beside their rows come out (exit codes 0, 1, 2)."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.data import data_path
from gateway.errors import Misconfigured

app = typer.Typer(no_args_is_help=True, help="Maps: check that they are sound, run the tests beside their rows.")
Overlays = Annotated[
    list[Path] | None, typer.Option("--overlay", exists=True, file_okay=False, help="A folder shaped like mappings/.")
]


@app.command("check")
def run_check(overlay: Overlays = None) -> None:
    """Check every map against its schema and compile it. Exit code 1 when something is wrong."""
    from gateway.mapping.check import problems

    found = 0
    for compiler in _compilers(overlay or []):
        for problem in problems(compiler):
            typer.echo(problem)
            found += 1
        typer.echo(f"{compiler.library.standard}: {len(list(compiler.library.names()))} maps")
    raise typer.Exit(1 if found else 0)


@app.command("test")
def run_tests(overlay: Overlays = None) -> None:
    """Run the tests beside the rows. Exit code 1 when one comes out otherwise."""
    from gateway.mapping.check import cases, tried

    failed = 0
    for compiler in _compilers(overlay or []):
        mappable = import_module(f"gateway.standards.{compiler.library.standard}.source").MAPPABLE
        ran = 0
        try:
            for rules, case in cases(compiler):
                ran += 1
                if differs := tried(compiler, rules, case, mappable.trial, "message"):
                    typer.echo(differs)
                    failed += 1
        except Misconfigured as error:
            typer.echo(error.text)
            failed += 1
        typer.echo(f"{compiler.library.standard}: {ran} tests")
    raise typer.Exit(1 if failed else 0)


def _compilers(overlays: list[Path]) -> list[Any]:
    from gateway.mapping import compiler

    root = data_path("mappings")
    standards = sorted(
        {path.parent.name for path in root.glob("*/*.yaml")}
        | {path.parent.parent.name for path in root.glob("*/*/*.yaml")}
    )
    return [compiler(standard, (root, *overlays)) for standard in standards if standard != "codes"]
