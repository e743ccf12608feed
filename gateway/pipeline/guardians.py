"""Guardians on file: RelatedPersons that came from a participant who may attest it, for decisions and for a guardian's own pages.

Nothing is taken for true but what stands in the RelatedPersons of the person today; the index only tells where to look. A RelatedPerson
from anybody else is somebody to call, and gives no power.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.consent.guardianship import guardianships, may_act
from gateway.errors import GatewayError
from gateway.model.document import Item, PersonKey
from gateway.model.records import Record, ResourceRecord, Unit
from gateway.model.references import rewritten
from gateway.model.wire import read_json
from gateway.pipeline.node import Node

RELATED = "RelatedPerson"
Json = Mapping[str, Any]
_MOST = 50  # people whom one identifier is looked up for


@dataclass(frozen=True, slots=True)
class Ward:
    """Somebody for whom a guardian may act today: `id` of the RelatedPerson that says so, the person, the birth date, and an identifier
    (system, value) by which statements name the person."""

    id: str
    person: PersonKey
    birth_date: str
    identifier: tuple[str, str]


def related_of(node: Node, person: PersonKey) -> tuple[Json, ...]:
    """The RelatedPersons of a person that count, as they read today."""
    return related_in(node, node.store.resources(person, RELATED), person) if node.site.attestors else ()


def related_in(node: Node, rows: Sequence[ResourceRecord], person: PersonKey) -> tuple[Json, ...]:
    """Those among rows of the person; one that cannot be opened gives no power."""
    site = node.site_now()
    attestors = {id for id in site.attestors if site.participants[id].active}
    found = []
    for row in rows:
        if row.type != RELATED or row.deleted or row.source not in attestors:
            continue
        try:
            read = read_json(node.keyring.open(row.content))
        except GatewayError:
            continue
        named = [
            one for one in read.get("identifier") or () if _names_a_person(node, one)
        ]  # a family's number is nobody's own
        found.append({**rewritten(read, {f"Patient/{row.person}": f"Patient/{person}"}), "identifier": named})
    return tuple(found)


def indexed(node: Node, item: Item, person: PersonKey) -> Unit:
    """Where to look for those whom a guardian acts for: a record for each identifier of a RelatedPerson that names a person here."""
    at = node.clock()
    return Unit(
        tuple(
            Record(_kind(token), item.reference, {"person": person}, at)
            for _, _, token in _identifiers(node, item.resource)
        )
    )


def wards(node: Node, guardian: tuple[str, str]) -> tuple[Ward, ...]:
    """Those whom somebody may act for today, by the person's own identifier as (system, keyed token)."""
    rows = node.store.records(_kind(guardian[1]), _MOST) if guardian[0] else ()
    people = dict.fromkeys(node.store.survivor(PersonKey(str(row.value["person"]))) for row in rows)
    found = (_ward(node, person, guardian) for person in people)
    return tuple(one for one in found if one is not None)


def _ward(node: Node, person: PersonKey, guardian: tuple[str, str]) -> Ward | None:
    related = related_of(node, person)
    mine = [one for one in related if guardian in [(system, token) for system, _, token in _identifiers(node, one)]]
    if not mine:
        return None
    patient, at, facts = f"Patient/{person}", node.clock().isoformat(), patient_facts(node, person)
    whom = {"reference": patient, **({"birthDate": facts.birth_date} if facts.birth_date else {})}
    for one in mine:
        rows = guardianships(related, patient)
        own = next((row["guardian"] for row in rows if row["id"] == one["id"]), "")
        if own and facts.identifier[0] and may_act(rows, own, whom, at, node.site.register):
            return Ward(str(one["id"]), person, facts.birth_date, facts.identifier)
    return None


def _identifiers(node: Node, related: Json) -> list[tuple[str, str, str]]:
    """(system, value, token) of the identifiers that name a person here."""
    made = []
    for one in related.get("identifier") or ():
        system, value = one.get("system"), one.get("value")
        if value and _names_a_person(node, one):
            national = system in node.site.national_systems
            made.append((system, value, value if national else node.keyring.token(system, value)))
    return made


def _names_a_person(node: Node, identifier: Json) -> bool:
    system = identifier.get("system")
    return bool(system) and (not node.site.person_systems or system in node.site.person_systems)


def _kind(token: str) -> str:
    return f"guardian:{token[:48]}"


@dataclass(frozen=True, slots=True)
class PatientFacts:
    """What the Patients on file of one person agree on: "" where they say nothing or contradict each other."""

    birth_date: str
    identifier: tuple[str, str]


def patient_facts(node: Node, person: PersonKey) -> PatientFacts:
    """Birth date, and an identifier that leads to the person and may be written."""
    rows = [row for row in node.store.resources(person, "Patient") if not row.deleted]
    try:
        patients = [read_json(node.keyring.open(row.content)) for row in rows]
    except GatewayError:
        return PatientFacts("", ("", ""))
    named = [(s, v) for one in patients for s, v, _ in _identifiers(node, one) if s not in node.site.national_systems]
    return PatientFacts(agreed_birth(patients), _leading(node, person, named))


def agreed_birth(patients: Sequence[Json]) -> str:
    """The birth date (R4 date) that all Patients of a person agree on, else nothing."""
    births = {str(birth) for one in patients if (birth := one.get("birthDate"))}
    return births.pop() if len(births) == 1 else ""


def _leading(node: Node, person: PersonKey, named: Sequence[tuple[str, str]]) -> tuple[str, str]:
    tokens = {(system, node.keyring.token(system, value)): (system, value) for system, value in named}
    persons = node.store.persons(list(tokens))
    return next((tokens[token] for token in tokens if persons.get(token) == person), ("", ""))


__all__ = ["Ward", "agreed_birth", "indexed", "patient_facts", "related_in", "related_of", "wards"]
