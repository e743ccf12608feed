"""The stage `record`: what happened becomes rows, before anything leaves: exchange, decision, audit fact, outbox entry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, Literal

from gateway.model.document import Item
from gateway.model.ports import Ids, Keyring
from gateway.model.questions import Decision, Exchange, What
from gateway.model.records import AuditFact, DecisionRecord, OutboxEntry, Unit
from gateway.model.wire import write_json

AuditKind = Literal["intent", "outcome", "refusal", "admin", "read", "identity", "count"]


def what_of(what: What, decision: Decision, items: Sequence[Item], digest: Callable[[bytes], str]) -> What:
    """The same with released references and the keyed digest of their source; how many were withheld, and the labels those carry."""
    allowed = set(decision.released)
    rows = tuple(
        {"reference": item.reference, "version": "1", "digest": digest(write_json(item.resource, canonical=True))}
        for item in items
        if item.reference in allowed
    )
    held = {reference for reference, _ in decision.redacted}
    labels = sorted({label for reference in held for label in decision.labels.get(reference, ())})
    return replace(what, released=rows, withheld=len(held), withheld_labels=tuple(labels))


def gist(decision: Decision) -> dict[str, Any]:
    """What of a decision must be the same at delivery for the first audit intent to cover it."""
    return {
        "released": sorted(decision.released), "obligations": sorted(decision.obligations), "reason": decision.reason,
        "consents": sorted(decision.consents_used), "elements": decision.answer.get("elements", {}),
        **({"changes": decision.answer["changes"]} if "changes" in decision.answer else {}),
    }  # fmt: skip


def decision_row(
    exchange: str, phase: Literal["receipt", "delivery", "replay", "question", "answer"], decision: Decision, at: datetime,
    revision: str, keyring: Keyring, ids: Ids,
) -> Unit:  # fmt: skip
    """One decision of an exchange; its request is sealed under the person's key."""
    owner = str(decision.request.whom.get("reference", "")).replace("Patient/", "person:") or f"exchange:{exchange}"
    sealed, keys = keyring.seal(owner, write_json(decision.request.as_json()))
    row = DecisionRecord(
        id=ids(), exchange=exchange, phase=phase, at=at, decision=decision.decision, reason=decision.reason,
        released=decision.released, redacted=decision.redacted, obligations=decision.obligations,
        consents_used=decision.consents_used, epoch=decision.epoch, site_revision=revision, request=sealed,
    )  # fmt: skip
    return Unit((*keys, row))


def fact_of(exchange: Exchange, kind: AuditKind, outcome: str, at: datetime, ids: Ids) -> AuditFact:
    """The audit fact of an exchange as it stands: all seven questions, references and labels, no content."""
    questions = {name: _members(getattr(exchange, name)) for name in ("who", "whom", "where", "what", "why", "how")}
    moments = {name: moment for name, moment in _members(exchange.when).items() if moment}
    when = {name: m.isoformat() if isinstance(m, datetime) else m for name, m in moments.items()}
    facts: dict[str, Any] = {**questions, "when": when, "agreement": exchange.agreement, "status": exchange.status}
    person = exchange.whom.person
    return AuditFact(ids(), exchange.id, kind, at, person, outcome, exchange.site_revision, facts)


def _members(answer: Any) -> dict[str, Any]:
    """The members of one of the seven answers, which are plain values."""
    return {one.name: getattr(answer, one.name) for one in fields(answer)}


def outbox_entry(
    exchange: Exchange, kind: Literal["deliver", "index"], destination: str, items: Sequence[Item], extra: dict[str, Any],
    at: datetime, keyring: Keyring, ids: Ids,
) -> Unit:  # fmt: skip
    """What is still to be done: the mapped input and how to ask again, sealed under the person's key; never rendered bytes."""
    body = {"items": [_plain(item) for item in items], **extra}
    sealed, keys = keyring.seal(f"person:{exchange.whom.person}", write_json(body))
    lane = f"{destination}:{exchange.whom.person}"
    return Unit((*keys, OutboxEntry(ids(), exchange.id, kind, destination, lane, sealed, at)))


def _plain(item: Item) -> dict[str, Any]:
    return {
        "resource": item.resource, "labels": sorted(item.labels), "origin": item.origin, "derivedFrom": list(item.derived_from),
    }  # fmt: skip


def item_from(row: dict[str, Any]) -> Item:
    """An item as an outbox entry keeps it."""
    return Item(row["resource"], frozenset(row["labels"]), row["origin"], tuple(row["derivedFrom"]))
