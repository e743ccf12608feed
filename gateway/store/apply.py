"""Units to statements: one executemany per table for all of them together; what contradicts the database is `Stale`.

Within a group every put comes before every change. That is their order in a unit; a unit whose order towards others matters (a
merge, something taken away) is a group of its own.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any, TypeVar

from sqlalchemy import Connection, Executable, Table, and_, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from gateway.model.questions import Exchange
from gateway.model.records import (
    AuditFact,
    Change,
    DataKey,
    DecisionRecord,
    EpochBump,
    ExchangeAnew,
    ExchangeChange,
    GapCount,
    IdentityLink,
    LinkGone,
    Merge,
    OutboxDone,
    OutboxEntry,
    OutboxHeld,
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
from gateway.store.merging import merge
from gateway.store.statements import Stale, Values, exactly, into, upserting
from gateway.store.tables import (
    audit_rows,
    consent_epochs,
    data_keys,
    decisions,
    exchanges,
    gaps,
    identity_links,
    lane_heads,
    outbox,
    received,
    records,
    resources,
)

__all__ = ["Stale", "apply"]

T = TypeVar("T")
_PLAIN: tuple[tuple[type[Any], Table, Callable[[Any], Values]], ...] = (
    (ReceivedRecord, received, rows.received_row),
    (Exchange, exchanges, rows.exchange_row),
    (DecisionRecord, decisions, rows.decision_row),
)
_ALONE = (Merge, LinkGone, RecordGone)


def apply(connection: Connection, units: Sequence[Unit], heads: Heads) -> None:
    """All units in their order, in the connection's transaction. Raises Stale or IntegrityError."""
    for alone, group in groupby(units, _is_alone):
        for together in ([unit] for unit in group) if alone else [list(group)]:
            _apply(connection, _Group(together), heads)


def _is_alone(unit: Unit) -> bool:
    return any(isinstance(one, _ALONE) for one in (*unit.puts, *unit.changes))


