"""`gateway convert FILE…`: documents to FHIR R4 Bundles, with what was lost and where each element came from (exit codes 0, 1, 2).

Of a batch of HL7 v2 messages each becomes a result of its own; a file of any size is read message by message.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.documents import LINES, Document, documents, named
from gateway.cli.speaking import speaking, unusable
from gateway.errors import GatewayError
from gateway.model.report import Conversion
from gateway.model.wire import write_json
from gateway.standards.judge import told

if TYPE_CHECKING:
    from gateway.pipeline.conversion import Terms

ENDINGS = (".hl7", ".er7", ".json", *LINES)


def convert_command(
    files: Annotated[list[Path], typer.Argument(help="Documents, folders of them, or - for standard input.")],
    source: Annotated[str, typer.Option("--from", help="The standard they are in; recognised when left out.")] = "",
    target: Annotated[str, typer.Option("--to", help="fhir, hl7v2, or hl7v2:ORU^R01 for that event.")] = "fhir",
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
    receiver: Annotated[str, typer.Option("--receiver", help="Who a message is for: a participant of the site.")] = "",
) -> None:
    """Convert documents and batches of them. Exit code 1 when one could not be read or has findings of severity error, 2 when there are none."""
    target = _target(target, explain=explain, provenance=provenance)
    with speaking():
        terms = replace(_terms(source, site, sender, provenance), receiver=receiver)
    paths = named(files, ENDINGS)
    if out is not None:
        _apart(paths)
        out.mkdir(parents=True, exist_ok=True)
    fine, wanted = True, _Wanted(losses, origins, explain)
    for document in documents(_progress(paths, shown=out is not None and len(paths) > 1), source):
        path = paths[document.number - 1]
        fine = _one(_called(path, document), document, (terms, target), out, wanted) and fine
    raise typer.Exit(0 if fine else 1)


def _target(target: str, *, explain: bool, provenance: bool) -> str:
    """What is written: `fhir` (`fhir-r4` is the name that agreements use), `hl7v2`, or `hl7v2:ORU^R01`. Exit code 2 for another."""
    name, _, trigger = target.partition(":")
    if name not in ("fhir", "fhir-r4", "hl7v2") or (name != "hl7v2" and trigger) or target.endswith(":"):
        raise unusable(f"There is no {target} to convert to: fhir, hl7v2, or hl7v2:TYPE^EVENT such as hl7v2:ADT^A08.")
    if name == "hl7v2" and (explain or provenance):
        raise unusable("--explain and --provenance are for conversions to fhir.")
    return target if name == "hl7v2" else "fhir"


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


def _apart(paths: Sequence[Path]) -> None:
    """Results are called by their documents, so no two of these may have one name. Exit code 2 when two have."""
    known: dict[str, Path] = {}
    for path in paths:
        if (before := known.setdefault(path.stem, path)) is not path:
            raise unusable(f"{before} and {path} would be written to one file.")


def _called(path: Path, document: Document) -> Path:
    """What a document is called: as its file when it is the only one in it, else by its number as well (`night-12.hl7`)."""
    return path.with_stem(f"{path.stem}-{document.part}") if document.part else path


def _one(path: Path, document: Document, way: tuple[Terms, str], out: Path | None, wanted: _Wanted) -> bool:
    """Whether a document was converted, or there was nothing wrong with a batch; nothing of one document stops the next."""
    if document.report is None:
        terms, target = way
        terms = replace(terms, source=terms.source or told(document.body))
        return _converted(path, document.body, (terms, target), out, wanted)
    for finding in document.report.findings:
        typer.echo(f"{path}: {finding.expression} {finding.text}", err=True)
    return document.report.ok


def _converted(path: Path, body: bytes, way: tuple[Terms, str], out: Path | None, wanted: _Wanted) -> bool:
    terms, target = way
    try:
        made, shown = _made(body, terms, target, wanted.explain)
    except GatewayError as error:
        typer.echo(f"{path}: {' '.join((error.text, *error.positions))}", err=True)
        return False
    content = shown if isinstance(shown, bytes) else write_json(shown, pretty=True)
    if out is None:
        sys.stdout.buffer.write(content + b"\n")
    else:
        (out / f"{path.stem}.{'hl7' if isinstance(made.content, bytes) else 'json'}").write_bytes(content)
    _said(path, made, wanted)
    if isinstance(made.content, bytes) and not wanted.losses and (lost := sum(loss.counts for loss in made.losses)):
        typer.echo(f"{path}: {lost} values are not in the message (--losses lists them).", err=True)
    return all(issue["severity"] not in ("error", "fatal") for issue in made.report["issue"])


def _made(body: bytes, terms: Terms, target: str, explain: bool) -> tuple[Conversion, Any]:
    """The conversion and what is written of it: its content, or all that explains it."""
    from gateway.pipeline.conversion import converted, returned

    if target != "fhir":
        made = returned(body, terms, target)
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


def _progress(paths: Sequence[Path], *, shown: bool) -> Iterable[Path]:
    if not shown:
        return paths
    from rich.console import Console
    from rich.progress import track

    return track(paths, description="converting", console=Console(stderr=True))
