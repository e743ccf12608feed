"""Writes at the façade: what a sender calls its resources, which version is on record of them, and what became of a write.

A resource has the id that its sender gives it (PUT) or that it was given for its content (POST); what is kept has a keyed id of that. What
is told of a write depends on what this sender stated alone: who a person is taken for by others' documents changes nothing of it, so a
document that waits for somebody to name its person is answered like one that does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.errors import NotFound, Outdated, OutOfScope
from gateway.model.agreement import Agreement
from gateway.model.document import Item, PersonKey, Received, Write, Written
from gateway.model.ports import Keyring, Store
from gateway.model.questions import Exchange
from gateway.model.records import Record, ResourceRecord, Unit
from gateway.model.references import references_in
from gateway.pipeline.node import Node
from gateway.site import keeps
from gateway.stages.identify import WAITING
from gateway.stages.read import STATED, own_key

MOST_RESOLVED = 200  # references out of one document that are looked up
_NOT_OF_THE_DOCUMENT = frozenset(("ambiguous", "contradicted", "merge", "moved", "waiting"))


@dataclass(frozen=True, slots=True)
class Target:
    """What is on record of a write's resource: its key as its sender's own, the id it is kept under, its current row, and the version that
    its sender was told last (0: none) with its time."""

    write: Write
    key: str
    kept: str
    row: ResourceRecord | None
    told: int
    since: datetime | None

    @property
    def reference(self) -> str:
        """As the maps address it."""
        return f"{self.write.type}/{self.key}"


def targets_of(node: Node, received: Received) -> tuple[Target, ...]:
    """The targets of a document's writes. Raises OutOfScope for what the caller's token does not hold, Outdated for another version."""
    found = tuple(_target(node, received, write) for write in received.writes)
    for one in found:
        needed = {"u"} if one.write.method == "PUT" else {"c"}
        needed |= set() if one.told else {"c"}
        if not all(received.principal.may(one.write.type, letter) for letter in needed):
            raise OutOfScope
        if one.write.match and not (one.told and one.write.match in ("*", str(one.told))):
            raise Outdated
    return found


def _target(node: Node, received: Received, write: Write) -> Target:
    sender = received.principal.participant
    key = own_key(write.type, write.id, sender, node.keyring)
    record = node.store.record(STATED, f"{write.type}/{key}")
    row = None if write.type == "Patient" else _own_row(node.store, node.keyring, sender, write.type, write.id)
    since = max((one.at for one in (row, record) if one is not None), default=None)
    rows = row.version if row else 0
    told = record.value["version"] + max(0, rows - record.value["rows"]) if record else rows
    return Target(write, key, row.id if row else key, row, told, since)


def _own_row(store: Store, keyring: Keyring, sender: str, kind: str, id: str) -> ResourceRecord | None:
    """What the sender gave under this id, whether the id is its own or the one that it reads it by."""
    for kept in (own_key(kind, id, sender, keyring), _unkeyed(keyring, sender, id)):
        row = store.resource(kind, kept) if kept else None
        if row is not None and row.source == sender:
            return row
    return None


def _unkeyed(keyring: Keyring, reader: str, id: str) -> str:
    try:
        return keyring.unkey(reader, id)
    except NotFound:
        return ""


@dataclass(frozen=True, slots=True)
class Ours:
    """References of a document that lead to what is kept here: `persons` by reference, `addresses` from what stands there to what is kept."""

    persons: Mapping[str, PersonKey]
    addresses: Mapping[str, str]


def ours(node: Node, received: Received, items: Sequence[Item], targets: Iterable[Target] = ()) -> Ours:
    """The references by which a sender knows what is kept here: by its own ids, or by those it reads them by."""
    sender = received.principal.participant
    own = {item.reference for item in items}
    persons = {one: person for one in own if (person := _stated_person(node, one)) is not None}
    addresses: dict[str, str] = {}
    for one in targets:
        if one.write.type == "Patient" and one.reference not in persons:
            person = _read_as(node, sender, one.write.id)
            persons |= {one.reference: person} if person is not None else {}
        if one.kept != one.key:
            addresses[one.reference] = f"{one.write.type}/{one.kept}"
    for reference in _outside(items, own):
        kind, _, id = reference.partition("/")
        if kind == "Patient":
            stated = _stated_person(node, f"Patient/{own_key(kind, id, sender, node.keyring)}")
            person = _read_as(node, sender, id) if stated is None else stated
            persons |= {reference: person} if person is not None else {}
            addresses |= {reference: f"Patient/{person}"} if person else {}
        elif row := _kept_row(node, sender, kind, id):
            addresses[reference] = f"{kind}/{row.id}"
    return Ours(persons, addresses)


def _kept_row(node: Node, sender: str, kind: str, id: str) -> ResourceRecord | None:
    row = _own_row(node.store, node.keyring, sender, kind, id)
    read = _unkeyed(node.keyring, sender, id) if row is None else ""
    return node.store.resource(kind, read) if read else row


def _outside(items: Sequence[Item], own: set[str]) -> Iterator[str]:
    found = dict.fromkeys(one for item in items for one in references_in(item.resource))
    out = [
        one for one in found if one not in own and one.count("/") == 1 and ":" not in one and not one.startswith("#")
    ]
    yield from out[:MOST_RESOLVED]


def _stated_person(node: Node, reference: str) -> PersonKey | None:
    """The person of a Patient that its sender stated (WAITING while nobody has named it); None for what was never stated."""
    record = node.store.record(STATED, reference) if reference.startswith("Patient/") else None
    person = PersonKey(record.value["person"]) if record is not None else None
    return node.store.survivor(person) if person else person


def _read_as(node: Node, reader: str, id: str) -> PersonKey | None:
    """The person that a reader knows by this id."""
    key = _unkeyed(node.keyring, reader, id)
    person = node.store.survivor(PersonKey(key)) if key else None
    return person if person and node.store.resources(person, limit=1) else None


def moved(node: Node, targets: Iterable[Target], person: PersonKey) -> bool:
    """Whether what is kept under one of the ids is about somebody else."""
    rows = (one.row for one in targets if one.row is not None)
    return any(node.store.survivor(row.person) != person for row in rows)


def written(
    node: Node, at: datetime, targets: Sequence[Target], agreements: Sequence[Agreement], because: str, unit: Unit
) -> tuple[Written, ...]:
    """What became of each write, by the unit in which its document is settled. `because`: why it waits for somebody to name its person.

    Every update is a version to its sender, whether or not anything else is kept of it: what is the same may be so only by what is known
    of a person.
    """
    kept_under = {put.agreement for put in unit.puts if isinstance(put, Exchange) and put.status == "kept"}
    waits = because in _NOT_OF_THE_DOCUMENT
    kinds = {kind for one in agreements if waits or one.id in kept_under for kind in keeps(node.site, one)}
    made = []
    for one in targets:
        if one.write.type not in kinds:
            made.append(Written(one.write))
        elif one.write.method == "PUT" or not one.told:
            made.append(Written(one.write, one.told + 1, not one.told, at))
        else:
            made.append(Written(one.write, one.told, at=one.since))
    return tuple(made)


def stated(
    received: Received, targets: Sequence[Target], told: Sequence[Written], person: PersonKey | None, unit: Unit
) -> Unit:
    """The records of what a sender was told: of each Patient, which leads to the person, and where no row has the version."""
    rows = {(put.type, put.id): put.version for put in unit.puts if isinstance(put, ResourceRecord)}
    records = []
    for one, now in zip(targets, told, strict=True):
        kept = rows.get((one.write.type, one.kept), one.row.version if one.row else 0)
        if now.version > one.told and (one.write.type == "Patient" or kept != now.version):
            value = {"version": now.version, "rows": kept, "person": person or WAITING}
            records.append(Record(STATED, one.reference, value, received.at))
    return Unit(tuple(records))


def again(targets: Sequence[Target]) -> tuple[Written, ...]:
    """What is told of a document that came before: what is on record now."""
    return tuple(Written(one.write, one.told, at=one.since) for one in targets)


def only_created_before(targets: Sequence[Target]) -> bool:
    """Whether all of a document was created before: the same content, posted again, is no second resource."""
    return bool(targets) and all(one.write.method == "POST" and one.told for one in targets)


def found_out(node: Node, items: Sequence[Item], person: PersonKey) -> Unit:
    """The Patients of a document that waited lead to the person that somebody has named now."""
    records = (
        node.store.record(STATED, item.reference) for item in items if item.resource["resourceType"] == "Patient"
    )
    waited = [one for one in records if one is not None and not one.value["person"]]
    return Unit(tuple(replace(one, value={**one.value, "person": person}) for one in waited))


def created_before(node: Node, received: Received) -> frozenset[str]:
    """The references of what was created before: posted again among other writes, it does not take back what became of it since."""
    sender = received.principal.participant
    posted = (
        (one.type, own_key(one.type, one.id, sender, node.keyring)) for one in received.writes if one.method == "POST"
    )
    return frozenset(f"{kind}/{key}" for kind, key in posted if kind != "Patient" and node.store.resource(kind, key))
