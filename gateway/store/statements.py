"""Statements that are the same on both databases: put or replace, and `exactly` as many rows as were named."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Insert, Table, insert
from sqlalchemy.dialects import postgresql, sqlite

Values = dict[str, Any]


class Stale(Exception):
    """The unit contradicts what is kept by now."""


@cache
def into(table: Table) -> Insert:
    """The insert into a table, put together once."""
    return insert(table)


def exactly(connection: Connection, statement: Executable, values: Sequence[Values]) -> None:
    """Executes for all values. Raises Stale unless each of them touched one row."""
    if values:
        done = connection.execute(statement, list(values), execution_options={"preserve_rowcount": True})
        if done.rowcount != len(values):
            raise Stale


def upserting(
    dialect: str,
    table: Table,
    keys: Sequence[str],
    replace: Mapping[str, Any] | None = None,
    only: Callable[[Any], ColumnElement[bool]] | None = None,
) -> Executable:
    """An insert for a dialect (`sqlite`, `postgresql`) that replaces where the keys are there already.

    `replace` names the columns that are replaced (default: all others), `only` the rows where that may be done.
    """
    made = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    others = {c.name: made.excluded[c.name] for c in table.columns if c.name not in keys}
    condition = only(made.excluded) if only else None
    put: Executable = made.on_conflict_do_update(
        index_elements=list(keys), set_=dict(replace or others), where=condition
    )
    return put
