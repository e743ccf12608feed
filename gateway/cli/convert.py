"""`gateway convert FILE…`: documents to FHIR R4 Bundles, with what was lost and where each element came from (exit codes 0, 1, 2).

Of a batch of HL7 v2 messages each becomes a result of its own; a file of any size is read message by message.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.speaking import speaking
from gateway.errors import GatewayError
from gateway.model.report import Conversion, Report
from gateway.model.wire import write_json

if TYPE_CHECKING:
    from gateway.pipeline.conversion import Terms

_START = 4_096  # bytes that tell the standard
SUFFIXES = {".hl7": "hl7v2", ".er7": "hl7v2", ".json": "fhir"}


def convert_command(
    files: Annotated[list[Path], typer.Argument(help="Documents, or folders of them.")],
    source: Annotated[str, typer.Option("--from", help="The standard they are in; recognised when left out.")] = "",
    target: Annotated[str, typer.Option("--to", help="The standard wanted.")] = "fhir",
    out: Annotated[Path | None, typer.Option("--out", help="A folder for the results, one file each.")] = None,
    losses: Annotated[bool, typer.Option("--losses", help="Say what reached no element.")] = False,
    origins: Annotated[bool, typer.Option("--origins", help="Say where each element came from.")] = False,
    provenance: Annotated[bool, typer.Option("--provenance", help="Add a Provenance of the conversion.")] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain", help="One JSON: the document's values, the Bundle, origins, rules, losses, findings."
        ),
    ] = False,
    site: Annotated[
        Path | None,
        typer.Option("--site", exists=True, file_okay=False, help="A site: its systems, its overlays, its ids."),
    ] = None,
    sender: Annotated[str, typer.Option("--sender", help="Who sent: a participant of the site.")] = "",
) -> None:
    """Convert documents and batches of them. Exit code 1 when one could not be read or has findings of severity error, 2 when there are none."""
    with speaking():
        terms = _terms(source, site, sender, provenance)
    paths = _found(files)
    if not paths:
        typer.echo("There are no documents to convert.", err=True)
        raise typer.Exit(2)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
    bad = 0
    for path in _progress(paths, shown=out is not None and len(paths) > 1):
        bad += not _one(path, terms, target, out, _Wanted(losses, origins, explain))
    raise typer.Exit(1 if bad else 0)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What to say besides the result, or (`explain`) instead of it."""

    losses: bool
    origins: bool
    explain: bool


def _terms(source: str, site: Path | None, sender: str, provenance: bool) -> Terms:
    """How to convert. With a site, ids are those of the node whose data directory this is, when it has its key already.

    Raises Misconfigured for a site that is not sound, or a sender that it does not have.
    """
    from gateway.pipeline.conversion import Terms

    if site is None:
        return Terms(source, None, sender, provenance=provenance)
    from gateway.settings import Settings
    from gateway.site import load_site
    from gateway.store.keyring import read_site_key

    terms, path = Terms(source, load_site(site.resolve()), sender, provenance=provenance), Settings().site_key
    return replace(terms, id_key=read_site_key(path).inner["id"]) if path.exists() else terms


def _one(path: Path, terms: Terms, target: str, out: Path | None, wanted: _Wanted) -> bool:
    """Whether a file was converted, every message of it when it is a batch; nothing of one message stops the next."""
    standard = terms.source or SUFFIXES.get(path.suffix.lower(), "") or _told(path)
    fine = True
    for name, document in _documents(path, standard):
        if isinstance(document, Report):
            _found_in_batch(name, document)
            fine = fine and document.ok
        else:
            fine = _converted(name, document, (replace(terms, source=standard), target), out, wanted) and fine
    return fine


def _told(path: Path) -> str:
    """The standard by the content, "" for what nobody knows."""
    from gateway.standards.judge import told

    with path.open("rb") as stream:
        return told(stream.read(_START))


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


def _converted(path: Path, body: bytes, way: tuple[Terms, str], out: Path | None, wanted: _Wanted) -> bool:
    terms, target = way
    try:
        made, told = _made(body, terms, target, wanted.explain)
    except GatewayError as error:
        typer.echo(f"{path}: {' '.join((error.text, *error.positions))}", err=True)
        return False
    content = told if isinstance(told, bytes) else write_json(told, pretty=True)
    if out is None:
        sys.stdout.buffer.write(content + b"\n")
    else:
        (out / f"{path.stem}.{'json' if content.startswith(b'{') else 'out'}").write_bytes(content)
    _said(path, made, wanted)
    return all(issue["severity"] not in ("error", "fatal") for issue in made.report["issue"])


def _made(body: bytes, terms: Terms, target: str, explain: bool) -> tuple[Conversion, Any]:
    """The conversion and what is written of it: its content, or all that explains it."""
    from gateway.pipeline import convert
    from gateway.pipeline.conversion import converted

    if target != "fhir":
        made = convert(body, terms.source or None, target, terms.site)
        return made, made.content
    work = converted(body, terms)
    return work.conversion, work.explained() if explain else work.conversion.content


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
