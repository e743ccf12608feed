"""Where each person's audit chain and each lane stands, remembered by the writer so that placing a row reads nothing.

What is remembered may be wrong when another process wrote meanwhile: the unique constraints decide, and the head is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from sqlalchemy import Connection, bindparam, func, select

from gateway.model.records import AuditFact, AuditRow
from gateway.store.tables import audit_rows, lane_heads

Place = Callable[[AuditFact, int | None, str], AuditRow]
MOST = 100_000
CHUNK = 500


class Heads:
    """Last (sequence, leaf hash) by person, last sequence by lane."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._persons: dict[str, tuple[int, str]] = {}
        self._lanes: dict[str, int] = {}

    def load(self, connection: Connection, persons: Iterable[str], lanes: Iterable[str]) -> None:
        """Reads the heads that are not remembered, by one SELECT per 500."""
        if len(self._persons) + len(self._lanes) > MOST:
            self.forget()
        for chunk in _chunks(sorted(set(persons) - self._persons.keys())):
            self._persons |= dict.fromkeys(chunk, (0, "")) | _read_persons(connection, chunk)
        for chunk in _chunks(sorted(set(lanes) - self._lanes.keys())):
            self._lanes |= dict.fromkeys(chunk, 0) | _read_lanes(connection, chunk)

    def placed(self, fact: AuditFact) -> AuditRow:
        """The row of a fact: next in its person's chain, or in none."""
        if fact.person is None:
            return self._place(fact, None, "")
        sequence, previous = self._persons[fact.person]
        row = self._place(fact, sequence + 1, previous)
        self._persons[fact.person] = (sequence + 1, row.leaf_hash)
        return row

    def next_in(self, lane: str) -> int:
        """The next sequence number of a lane."""
        self._lanes[lane] += 1
        return self._lanes[lane]

    def forget(self) -> None:
        """What was remembered may be wrong: everything is read again."""
        self._persons.clear()
        self._lanes.clear()


_NEWEST = (
    select(audit_rows.c.person, func.max(audit_rows.c.sequence).label("sequence"))
    .where(audit_rows.c.person.in_(bindparam("wanted", expanding=True)))
    .group_by(audit_rows.c.person)
    .subquery()
)
_PERSONS = select(audit_rows.c.person, audit_rows.c.sequence, audit_rows.c.leaf_hash).join(
    _NEWEST, (audit_rows.c.person == _NEWEST.c.person) & (audit_rows.c.sequence == _NEWEST.c.sequence)
)
_LANES = select(lane_heads.c.lane, lane_heads.c.sequence).where(
    lane_heads.c.lane.in_(bindparam("wanted", expanding=True))
)


def _read_persons(connection: Connection, persons: list[str]) -> dict[str, tuple[int, str]]:
    found = connection.execute(_PERSONS, {"wanted": persons})
    return {person: (sequence, leaf) for person, sequence, leaf in found}


def _read_lanes(connection: Connection, lanes: list[str]) -> dict[str, int]:
    return {lane: sequence for lane, sequence in connection.execute(_LANES, {"wanted": lanes})}


def _chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """A statement takes only so many parameters."""
    rest = iter(values)
    while chunk := list(islice(rest, CHUNK)):
        yield chunk
