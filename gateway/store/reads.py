"""What is asked of the store: on reading connections of their own, never waiting for the writer (model/ports.py, Store)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Engine, Select, and_, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from gateway.errors import NotDurable, Unanswerable
from gateway.model.document import PersonKey
from gateway.model.questions import Exchange
from gateway.model.records import (
    AuditRow,
    DataKey,
    DecisionRecord,
    IdentityLink,
    OutboxEntry,
    ReceivedRecord,
    Record,
    ResourceRecord,
)
from gateway.store import rows
from gateway.store.tables import (
    audit_rows,
    consent_epochs,
    data_keys,
    decisions,
    exchanges,
    identity_links,
    merges,
    outbox,
    received,
    records,
    resources,
)

_WAITING = ("pending", "parked")
_RANGES = {"_from": "__ge__", "_to": "__lt__"}
_CONSENT = "Consent"


class Reads:
    """The reading half of the store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise NotDurable from error

    def _first(self, query: Select[Any]) -> Mapping[str, Any] | None:
        with self._reading() as connection:
            return connection.execute(query).mappings().first()

    def _all(self, query: Select[Any]) -> Sequence[Mapping[str, Any]]:
        with self._reading() as connection:
            return connection.execute(query).mappings().all()

    def received(self, received_id: str) -> ReceivedRecord | None:
        row = self._first(select(received).where(received.c.id == received_id))
        return rows.received_from(row) if row else None

    def seen(self, participant: str, digest: str) -> ReceivedRecord | None:
        row = self._first(select(received).where(received.c.participant == participant, received.c.digest == digest))
        return rows.received_from(row) if row else None

    def exchange(self, exchange_id: str) -> Exchange | None:
        row = self._first(select(exchanges).where(exchanges.c.id == exchange_id))
        return rows.exchange_from(row) if row else None

    def exchanges(self, where: Mapping[str, str], limit: int, before: str = "") -> Sequence[Exchange]:
        e = exchanges.c
        query = select(exchanges).where(*_conditions(exchanges.columns, where))
        if before:
            start = select(e.when_received).where(e.id == before).scalar_subquery()
            query = query.where(or_(e.when_received < start, and_(e.when_received == start, e.id < before)))
        newest = query.order_by(e.when_received.desc(), e.id.desc()).limit(limit)
        return [rows.exchange_from(row) for row in self._all(newest)]

    def decisions(self, exchange_id: str) -> Sequence[DecisionRecord]:
        query = select(decisions).where(decisions.c.exchange == exchange_id).order_by(decisions.c.at)
        return [rows.decision_from(row) for row in self._all(query)]

    def daily_counts(self, day: str) -> Sequence[Mapping[str, Any]]:
        e = exchanges.c
        query = (
            select(e.agreement, e.status, func.count().label("n"))
            .where(e.when_received >= f"{day}T", e.when_received < f"{day}U", e.received_id != "")
            .group_by(e.agreement, e.status)
        )
        made: dict[str, dict[str, Any]] = {}
        for row in self._all(query):
            one = made.setdefault(row["agreement"], {"agreement": row["agreement"], "received": 0})
            one[row["status"]] = row["n"]
            one["received"] += row["n"]
        return [made[name] for name in sorted(made)]

    def overdue(self, before: datetime, limit: int) -> Sequence[Exchange]:
        e = exchanges.c
        query = select(exchanges).where(e.status.in_(_WAITING), e.when_due < rows.moment(before))
        return [rows.exchange_from(row) for row in self._all(query.order_by(e.when_due).limit(limit))]

    def persons(self, tokens: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], PersonKey]:
        if not tokens:
            return {}
        i = identity_links.c
        wanted = or_(*(and_(i.system == system, i.token == token) for system, token in tokens))
        person = func.coalesce(merges.c.stays, i.person).label("person")
        joined = identity_links.outerjoin(merges, merges.c.gone == i.person)
        found = self._all(select(i.system, i.token, person).select_from(joined).where(wanted))
        return {(row["system"], row["token"]): PersonKey(row["person"]) for row in found}

    def survivor(self, person: PersonKey) -> PersonKey:
        row = self._first(select(merges.c.stays).where(merges.c.gone == person))
        return PersonKey(row["stays"]) if row else person

    def links(self, person: PersonKey) -> Sequence[IdentityLink]:
        query = select(identity_links).where(_of(identity_links.c.person, person))
        return [rows.link_from(row) for row in self._all(query)]

    def consents(self, person: PersonKey) -> tuple[int, Sequence[ResourceRecord]]:
        epoch = select(consent_epochs.c.epoch).where(consent_epochs.c.person == person)
        with self._reading() as connection:
            number = connection.execute(epoch).scalar() or 0
            found = connection.execute(_current(person, _CONSENT)).mappings().all()
        return number, [rows.resource_from(row) for row in found]

    def resources(self, person: PersonKey, type: str = "", limit: int = 1000) -> Sequence[ResourceRecord]:
        return [rows.resource_from(row) for row in self._all(_current(person, type).limit(limit))]

    def resource(self, type: str, id: str) -> ResourceRecord | None:
        r = resources.c
        row = self._first(select(resources).where(r.type == type, r.id == id, r.current))
        return rows.resource_from(row) if row else None

    def labels(self, references: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        r = resources.c
        pairs = [reference.partition("/")[::2] for reference in references]
        if not pairs:
            return {}
        wanted = or_(*(and_(r.type == kind, r.id == id) for kind, id in pairs))
        found = self._all(select(r.type, r.id, r.labels).where(r.current, wanted))
        return {f"{row['type']}/{row['id']}": tuple(rows.read(row["labels"])) for row in found}

    def outbox(self, exchange_id: str) -> Sequence[OutboxEntry]:
        query = select(outbox).where(outbox.c.exchange == exchange_id).order_by(outbox.c.sequence)
        return [rows.outbox_from(row) for row in self._all(query)]

    def audit_rows(self, where: Mapping[str, str], limit: int, after: str = "") -> Sequence[AuditRow]:
        a = audit_rows.c
        order = (a.sequence, a.id) if "person" in where else (a.at, a.id)
        query = select(audit_rows).where(*_conditions(audit_rows.columns, where))
        if after:
            start = select(order[0]).where(a.id == after).scalar_subquery()
            query = query.where(or_(order[0] > start, and_(order[0] == start, a.id > after)))
        return [rows.audit_from(row) for row in self._all(query.order_by(*order).limit(limit))]

    def record(self, kind: str, key: str) -> Record | None:
        row = self._first(select(records).where(records.c.kind == kind, records.c.key == key))
        return rows.record_from(row) if row else None

    def records(self, kind: str, limit: int = 1000) -> Sequence[Record]:
        query = select(records).where(records.c.kind == kind).order_by(records.c.at).limit(limit)
        return [rows.record_from(row) for row in self._all(query)]

    def data_keys(self, ids: Sequence[str]) -> Mapping[str, DataKey]:
        found = self._all(select(data_keys).where(data_keys.c.id.in_(ids))) if ids else []
        return {row["id"]: rows.key_from(row) for row in found}

    def data_keys_before(self, generation: int, limit: int) -> Sequence[DataKey]:
        """Data keys that an older generation of the site's key has sealed, for rotation."""
        query = select(data_keys).where(data_keys.c.generation < generation).limit(limit)
        return [rows.key_from(row) for row in self._all(query)]


def _of(column: Column[Any], person: PersonKey) -> ColumnElement[bool]:
    """The person, and everybody merged into it."""
    return or_(column == person, column.in_(select(merges.c.gone).where(merges.c.stays == person)))


def _current(person: PersonKey, type: str) -> Select[Any]:
    r = resources.c
    query = select(resources).where(_of(r.person, person), r.current, r.deleted.is_(False))
    return (query.where(r.type == type) if type else query).order_by(r.type, r.at, r.id)


def _conditions(columns: Any, where: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """`column` = equal; `column_from` and `column_to` = a half-open range of times. Raises Unanswerable for another name."""
    made: list[ColumnElement[bool]] = []
    for name, value in where.items():
        if name in columns:
            made.append(columns[name] == value)
            continue
        ending = next((e for e in _RANGES if name.endswith(e) and name.removesuffix(e) in columns), None)
        if ending is None:
            raise Unanswerable(None, "parameter")
        bound = rows.moment(datetime.fromisoformat(value))
        made.append(getattr(columns[name.removesuffix(ending)], _RANGES[ending])(bound))
    return made
