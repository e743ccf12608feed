"""Audit rows out of the gateway and in again: CSV with formula-safe cells, NDJSON that can be verified offline (RFC 4180; OWASP, CSV Injection)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from gateway.audit import agents
from gateway.audit.facts import Entry
from gateway.errors import Malformed
from gateway.model.document import PersonKey
from gateway.model.records import AuditRow
from gateway.model.wire import read_json, write_json

MAX_LINE = 5_000_000
# What a spreadsheet may take for a formula, full-width forms and leading blanks included (OWASP, CSV injection).
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")

COLUMNS = (
    "id", "sequence", "kind", "at", "exchange", "outcome", "who.participant", "who.client", "who.user", "who.role",
    "whom.person", "whom.recipient", "where.jurisdiction", "where.network", "what.trigger", "what.released", "what.withheld",
    "what.withheld_labels", "why.purpose", "why.basis", "why.legal", "why.reason", "why.consents", "how.standard",
    "how.interaction", "how.obligations", "site_revision", "leaf_hash",
)  # fmt: skip


def csv_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Entries to CSV, one text per record, the heading first. An auditor's projection: labels are in it."""
    yield _record(COLUMNS)
    for entry in entries:
        yield _record([_cell(entry, column) for column in COLUMNS])


def safe(cell: str) -> str:
    """A cell no spreadsheet will run: an apostrophe before anything that could begin a formula."""
    begins = cell.lstrip(" \u00a0\u3000\ufeff")
    return f"'{cell}" if begins.startswith(FORMULA) or cell.startswith(FORMULA) else cell


def _record(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([safe(cell) for cell in cells])
    return text.getvalue()


def _cell(entry: Entry, column: str) -> str:
    own = {
        "id": entry.row.id,
        "sequence": entry.row.sequence or "",
        "kind": entry.kind,
        "at": entry.at.isoformat(),
        "exchange": entry.exchange,
        "outcome": entry.outcome,
        "whom.person": entry.person or "",
        "whom.recipient": agents.recipient(entry),
        "what.released": " ".join(str(one["reference"]) for one in entry.many("what", "released")),
        "site_revision": entry.revision,
        "leaf_hash": entry.row.leaf_hash,
    }
    if column in own:
        return str(own[column])
    return " ".join(str(one) for one in entry.many(*column.split(".", 1)))


def row_line(row: AuditRow) -> bytes:
    """A row as one NDJSON line (no line end). The canonical line travels as text, so that its bytes come back as they were."""
    return write_json(
        {
            "id": row.id,
            "person": row.person,
            "sequence": row.sequence,
            "previous_hash": row.previous_hash,
            "line": row.line.decode(),
            "leaf_hash": row.leaf_hash,
            "position": row.position,
        }
    )


def rows_of(lines: Iterable[bytes]) -> Iterator[AuditRow]:
    """NDJSON lines back to rows; blank lines are skipped. Raises Malformed, with the number of the line, for one that is no row."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _row(read_json(line, max_bytes=MAX_LINE), number)


def _row(said: Any, number: int) -> AuditRow:
    forms = {
        "id": str,
        "previous_hash": str,
        "line": str,
        "leaf_hash": str,
        "person": str | None,
        "sequence": int | None,
    }
    if not isinstance(said, dict) or not all(isinstance(said.get(name), form) for name, form in forms.items()):
        raise Malformed("A line of the file is not an exported audit row.", f"line {number}")
    return AuditRow(
        id=said["id"],
        person=PersonKey(said["person"]) if said["person"] else None,
        sequence=said["sequence"],
        previous_hash=said["previous_hash"],
        line=said["line"].encode(),
        leaf_hash=said["leaf_hash"],
        position=said.get("position"),
    )
