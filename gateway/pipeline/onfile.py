"""What the store knows of a person when a question is put: the cross-reference, consents with their epoch, labels, birth date."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.consent.guardianship import guardianships, with_performers
from gateway.errors import GatewayError
from gateway.model.agreement import Agreement
from gateway.model.document import Item, PersonKey
from gateway.model.ports import Store
from gateway.model.records import ResourceRecord
from gateway.model.references import rewritten
from gateway.model.wire import read_json
from gateway.pipeline.guardians import related_in, related_of
from gateway.pipeline.node import Node
from gateway.stages.decide import OnFile
from gateway.stages.identify import BIRTH, Known, Token, readdress

Consents = list[dict[str, Any]]
REPORTED = "reported"  # kind of the generic records that a resource was reported under an agreement


def known_of(store: Store, tokens: Sequence[Token]) -> Known:
    """The persons behind identifier tokens, and the birth dates on file for them (as tokens)."""
    persons = store.persons(tokens)
    births = {person: record for person in set(persons.values()) if (record := store.record(BIRTH, person))}
    return Known(persons, {person: str(record.value["token"]) for person, record in births.items()})


def consents_of(node: Node, person: PersonKey) -> tuple[int, list[tuple[ResourceRecord, dict[str, Any]]]]:
    """The epoch, and every Consent on file of a person as it reads today, guardians by the reference that the guardianships on file name
    them by. Raises a GatewayError when one cannot be opened."""
    epoch, rows = node.store.consents(person)
    related = related_of(node, person) if rows else ()
    return epoch, [(row, _opened(node, row, person, related)) for row in rows]


@dataclass(frozen=True, slots=True)
class File:
    """What the store holds of a person, as it was at one moment; `consents` None: one of them cannot be opened, which is a no."""

    person: PersonKey
    epoch: int
    consents: Consents | None
    rows: Sequence[ResourceRecord]
    powers: Consents

    def known(self, references: Collection[str]) -> OnFile:
        """What a decision about these references reads."""
        labels = {name: row.labels for row in self.rows if (name := f"{row.type}/{row.id}") in references}
        patients = [row for row in self.rows if row.type == "Patient"]
        return _known(OnFile(self.person, self.consents, self.epoch, labels, guardianships=self.powers), patients)


def on_file(node: Node, person: PersonKey, birth_date: str, items: Sequence[Item], agreement: Agreement) -> OnFile:
    """Everything a decision about a person reads."""
    known = known_about(node, person, [item.reference for item in items])
    return asked_under(node, known, birth_date, items, agreement)


def asked_under(node: Node, known: OnFile, birth_date: str, items: Sequence[Item], agreement: Agreement) -> OnFile:
    """What is known of a person, for a question about these items under an agreement."""
    return replace(known, birth_date=birth_date, reported=_reported(node, items, agreement))


def known_about(node: Node, person: PersonKey, references: Sequence[str]) -> OnFile:
    """Consents with their epoch, and the labels held of these references and of the person.

    A Consent that cannot be opened makes the consents unknown, which is a no.
    """
    epoch, rows = node.store.consents(person)
    related = related_of(node, person)
    consents, powers = readable(node, rows, person, related), guardianships(related, f"Patient/{person}")
    known = OnFile(person, consents, epoch, node.store.labels(references), guardianships=powers)
    return _known(known, node.store.resources(person, "Patient"))


def file_of(node: Node, person: PersonKey, most: int) -> File:
    """The file of a person, with so many rows at most."""
    epoch, consents, rows = node.store.file(person, most)
    related = related_in(node, rows, person)
    powers = guardianships(related, f"Patient/{person}")
    return File(person, epoch, readable(node, consents, person, related), rows, powers)


def readable(
    node: Node, rows: Sequence[ResourceRecord], person: PersonKey, related: Sequence[Mapping[str, Any]]
) -> Consents | None:
    """The Consents of rows as they read today; None, which is a no, when one of them cannot be opened."""
    try:
        return [_opened(node, row, person, related) for row in rows]
    except GatewayError:
        return None


def _known(known: OnFile, patients: Sequence[ResourceRecord]) -> OnFile:
    """Every Patient of the person has the labels of each."""
    own = tuple(sorted({label for row in patients for label in row.labels}))
    return replace(known, known_labels={**known.known_labels, f"Patient/{known.person}": own}) if own else known


def _reported(node: Node, items: Sequence[Item], agreement: Agreement) -> dict[str, tuple[str, ...]]:
    """Which of the items were reported under a statute before, and by which rules: what corrects a report must reach it too."""
    if agreement.basis != "statute":
        return {}
    keys = {item.reference: f"{agreement.id}:{item.reference}" for item in items}
    rows = {reference: node.store.record(REPORTED, key) for reference, key in keys.items()}
    return {reference: tuple(row.value["rules"]) for reference, row in rows.items() if row is not None}


def about(items: Sequence[Item], was: PersonKey, now: PersonKey) -> tuple[Item, ...]:
    """Items kept under a person who has since been merged, about the one who remained."""
    return tuple(items) if was == now else readdress(items, {f"Patient/{was}": f"Patient/{now}"})


def _opened(node: Node, row: ResourceRecord, person: PersonKey, related: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return dict(with_performers(_about(read_json(node.keyring.open(row.content)), row, person), related))


def _about(consent: object, row: ResourceRecord, person: PersonKey) -> dict[str, Any]:
    """The Consent with the person's present reference: a Consent given before a merge is about whoever remained."""
    made: dict[str, Any] = rewritten(consent, {f"Patient/{row.person}": f"Patient/{person}"})
    if row.person != person:  # a series of its own: no consent of one identity supersedes one of the other
        made["organization"] = [*made.get("organization", ()), {"reference": f"Patient/{row.person}"}]
    return made
