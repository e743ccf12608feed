"""A small log: one person's delivered, withheld and refused exchanges, as rows and as journal entries."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.audit.facts import facts_of
from gateway.audit.row import row_of
from gateway.model.document import PersonKey
from gateway.model.questions import Exchange, How, What, When, Where, Who, Whom, Why
from gateway.model.records import AuditFact, AuditRow, DecisionRecord, Sealed, Unit
from gateway.model.wire import read_json

PERSON = PersonKey("0b6c5f39-7a52-4b6d-8f0e-2a1d3c4b5e6f")
START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def exchange(n: int = 1, **changes: Any) -> Exchange:
    """A discharge that a hospital sends to a care team."""
    at = START + timedelta(hours=n)
    made = Exchange(
        id=str(uuid.UUID(int=n)),
        received_id=str(uuid.UUID(int=1000 + n)),
        agreement="discharge-to-community-care",
        status="delivered",
        site_revision="r1",
        who=Who("hanbit-hospital", "key-1", "nurse-7", "nurse"),
        whom=Whom(PERSON, "mapo-care-team"),
        when=When(at, at, at, at + timedelta(seconds=2), keep_until="2028-03-04"),
        where=Where("KR-11440", "10.0.0.7"),
        what=What(
            "ADT^A03",
            ({"reference": f"Condition/{uuid.UUID(int=n)}", "version": 1, "digest": "ab"}, {"reference": "Patient/p"}),
            2,
            ("PSY", "R"),
        ),
        why=Why("COC", "consent", "", "consent-permits"),
        how=How("hl7v2", "mllp", "transaction", obligations=("DELAU",)),
    )
    return replace(made, **changes)


def decision(
    of: Exchange, said: str = "permit-with-redaction", consents: tuple[str, ...] = ("Consent/c1",)
) -> DecisionRecord:
    return DecisionRecord(
        "d",
        of.id,
        "receipt",
        of.when.received,
        said,
        "consent-permits",
        (),
        (),
        (),
        consents,
        0,
        "r1",
        Sealed("k", b""),
    )


def fact(kind: Any, of: Exchange, outcome: str = "ok", **more: Any) -> AuditFact:
    given = more.pop("decision", None)
    facts = facts_of(of, given, **more)
    row_id = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{of.id}{kind}"))
    return AuditFact(row_id, of.id, kind, of.when.received, of.whom.person, outcome, "r1", facts)


def placed(facts: Iterable[AuditFact]) -> list[AuditRow]:
    """Facts in their places, as the writer of the store gives them: sequence and previous hash per person."""
    heads: dict[str, tuple[int, str]] = {}
    rows = []
    for one in facts:
        sequence, previous = heads.get(one.person or "", (0, ""))
        place = sequence + 1 if one.person else None
        rows.append(row_of(one, place, previous if one.person else ""))
        heads[one.person or ""] = (sequence + 1, rows[-1].leaf_hash)
    return rows


class Shelf:
    """A store's audit side in memory: what the command line and the search read."""

    def __init__(self, rows: Iterable[AuditRow], exchanges: Iterable[Exchange] = (), durable: bool = True) -> None:
        self.rows, self.durable = list(rows), durable
        self.journal = {one.id: one for one in exchanges}
        self.committed: list[AuditFact] = []

    def commit(self, unit: Unit) -> Future[None]:
        from gateway.errors import NotDurable

        done: Future[None] = Future()
        if not self.durable:
            done.set_exception(NotDurable())
            return done
        self.committed += [put for put in unit.puts if isinstance(put, AuditFact)]
        done.set_result(None)
        return done

    def exchange(self, exchange_id: str) -> Exchange | None:
        return self.journal.get(exchange_id)

    def audit_rows(self, where: Any, limit: int, after: str = "") -> list[AuditRow]:
        ids = [one.id for one in self.rows]
        begin = ids.index(after) + 1 if after else 0
        asked = {name: value for name, value in where.items() if not name.startswith("at_")}
        fits = [
            one for one in self.rows[begin:] if all(read_json(one.line)[name] == value for name, value in asked.items())
        ]
        return fits[:limit]

    def decisions(self, exchange_id: str) -> list[DecisionRecord]:
        return [decision(self.journal[exchange_id])] if exchange_id in self.journal else []

    def close(self) -> None:
        return None


@pytest.fixture
def log() -> list[AuditRow]:
    """Delivered, in doubt (an intent alone), refused."""
    sent, doubtful = exchange(1), exchange(2)
    refused = exchange(3, what=What("ADT^A03"), why=Why("HRESCH", "", "", "no-rule-permits"))
    return placed(
        [
            fact("intent", sent, decision=decision(sent)),
            fact("outcome", sent, "delivered"),
            fact("intent", doubtful, decision=decision(doubtful)),
            fact("refusal", refused, "refused", decision=decision(refused, "deny", ())),
        ]
    )
