"""Leases on the outbox: one worker at a time has the head of a lane, and a fencing token shuts out who had it before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection, and_, bindparam, func, or_, select, update

from gateway.model.records import Lease
from gateway.store import rows
from gateway.store.statements import Values, exactly
from gateway.store.tables import outbox


def lease(connection: Connection, owner: str, now: datetime, until: datetime, limit: int) -> Sequence[Lease]:
    """The first open entry of each lane, when it is due and nobody holds it. One that is parked or not yet due holds up its lane only."""
    o = outbox.c
    heads = select(o.lane, func.min(o.sequence).label("sequence")).group_by(o.lane).subquery()
    free = or_(o.lease_until.is_(None), o.lease_until < rows.moment(now))
    first = and_(o.lane == heads.c.lane, o.sequence == heads.c.sequence)
    query = (
        select(outbox)
        .join(heads, first)
        .where(free, o.not_before <= rows.moment(now))
        .order_by(o.not_before)
        .limit(limit)
    )
    found = connection.execute(query.with_for_update(of=outbox, skip_locked=True)).mappings().all()
    held: Values = {"lease_owner": owner, "lease_until": rows.moment(until), "token": o.token + 1}
    mine = and_(o.id == bindparam("_id"), o.token == bindparam("_token"))
    exactly(
        connection, update(outbox).where(mine).values(**held), [{"_id": r["id"], "_token": r["token"]} for r in found]
    )
    entries = [rows.outbox_from(row) for row in found]
    return [Lease(replace(entry, token=entry.token + 1), owner, until) for entry in entries]
