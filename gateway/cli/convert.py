"""`gateway convert FILE…`: documents to FHIR R4 Bundles, with what was lost and where each element came from (exit codes 0, 1, 2).

Of a batch of HL7 v2 messages each becomes a result of its own; a file of any size is read message by message.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.errors import GatewayError
from gateway.model.report import Conversion, Report
from gateway.model.wire import write_json

SUFFIXES = {".hl7": "hl7v2", ".er7": "hl7v2", ".json": "fhir"}


def convert_command(
    files: Annotated[list[Path], typer.Argument(help="Documents, or folders of them.")],
    source: Annotated[str, typer.Option("--from", help="The standard they are in; recognised when left out.")] = "",
    target: Annotated[str, typer.Option("--to", help="The standard wanted.")] = "fhir",
    out: Annotated[Path | None, typer.Option("--out", help="A folder for the results, one file each.")] = None,
    losses: Annotated[bool, typer.Option("--losses", help="Say what reached no element.")] = False,
    origins: Annotated[bool, typer.Option("--origins", help="Say where each element came from.")] = False,
) -> None:
    """Convert documents and batches of them. Exit code 1 when one could not be read or has findings of severity error, 2 when there are none."""
    paths = _found(files)
    if not paths:
        typer.echo("There are no documents to convert.", err=True)
        raise typer.Exit(2)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    bad = 0
    for path in _progress(paths, shown=out is not None and len(paths) > 1):
        bad += not _one(path, source, target, out, _Wanted(losses, origins))
    raise typer.Exit(1 if bad else 0)


class _Wanted:
    """What to say besides the result."""

    def __init__(self, losses: bool, origins: bool) -> None:
        self.losses = losses
        self.origins = origins


def _one(path: Path, source: str, target: str, out: Path | None, wanted: _Wanted) -> bool:
    """Whether a file was converted, every message of it when it is a batch; nothing of one message stops the next."""
    standard = source or SUFFIXES.get(path.suffix.lower(), "")
    fine = True
    for name, document in _documents(path, standard):
        if isinstance(document, Report):
            _found_in_batch(name, document)
            fine = fine and document.ok
        else:
            fine = _converted(name, document, (standard, target), out, wanted) and fine
    return fine


def _documents(path: Path, standard: str) -> Iterator[tuple[Path, bytes | Report]]:
    """What is to be converted and what it is called; a Report is on the batch that the messages of a file are in.

    A file is called as it is when there is one message in it, else each by its number as well (`night-12.hl7`).
    """
    if standard != "hl7v2":
        yield path, path.read_bytes()
        return
    from gateway.standards.hl7v2.batch import messages_in

    with path.open("rb") as stream:
        entries = messages_in(stream)
        early = list(islice(entries, 2))
        alone = len(early) < 2 and all(entry.number for entry in early)
        for entry in chain(early, entries):
            name = path if alone else path.with_stem(f"{path.stem}-{entry.number}")
            yield (name, entry.body) if entry.number else (path, entry.report)


def _found_in_batch(path: Path, report: Report) -> None:
    for finding in report.findings:
        typer.echo(f"{path}: {finding.expression} {finding.text}", err=True)


def _converted(path: Path, body: bytes, way: tuple[str, str], out: Path | None, wanted: _Wanted) -> bool:
    from gateway.pipeline import convert

    source, target = way
    try:
        made: Conversion = convert(body, source=source or None, target=target)
    except GatewayError as error:
        typer.echo(f"{path}: {' '.join((error.text, *error.positions))}", err=True)
        return False
    content = made.content if isinstance(made.content, bytes) else write_json(made.content, pretty=True)
    if out is None:
        sys.stdout.buffer.write(content + b"\n")
    else:
        (out / f"{path.stem}.{'json' if content.startswith(b'{') else 'out'}").write_bytes(content)
    _said(path, made, wanted)
    return all(issue["severity"] not in ("error", "fatal") for issue in made.report["issue"])


def _said(path: Path, made: Conversion, wanted: _Wanted) -> None:
    if wanted.losses:
        rows = [(loss.source, loss.reason) for loss in made.losses]
        _table(f"{path.name}: {len(rows)} values reached no element", ("source", "because"), rows)
    if wanted.origins:
        made_of = [(element, origin.source, origin.rule) for element, origin in made.origins.items()]
        _table(f"{path.name}: {len(made_of)} elements", ("element", "source", "rule"), made_of)


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*row)
    Console(stderr=True).print(table)


def _found(files: Sequence[Path]) -> list[Path]:
    """The files named, and those of a known ending below the folders named."""
    found: list[Path] = []
    for path in files:
        if path.is_dir():
            found.extend(sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES))
        elif path.is_file():
            found.append(path)
        else:
            typer.echo(f"{path}: there is no such file", err=True)
            raise typer.Exit(2)
    return found


def _progress(paths: Sequence[Path], *, shown: bool) -> Iterable[Path]:
    if not shown:
        return paths
    from rich.console import Console
    from rich.progress import track

    return track(paths, description="converting", console=Console(stderr=True))
