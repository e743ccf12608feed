"""Units to statements: every put by table in one executemany, then every change; what contradicts the database is `Stale`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import singledispatch
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.model.questions import Exchange
from gateway.model.records import (
    AuditFact,
    DataKey,
    DecisionRecord,
    EpochBump,
    ExchangeAnew,
    ExchangeChange,
    IdentityLink,
    LinkGone,
    Merge,
    OutboxDone,
    OutboxEntry,
    OutboxRetry,
    Put,
    ReceivedRecord,
    Record,
    RecordGone,
    ResourceRecord,
    Unit,
)
from gateway.store import rows
from gateway.store.heads import Heads
from gateway.store.tables import (
    audit_rows,
    consent_epochs,
    data_keys,
    decisions,
    exchanges,
    identity_links,
    lane_heads,
    merges,
    outbox,
    received,
    records,
    resources,
)

Values = dict[str, Any]
_PLAIN: Mapping[type, tuple[Table, Callable[[Any], Values]]] = {
    ReceivedRecord: (received, rows.received_row),
    Exchange: (exchanges, rows.exchange_row),
    DecisionRecord: (decisions, rows.decision_row),
    IdentityLink: (identity_links, rows.link_row),
}


class Stale(Exception):
    """The unit contradicts what is kept by now."""


def apply(connection: Connection, units: Sequence[Unit], heads: Heads) -> None:
    """All units in their order, in the connection's transaction. Raises Stale or IntegrityError."""
    puts = [put for unit in units for put in unit.puts]
    facts = [put for put in puts if isinstance(put, AuditFact)]
    entries = [put for put in puts if isinstance(put, OutboxEntry)]
    heads.load(connection, (f.person for f in facts if f.person), (e.lane for e in entries))
    _put_keys(connection, [put for put in puts if isinstance(put, DataKey)])
    _put_plain(connection, puts)
    _put_facts(connection, facts, heads)
    _put_entries(connection, entries, heads)
    for put in puts:
        if isinstance(put, ResourceRecord | Record | Merge):
            change(put, connection)
    for unit in units:
        for one in unit.changes:
            change(one, connection)


def _put_keys(connection: Connection, keys: Sequence[DataKey]) -> None:
    """Data keys are given once; another key for the same owner means that somebody else was first."""
    if not keys:
        return
    wanted = {key.id: key for key in keys}
    if any(wanted[key.id].sealed != key.sealed for key in keys):
        raise Stale
    there = {r.id: bytes(r.sealed) for r in connection.execute(select(data_keys).where(data_keys.c.id.in_(wanted)))}
    if any(wanted[id].sealed != sealed for id, sealed in there.items()):
        raise Stale
    if new := [rows.key_row(key) for id, key in wanted.items() if id not in there]:
        connection.execute(insert(data_keys), new)


def _put_plain(connection: Connection, puts: Sequence[Put]) -> None:
    by_table: dict[Table, list[Values]] = defaultdict(list)
    for put in puts:
        if found := _PLAIN.get(type(put)):
            by_table[found[0]].append(found[1](put))
    for table, values in by_table.items():
        connection.execute(insert(table), values)


def _put_facts(connection: Connection, facts: Sequence[AuditFact], heads: Heads) -> None:
    values = []
    for fact in facts:
        row = heads.placed(fact)
        values.append({
            "id": row.id, "exchange": fact.exchange, "kind": fact.kind, "outcome": fact.outcome, "at": rows.moment(fact.at),
            "person": row.person, "sequence": row.sequence, "previous_hash": row.previous_hash, "line": row.line,
            "leaf_hash": row.leaf_hash, "position": None,
        })  # fmt: skip
    if values:
        connection.execute(insert(audit_rows), values)


def _put_entries(connection: Connection, entries: Sequence[OutboxEntry], heads: Heads) -> None:
    if not entries:
        return
    values = [rows.outbox_row(entry, heads.next_in(entry.lane)) for entry in entries]
    connection.execute(insert(outbox), values)
    last = {value["lane"]: value["sequence"] for value in values}
    upsert(connection, lane_heads, ("lane",), [{"lane": lane, "sequence": n} for lane, n in sorted(last.items())])


def upsert(connection: Connection, table: Table, keys: Sequence[str], values: Sequence[Values]) -> None:
    """Inserts, or replaces the other columns of the row with the same keys."""
    made = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(table)
    others = {c.name: made.excluded[c.name] for c in table.columns if c.name not in keys}
    connection.execute(made.on_conflict_do_update(index_elements=list(keys), set_=others), list(values))


@singledispatch
def change(one: Any, connection: Connection) -> None:  # noqa: ARG001 the form of every change
    """One change, or a put that depends on what is there."""
    raise TypeError(f"{type(one).__name__} is not kept")


@change.register
def _(one: ResourceRecord, connection: Connection) -> None:
    same = (resources.c.type == one.type) & (resources.c.id == one.id) & resources.c.current
    connection.execute(update(resources).where(same).values(current=False))
    connection.execute(insert(resources), [rows.resource_row(one)])


@change.register
def _(one: Record, connection: Connection) -> None:
    upsert(connection, records, ("kind", "key"), [rows.record_row(one)])


@change.register
def _(one: Merge, connection: Connection) -> None:
    """Who was merged into the one who goes is from now on merged into the one who stays: one step leads to the survivor."""
    connection.execute(update(merges).where(merges.c.stays == one.gone).values(stays=one.stays))
    value = {"gone": one.gone, "stays": one.stays, "at": rows.moment(one.at), "by": one.by}
    upsert(connection, merges, ("gone",), [value])
    change(EpochBump(one.stays), connection)


@change.register
def _(one: ExchangeChange, connection: Connection) -> None:
    _one(connection.execute(update(exchanges).where(exchanges.c.id == one.exchange).values(**one.values)).rowcount)


@change.register
def _(one: ExchangeAnew, connection: Connection) -> None:
    values = rows.exchange_row(one.exchange)
    _one(connection.execute(update(exchanges).where(exchanges.c.id == one.exchange.id).values(**values)).rowcount)


@change.register
def _(one: OutboxDone, connection: Connection) -> None:
    held = (outbox.c.id == one.entry) & (outbox.c.token == one.token)
    _one(connection.execute(delete(outbox).where(held)).rowcount)


@change.register
def _(one: OutboxRetry, connection: Connection) -> None:
    held = (outbox.c.id == one.entry) & (outbox.c.token == one.token)
    values = {
        "not_before": rows.moment(one.not_before), "error_class": one.error_class, "lease_owner": None, "lease_until": None,
        "attempts": outbox.c.attempts + 1,
    }  # fmt: skip
    _one(connection.execute(update(outbox).where(held).values(**values)).rowcount)


@change.register
def _(one: EpochBump, connection: Connection) -> None:
    made = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(consent_epochs)
    bumped = {"epoch": consent_epochs.c.epoch + 1}
    connection.execute(
        made.values(person=one.person, epoch=1).on_conflict_do_update(index_elements=["person"], set_=bumped)
    )


@change.register
def _(one: LinkGone, connection: Connection) -> None:
    same = (identity_links.c.system == one.system) & (identity_links.c.token == one.token)
    _one(connection.execute(delete(identity_links).where(same)).rowcount)


@change.register
def _(one: RecordGone, connection: Connection) -> None:
    _one(connection.execute(delete(records).where(records.c.kind == one.kind, records.c.key == one.key)).rowcount)


def _one(count: int) -> None:
    if count != 1:
        raise Stale
