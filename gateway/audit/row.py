"""An audit fact in its place: one canonical line and its leaf hash (RFC 9162, section 2.1.1; RFC 8785 in spirit: sorted keys)."""

from __future__ import annotations

import hashlib
from datetime import UTC

from gateway.model.records import AuditFact, AuditRow
from gateway.model.wire import write_json


def row_of(fact: AuditFact, sequence: int | None, previous_hash: str) -> AuditRow:
    """The row of a fact. `sequence` is the person's own (None: about nobody), `previous_hash` the leaf hash before it ("" = first)."""
    line = write_json(
        {
            "id": fact.id, "exchange": fact.exchange, "kind": fact.kind, "outcome": fact.outcome,
            "at": fact.at.astimezone(UTC).isoformat(timespec="microseconds"), "person": fact.person, "sequence": sequence,
            "previous_hash": previous_hash, "site_revision": fact.site_revision, "facts": fact.facts,
        },
        canonical=True,
    )  # fmt: skip
    return AuditRow(fact.id, fact.person, sequence, previous_hash, line, leaf_hash(line))


def leaf_hash(line: bytes) -> str:
    """SHA-256 of 0x00 and the line, in hex."""
    return hashlib.sha256(b"\x00" + line).hexdigest()
