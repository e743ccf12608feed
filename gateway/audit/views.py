"""R4 AuditEvents as views made when somebody reads: from an audit row and its exchange, never stored (IHE BALP).

A profile is claimed in `meta.profile` only when the facts it needs are there. Nothing is invented to make an event conform: a
default-deny without a consent on file has the same shape and claims nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.audit import agents, entities
from gateway.audit.facts import Entry, entry_of
from gateway.audit.shapes import Shape, shapes
from gateway.model.questions import Exchange
from gateway.model.records import AuditRow, DecisionRecord

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom and where a view is made: the operator's own participant id, the kind of each participant, and whether the
    reader may see security labels (auditors only)."""

    site: str
    kinds: Mapping[str, str] = field(default_factory=dict)
    labels: bool = False


def events(
    row: AuditRow, exchange: Exchange | None, reader: Reader, decisions: Sequence[DecisionRecord] = ()
) -> tuple[Json, ...]:
    """One audit row, with its exchange and its decisions, to 1..* R4 AuditEvents, the same ids each time.

    Raises Malformed when the line is not one of ours.
    """
    entry = entry_of(row, exchange, decisions)
    return tuple(_event(entry, shape, reader) for shape in shapes().of(entry))


def _event(entry: Entry, shape: Shape, reader: Reader) -> Json:
    event: Json = {"resourceType": "AuditEvent", "id": event_id(entry.row.id, shape.id)}
    if shape.profile and all(_has(need, entry, reader) for need in shape.needs):
        event["meta"] = {"profile": [shape.profile]}
    if trace := entry.text("how", "traceparent"):
        event["extension"] = [{"url": shapes().system("traceparent"), "valueString": trace}]
    event |= {
        "type": shapes().coding(shape.type),
        "subtype": [shapes().coding(code) for code in shape.subtypes],
        "action": shape.action,
        "period": _period(entry),
        "recorded": entry.at.isoformat(timespec="milliseconds"),
        "outcome": _outcome(entry, shape),
        "outcomeDesc": entry.text("why", "reason"),
        "purposeOfEvent": agents.purposes(entry),
        "agent": agents.of(entry, shape, reader.site, reader.kinds),
        "source": _source(reader.site),
        "entity": entities.of(entry, shape, reader.labels),
    }
    return {name: value for name, value in event.items() if value not in ("", [], {})}


def event_id(row_id: str, shape: str) -> str:
    """The id of the AuditEvent that a row gives in one shape: the same whenever it is read (RFC 9562, version 5)."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{row_id}/{shape}"))


def _has(need: str, entry: Entry, reader: Reader) -> bool:
    known = {
        "person": bool(entry.person),
        "recipient": bool(agents.recipient(entry)),
        "data": bool(entry.many("what", "released")),
        "one-datum": len(entry.many("what", "released")) == 1,
        "purpose": bool(entry.said("why", "purpose")),
        "query": bool(entry.said("what", "query")),
        "user": bool(entry.said("who", "user")),
        "provider": reader.kinds.get(entry.text("who", "participant")) in shapes().providers,
        "consent": bool(entry.many("why", "consents")),
    }
    return known[need]


def _outcome(entry: Entry, shape: Shape) -> str:
    """A decision event tells what was decided; every other event what became of it."""
    decided = entry.text("why", "decision") if "authz-consent" in shape.subtypes else ""
    if entry.kind == "refusal":
        return shapes().refusal(entry.outcome, entry.status)
    return shapes().outcome(decided if decided and entry.kind == "intent" else entry.outcome)


def _period(entry: Entry) -> Json:
    start = entry.said("when", "released") or entry.said("when", "received")
    end = entry.said("when", "delivered")
    if not start or entry.kind != "outcome":
        return {}
    return {"start": _instant(start)} | ({"end": _instant(end)} if end else {})


def _instant(value: Any) -> str:
    return value if isinstance(value, str) else str(value.isoformat())


def _source(site: str) -> Json:
    return {"site": site, "observer": agents.organisation(site), "type": [shapes().coding("observer-type")]}
