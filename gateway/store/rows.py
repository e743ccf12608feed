"""Records to rows and back: how each noun of model/records.py lies in its table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import RowMapping

from gateway.model.document import PersonKey
from gateway.model.questions import Exchange, How, Step, What, When, Where, Who, Whom, Why
from gateway.model.records import (
    AuditRow,
    DataKey,
    DecisionRecord,
    IdentityLink,
    OutboxEntry,
    ReceivedRecord,
    Record,
    ResourceRecord,
    Sealed,
)
from gateway.model.wire import read_json, write_json
from gateway.store.tables import exchanges

Row = RowMapping | Mapping[Any, Any]
_QUESTIONS = {"who": Who, "whom": Whom, "where": Where, "why": Why}
_MOMENTS = ("received", "decided", "released", "delivered", "due")


def moment(at: datetime | None) -> str | None:
    """A time as it is kept: UTC, microseconds, fixed length."""
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _maybe(text: str | None) -> datetime | None:
    return None if text is None else _time(text)


def _json(value: Any) -> str:
    return write_json(value).decode()


def read(text: str) -> Any:
    return read_json(text.encode())


def _sealed(name: str, sealed: Sealed) -> dict[str, Any]:
    return {f"{name}_key": sealed.key, name: sealed.data}


def _unsealed(row: Row, name: str) -> Sealed:
    return Sealed(row[f"{name}_key"], bytes(row[name]))


def key_row(key: DataKey) -> dict[str, Any]:
    return {"id": key.id, "generation": key.generation, "sealed": key.sealed}


def key_from(row: Row) -> DataKey:
    return DataKey(row["id"], row["generation"], bytes(row["sealed"]))


def received_row(r: ReceivedRecord) -> dict[str, Any]:
    return {
        "id": r.id, "participant": r.participant, "digest": r.digest, "control_id": r.control_id, "content_type": r.content_type,
        "transport": r.transport, "network": r.network, "client": r.client, "charset": r.charset, "at": moment(r.at),
        "size": r.size, **_sealed("payload", r.payload),
    }  # fmt: skip


def received_from(row: Row) -> ReceivedRecord:
    return ReceivedRecord(
        row["id"], row["participant"], row["digest"], row["control_id"], row["content_type"], row["transport"],
        row["network"], row["client"], row["charset"], _time(row["at"]), row["size"], _unsealed(row, "payload"),
    )  # fmt: skip


def exchange_row(e: Exchange) -> dict[str, Any]:
    """The seven questions as columns."""
    made: dict[str, Any] = {
        "id": e.id, "received_id": e.received_id, "agreement": e.agreement, "status": e.status,
        "site_revision": e.site_revision, "replay_of": e.replay_of,
    }  # fmt: skip
    for question in _QUESTIONS:
        said = getattr(e, question)
        made |= {f"{question}_{one.name}": getattr(said, one.name) for one in fields(said)}
    made |= {f"when_{name}": moment(getattr(e.when, name)) for name in _MOMENTS}
    made |= {f"when_{name}": getattr(e.when, name) for name in ("keep_until", "data_from", "data_to")}
    made |= {
        "what_trigger": e.what.trigger, "what_released": _json(e.what.released), "what_withheld": e.what.withheld,
        "what_withheld_labels": _json(e.what.withheld_labels), "what_lost": e.what.lost, "what_lost_at": _json(e.what.lost_at),
    }  # fmt: skip
    made |= {f"how_{n}": getattr(e.how, n) for n in ("standard", "transport", "interaction", "map", "profile")}
    return {**made, "how_obligations": _json(e.how.obligations), "steps": _steps(e.steps)}


def _steps(steps: Iterable[Step]) -> str:
    return _json([[s.stage, moment(s.at), s.outcome, s.note] for s in steps])


def exchange_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Some columns of an exchange, as they are kept. Raises KeyError for a column that there is not."""
    return {exchanges.columns[name].name: _kept(name, value) for name, value in values.items()}


def _kept(name: str, value: Any) -> Any:
    if name == "steps":
        return _steps(value)
    if isinstance(value, datetime):
        return moment(value)
    return _json(value) if isinstance(value, tuple | list) else value


