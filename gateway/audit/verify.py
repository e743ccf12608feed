"""Standalone verification of audit rows: leaf hashes, each person's chain, duplicates, and an intent before each release (RFC 9162, 2.1.1).

Works on rows from a store or from an exported file, in one pass and bounded memory. What it cannot see: rows removed from the end of
a chain, and a history rewritten by somebody who owns the table. Only checkpoints kept elsewhere show that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from itertools import islice

from gateway.audit.facts import Entry, entry_of
from gateway.audit.ledger import Ledger
from gateway.audit.row import leaf_hash
from gateway.errors import GatewayError
from gateway.model.records import AuditRow
from gateway.model.report import Finding
from gateway.model.wire import read_json, write_json

MAX_FINDINGS = 1000
TRIALS = ("shadowed", "dry", "dry-run")  # decided and recorded, and nothing is to leave: no outcome follows


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification found: how many rows and persons' chains it read, 0..1000 findings (`more` beyond), and the exchanges
    whose intent has no outcome (counted as disclosed; not an error)."""

    rows: int
    chains: int
    findings: tuple[Finding, ...]
    more: int
    open_intents: tuple[str, ...]
    open_count: int

    @property
    def ok(self) -> bool:
        return not self.findings


def verify(rows: Iterable[AuditRow], *, whole: bool = True) -> Verification:
    """Rows in any order that keeps each person's own, to a verification. `whole` False takes an excerpt: a chain may begin later
    than at 1 and an intent may lie before the excerpt."""
    findings: list[Finding] = []
    more = count = chains = 0
    with Ledger() as ledger:
        for count, row in enumerate(rows, start=1):
            chains += row.person is not None and ledger.head(row.person) is None
            for finding in _row(row, count, ledger, whole):
                more += not _keep(findings, finding)
        ledger.index()
        for place in ledger.unannounced() if whole else ():
            more += not _keep(
                findings, _error(place, "outcome", "audit-intent", "Data were released without an intent before.")
            )
        intents, open_count = _first(ledger.open_intents())
    return Verification(count, chains, tuple(findings), more, intents, open_count)


def _keep(findings: list[Finding], finding: Finding) -> bool:
    if room := len(findings) < MAX_FINDINGS:
        findings.append(finding)
    return room


def _first(exchanges: Iterator[str]) -> tuple[tuple[str, ...], int]:
    kept = tuple(islice(exchanges, MAX_FINDINGS))
    return kept, len(kept) + sum(1 for _ in exchanges)


def _row(row: AuditRow, place: int, ledger: Ledger, whole: bool) -> Iterator[Finding]:
    if not ledger.is_new(row.id):
        yield _error(place, "id", "audit-duplicate", "The same row is there twice.")
    if leaf_hash(row.line) != row.leaf_hash:
        yield _error(place, "leaf_hash", "audit-leaf", "The leaf hash is not that of the line.")
    try:
        entry = entry_of(row)
    except GatewayError:
        yield _error(place, "line", "audit-line", "The line cannot be read as an audit row.")
        return
    yield from _columns(row, place)
    if row.person is not None:
        yield from _chain(row, place, ledger, whole)
    _remember(entry, place, ledger)


def _columns(row: AuditRow, place: int) -> Iterator[Finding]:
    """The columns repeat what the hashed line says; a column that says otherwise was changed. And a line is canonical or it is not ours."""
    line = read_json(row.line)
    if write_json(line, canonical=True) != row.line:
        yield _error(place, "line", "audit-canonical", "The line is not in canonical form.")
    said = {"id": row.id, "person": row.person, "sequence": row.sequence, "previous_hash": row.previous_hash}
    for name, value in said.items():
        if name not in line or (line[name] or None) != (value or None):
            yield _error(place, name, "audit-column", "A column does not say what the line says.")


def _chain(row: AuditRow, place: int, ledger: Ledger, whole: bool) -> Iterator[Finding]:
    """Sequence from 1 without a gap, and each row names the leaf hash of the one before it."""
    person = str(row.person)
    head = ledger.head(person)
    sequence = row.sequence or 0
    if head is None and (whole or sequence == 1):
        head = (0, "")
    if head is not None:
        if sequence <= head[0]:
            yield _error(
                place, "sequence", "audit-sequence", "A place in a person's chain is taken twice, or out of order."
            )
            return
        if sequence != head[0] + 1:
            yield _error(place, "sequence", "audit-gap", "Rows are missing from a person's chain.")
        elif not _follows(row.previous_hash, head[1]):
            yield _error(place, "previous_hash", "audit-chain", "The row does not follow the one before it.")
    ledger.grow(person, sequence, row.leaf_hash)


def _follows(previous: str, head: str) -> bool:
    """The first row of a chain follows nothing: an empty hash, or one of zeros."""
    return previous == head or (not head and not previous.strip("0"))


def _remember(entry: Entry, place: int, ledger: Ledger) -> None:
    leaves = entry.outcome not in TRIALS and entry.status not in TRIALS
    if entry.exchange and leaves and entry.kind in ("intent", "outcome"):
        released = bool((entry.facts.get("what") or {}).get("released"))
        at = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
        ledger.note(entry.exchange, entry.kind, place, (entry.person or "", entry.row.sequence), at, released)


def _error(place: int, column: str, rule: str, text: str) -> Finding:
    return Finding("error", "invariant", f"row[{place}].{column}", text, rule)
