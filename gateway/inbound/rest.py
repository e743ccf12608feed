"""The intake and the journal over HTTP: `POST /messages`, `GET /exchanges…`, `GET /audit/rows`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from gateway.audit.facts import entry_of
from gateway.audit.search import asked_as, audit_query, exchange_query, matches, matches_exchange
from gateway.errors import GatewayError, NotFound, Unanswerable
from gateway.inbound.dialect import dialect_of, media_type
from gateway.model.document import Received, Verdict
from gateway.model.door import Call, Door
from gateway.model.questions import Exchange
from gateway.model.records import Unit
from gateway.model.released import Echo, Egress, Notice
from gateway.model.report import outcome_of
from gateway.model.wire import read_json
from gateway.pipeline import carry
from gateway.pipeline.acts import act
from gateway.pipeline.batch import Carried, carry_batch
from gateway.pipeline.node import Node
from gateway.pipeline.push import Receipt
from gateway.standards import Standard

_READERS = ("auditor", "operator", "protection-officer")
_MAX_ROWS = 500
JSON = "application/json"


async def messages(node: Node, call: Call) -> Egress:
    """One document of any standard, or a batch of them. Answered in the dialect of Accept, else of the document."""
    content_type, charset = _content_type(call.headers.get("content-type", ""))
    dialect = dialect_of(call.headers)
    dry_run = _dry_run(call)
    received = Received(
        node.ids(), call.principal, call.body, content_type, "http", node.clock(), charset, dry_run=dry_run
    )
    try:
        carried = await carry_batch(node, received)
        if carried is not None:
            return _all(node, received, dialect, carried)
        receipt = await carry(node, received)
    except GatewayError as error:  # it never came to the journal
        node.counted(type(error).__name__, call.url)
        return dialect.reply(call.body, error, node.ids(), node.clock())
    if receipt.error is None and dry_run:
        return Echo(_tried(receipt))
    if receipt.error is None and dialect.NAME == "fhir":
        return _taken(receipt)
    return dialect.reply(call.body, receipt.error, node.ids(), node.clock())


def _all(node: Node, received: Received, dialect: Standard, carried: Carried) -> Egress:
    """The answer to a batch; to a dry run of one what each message would become, or why it would be refused."""
    if not received.dry_run:
        return dialect.reply_all(received.body, carried.verdicts, carried.found, node.ids(), node.clock())
    told = [
        {"number": one.number, **(_tried(one) if one.error is None else {"refused": outcome_of(one.error)})}
        for one in carried.verdicts
    ]
    return Echo({"messages": told, "findings": carried.found.as_outcome()})


def _tried(tried: Receipt | Verdict) -> dict[str, Any]:
    """What a document would become, and under which agreements it would go on."""
    return {**(tried.echo or {}), "agreements": [agreement for _, agreement in tried.exchanges]}


def _taken(receipt: Receipt) -> Notice:
    """202 with where the exchanges can be looked up; neutral, whatever was decided."""
    rows = [{"id": id, "agreement": agreement} for id, agreement in receipt.exchanges]
    return Notice({"received": receipt.received, "exchanges": rows}, 202, JSON)


def _content_type(header: str) -> tuple[str, str]:
    _, _, parameters = header.partition(";")
    named = dict(p.strip().lower().partition("=")[::2] for p in parameters.split(";"))
    return media_type(header), named.get("charset", "").strip('"')


def _dry_run(call: Call) -> bool:
    unknown = [name for name, _ in call.query if name != "dry-run"]
    if unknown:
        raise Unanswerable(None, *unknown[:3])
    return bool(call.query)


async def exchanges(node: Node, call: Call) -> Egress:
    """The journal by the seven questions, newest first."""
    asked, limit, before = _paged(call)
    query = exchange_query(asked)
    found = await asyncio.to_thread(node.store.exchanges, query.where, limit, before)
    rows = [row for row in found if matches_exchange(query, row)]
    await _looked(node, call, "exchanges", {**asked_as(asked), "count": len(rows)})
    more = {"next": found[-1].id} if len(found) == limit else {}
    return Notice({"exchanges": [exchange_json(row) for row in rows], **more}, content_type=JSON)


async def exchange(node: Node, call: Call) -> Egress:
    """One exchange with its decisions."""
    row = await asyncio.to_thread(node.store.exchange, call.path["id"])
    if row is None:
        raise NotFound
    decisions = await asyncio.to_thread(node.store.decisions, row.id)
    await _looked(node, call, "exchange", {"exchange": row.id})
    told = [
        {"phase": d.phase, "at": d.at.isoformat(), "decision": d.decision, "reason": d.reason, "released": list(d.released),
         "redacted": [{"reference": r, "because": b} for r, b in d.redacted], "obligations": list(d.obligations),
         "consentsUsed": list(d.consents_used), "epoch": d.epoch, "siteRevision": d.site_revision}
        for d in decisions
    ]  # fmt: skip
    return Notice({**exchange_json(row), "decisions": told}, content_type=JSON)


async def daily(node: Node, call: Call) -> Egress:
    """What came in and what became of it, per agreement and day (in the site's time zone)."""
    asked = dict(call.query)
    day = asked.pop("day", node.day(node.clock()).isoformat())
    if asked:
        raise Unanswerable(None, *sorted(asked)[:3])
    try:
        datetime.fromisoformat(day)
    except ValueError as error:
        raise Unanswerable("The day is not a date.", "day") from error
    rows = await asyncio.to_thread(node.store.daily_counts, day, node.site.zone)
    return Notice({"day": day, "counts": [dict(row) for row in rows]}, content_type=JSON)


async def audit_rows(node: Node, call: Call) -> Egress:
    """Audit rows as they are kept: the canonical line, its leaf hash, the person's own sequence."""
    asked, limit, after = _paged(call, "after")
    query = audit_query(asked)
    found = await asyncio.to_thread(node.store.audit_rows, query.where, limit, after)
    rows = [row for row in found if matches(query, entry_of(row))]
    await _looked(node, call, "audit", {**asked_as(asked), "count": len(rows)})
    told = [
        {
            "id": r.id,
            "sequence": r.sequence,
            "previousHash": r.previous_hash,
            "leafHash": r.leaf_hash,
            "line": read_json(r.line),
        }
        for r in rows
    ]
    more = {"next": found[-1].id} if len(found) == limit else {}
    return Notice({"rows": told, **more}, content_type=JSON)


def _paged(call: Call, cursor: str = "before") -> tuple[list[tuple[str, str]], int, str]:
    paging = {name: value for name, value in call.query if name in ("limit", cursor)}
    limit = paging.get("limit", "50")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 9) or not 0 < int(limit) <= _MAX_ROWS:
        raise Unanswerable(f"The limit is a number from 1 to {_MAX_ROWS}.", "limit")
    return [pair for pair in call.query if pair[0] not in ("limit", cursor)], int(limit), paging.get(cursor, "")


