"""What is asked of the store: on reading connections of their own, never waiting for the writer (model/ports.py, Store)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Integer, RowMapping, Select, and_, bindparam, func, or_, select, tuple_
from sqlalchemy.exc import DataError, SQLAlchemyError

from gateway.errors import NotDurable, Unanswerable
from gateway.model.document import PersonKey
from gateway.model.questions import Exchange
from gateway.model.records import (
    AuditRow,
    DataKey,
    DecisionRecord,
    GapCount,
    IdentityLink,
    OutboxEntry,
    ReceivedRecord,
    Record,
    ResourceRecord,
)
from gateway.store import rows
from gateway.store.conditions import AUDIT_ROWS, EXCHANGES, conditions, of_person
from gateway.store.tables import (
    audit_rows,
    consent_epochs,
    data_keys,
    decisions,
    exchanges,
    gaps,
    identity_links,
    merges,
    outbox,
    received,
    records,
    resources,
)

_WAITING = ("pending", "parked", "failed")
_CONSENT = "Consent"
_CHUNK = 400  # parameters, or pairs of them, in one statement
T = TypeVar("T")


class Reads:
    """The reading half of the store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (DataError, UnicodeError):  # a text that no database takes: U+0000, a lone surrogate
            raise Unanswerable from None
        except SQLAlchemyError:
            raise NotDurable from None

    def _first(self, query: Select[Any], asked: Mapping[str, Any] | None = None) -> RowMapping | None:
        with self._reading() as connection:
            return connection.execute(query, asked).mappings().first()

    def _all(self, query: Select[Any]) -> Sequence[RowMapping]:
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
        query = select(exchanges).where(*conditions(EXCHANGES, where))
        if before:
            start = select(e.when_received).where(e.id == before).scalar_subquery()
            query = query.where(or_(e.when_received < start, and_(e.when_received == start, e.id < before)))
        newest = query.order_by(e.when_received.desc(), e.id.desc()).limit(limit)
        return [rows.exchange_from(row) for row in self._all(newest)]

    def decisions(self, exchange_id: str) -> Sequence[DecisionRecord]:
        query = select(decisions).where(decisions.c.exchange == exchange_id).order_by(decisions.c.at)
        return [rows.decision_from(row) for row in self._all(query)]

    def daily_counts(self, day: str, zone: str = "UTC") -> Sequence[Mapping[str, Any]]:
        e = exchanges.c
        query = (
            select(e.agreement, e.status, func.count().label("n"))
            .where(*conditions(EXCHANGES, _whole_day(day, zone)), e.received_id != "")
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
        i = identity_links.c
        joined = identity_links.outerjoin(merges, merges.c.gone == i.person)
        query = select(i.system, i.token, func.coalesce(merges.c.survivor, i.person).label("person")).select_from(
            joined
        )
        found: dict[tuple[str, str], PersonKey] = {}
        with self._reading() as connection:
            for chunk in _chunks(tokens):
                for row in connection.execute(query.where(tuple_(i.system, i.token).in_(chunk))):
                    found[row.system, row.token] = PersonKey(row.person)
        return found

    def survivor(self, person: PersonKey) -> PersonKey:
        row = self._first(_survivor(), {"person": person})
        return PersonKey(row["survivor"]) if row else person

    def links(self, person: PersonKey) -> Sequence[IdentityLink]:
        query = select(identity_links).where(of_person(identity_links.c.person, person)).order_by(identity_links.c.at)
        return [rows.link_from(row) for row in self._all(query)]

    def consents(self, person: PersonKey) -> tuple[int, Sequence[ResourceRecord]]:
        with self._reading() as connection:  # one snapshot
            epoch = int(connection.execute(_epochs(), {"person": person}).scalar_one())
            found = connection.execute(_current(typed=True), {"person": person, "type": _CONSENT}).mappings().all()
        return epoch, [rows.resource_from(row) for row in found]

    def file(self, person: PersonKey, limit: int) -> tuple[int, Sequence[ResourceRecord], Sequence[ResourceRecord]]:
        with self._reading() as connection:  # one snapshot
            epoch = int(connection.execute(_epochs(), {"person": person}).scalar_one())
            asked = {"person": person, "most": limit}
            found = connection.execute(_current(typed=False, bounded=True), asked).mappings().all()
            if len(found) < limit:  # all there is, the Consents among it
                consents = [row for row in found if row["type"] == _CONSENT]
            else:
                asked = {"person": person, "type": _CONSENT}
                consents = list(connection.execute(_current(typed=True), asked).mappings())
        every = [rows.resource_from(row) for row in found]
        return epoch, [rows.resource_from(row) for row in consents], every

    def resources(self, person: PersonKey, type: str = "", limit: int = 1000) -> Sequence[ResourceRecord]:
        asked = {"person": person, "most": limit, **({"type": type} if type else {})}
        with self._reading() as connection:
            found = connection.execute(_current(typed=bool(type), bounded=True), asked).mappings().all()
        return [rows.resource_from(row) for row in found]

    def resource(self, type: str, id: str) -> ResourceRecord | None:
        row = self._first(_one(), {"type": type, "id": id})
        return rows.resource_from(row) if row else None

    def versions(self, type: str, id: str) -> Sequence[ResourceRecord]:
        r = resources.c
        query = select(resources).where(r.type == type, r.id == id).order_by(r.version.desc())
        return [rows.resource_from(row) for row in self._all(query)]

    def labels(self, references: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        r = resources.c
        query = select(r.type, r.id, r.labels).where(r.current)
        found: dict[str, tuple[str, ...]] = {}
        with self._reading() as connection:
            for chunk in _chunks(
                [tuple(reference.split("/")) for reference in references if reference.count("/") == 1]
            ):
                for row in connection.execute(query.where(tuple_(r.type, r.id).in_(chunk))):
                    found[f"{row.type}/{row.id}"] = rows.labels_from(row.labels)
        return found

    def outbox(self, exchange_id: str) -> Sequence[OutboxEntry]:
        query = select(outbox).where(outbox.c.exchange == exchange_id).order_by(outbox.c.sequence)
        return [rows.outbox_from(row) for row in self._all(query)]

    def audit_rows(self, where: Mapping[str, str], limit: int, after: str = "") -> Sequence[AuditRow]:
        query = select(audit_rows).where(*conditions(AUDIT_ROWS, where))
        if after:
            query = query.where(
                audit_rows.c.entry > select(audit_rows.c.entry).where(audit_rows.c.id == after).scalar_subquery()
            )
        return [rows.audit_from(row) for row in self._all(query.order_by(audit_rows.c.entry).limit(limit))]

    def record(self, kind: str, key: str) -> Record | None:
        row = self._first(select(records).where(records.c.kind == kind, records.c.key == key))
        return rows.record_from(row) if row else None

    def records(self, kind: str, limit: int = 1000) -> Sequence[Record]:
        query = select(records).where(records.c.kind == kind).order_by(records.c.at).limit(limit)
        return [rows.record_from(row) for row in self._all(query)]

    def gaps(self, since: str = "") -> Sequence[GapCount]:
        g = gaps.c
        named = (g.sender, g.what, g.position, g.code_table, g.code)
        query = select(func.max(g.day).label("day"), *named, func.sum(g["count"]).label("n")).where(g.day >= since)
        found = self._all(query.group_by(*named).order_by(*named))
        return [
            GapCount(r["day"], r["sender"], r["what"], r["position"], r["code_table"], r["code"], int(r["n"]))
            for r in found
        ]

    def data_keys(self, ids: Sequence[str]) -> Mapping[str, DataKey]:
        found: dict[str, DataKey] = {}
        with self._reading() as connection:
            for chunk in _chunks(ids):
                for row in connection.execute(select(data_keys).where(data_keys.c.id.in_(chunk))).mappings():
                    found[row["id"]] = rows.key_from(row)
        return found

    def data_keys_before(self, generation: int, limit: int) -> Sequence[DataKey]:
        """Data keys that an older generation of the site's key has sealed, for rotation."""
        query = select(data_keys).where(data_keys.c.generation < generation).limit(limit)
        return [rows.key_from(row) for row in self._all(query)]


@cache
def _current(*, typed: bool, bounded: bool = False) -> Select[Any]:
    """The current rows of `:person`, of `:type` alone, at most `:most`: put together once, because every question and decision asks them."""
    r = resources.c
    query = select(resources).where(
        of_person(r.person, bindparam("person", type_=r.person.type)), r.current, r.deleted.is_(False)
    )
    query = query.where(r.type == bindparam("type", type_=r.type.type)) if typed else query
    query = query.order_by(r.type, r.at, r.id)
    return query.limit(bindparam("most", type_=Integer)) if bounded else query


@cache
def _one() -> Select[Any]:
    """The current version of `:type`/`:id`."""
    r = resources.c
    named = r.type == bindparam("type", type_=r.type.type), r.id == bindparam("id", type_=r.id.type)
    return select(resources).where(*named, r.current)


@cache
def _survivor() -> Select[Any]:
    """Whom `:person` was merged into."""
    m = merges.c
    return select(m.survivor).where(m.gone == bindparam("person", type_=m.gone.type))


@cache
def _epochs() -> Select[Any]:
    """The consent epochs of `:person`, added up."""
    e = consent_epochs.c
    whose = of_person(e.person, bindparam("person", type_=e.person.type))
    return select(func.coalesce(func.sum(e.epoch), 0)).where(whose)


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """A statement takes only so many parameters."""
    for start in range(0, len(values), _CHUNK):
        yield values[start : start + _CHUNK]


def _whole_day(day: str, zone: str) -> dict[str, str]:
    """The day as a half-open range of times in a time zone. Raises Unanswerable for what is no date."""
    try:
        start = datetime.combine(date.fromisoformat(day), time(), ZoneInfo(zone))
        end = datetime.combine(start.date() + timedelta(days=1), time(), ZoneInfo(zone))
    except (ValueError, OverflowError) as error:
        raise Unanswerable("The day is not a date.", "day") from error
    return {"when_received_from": start.isoformat(), "when_received_to": end.isoformat()}
