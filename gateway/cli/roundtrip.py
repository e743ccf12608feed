"""`gateway maps roundtrip`: HL7 v2 messages to FHIR and back; which fields come back as they were, and why the others do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.documents import documents, named
from gateway.cli.speaking import speaking, unusable
from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.standards.hl7v2.roundtrip import RoundTrip

Files = Annotated[
    list[Path], typer.Argument(help="Messages of HL7 v2, batches of them, folders, or - for standard input.")
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Every field that differs, not only the reasons.")]
_ENDINGS = (".hl7", ".er7")


def roundtrip_command(files: Files, verbose: Verbose = False) -> None:
    """Convert there and back and compare. Exit code 1 when a field differs and nothing says why, 2 when no message could be written again."""
    trips: list[RoundTrip] = []
    with speaking():
        for name, trip in _trips(named(files, _ENDINGS)):
            trips.append(trip)
            for one in (*trip.differences, *trip.added) if verbose else trip.unexplained:
                typer.echo(f"{name}: {one.position}: {one.why or 'differs, and nothing says why'}")
    if not trips:
        raise unusable("There is no message of HL7 v2 that could be written again.")
    unexplained = _summed_up(trips)
    raise typer.Exit(1 if unexplained else 0)


def _summed_up(trips: list[RoundTrip]) -> int:
    """Says the reasons by how often they are given, and the sums; how many fields have none."""
    reasons = Counter(one.why for trip in trips for one in trip.differences if one.why)
    for why, times in reasons.most_common():
        typer.echo(f"{times:7} {why}")
    fields, differing = sum(trip.fields for trip in trips), sum(len(trip.differences) for trip in trips)
    added, unexplained = sum(len(trip.added) for trip in trips), sum(len(trip.unexplained) for trip in trips)
    counted = f"{fields - differing} as they were, {differing} otherwise, {added} added; {unexplained} without a reason"
    typer.echo(f"{len(trips)} messages, {fields} fields: {counted}")
    return unexplained


def _trips(paths: list[Path]) -> Iterator[tuple[str, RoundTrip]]:
    """Each message of each file; what cannot be read or written again is said and passed over."""
    for document in documents(paths, "hl7v2"):
        if document.report is None:
            try:
                yield document.name, _trip(document.body)
            except GatewayError as error:
                typer.echo(f"{document.name}: {error.text}", err=True)


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
