"""`gateway maps roundtrip`: HL7 v2 messages to FHIR and back; which fields come back as they were, and why the others do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.speaking import speaking, unusable
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.standards.hl7v2.roundtrip import RoundTrip

Files = Annotated[list[Path], typer.Argument(help="Messages of HL7 v2, batches of them, or folders.", exists=True)]
Verbose = Annotated[bool, typer.Option("--verbose", help="Every field that differs, not only the reasons.")]


def roundtrip_command(files: Files, verbose: Verbose = False) -> None:
    """Convert there and back and compare. Exit code 1 when a field differs and nothing says why."""
    fields, differing, added, unexplained, read = 0, 0, 0, 0, 0
    reasons: Counter[str] = Counter()
    with speaking():
        for name, trip in _trips(files):
            read += 1
            fields, differing = fields + trip.fields, differing + len(trip.differences)
            added, unexplained = added + len(trip.added), unexplained + len(trip.unexplained)
            reasons.update(one.why for one in trip.differences if one.why)
            for one in trip.differences if verbose else trip.unexplained:
                typer.echo(f"{name}: {one.position}: {one.why or 'differs, and nothing says why'}")
    if not read:
        raise unusable("There is no message of HL7 v2 that could be written again.")
    for why, times in reasons.most_common():
        typer.echo(f"{times:7} {why}")
    typer.echo(
        f"{read} messages, {fields} fields: {fields - differing} as they were, {differing} otherwise, {added} added; {unexplained} without a reason"
    )
    raise typer.Exit(1 if unexplained else 0)


def _trips(files: list[Path]) -> Iterator[tuple[str, RoundTrip]]:
    """Each message of each file; what cannot be read is said and passed over."""
    from gateway.standards.hl7v2.batch import messages_in

    for path in _paths(files):
        with path.open("rb") as handle:
            for entry in messages_in(handle):
                if entry.number and entry.message is not None:
                    try:
                        yield f"{path.name}[{entry.number}]", _trip(entry.body)
                    except GatewayError as error:
                        typer.echo(f"{path.name}[{entry.number}]: {error.text}", err=True)


def _paths(files: list[Path]) -> Iterator[Path]:
    for path in files:
        yield from sorted(p for p in path.rglob("*") if p.suffix in (".hl7", ".er7")) if path.is_dir() else (path,)


def _trip(body: bytes) -> RoundTrip:
    from gateway.data import data_path
    from gateway.mapping import MapContext, compiler
    from gateway.pipeline import convert
    from gateway.standards.fhir.source import resources_of
    from gateway.standards.hl7v2.back import document_of
    from gateway.standards.hl7v2.message import read_message
    from gateway.standards.hl7v2.roundtrip import round_trip

    there = convert(body, "hl7v2")
    back = document_of(resources_of(there.content), MapContext(), at=str(there.content.get("timestamp", "")))
    maps = compiler("hl7v2", (data_path("mappings"),))
    return round_trip(read_message(body), there, back, read_message(back.content), maps)
