"""`gateway maps gaps` and `load`: what documents brought that met no rule, as a CSV to fill in; and the filled-in CSV into a site."""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.speaking import speaking, unusable
from gateway.data import data_path
from gateway.errors import GatewayError

_ENDINGS = (".hl7", ".json")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SAID = re.compile(r"[^\w .|/-]", re.ASCII)
_FOLDER: Any = {"exists": True, "file_okay": False}


def gaps_command(
    files: Annotated[list[Path], typer.Argument(help="Documents, or folders of them (*.hl7, *.json).", exists=True)],
    since: Annotated[str, typer.Option("--since", help="Only messages of this day or later (MSH-7), 2026-11-01.")] = "",
    site: Annotated[
        Path | None, typer.Option("--site", help="Its overlays, and the ids of its participants.", **_FOLDER)
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the CSV there.", dir_okay=False)] = None,
) -> None:
    """Per sender, codes and fields that met no rule, with counts, as a CSV to fill in and load. Exit code 1: a document could not be read."""
    if since and not _DAY.fullmatch(since):
        raise unusable("--since: this is no day such as 2026-11-01.")
    with speaking():
        work = _Work(site, since.replace("-", ""))
    unread = 0
    for path in _found(files):
        try:
            work.take(path.read_bytes())
        except GatewayError as error:
            typer.echo(f"{path}: {error.text}", err=True)
            unread += 1
    _write(work.counts, out)
    typer.echo(f"{work.taken} documents, {len(work.counts)} gaps, {unread} not read", err=True)
    raise typer.Exit(1 if unread else 0)


def load_command(
    filled: Annotated[
        Path, typer.Argument(metavar="CSV", help="What `maps gaps` wrote, filled in.", exists=True, dir_okay=False)
    ],
    site: Annotated[Path, typer.Option("--site", help="The site whose mappings/ it goes into.", **_FOLDER)],
) -> None:
    """Put the filled-in rows into the overlays of their senders (no sender: of the site). All or nothing; exit code 1: not sound."""
    from gateway.cli.maps import problems_of
    from gateway.mapping.filled import put, read_filled, written

    with speaking():
        rows = read_filled(filled)
        participants = [path.stem for path in (site / "participants").glob("*.yaml")]
        texts = written(site / "mappings", rows, participants)
    found = put(texts, lambda: problems_of(site))
    for line in found or (str(path) for path in texts):
        typer.echo(line)
    typer.echo(f"{0 if found else len(rows)} rows loaded", err=True)
    raise typer.Exit(1 if found else 0)


@dataclass
class _Work:
    """The documents so far. Each sender's go by the overlays that the gateway would use for it."""

    site: Path | None
    since: str
    counts: Counter[Any] = field(default_factory=Counter)
    taken: int = 0
    by_roots: dict[tuple[str, tuple[Path, ...]], Any] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    loaded: Any = None

    def __post_init__(self) -> None:
        from gateway.site import load_site

        if self.site is not None:
            self.loaded = load_site(self.site)
            self.people = {name: one.id for one in self.loaded.participants.values() for name in one.facilities}

    def take(self, body: bytes) -> None:
        """One document: raises what makes it unusable."""
        from gateway.mapping.gaps import gaps
        from gateway.mapping.run import run
        from gateway.standards import sniffed

        standard = sniffed(body)
        parsed = standard.parse(body)
        mappable = import_module(f"gateway.standards.{parsed.standard}.source").MAPPABLE
        if self.since and not self._is_since(parsed):
            return
        participant, sender = self._sender(parsed)
        compiler, where = self._compiler(parsed.standard, participant)
        name = mappable.map_name(parsed, compiler.library)
        source = mappable.source(parsed, compiler.rules(name).scopes)
        compiler.library.taken()
        mapped = run(compiler, name, source, self._context(participant, sender))
        self.counts.update(gaps(sender, mapped, compiler.library.taken(), where))
        self.taken += 1

    def _is_since(self, parsed: Any) -> bool:
        header = parsed.tree.first("MSH") if parsed.standard == "hl7v2" else None
        return header is not None and header.value(7)[:8] >= self.since

    def _sender(self, parsed: Any) -> tuple[str, str]:
        """The participant ("" when none has this facility) and the name in the CSV; without a site the names that the document has."""
        application, facility = parsed.sender
        participant = self.people.get(f"{application}/{facility}") or self.people.get(facility) or ""
        named = "|".join(part for part in (facility, application) if part)
        return participant, participant or _SAID.sub("?", named)[:80]

    def _context(self, participant: str, sender: str) -> Any:
        from gateway.mapping import MapContext

        if not participant:
            return MapContext(sender=sender)
        one = self.loaded.participants[participant]
        return MapContext(
            sender=one.id, zone=one.zone, identifier_systems=one.identifier_systems, code_systems=one.code_systems
        )

    def _compiler(self, standard: str, participant: str) -> tuple[Any, dict[str, str]]:
        from gateway.mapping.compile import Compiler
        from gateway.mapping.gaps import Watching
        from gateway.mapping.load import Library
        from gateway.mapping.overlay import layers

        overlays = layers(self.site / "mappings", participant) if self.site is not None else ()
        key = (standard, overlays)
        if key not in self.by_roots:
            library = Watching(Library(standard, (data_path("mappings"), *overlays)))
            self.by_roots[key] = Compiler(library), _asked(library)
        made: tuple[Any, dict[str, str]] = self.by_roots[key]
        return made


def _asked(library: Any) -> dict[str, str]:
    """Where each table is asked: the first few positions."""
    from gateway.mapping.readings import readings

    found: dict[str, dict[str, None]] = {}
    for one in readings(library):
        if one.table and "-" in one.position:
            found.setdefault(one.table, {})[one.position.partition(".")[0] if one.chain else one.position] = None
    return {table: " ".join(list(positions)[:4]) for table, positions in found.items()}


def _found(files: Sequence[Path]) -> Iterator[Path]:
    for path in files:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.suffix.lower() in _ENDINGS)
        else:
            yield path


def _write(counts: Counter[Any], out: Path | None) -> None:
    from gateway.mapping.gaps import COLUMNS, rows

    lines: Iterable[Sequence[str]] = (COLUMNS, *rows(counts))
    if out is None:
        csv.writer(sys.stdout, lineterminator="\n").writerows(lines)
        return
    with out.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(lines)
