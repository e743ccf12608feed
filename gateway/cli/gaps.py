"""`gateway maps gaps` and `load`: what documents brought that met no rule, as a CSV to fill in; and the filled-in CSV into a site."""

from __future__ import annotations

import csv
import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.documents import Document, documents, named
from gateway.cli.speaking import speaking, unusable
from gateway.data import data_path
from gateway.errors import GatewayError

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_SAID = re.compile(r"[^\w .|/-]", re.ASCII)
_FOLDER: Any = {"exists": True, "file_okay": False}


def gaps_command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Documents, batches, or folders of them; none: what a site's node has counted."),
    ] = None,
    since: Annotated[
        str,
        typer.Option("--since", help="Only messages of this day or later (MSH-7; of a node: its arrival), 2026-11-01."),
    ] = "",
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
        if not files:
            _write(work.counted(since), out)
            return
        unread = sum(not _taken(work, document) for document in documents(named(files)))
    _write(work.counts, out)
    typer.echo(f"{work.taken} documents, {len(work.counts)} gaps, {unread} not read", err=True)
    raise typer.Exit(1 if unread else 0)


def _taken(work: _Work, document: Document) -> bool:
    """Whether it could be read; what was found about a batch is for `gateway validate` to tell."""
    try:
        if document.report is None:
            work.take(document.body)
    except GatewayError as error:
        typer.echo(f"{document.name}: {error.text}", err=True)
        return False
    return True


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
        mapped = run(compiler, name, source, self._context(participant, sender))
        for gap, count in gaps(sender, mapped).items():
            self.counts[replace(gap, position=gap.position or where.get(gap.table, ""))] += count
        self.taken += 1

    def counted(self, since: str) -> Counter[Any]:
        """What the node of the site has counted since a day ("": ever), of everything that it took."""
        from gateway.audit.row import row_of
        from gateway.mapping.gaps import Gap
        from gateway.mapping.overlay import mapped_standards
        from gateway.settings import Settings
        from gateway.store import open_store

        if self.site is None:
            raise unusable("Documents are needed, or --site for what its node has counted.")
        store = open_store(Settings(site=self.site).database, place=row_of)
        try:
            rows = store.gaps(since)
        finally:
            store.close()
        made: Counter[Any] = Counter()
        for row in rows:
            asked = [self._compiler(standard, row.sender)[1] for standard in mapped_standards(data_path("mappings"))]
            position = row.position or next((where[row.table] for where in asked if row.table in where), "")
            made[Gap(row.sender, "code" if row.what == "code" else "field", position, row.table, row.code)] += row.count
        return made

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
        from gateway.mapping.load import Library
        from gateway.mapping.overlay import layers

        overlays = layers(self.site / "mappings", participant) if self.site is not None else ()
        key = (standard, overlays)
        if key not in self.by_roots:
            library = Library(standard, (data_path("mappings"), *overlays))
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


def _write(counts: Counter[Any], out: Path | None) -> None:
    from gateway.mapping.gaps import COLUMNS, rows

    lines: Iterable[Sequence[str]] = (COLUMNS, *rows(counts))
    if out is None:
        csv.writer(sys.stdout, lineterminator="\n").writerows(lines)
        return
    with out.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(lines)
