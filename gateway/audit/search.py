"""Searching by the seven questions: parameters checked, then columns for the store and a remainder that is asked of each row (6W1H)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, get_args

from gateway.audit.facts import Entry, entry_of
from gateway.errors import Unanswerable
from gateway.model.ports import Store
from gateway.model.questions import Exchange, Status
from gateway.model.records import AuditRow

KINDS = ("intent", "outcome", "refusal", "admin", "read", "identity", "count")
STATUSES: tuple[str, ...] = get_args(Status)
PAGE = 500

_TOKEN = re.compile(r"[\w.:/@^+|-]{1,200}")
_TYPE = re.compile(r"[A-Z][A-Za-z]{1,63}")


@dataclass(frozen=True, slots=True)
class Query:
    """A checked question: `where` goes to the store as column filters, `rest` is asked of each row that comes back."""

    where: Mapping[str, str]
    rest: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Parameter:
    """A parameter: the column it becomes ("" = asked of each row), and how its value is checked."""

    column: str
    check: Callable[[str, tzinfo], str | None]


def _token(value: str, _zone: tzinfo) -> str | None:
    return value if _TOKEN.fullmatch(value) else None


def _type(value: str, _zone: tzinfo) -> str | None:
    return value if _TYPE.fullmatch(value) else None


def _status(value: str, _zone: tzinfo) -> str | None:
    return value if value in STATUSES else None


def _kind(value: str, _zone: tzinfo) -> str | None:
    return value if value in KINDS else None


def _from(value: str, zone: tzinfo) -> str | None:
    return _instant(value, zone, days=0)


def _to(value: str, zone: tzinfo) -> str | None:
    """A date alone includes the whole day: its end is the beginning of the next, and the bound is exclusive."""
    return _instant(value, zone, days=1)


def _instant(value: str, zone: tzinfo, days: int) -> str | None:
    try:
        if len(value) == len("2026-10-01"):
            start = datetime.combine(date.fromisoformat(value) + timedelta(days=days), time(), zone)
        else:
            start = datetime.fromisoformat(value)
        return start.astimezone(UTC).isoformat() if start.tzinfo else None
    except (ValueError, OverflowError):
        return None


_EXCHANGE = {
    **{f"{q}.{n}": _Parameter(f"{q}_{n}", _token) for q, n in (
        ("who", "participant"), ("who", "client"), ("who", "user"), ("who", "role"), ("whom", "person"), ("whom", "recipient"),
        ("where", "jurisdiction"), ("where", "network"), ("what", "trigger"), ("why", "purpose"), ("why", "basis"),
        ("why", "legal"), ("why", "reason"), ("how", "standard"), ("how", "transport"), ("how", "interaction"),
    )},
    "what.type": _Parameter("", _type),
    "when.from": _Parameter("when_received_from", _from),
    "when.to": _Parameter("when_received_to", _to),
    "status": _Parameter("status", _status),
    "agreement": _Parameter("agreement", _token),
    "received": _Parameter("received_id", _token),
}  # fmt: skip

_COLUMNS_OF_ROWS = {"whom.person": "person", "when.from": "at_from", "when.to": "at_to"}
_AUDIT = {
    **{
        n: _Parameter(_COLUMNS_OF_ROWS.get(n, ""), p.check)
        for n, p in _EXCHANGE.items()
        if n not in ("status", "received")
    },
    "exchange": _Parameter("exchange", _token),
    "kind": _Parameter("kind", _kind),
    "status": _Parameter("outcome", _token),
}

EXCHANGE_PARAMETERS, AUDIT_PARAMETERS = tuple(_EXCHANGE), tuple(_AUDIT)


def exchange_query(asked: Iterable[tuple[str, str]], zone: tzinfo = UTC) -> Query:
    """Parameters of an exchange search to a query; empty values are left out. Dates without time are days in `zone`.

    Raises Unanswerable, with the name of the parameter, for an unknown one, one given twice, or a value of the wrong form.
    """
    return _query(asked, zone, _EXCHANGE)


def audit_query(asked: Iterable[tuple[str, str]], zone: tzinfo = UTC) -> Query:
    """The same for audit rows, with `kind` and `exchange`; `status` is the outcome on the row."""
    return _query(asked, zone, _AUDIT)


def _query(asked: Iterable[tuple[str, str]], zone: tzinfo, known: Mapping[str, _Parameter]) -> Query:
    where: dict[str, str] = {}
    rest: dict[str, str] = {}
    for name, value in asked:
        if not value:
            continue
        parameter = known.get(name)
        checked = parameter.check(value, zone) if parameter else None
        if parameter is None or checked is None:
            raise Unanswerable(None, name if parameter else "parameter")
        target, key = (where, parameter.column) if parameter.column else (rest, name)
        if key in target:
            raise Unanswerable("A parameter is given twice.", name)
        target[key] = checked
    return Query(where, rest)


def matches_exchange(query: Query, exchange: Exchange) -> bool:
    """Whether an exchange fits what the store was not asked."""
    types = {str(released["reference"]).partition("/")[0] for released in exchange.what.released}
    return all(value in types for value in query.rest.values())


def matches(query: Query, entry: Entry) -> bool:
    """Whether an audit row fits what the store was not asked."""
    return all(_answers(entry, name, value) for name, value in query.rest.items())


def _answers(entry: Entry, name: str, value: str) -> bool:
    if name == "agreement":
        return entry.agreement == value
    if name == "what.type":
        return any(str(one["reference"]).partition("/")[0] == value for one in entry.many("what", "released"))
    question, _, answer = name.partition(".")
    return entry.text(question, answer) == value


def stream(store: Store, where: Mapping[str, str], page: int = PAGE) -> Iterator[AuditRow]:
    """All rows that fit the columns, page by page, so that a long log never lies in memory."""
    after = ""
    while rows := store.audit_rows(where, page, after):
        yield from rows
        after = rows[-1].id


def found(store: Store, query: Query) -> Iterator[Entry]:
    """All entries that answer the query, 0..*; each joined with its exchange, whose answers fill what the row leaves out."""
    for row in stream(store, query.where):
        bare = entry_of(row)
        entry = entry_of(row, store.exchange(bare.exchange)) if bare.exchange else bare
        if matches(query, entry):
            yield entry


def asked_as(parameters: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """The question as it goes into the audit row of the one who asked: names and values, in order."""
    return {"query": "&".join(f"{name}={value}" for name, value in parameters if value)}
