"""Search by the seven questions: names and values that were asked, to conditions on columns (ARCHITECTURE.md, 6W1H)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BindParameter, Column, ColumnElement, Table, or_, select

from gateway.errors import Unanswerable
from gateway.store import rows
from gateway.store.tables import TIME, audit_rows, exchanges, merges

_NOT_ASKED = (
    "what_released", "what_withheld", "what_withheld_labels", "what_lost", "what_lost_at", "how_obligations", "steps",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Searchable:
    """The columns of a table that may be asked for: by equality, or as a half-open range of time."""

    equal: Mapping[str, Column[Any]]
    times: Mapping[str, Column[Any]]
    person: str


def _searchable(table: Table, person: str, *names: str) -> Searchable:
    columns = [table.c[name] for name in names] or [c for c in table.columns if c.name not in _NOT_ASKED]
    times = {c.name: c for c in columns if c.type is TIME}
    return Searchable({c.name: c for c in columns if c.name not in times}, times, person)


EXCHANGES = _searchable(exchanges, "whom_person")
AUDIT_ROWS = _searchable(audit_rows, "person", "id", "person", "exchange", "kind", "outcome", "at")


def conditions(searchable: Searchable, where: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """`column` = equal (a person: merges followed), `column_from` and `column_to` = a half-open range of ISO 8601 times, where a time
    without zone is UTC. Raises Unanswerable for another name, or what is no time."""
    return [_condition(searchable, name, value) for name, value in where.items()]


def _condition(searchable: Searchable, name: str, value: str) -> ColumnElement[bool]:
    if name == searchable.person:
        return of_person(searchable.equal[name], value)
    if name in searchable.equal:
        return searchable.equal[name] == value
    column, _, end = name.rpartition("_")
    if column not in searchable.times or end not in ("from", "to"):
        raise Unanswerable(None, "parameter")
    bound = _moment(value, name)
    return searchable.times[column] >= bound if end == "from" else searchable.times[column] < bound


def _moment(value: str, name: str) -> str:
    try:
        at = datetime.fromisoformat(value)
        return str(rows.moment(at if at.tzinfo else at.replace(tzinfo=UTC)))
    except (ValueError, OverflowError):
        raise Unanswerable(None, name) from None


def of_person(column: Column[Any], person: str | BindParameter[Any]) -> ColumnElement[bool]:
    """The survivor of a person, and everybody merged into it."""
    m = merges.c
    survivor = select(m.survivor).where(m.gone == person).scalar_subquery()
    gone = select(m.gone).where(or_(m.survivor == person, m.survivor == survivor))
    return or_(column == person, column == survivor, column.in_(gone))
