"""Two persons who turn out to be one: links, consents and lanes lead to the one who stays (model/records.py, Merge)."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select, text, update

from gateway.model.records import Merge
from gateway.store import rows
from gateway.store.statements import Stale, upserting
from gateway.store.tables import consent_epochs, lane_heads, merges, outbox

_ALONE = text("LOCK TABLE merges IN SHARE ROW EXCLUSIVE MODE")  # one merge at a time, so that no two make a circle


def merge(connection: Connection, one: Merge) -> None:
    """Everybody who led to the one who goes leads to the survivor in one step from now on. Raises Stale for a circle, or for a
    person who has gone already. The survivor's epoch grows, so that every older decision is stale."""
    if connection.dialect.name == "postgresql":
        connection.execute(_ALONE)
    m = merges.c
    survivor = connection.execute(select(m.survivor).where(m.gone == one.stays)).scalar() or one.stays
    if survivor == one.gone:
        raise Stale
    value = {"gone": one.gone, "stays": one.stays, "survivor": survivor, "at": rows.moment(one.at), "by": one.by}
    connection.execute(insert(merges), [value])
    connection.execute(update(merges).where(m.survivor == one.gone).values(survivor=survivor))
    bump = {"epoch": consent_epochs.c.epoch + 1}
    connection.execute(
        upserting(connection.dialect.name, consent_epochs, ("person",), bump), [{"person": survivor, "epoch": 1}]
    )
    _lanes(connection, one.gone, survivor)


def _lanes(connection: Connection, gone: str, survivor: str) -> None:
    """What is still to be delivered about the one who goes queues up behind what there is about the survivor, in its order."""
    o = outbox.c
    waiting = select(o.id, o.lane).where(o.lane.endswith(f":{gone}", autoescape=True)).order_by(o.lane, o.sequence)
    for id, old in connection.execute(waiting).all():
        lane = f"{old.removesuffix(gone)}{survivor}"
        at = {"sequence": lane_heads.c.sequence + 1}
        connection.execute(
            upserting(connection.dialect.name, lane_heads, ("lane",), at), [{"lane": lane, "sequence": 1}]
        )
        place = select(func.max(lane_heads.c.sequence)).where(lane_heads.c.lane == lane).scalar_subquery()
        connection.execute(update(outbox).where(o.id == id).values(lane=lane, sequence=place))
