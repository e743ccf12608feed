"""What the store knows of a person when a question is put: the cross-reference, consents with their epoch, labels, birth date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gateway.consent.guardianship import guardianships, with_performers
from gateway.errors import GatewayError
from gateway.model.agreement import Agreement
from gateway.model.document import Item, PersonKey
from gateway.model.ports import Store
from gateway.model.records import ResourceRecord
from gateway.model.references import rewritten
from gateway.model.wire import read_json
from gateway.pipeline.guardians import related_of
from gateway.pipeline.node import Node
from gateway.stages.decide import OnFile
from gateway.stages.identify import BIRTH, Known, Token, readdress

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
    return epoch, [(row, dict(with_performers(_opened(node, row, person), related))) for row in rows]


def on_file(node: Node, person: PersonKey, birth_date: str, items: Sequence[Item], agreement: Agreement) -> OnFile:
    """Everything a decision about a person reads."""
    known = known_about(node, person, [item.reference for item in items])
    return replace(known, birth_date=birth_date, reported=_reported(node, items, agreement))


def known_about(node: Node, person: PersonKey, references: Sequence[str]) -> OnFile:
    """Consents with their epoch, and the labels held of these references and of the person.

    A Consent that cannot be opened makes the consents unknown, which is a no.
    """
    try:
        epoch, rows = consents_of(node, person)
        consents: list[dict[str, Any]] | None = [consent for _, consent in rows]
    except GatewayError:
        epoch, consents = node.store.consents(person)[0], None
    powers = guardianships(related_of(node, person), f"Patient/{person}")
    known = node.store.labels(references)
    own = {label for row in node.store.resources(person, "Patient") for label in row.labels}
    known = {**known, f"Patient/{person}": tuple(sorted(own))} if own else known
    return OnFile(person, consents, epoch, known, guardianships=powers)


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


def _opened(node: Node, row: ResourceRecord, person: PersonKey) -> dict[str, Any]:
    return _about(read_json(node.keyring.open(row.content)), row, person)


def _about(consent: object, row: ResourceRecord, person: PersonKey) -> dict[str, Any]:
    """The Consent with the person's present reference: a Consent given before a merge is about whoever remained."""
    made: dict[str, Any] = rewritten(consent, {f"Patient/{row.person}": f"Patient/{person}"})
    if row.person != person:  # a series of its own: no consent of one identity supersedes one of the other
        made["organization"] = [*made.get("organization", ()), {"reference": f"Patient/{row.person}"}]
    return made