async def _looked(node: Node, call: Call, what: str, facts: Mapping[str, Any]) -> None:
    """Reading the log is itself on record, before the answer leaves."""
    fact = act(node, call.principal, "read", {"looked": what, **facts})
    await asyncio.wrap_future(node.store.commit(Unit((fact,))))


def exchange_json(row: Exchange) -> dict[str, Any]:
    """An exchange in the seven questions, for auditors and operators."""
    made = asdict(replace(row, steps=()))
    steps = [{"stage": s.stage, "at": s.at.isoformat(), "outcome": s.outcome, "note": s.note} for s in row.steps]
    made["when"] = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in made["when"].items() if v}
    return {**{name: value for name, value in made.items() if value not in ("", ())}, "steps": steps}


DOORS = (
    Door(
        "POST",
        "/messages",
        messages,
        "Take a document of any supported standard",
        max_body=20_000_000,
        any_standard=True,
        scope="*.c",
    ),
    Door("GET", "/exchanges", exchanges, "Search the journal by the seven questions", _READERS),
    Door("GET", "/exchanges/daily", daily, "What came in and what became of it, per agreement", _READERS),
    Door("GET", "/exchanges/{id}", exchange, "One exchange with its decisions", _READERS),
    Door("GET", "/audit/rows", audit_rows, "Audit rows as they are kept", _READERS),
)
