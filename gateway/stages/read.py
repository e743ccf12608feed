"""The stage `read`: whom a question is about, in the reader's own ids, and the rows it asks for (ARCHITECTURE.md, "At rest")."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from gateway.errors import NotFound, TooCostly
from gateway.mapping.ids import keyed_id
from gateway.model.agreement import Agreement, Site
from gateway.model.document import PersonKey
from gateway.model.ports import Keyring, Store
from gateway.model.questions import Decision, Question
from gateway.model.records import ResourceRecord

MOST_ROWS = 2_000
MOST_KEPT = 5 * MOST_ROWS  # rows of a person that are looked through, whoever gave them
MOST_VERSIONS = 200
NOTHING = "nothing-on-file"
STATED = "stated"  # kind of the generic records of what a sender was told of its own resources: the version, of a Patient the person

HELD = "held-elsewhere"  # kind of the generic records of whose a resource is that is kept on its holder's own server


def own_key(kind: str, id: str, sender: str, keyring: Keyring) -> str:
    """The key of what a sender calls by this id; what is no Patient is kept under it."""
    return keyed_id(keyring.id_key, sender, kind, [id])


def subject_asked(question: Question, project: str, store: Store, keyring: Keyring) -> PersonKey | None:
    """The one person a question names by an id of a project's domain; None for nobody.

    Whoever asks in a project knows nobody: no identifier and no id of its own organisation leads to a pseudonym.
    """
    person = person_asked(question, project, store, keyring) if question.identifier is None else None
    return person if person is not None and store.resources(person, limit=1) else None


def person_asked(question: Question, reader: str, store: Store, keyring: Keyring) -> PersonKey | None:
    """The one person a question names, by the reader's Patient id, an identifier, or a resource's id; None for nobody."""
    if question.identifier is not None:
        system, value = question.identifier
        token = (system, keyring.token(system, value))
        return store.persons([token]).get(token)
    if reference := question.patient or (question.id if question.type == "Patient" else ""):
        own = _own(reference, reader, keyring) or _stated(reference, reader, store, keyring)
        return store.survivor(PersonKey(own)) if own else None
    row = _row(question, reader, store, keyring) if question.id else None
    if row is None and question.id:
        record = store.record(HELD, f"{question.type}/{_own(question.id, reader, keyring)}")
        return store.survivor(PersonKey(str(record.value["person"]))) if record is not None else None
    return store.survivor(row.person) if row is not None and not row.deleted else None


def _stated(id: str, sender: str, store: Store, keyring: Keyring) -> str:
    """The person of a Patient that the reader itself wrote under this id."""
    record = store.record(STATED, f"Patient/{own_key('Patient', id, sender, keyring)}")
    return str(record.value["person"]) if record is not None else ""


def _row(question: Question, reader: str, store: Store, keyring: Keyring) -> ResourceRecord | None:
    """What the reader knows by this id: as it was given to it, or as it wrote it itself."""
    own = _own(question.id, reader, keyring)
    row = store.resource(question.type, own) if own else None
    if row is None:
        row = store.resource(question.type, own_key(question.type, question.id, reader, keyring))
        return row if row is not None and row.source == reader else None
    return row


def may_name(site: Site, question: Question, agreement: Agreement) -> bool:
    """Whether a question may name somebody the way it does: an identifier only in a system of the one who gives or the one who asks.

    By a number of a third one it would tell who is known there.
    """
    if question.identifier is None:
        return True
    sides = (site.participants[agreement.sender], site.participants[agreement.recipient])
    return any(question.identifier[0] in side.identifier_systems.values() for side in sides)


def _own(id: str, reader: str, keyring: Keyring) -> str:
    try:
        return keyring.unkey(reader, id)
    except NotFound:
        return ""


def rows_held(
    person: PersonKey, source: str, types: Collection[str], rows: Sequence[ResourceRecord]
) -> Mapping[str, ResourceRecord]:
    """Of a person's current rows those of these types that this sender gave, by `Type/id` as the resource itself says it.

    At most as many as one answer can be made of: what others gave, and what cannot be asked about, is not counted.
    """
    given = [row for row in rows if row.source == source and row.type in types]
    patient = _of_whom_remains([row for row in given if row.type == "Patient"], person)
    rest = [row for row in given if row.type != "Patient"]
    return {_reference(row): row for row in (*patient, *rest)[:MOST_ROWS]}


def _reference(row: ResourceRecord) -> str:
    return f"{row.type}/{row.person if row.type == 'Patient' else row.id}"


def _of_whom_remains(rows: Sequence[ResourceRecord], person: PersonKey) -> Sequence[ResourceRecord]:
    """The one Patient of a person: after a merge that of whoever remained, not of whoever was merged away."""
    own = [row for row in rows if row.person == person]
    return (own or rows)[-1:]


def wanted(question: Question, held: Mapping[str, ResourceRecord], reader: str, keyring: Keyring) -> frozenset[str]:
    """The references, among those held, that a question is about: of one resource, of a type, or of the types of a search."""
    if question.interaction in ("search", "everything"):
        types = question.wanted.types or (question.wanted.type,)
        return frozenset(reference for reference, row in held.items() if row.type in types)
    if question.type == "Patient":
        return frozenset(reference for reference, row in held.items() if row.type == "Patient")
    read, written = _own(question.id, reader, keyring), own_key(question.type, question.id, reader, keyring)
    return frozenset({f"{question.type}/{read}", f"{question.type}/{written}"} & held.keys())


def versions_held(row: ResourceRecord, store: Store) -> Sequence[ResourceRecord]:
    """Every version of a resource, newest first, each with the labels of them all: what one of them is, all of them are.

    Raises TooCostly where there are more than one answer can be made of.
    """
    rows = [one for one in store.versions(row.type, row.id) if not one.deleted and one.source == row.source]
    if len(rows) > MOST_VERSIONS:
        raise TooCostly
    labels = tuple(sorted({label for one in rows for label in one.labels}))
    return [replace(one, labels=labels) for one in rows]


def narrowed(decision: Decision, concerned: Collection[str], shown: Collection[str]) -> Decision:
    """The decision on a person's record as far as it concerns a question: what of it is shown, what of it was withheld.

    `concerned` and `shown` are `Type/id` references. What was concerned and released but not shown was not asked for.
    """
    released = tuple(one for one in decision.released if _base(one) in shown)
    redacted = tuple((one, because) for one, because in decision.redacted if _base(one) in concerned)
    asked = tuple(one for one in decision.request.what if _base(str(one.get("reference", ""))) in {*concerned, *shown})
    some = any(one in concerned for one in decision.released)
    kind: Literal["permit", "permit-with-redaction", "deny"] = "permit-with-redaction" if redacted else "permit"
    because_of = "+".join(sorted({because for _, because in redacted})) or NOTHING
    return replace(
        decision, decision=kind if some else "deny", reason=decision.reason if some else because_of, released=released,
        redacted=redacted, obligations=decision.obligations if some else (), request=replace(decision.request, what=asked),
        answer={**decision.answer, "released": list(released)},
    )  # fmt: skip


def _base(reference: str) -> str:
    return reference.partition("#")[0]