class _Group:
    """What the units of a group put and change, by kind, in order."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._by_kind: dict[type, list[Any]] = defaultdict(list)
        for unit in units:
            for one in (*unit.puts, *unit.changes):
                if not isinstance(one, Put | Change):
                    raise TypeError(f"{type(one).__name__} is not kept")
                self._by_kind[type(one)].append(one)
        self.exchange_changes = [c for u in units for c in u.changes if isinstance(c, ExchangeAnew | ExchangeChange)]

    def all(self, kind: type[T]) -> list[T]:
        return self._by_kind.get(kind, [])


def _apply(connection: Connection, group: _Group, heads: Heads) -> None:
    _put_keys(connection, group.all(DataKey))
    for kind, table, row in _PLAIN:
        if puts := group.all(kind):
            connection.execute(into(table), [row(put) for put in puts])
    _put_links(connection, group.all(IdentityLink))
    _put_resources(connection, group.all(ResourceRecord))
    _put_records(connection, group.all(Record))
    _put_gaps(connection, group.all(GapCount))
    facts, entries = group.all(AuditFact), group.all(OutboxEntry)
    heads.load(connection, (f.person for f in facts if f.person), (e.lane for e in entries))
    _put_facts(connection, facts, heads)
    _put_entries(connection, entries, heads)
    for one in group.all(Merge):
        merge(connection, one)
        heads.forget()
    _change_exchanges(connection, group.exchange_changes)
    for change, made in _CHANGES:
        if changes := group.all(change):
            made(connection, changes)


def _put_keys(connection: Connection, keys: Sequence[DataKey]) -> None:
    """Data keys are given once. Another key for the same owner means that somebody else was first; a generation older than what is
    kept means that the site key was rotated and this process has not noticed."""
    if not keys:
        return
    exactly(connection, _keys_put(connection.dialect.name), [rows.key_row(key) for key in keys])
    newest = connection.execute(select(func.max(data_keys.c.generation))).scalar() or 0
    # asked after putting, so that a rotation either finds the key or has left its mark (rotation.py)
    if any(key.generation < newest for key in keys):
        raise Stale


@cache
def _keys_put(dialect: str) -> Executable:
    same = {"id": data_keys.c.id}
    return upserting(dialect, data_keys, ("id",), same, lambda new: data_keys.c.sealed == new.sealed)


def _put_links(connection: Connection, links: Sequence[IdentityLink]) -> None:
    """A link that is there already may be put again; one to somebody else contradicts it."""
    exactly(connection, _links_put(connection.dialect.name), [rows.link_row(link) for link in links])


@cache
def _links_put(dialect: str) -> Executable:
    same, person = {"person": identity_links.c.person}, identity_links.c.person
    return upserting(dialect, identity_links, ("system", "token"), same, lambda new: person == new.person)


def _put_resources(connection: Connection, puts: Sequence[ResourceRecord]) -> None:
    """New versions become the current ones; of several in one group the last."""
    if not puts:
        return
    values = [rows.resource_row(put) for put in puts]
    last = {(value["type"], value["id"]): index for index, value in enumerate(values)}
    for index, value in enumerate(values):
        value["current"] = last[value["type"], value["id"]] == index
    r = resources.c
    same = and_(r.type == bindparam("_type"), r.id == bindparam("_id"), r.version < bindparam("_version"), r.current)
    before = [{"_type": kind, "_id": id, "_version": values[index]["version"]} for (kind, id), index in last.items()]
    connection.execute(update(resources).where(same).values(current=False), before)
    connection.execute(into(resources), values)


def _put_records(connection: Connection, puts: Sequence[Record]) -> None:
    """Put again, a record is replaced. Those of its kind that have expired by then go."""
    values = [rows.record_row(put) for put in puts]
    for kind in sorted({put.kind for put in puts if put.expires}):
        now = max(value["at"] for value in values if value["kind"] == kind)
        connection.execute(delete(records).where(records.c.kind == kind, records.c.expires < now))
    for once, how in ((True, into(records)), (False, _records_put(connection.dialect.name))) if puts else ():
        if some := [value for put, value in zip(puts, values, strict=True) if put.once is once]:
            connection.execute(how, some)


@cache
def _records_put(dialect: str) -> Executable:
    return upserting(dialect, records, ("kind", "key"))


def _put_gaps(connection: Connection, puts: Sequence[GapCount]) -> None:
    """Added up, and in one order, so that two processes that count the same wait for each other in turn."""
    added: Counter[tuple[str, ...]] = Counter()
    for one in puts:
        added[one.day, one.sender, one.what, one.position, one.table, one.code] += one.count
    names = [column.name for column in gaps.primary_key]
    values = [{**dict(zip(names, key, strict=True)), "count": n, "_count": n} for key, n in sorted(added.items())]
    if values:
        connection.execute(_gaps_put(connection.dialect.name), values)


@cache
def _gaps_put(dialect: str) -> Executable:
    keys = [column.name for column in gaps.primary_key]
    return upserting(dialect, gaps, keys, {"count": gaps.c["count"] + bindparam("_count")})


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
        connection.execute(into(audit_rows), values)


def _put_entries(connection: Connection, entries: Sequence[OutboxEntry], heads: Heads) -> None:
    """Entries at the end of their lanes. A lane's head that is not where it was means that another process wrote in between."""
    if not entries:
        return
    values = [rows.outbox_row(entry, heads.next_in(entry.lane)) for entry in entries]
    counts = Counter(value["lane"] for value in values)
    last = {value["lane"]: value["sequence"] for value in values}
    at = [{"lane": lane, "sequence": n, "_count": counts[lane]} for lane, n in sorted(last.items())]
    exactly(connection, _heads_moved(connection.dialect.name), at)
    connection.execute(into(outbox), values)


