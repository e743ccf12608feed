"""`gateway audit`: verify, search and export the audit log (exit codes: 0 fine, 1 findings, 2 unusable arguments).

Every search and every export leaves an audit row, durable before the first line of output.
"""

from __future__ import annotations

import getpass
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console

from gateway.audit.export import MAX_LINE, csv_lines, row_line, rows_of
from gateway.audit.facts import Entry
from gateway.audit.row import row_of
from gateway.audit.search import asked_as, audit_query, found, stream
from gateway.audit.verify import Verification, verify
from gateway.audit.views import Reader, events
from gateway.cli.speaking import speaking
from gateway.errors import Misconfigured
from gateway.model.document import PersonKey
from gateway.model.ports import Store
from gateway.model.records import AuditFact, Unit
from gateway.model.wire import write_json

app = typer.Typer(no_args_is_help=True, help="The audit log: verify, search, export.")

Database = Annotated[
    str | None,
    typer.Option("--database-url", envvar="GATEWAY_DATABASE_URL", help="Default: gateway.db in $GATEWAY_DATA_DIR."),
]
DataDir = Annotated[Path, typer.Option("--data-dir", envvar="GATEWAY_DATA_DIR", help="What the node writes.")]
Asked = Annotated[
    list[str] | None,
    typer.Argument(
        help="The seven questions: who.participant=… whom.person=… when.from=2026-10-01 why.purpose=… kind=…"
    ),
]
Format = Literal["csv", "ndjson", "auditevent"]


@app.command("verify")
def verify_command(
    database_url: Database = None,
    file: Annotated[Path | None, typer.Option("--file", exists=True, dir_okay=False, help="NDJSON export.")] = None,
    person: Annotated[str | None, typer.Option("--person", help="Only the chain of this person (key).")] = None,
    excerpt: Annotated[
        bool, typer.Option("--excerpt", help="The file is a part of the log: chains may begin later.")
    ] = False,
    data_dir: DataDir = Path("var"),
) -> None:
    """Check leaf hashes, chains, duplicates, and that an intent precedes each release. Exit code 1 when something is wrong."""
    if file is not None:
        with speaking(), file.open("rb") as lines:
            rows = (row for row in rows_of(_lines(lines.readline)) if person in (None, row.person))
            verified = verify(rows, whole=not excerpt)
    else:
        with speaking(), _opened(database_url, data_dir) as store:
            verified = verify(stream(store, {"person": person} if person else {}), whole=not excerpt)
    _print(verified)
    raise typer.Exit(0 if verified.ok else 1)


@app.command()
def search(
    asked: Asked = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 100,
    database_url: Database = None,
    data_dir: DataDir = Path("var"),
) -> None:
    """Audit rows that answer the seven questions, one JSON line each. The search itself is audited first."""
    with speaking(), _opened(database_url, data_dir) as store:
        for entry in islice(_found(store, asked or [], "audit-search"), limit):
            _write(entry.row.line)


@app.command()
def export(
    asked: Asked = None,
    form: Annotated[Format, typer.Option("--format", help="ndjson can be verified offline.")] = "ndjson",
    site: Annotated[str, typer.Option("--site-id", help="The operator's participant id, for AuditEvents.")] = "gateway",
    database_url: Database = None,
    data_dir: DataDir = Path("var"),
) -> None:
    """Audit rows as CSV (safe for spreadsheets), NDJSON, or R4 AuditEvents. The export itself is audited first."""
    with speaking(), _opened(database_url, data_dir) as store:
        for line in _exported(store, _found(store, asked or [], "audit-export", form), form, site):
            _write(line)


def _found(store: Store, asked: Iterable[str], interaction: str, form: str = "") -> Iterator[Entry]:
    """The answer, after the fact of asking is durable. Unusable questions raise Unanswerable before anything is written."""
    pairs = [(name, value) for name, _, value in (one.partition("=") for one in asked)]
    query = audit_query(pairs)
    person = query.where.get("person")
    fact = _asking(asked_as(pairs), interaction, form, PersonKey(person) if person else None)
    store.commit(Unit((fact,))).result()
    return (entry for entry in found(store, query) if entry.row.id != fact.id)


def _asking(what: Mapping[str, Any], interaction: str, form: str, person: PersonKey | None) -> AuditFact:
    facts: dict[str, Any] = {
        "who": {"user": getpass.getuser(), "role": "local"},
        "what": {name: value for name, value in what.items() if value},
        "how": {"transport": "cli", "interaction": interaction} | ({"standard": form} if form else {}),
    }
    at = datetime.now(UTC)
    return AuditFact(
        str(uuid.uuid4()), "", "admin", at, person, "ok", "", {q: said for q, said in facts.items() if said}
    )


def _exported(store: Store, entries: Iterable[Entry], form: Format, site: str) -> Iterator[bytes]:
    if form == "csv":
        for text in csv_lines(entries):
            yield text.rstrip("\r\n").encode()
        return
    reader = Reader(site, labels=True)
    for entry in entries:
        if form == "ndjson":
            yield row_line(entry.row)
            continue
        decisions = store.decisions(entry.exchange) if entry.exchange else ()
        yield from map(write_json, events(entry.row, entry.journal, reader, decisions))


def _lines(readline: Callable[[int], bytes]) -> Iterator[bytes]:
    """Lines of a file, none longer than can be read: the reader refuses what was cut."""
    while line := readline(MAX_LINE + 2):
        yield line


def _print(verified: Verification) -> None:
    console = Console(stderr=True)
    for finding in verified.findings:
        _write(write_json(finding.as_issue()))
    for exchange in verified.open_intents:
        _write(write_json({"intentWithoutOutcome": exchange}))
    wrong = len(verified.findings) + verified.more
    console.print(
        f"{verified.rows} rows, {verified.chains} chains, {verified.open_count} intents without outcome, {wrong} findings. "
        "Rows removed from the end of a chain show only against a checkpoint kept elsewhere.",
        markup=False, highlight=False,
    )  # fmt: skip


def _write(line: bytes) -> None:
    sys.stdout.buffer.write(line + b"\n")


@contextmanager
def _opened(url: str | None, data_dir: Path) -> Iterator[Store]:
    """The store of this node, closed afterwards."""
    from gateway.store import open_store

    file = (data_dir / "gateway.db").absolute()
    if url is None and not file.exists():
        raise Misconfigured(f"There is no log at {file}; name the node's --data-dir or --database-url.")
    store: Store = open_store(url or f"sqlite:///{file}", place=row_of)
    try:
        yield store
    finally:
        store.close()
