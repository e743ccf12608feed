"""The stage `read`: whom a question is about, in the reader's own ids, and the rows it asks for (ARCHITECTURE.md, "At rest")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.errors import NotFound
from gateway.model.document import PersonKey
from gateway.model.ports import Keyring, Store
from gateway.model.questions import Decision, Question
from gateway.model.records import ResourceRecord


def person_asked(question: Question, reader: str, store: Store, keyring: Keyring) -> PersonKey | None:
    """The one person a question names, by the reader's Patient id, an identifier, or a resource's id; None for nobody."""
    if question.identifier is not None:
        system, value = question.identifier
        token = (system, keyring.token(system, value))
        return store.persons([token]).get(token)
    if reference := question.patient or (question.id if question.type == "Patient" else ""):
        own = _own(reference, reader, keyring)
        return store.survivor(PersonKey(own)) if own else None
    row = store.resource(question.type, _own(question.id, reader, keyring)) if question.id else None
    return store.survivor(row.person) if row is not None and not row.deleted else None


def _own(id: str, reader: str, keyring: Keyring) -> str:
    try:
        return keyring.unkey(reader, id)
    except NotFound:
        return ""


def rows_asked(
    question: Question, person: PersonKey, source: str, reader: str, store: Store, keyring: Keyring
) -> Sequence[ResourceRecord]:
    """The rows of that type about the person that this sender gave; one of them when an id is asked for."""
    rows = [row for row in store.resources(person, question.type) if row.source == source]
    if question.type == "Patient":
        return _of_whom_remains(rows, person)
    if question.id:
        own = _own(question.id, reader, keyring)
        return [row for row in rows if row.id == own]
    return rows


def _of_whom_remains(rows: Sequence[ResourceRecord], person: PersonKey) -> Sequence[ResourceRecord]:
    """The one Patient of a person: after a merge that of whoever remained, not of whoever was merged away."""
    own = [row for row in rows if row.person == person]
    return (own or rows)[-1:]


def limited(decision: Decision, count: int) -> Decision:
    """The decision for the first `count` released items; the rest was not asked for and is not withheld."""
    if len(decision.released) <= count:
        return decision
    shown = decision.released[:count]
    return replace(decision, released=shown, answer={**decision.answer, "released": list(shown)})