@cache
def _heads_moved(dialect: str) -> Executable:
    moved = lane_heads.c.sequence + bindparam("_count")
    return upserting(dialect, lane_heads, ("lane",), {"sequence": moved}, lambda new: moved == new.sequence)


def _change_exchanges(connection: Connection, changes: Sequence[ExchangeAnew | ExchangeChange]) -> None:
    """Changes of one exchange become one row of values, the later ones over the earlier."""
    changed: dict[str, Values] = defaultdict(dict)
    for one in changes:
        if isinstance(one, ExchangeAnew):
            changed[one.exchange.id] |= rows.exchange_row(one.exchange)
        else:
            changed[one.exchange] |= rows.exchange_values(one.values)
    for columns, values in _by_columns(changed):
        new: Values = {name: bindparam(f"_{name}") for name in columns}
        exactly(connection, update(exchanges).where(exchanges.c.id == bindparam("_of")).values(**new), values)


def _by_columns(changed: Mapping[str, Values]) -> Iterator[tuple[tuple[str, ...], list[Values]]]:
    groups: dict[tuple[str, ...], list[Values]] = defaultdict(list)
    for exchange, values in changed.items():
        kept = {name: value for name, value in values.items() if name != "id"}
        groups[tuple(sorted(kept))].append({"_of": exchange} | {f"_{name}": value for name, value in kept.items()})
    return ((columns, values) for columns, values in groups.items() if columns)


_HELD = and_(outbox.c.id == bindparam("_id"), outbox.c.token == bindparam("_token"))


def _outbox_done(connection: Connection, changes: Sequence[OutboxDone]) -> None:
    exactly(connection, delete(outbox).where(_HELD), [{"_id": one.entry, "_token": one.token} for one in changes])


def _outbox_held(connection: Connection, changes: Sequence[OutboxHeld]) -> None:
    held = update(outbox).where(_HELD).values({"token": outbox.c.token})
    exactly(connection, held, [{"_id": one.entry, "_token": one.token} for one in changes])


def _outbox_again(connection: Connection, changes: Sequence[OutboxRetry]) -> None:
    values = {
        "lease_owner": None, "lease_until": None, "attempts": outbox.c.attempts + 1,
        "not_before": bindparam("_not_before"), "error_class": bindparam("_error_class"),
    }  # fmt: skip
    exactly(connection, update(outbox).where(_HELD).values(**values), [
        {
            "_id": one.entry, "_token": one.token, "_not_before": rows.moment(one.not_before),
            "_error_class": one.error_class,
        }
        for one in changes
    ])  # fmt: skip


def _bump(connection: Connection, bumps: Sequence[EpochBump]) -> None:
    counts = Counter(one.person for one in bumps)
    if counts:
        made = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(consent_epochs)
        more = {"epoch": consent_epochs.c.epoch + made.excluded.epoch}
        values = [{"person": person, "epoch": n} for person, n in sorted(counts.items())]
        connection.execute(made.on_conflict_do_update(index_elements=["person"], set_=more), values)


def _links_gone(connection: Connection, links: Sequence[LinkGone]) -> None:
    i = identity_links.c
    gone = delete(identity_links).where(i.system == bindparam("_system"), i.token == bindparam("_token"))
    exactly(connection, gone, [{"_system": one.system, "_token": one.token} for one in links])


def _records_gone(connection: Connection, found: Sequence[RecordGone]) -> None:
    r = records.c
    gone = delete(records).where(r.kind == bindparam("_kind"), r.key == bindparam("_key"))
    exactly(connection, gone, [{"_kind": one.kind, "_key": one.key} for one in found])


_CHANGES: tuple[tuple[type[Any], Callable[[Connection, Sequence[Any]], None]], ...] = (
    (OutboxDone, _outbox_done), (OutboxHeld, _outbox_held), (OutboxRetry, _outbox_again), (EpochBump, _bump),
    (LinkGone, _links_gone), (RecordGone, _records_gone),
)  # fmt: skip
