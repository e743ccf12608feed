"""`/console` and `/console/exchanges/{id}`: exchanges by the seven questions, and one of them as a sheet (ARCHITECTURE.md, 6W1H)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.audit.search import EXCHANGE_PARAMETERS, STATUSES, Query, exchange_query, matches_exchange
from gateway.console.desk import Desk, Look
from gateway.console.visit import Page, Visit
from gateway.errors import NotAllowed, NotFound, Unanswerable
from gateway.model.questions import Exchange

PAGE, READ_AT_ONCE, READS = 25, 100, 10
_ENDED = ("delivered", "withheld", "failed", "refused")
OWN = ("lang", "before", "day")  # parameters of the page itself

# The filters by question, in the order of the form.
FIELDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("who", ("who.participant", "who.user")),
    ("whom", ("whom.person", "whom.recipient")),
    ("when", ("when.from", "when.to")),
    ("where", ("where.jurisdiction",)),
    ("what", ("what.type", "what.trigger")),
    ("why", ("why.purpose", "why.basis", "why.legal")),
    ("how", ("how.standard", "how.interaction", "agreement")),
)


@dataclass(frozen=True, slots=True)
class Count:
    """One agreement on one day: the bar is drawn from `parts`, (status, number, start in percent, width in percent)."""

    agreement: str
    received: int
    parts: tuple[tuple[str, int, float, float], ...]


def exchanges(visit: Visit) -> Page:
    """The list. Raises Unanswerable for a filter that is not one of ours."""
    filters = [(name, value) for name, value in visit.asked if name not in OWN and value]
    query = exchange_query(filters, visit.zone)
    day = _day(visit)
    found, older = _found(visit.desk, query, visit.one("before"))
    return visit.show(
        Look("exchanges", asked=dict(filters)),
        "exchanges.html",
        rows=found,
        older=visit.again(before=older) if older else "",
        newest=visit.again(before="") if visit.one("before") else "",
        filters=filters,
        asked=dict(filters),
        fields=FIELDS,
        statuses=STATUSES,
        others=[pair for pair in filters if pair[0] in EXCHANGE_PARAMETERS and not _in_form(pair[0])],
        day=day,
        counts=[_count(row) for row in visit.desk.daily_counts(day)],
    )


def exchange(visit: Visit) -> Page:
    """One exchange with its steps and decisions. Raises NotFound."""
    found = visit.desk.exchange(visit.place["exchange"])
    if found is None:
        raise NotFound
    decisions = visit.desk.decisions(found.id)
    return visit.show(
        Look("exchange", found.id, found.whom.person),
        "exchange.html",
        exchange=found,
        decisions=decisions,
        withheld=[pair for decision in decisions for pair in decision.redacted],
        sheet=_sheet(found),
        can=_can(visit, found),
        done=visit.one("done") == "1",
        times=[(name, getattr(found.when, name)) for name in ("received", "decided", "released", "delivered", "due")],
    )


def act(visit: Visit) -> str:
    """What an operator does with an exchange that waits or has ended; the address to go to then. Raises NotAllowed, NotFound, Conflict."""
    if visit.principal is None or not visit.is_operator:
        raise NotAllowed
    exchange_id, reason = visit.place["exchange"], visit.form.get("reason", "")
    if visit.form.get("act") == "give-up":
        visit.desk.give_up(visit.principal, exchange_id, reason)
    else:
        allow = [name for name in ("loss", "order") if visit.form.get(f"allow-{name}")]
        exchange_id = visit.desk.replay(visit.principal, exchange_id, reason, allow)
    return visit.link(f"/console/exchanges/{exchange_id}", done="1")


def _can(visit: Visit, found: Exchange) -> str:
    """What the visitor can do with it: `replay` (it waits; or give it up), `repeat` (it has ended), "" for nothing."""
    if not visit.is_operator or not found.agreement or found.whom.person is None:
        return ""
    return "replay" if found.status == "parked" else "repeat" if found.status in _ENDED else ""


def _in_form(name: str) -> bool:
    return name == "status" or any(name in names for _, names in FIELDS)


def _found(desk: Desk, query: Query, before: str) -> tuple[list[Exchange], str]:
    """Up to a page of exchanges and where to go on, "" at the end. Types are asked of each row, so several reads may be needed."""
    found: list[Exchange] = []
    for _ in range(READS):
        rows = desk.exchanges(query.where, READ_AT_ONCE, before)
        for row in rows:
            if len(found) == PAGE:
                return found, before
            before = row.id
            if matches_exchange(query, row):
                found.append(row)
        if len(rows) < READ_AT_ONCE:
            return found, ""
    return found, before


def _day(visit: Visit) -> str:
    """The day of the counts: as asked, else today where the site is. Raises Unanswerable for what is no date."""
    asked = visit.one("day")
    try:
        return (date.fromisoformat(asked) if asked else visit.access.clock().astimezone(visit.zone).date()).isoformat()
    except ValueError as error:
        raise Unanswerable(None, "day") from error


def _count(row: Mapping[str, Any]) -> Count:
    received = int(row["received"])
    numbers = [(status, int(row.get(status) or 0)) for status in STATUSES]
    parts, start = [], 0.0
    for status, number in numbers:
        if number:
            width = 100 * number / max(received, sum(n for _, n in numbers))
            parts.append((status, number, round(start, 3), round(width, 3)))
            start += width
    return Count(str(row["agreement"]), received, tuple(parts))


def _sheet(found: Exchange) -> Sequence[tuple[str, Sequence[tuple[str, str]]]]:
    """The questions that are plain text, each with its answers; what is empty is left out."""
    plain = {
        "who": ("participant", "client", "user", "role"),
        "where": ("jurisdiction", "network", "endpoint", "device"),
        "how": ("standard", "transport", "interaction", "map", "profile"),
    }
    return [
        (
            question,
            [(f"{question}.{name}", value) for name in names if (value := getattr(getattr(found, question), name))],
        )
        for question, names in plain.items()
    ]
