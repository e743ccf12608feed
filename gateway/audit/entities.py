"""The entities of an AuditEvent: the person, the data, the question, the consents, the transaction (R4 AuditEvent.entity; IHE BALP)."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from gateway.audit.facts import Entry
from gateway.audit.shapes import Shape, shapes

Json = dict[str, Any]


def of(entry: Entry, shape: Shape, labels: bool) -> list[Json]:
    """The entities of one event, 0..*, in the order of the shape; security labels only when the reader may see them."""
    made = [entity for name in shape.entities for entity in MADE[name](entry, labels)]
    return [{name: value for name, value in entity.items() if value} for entity in made]


def _patient(entry: Entry, _labels: bool) -> Iterable[Json]:
    if entry.person:
        what: Json = {"type": "Patient", "identifier": _urn(entry.person, "person")}
        if patient := entry.text("whom", "patient"):
            what["reference"] = patient
        yield _entity("entity-person", "role-patient", what)


def _data(entry: Entry, labels: bool) -> Iterable[Json]:
    """The data set: each released reference, and one entity that says how many were kept back and which duties came along."""
    for released in entry.many("what", "released"):
        entity = _entity("entity-object", "role-domain", {"reference": released["reference"]})
        entity["securityLabel"] = [shapes().label(code) for code in released.get("labels", ()) if labels]
        entity["detail"] = _details((name, released.get(name)) for name in ("version", "digest"))
        yield entity
    if entry.withheld or entry.many("how", "obligations"):
        yield _set(entry, labels)


def _set(entry: Entry, labels: bool) -> Json:
    entity = _entity("entity-object", "role-report", {})
    entity["description"] = "data set"
    entity["securityLabel"] = [shapes().label(code) for code in entry.many("what", "withheld_labels") if labels]
    said: list[tuple[str, Any]] = [("withheld", entry.withheld)]
    entity["detail"] = _details(said + [("obligation", code) for code in entry.many("how", "obligations")])
    return entity


def _query(entry: Entry, _labels: bool) -> Iterable[Json]:
    """The raw question; neither `what` nor `detail` (BALP Query: both 0..0)."""
    if query := entry.text("what", "query"):
        yield _entity("entity-object", "role-query", {}) | {"query": base64.b64encode(query.encode()).decode()}


def _consents(entry: Entry, _labels: bool) -> Iterable[Json]:
    for consent in entry.many("why", "consents"):
        yield _entity("entity-object", "role-domain", {"reference": consent})


def _transaction(entry: Entry, _labels: bool) -> Iterable[Json]:
    if entry.exchange:
        what = {"identifier": _urn(entry.exchange, "transaction")}
        yield {"type": shapes().coding("entity-transaction"), "what": what}


def _counted(entry: Entry, _labels: bool) -> Iterable[Json]:
    """How many refusals of which kind at which door: `refusals` are 0..* {what, where, count}."""
    counted = [(f"{one['what']} {one['where']}", one["count"]) for one in entry.many("what", "refusals")]
    details = _details([("count", entry.said("what", "count")), *counted])
    yield _entity("entity-object", "role-security", {}) | {"detail": details}


MADE: dict[str, Callable[[Entry, bool], Iterable[Json]]] = {
    "patient": _patient,
    "data": _data,
    "query": _query,
    "consents": _consents,
    "transaction": _transaction,
    "counted": _counted,
}


def _entity(type_: str, role: str, what: Json) -> Json:
    return {"what": what, "type": shapes().coding(type_), "role": shapes().coding(role)}


def _details(said: Iterable[tuple[str, Any]]) -> list[Json]:
    return [{"type": name, "valueString": str(value)} for name, value in said if value]


def _urn(value: str, system: str) -> Json:
    try:
        return {"system": shapes().system("uuid"), "value": f"urn:uuid:{uuid.UUID(value)}"}
    except ValueError:
        return {"system": shapes().system(system), "value": value}
