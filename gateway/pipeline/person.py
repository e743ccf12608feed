"""Whose document it is: the cross-reference asked, a new person enrolled, a merge made, or an entry for the worklist."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.model.document import Identity, PersonKey, Received
from gateway.model.records import Record, Unit
from gateway.pipeline.node import Node
from gateway.pipeline.onfile import known_of
from gateway.pipeline.prepare import Prepared
from gateway.pipeline.writing import Ours, Target, moved, ours
from gateway.stages.identify import (
    Known,
    Named,
    enrol,
    identify,
    may_merge,
    merged_pairs,
    merges,
    named_persons,
    subject_of,
)

WORKLIST = "identity"  # kind of the generic records that wait for a person to name a person


@dataclass(frozen=True, slots=True)
class Whose:
    """The person a document is about, what that adds to the cross-reference, and how its references read from now on."""

    identity: Identity
    subject: Named | None
    known: Known
    unit: Unit
    addresses: Mapping[str, str]

    @property
    def person(self) -> PersonKey | None:
        return self.identity.person


def identified(node: Node, received: Received, prepared: Prepared, targets: Sequence[Target] = ()) -> Whose:
    """Exact matching; a person nobody has seen is enrolled; two people's identifiers, or none, wait for a person.

    A resource that is updated stays with the person that it is about; what says otherwise waits as well.
    """
    items, token = prepared.mapped.items, node.keyring.token
    here = ours(node, received, items, targets) if prepared.parsed.standard == "fhir" else Ours({}, {})
    named = named_persons(items, token, node.site.person_systems, here.persons)
    pairs = merged_pairs(items)
    subject = subject_of(named, pairs)
    known = known_of(node.store, [t for one in named for t in one.tokens])
    identity = identify(subject, known, token)
    if pairs and not _merges_by_itself(node, received, prepared, pairs, named, subject, known):
        identity = replace(identity, person=None, because="merge")
    if identity.because == "unknown":
        identity = replace(identity, person=PersonKey(node.ids()), because="")
    if identity.person is not None and moved(node, targets, identity.person):
        identity = replace(identity, person=None, because="moved")
    if subject is None or identity.person is None:
        return Whose(identity, subject, known, Unit(), {})
    by = received.principal.participant
    unit = enrol(subject, identity.person, known, token, received.at, by)
    made = merges(pairs, named, known, identity.person, received.at, by)
    addresses = {one.reference: f"Patient/{identity.person}" for one in named if one is subject and one.reference}
    return Whose(identity, subject, known, unit + Unit(made), {**here.addresses, **addresses})


def _merges_by_itself(
    node: Node, received: Received, prepared: Prepared, pairs: Sequence[tuple[str, str]], named: Sequence[Named],
    subject: Named | None, known: Known,
) -> bool:  # fmt: skip
    """A merge message of HL7 v2 about the sender's own numbers; every other merge is for a person to decide."""
    sender = received.principal.participant
    foreign = {s for p in node.site.participants.values() if p.id != sender for s in p.identifier_systems.values()}
    foreign |= set(node.site.national_systems)
    spoken = prepared.parsed.standard == "hl7v2"
    return (
        spoken and subject is not None and may_merge(pairs, named, subject, known, lambda system: system not in foreign)
    )


def waiting(received: Received, prepared: Prepared, whose: Whose) -> Record:
    """An entry of the worklist: why it waits and which persons it may be; identifiers only as tokens."""
    tokens = whose.subject.tokens if whose.subject else ()
    candidates = sorted({whose.known.persons[t] for t in tokens if t in whose.known.persons})
    value = {
        "because": whose.identity.because, "candidates": candidates, "sender": received.principal.participant,
        "trigger": prepared.parsed.trigger, "tokens": [list(t) for t in tokens],
    }  # fmt: skip
    return Record(WORKLIST, received.id, value, received.at)
