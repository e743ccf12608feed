"""`gateway maps …`: are the maps sound, do their tests come out, what do they cover, what does a rule do (exit codes 0, 1, 2)."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.gaps import gaps_command, load_command
from gateway.cli.roundtrip import roundtrip_command
from gateway.cli.speaking import speaking, unusable
from gateway.data import data_path
from gateway.errors import Misconfigured

app = typer.Typer(
    no_args_is_help=True, help="Maps: check and test them, see what they cover, explain a position, fill gaps."
)
app.command("gaps")(gaps_command)
app.command("load")(load_command)
app.command("roundtrip")(roundtrip_command)
_FOLDER: Any = {"exists": True, "file_okay": False}
Overlays = Annotated[list[Path] | None, typer.Option("--overlay", help="A folder shaped like mappings/.", **_FOLDER)]
Site = Annotated[Path | None, typer.Option("--site", help="A site: its mappings/ lie over what is shipped.", **_FOLDER)]
Sender = Annotated[str, typer.Option("--sender", help="With the overlay of this participant as sender.")]
Receiver = Annotated[str, typer.Option("--receiver", help="With the overlay of this participant as receiver.")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


@app.command("check")
def run_check(overlay: Overlays = None, site: Site = None) -> None:
    """Check every map against its schema and compile it; of a site, every order of overlays. Exit code 1 when something is wrong."""
    lines = list(_problems(overlay or ()))
    found = dict.fromkeys((*lines, *(problems_of(site) if site is not None else ())))
    for line in found:
        typer.echo(line)
    for compiler in _compilers(()):
        typer.echo(f"{compiler.library.standard}: {len(list(compiler.library.names()))} maps")
    raise typer.Exit(1 if found else 0)


def problems_of(site: Path) -> Iterator[str]:
    """What is wrong with the overlays of a site, in every order that an exchange can meet: 0..* lines `file:line: …`."""
    from gateway.mapping.overlay import combinations, unknown

    participants = _participants(site)
    found = dict.fromkeys(line for order in combinations(site / "mappings") for line in _problems(order))
    yield from found
    yield from unknown(site / "mappings", participants)


def _participants(site: Path) -> set[str]:
    """The ids of the participants of a site. Raises for a folder that is none."""
    if not (site / "site.yaml").is_file():
        raise unusable(f"There is no site.yaml in {site}.")
    return {path.stem for path in (site / "participants").glob("*.yaml")}


def _problems(overlays: Sequence[Path]) -> Iterator[str]:
    from gateway.mapping.overlay import overlay_problems

    roots = [path.resolve() for path in overlays]
    return (line for compiler in _compilers(roots) for line in overlay_problems(compiler))


@app.command("test")
def run_tests(overlay: Overlays = None, site: Site = None, sender: Sender = "", receiver: Receiver = "") -> None:
    """Run the tests beside the rows. Exit code 1 when one comes out otherwise."""
    from gateway.mapping.check import cases, tried

    failed = 0
    for compiler in _compilers(_overlays(overlay, site, sender, receiver)):
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


@app.command("explain")
def run_explain(
    position: Annotated[str, typer.Argument(metavar="POSITION", help="PID-5, PID-5.1, PID, XPN.2, Patient.name …")],
    overlay: Overlays = None, site: Site = None, sender: Sender = "", receiver: Receiver = "",
    deep: Annotated[bool, typer.Option("--deep", help="Also the rows of the datatype maps that are used there.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Say which rules read a position: from, to, condition, table, source; of overlays, which file wins. Exit code 1: none does."""
    from gateway.mapping.explain import POSITION, explained
    from gateway.model.wire import write_json

    if not POSITION.fullmatch(position):
        raise unusable("This is no position such as PID-5, PID-5.1, XPN.2 or Patient.name.")
    with speaking():
        overlays = _overlays(overlay, site, sender, receiver)
        found = [one for library in _libraries(overlays) for one in explained(library, position, deep=deep)]
    if as_json:
        sys.stdout.buffer.write(write_json([one.as_json() for one in found], pretty=True) + b"\n")
    else:
        for one in found:
            typer.echo(f"{one.reading.rule}  ({one.reading.where})\n    {one.sentence}")
        if not found:
            typer.echo(f"No rule reads {position}.")
    raise typer.Exit(0 if found else 1)


@app.command("coverage")
def run_coverage(
    guide: Annotated[Path | None, typer.Option("--guide", help="The v2-to-FHIR guide: compare with its rows.", **_FOLDER)] = None,
    overlay: Overlays = None, site: Site = None, sender: Sender = "", receiver: Receiver = "",
    missing: Annotated[bool, typer.Option("--missing", help="List what has neither a rule nor a reason.")] = False,
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Say per segment and datatype of HL7 v2 how many positions have a rule, are left out with a reason, or have neither."""
    from gateway.mapping.coverage import coverage, summary
    from gateway.model.wire import write_json

    with speaking():
        library = next(one for one in _libraries(_overlays(overlay, site, sender, receiver)) if one.standard == "hl7v2")
        found = coverage(library, guide)
    counts = summary(found)
    if as_json:
        rows = [
            {"of": o.of, "position": o.position, "wanted": o.wanted, "state": o.state, "by": list(o.by)} for o in found
        ]
        sys.stdout.buffer.write(write_json({"summary": counts, "positions": rows}, pretty=True) + b"\n")
        return
    lines = [(of, *map(str, one.values())) for of, one in counts.items()]
    total = [sum(column) for column in zip(*(one.values() for one in counts.values()), strict=True)]
    lines.append(("all", *map(str, total)))
    _table(("rows of the guide" if guide else "of", "with a rule", "left out", "neither"), lines)
    if missing:
        _table(("position", "what", "of"), [(o.position, o.name, o.of) for o in found if o.state == "none"])


def _table(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns)
    for line in lines:
        table.add_row(*line)
    Console(width=max(100, Console().width)).print(table)


def _overlays(overlay: Sequence[Path] | None, site: Path | None, sender: str, receiver: str) -> tuple[Path, ...]:
    from gateway.mapping.overlay import layers

    if site is None and (sender or receiver):
        raise unusable("A sender and a receiver are participants of a site; name it with --site.")
    if site is not None:
        there = _participants(site)
        for name in (sender, receiver):
            if name and name not in there:
                raise unusable(f"There is no such participant in this site: {name}")
    of_site = layers(site / "mappings", sender, receiver) if site is not None else ()
    return (*of_site, *(path.resolve() for path in overlay or ()))


def _libraries(overlays: Sequence[Path]) -> list[Any]:
    return [compiler.library for compiler in _compilers(overlays)]


def _compilers(overlays: Sequence[Path]) -> list[Any]:
    """Compilers of every standard, of the files as they are: also of those that are not sound."""
    from gateway.mapping.compile import Compiler
    from gateway.mapping.load import Library
    from gateway.mapping.overlay import mapped_standards

    root = data_path("mappings")
    return [Compiler(Library(standard, (root, *overlays))) for standard in mapped_standards(root)]