def exchange_from(row: Row) -> Exchange:
    def part(question: str) -> dict[str, Any]:
        start = question + "_"
        return {n.removeprefix(start): v for n, v in row.items() if n.startswith(start)}

    when, what, how = part("when"), part("what"), part("how")
    when |= {name: _maybe(when[name]) for name in _MOMENTS}
    what |= {name: tuple(read(what[name])) for name in ("released", "withheld_labels", "lost_at")}
    steps = tuple(Step(stage, _time(at), outcome, note) for stage, at, outcome, note in read(row["steps"]))
    return Exchange(
        id=row["id"], received_id=row["received_id"], agreement=row["agreement"], status=row["status"],
        site_revision=row["site_revision"], replay_of=row["replay_of"],
        who=Who(**part("who")), whom=Whom(**part("whom")), when=When(**when), where=Where(**part("where")),
        what=What(**what), why=Why(**part("why")),
        how=How(**{**how, "obligations": tuple(read(how["obligations"]))}), steps=steps,
    )  # fmt: skip


def decision_row(d: DecisionRecord) -> dict[str, Any]:
    return {
        "id": d.id, "exchange": d.exchange, "phase": d.phase, "at": moment(d.at), "decision": d.decision, "reason": d.reason,
        "released": _json(d.released), "redacted": _json(d.redacted), "obligations": _json(d.obligations),
        "consents_used": _json(d.consents_used), "epoch": d.epoch, "site_revision": d.site_revision,
        **_sealed("request", d.request),
    }  # fmt: skip


def decision_from(row: Row) -> DecisionRecord:
    redacted = tuple((reference, because) for reference, because in read(row["redacted"]))
    return DecisionRecord(
        row["id"], row["exchange"], row["phase"], _time(row["at"]), row["decision"], row["reason"],
        tuple(read(row["released"])), redacted, tuple(read(row["obligations"])), tuple(read(row["consents_used"])),
        row["epoch"], row["site_revision"], _unsealed(row, "request"),
    )  # fmt: skip


def audit_from(row: Row) -> AuditRow:
    return AuditRow(
        row["id"],
        row["person"],
        row["sequence"],
        row["previous_hash"],
        bytes(row["line"]),
        row["leaf_hash"],
        row["position"],
    )


def outbox_row(o: OutboxEntry, sequence: int) -> dict[str, Any]:
    return {
        "id": o.id, "exchange": o.exchange, "kind": o.kind, "destination": o.destination, "lane": o.lane, "sequence": sequence,
        **_sealed("payload", o.payload), "not_before": moment(o.not_before), "attempts": o.attempts,
        "error_class": o.error_class, "lease_owner": None, "lease_until": None, "token": o.token,
    }  # fmt: skip


def outbox_from(row: Row) -> OutboxEntry:
    not_before = _maybe(row["not_before"]) or datetime.max.replace(tzinfo=UTC)
    return OutboxEntry(
        row["id"], row["exchange"], row["kind"], row["destination"], row["lane"], _unsealed(row, "payload"), not_before,
        row["sequence"], row["attempts"], row["error_class"], row["token"],
    )  # fmt: skip


def resource_row(r: ResourceRecord) -> dict[str, Any]:
    return {
        "type": r.type, "id": r.id, "version": r.version, "person": r.person, "source": r.source, "labels": _json(r.labels),
        "digest": r.digest, "at": moment(r.at), **_sealed("content", r.content), "deleted": r.deleted, "current": True,
    }  # fmt: skip


def resource_from(row: Row) -> ResourceRecord:
    return ResourceRecord(
        row["type"], row["id"], row["version"], PersonKey(row["person"]), row["source"], labels_from(row["labels"]),
        row["digest"], _time(row["at"]), _unsealed(row, "content"), bool(row["deleted"]),
    )  # fmt: skip


@lru_cache(maxsize=1024)
def labels_from(text: str) -> tuple[str, ...]:
    """Label codes as they are kept: few texts, and each row of a person has one."""
    return tuple(read(text))


def link_row(link: IdentityLink) -> dict[str, Any]:
    return {"system": link.system, "token": link.token, "person": link.person, "at": moment(link.at), "by": link.by}


def link_from(row: Row) -> IdentityLink:
    return IdentityLink(row["system"], row["token"], PersonKey(row["person"]), _time(row["at"]), row["by"])


def record_row(r: Record) -> dict[str, Any]:
    return {
        "kind": r.kind, "key": r.key, "value": _json(r.value), "at": moment(r.at), "expires": moment(r.expires),
        "sealed_key": r.sealed.key if r.sealed else None, "sealed": r.sealed.data if r.sealed else None,
    }  # fmt: skip


def record_from(row: Row) -> Record:
    sealed = Sealed(row["sealed_key"], bytes(row["sealed"])) if row["sealed"] is not None else None
    return Record(row["kind"], row["key"], read(row["value"]), _time(row["at"]), _maybe(row["expires"]), sealed)
