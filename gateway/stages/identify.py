"""The stage `identify`: which person a document is about, by exact matching of identifiers in a cross-reference.

Identifiers are kept as keyed tokens only. Resources are re-addressed to the person: `Patient/<id in the document>` becomes
`Patient/<person key>`, so that everything about one person carries one reference, whoever sent it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.errors import Unsupported
from gateway.model.document import Identity, Item, PersonKey, Resource
from gateway.model.records import IdentityLink, Merge, Record, Unit
from gateway.model.references import rewritten

Token = tuple[str, str]
WHOSE = ("subject", "patient", "for", "beneficiary", "individual")  # elements that say whose a resource is
_MOST_MERGED = 1
_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
_NATIONAL = re.compile(
    "NI|SS|NN[A-Z]{3}"
)  # types of identifiers that name a person of a nation; NNxxx names the country
BIRTH = "person-birth"  # kind of the generic record that keeps the keyed token of a person's birth date


@dataclass(frozen=True, slots=True)
class Known:
    """What the cross-reference says of a document: persons by token, and the birth-date tokens of those persons."""

    persons: Mapping[Token, PersonKey]
    births: Mapping[PersonKey, str]


@dataclass(frozen=True, slots=True)
class Named:
    """One person as a document names them: the reference inside it, identifier tokens, birth date; `person` where the reference is one
    that its sender knows a person of ours by, WAITING when that person is still to be named."""

    reference: str
    tokens: tuple[Token, ...]
    birth_date: str
    person: PersonKey | None = None


Tokenise = Callable[[str, str], str]
WAITING = PersonKey("")
_NOBODY: Mapping[str, PersonKey] = {}


def named_persons(
    items: Sequence[Item], tokenise: Tokenise, systems: Sequence[str] = (), ours: Mapping[str, PersonKey] = _NOBODY
) -> tuple[Named, ...]:
    """0..* persons a document names: its Patient resources, and whoever else a resource says it is about.

    `ours`: references in it by which its sender knows a person of this gateway.

    `systems`: the identifier systems that identify a person here; empty = all. Identifiers without system or value do not count.
    A resource about somebody given by identifier alone is about one of the document's Patients when that Patient has the
    identifier; a reference that leads out of the document, or only words, names somebody unknown: never the person by default.
    """
    patients = [item.resource for item in items if item.resource["resourceType"] == "Patient"]
    named = tuple(
        Named(
            f"Patient/{p['id']}", _tokens(p.get("identifier", ()), tokenise, systems), str(p.get("birthDate", "")),
            ours.get(f"Patient/{p['id']}"),
        )
        for p in patients
    )  # fmt: skip
    own = {one.reference for one in named}
    others = {_other(about, tokenise, systems, ours) for item in items for about in _about(item.resource, own)}
    strangers = {one for one in others if not any(_is(one, known) for known in named)}
    return named + tuple(Named("", tokens, "", person) for tokens, person in sorted(strangers, key=str))


def _is(other: tuple[tuple[Token, ...], PersonKey | None], known: Named) -> bool:
    """Whether somebody who is named by reference or identifier is a Patient of the document."""
    tokens, person = other
    if person is not None:
        return person == known.person
    return bool(tokens) and set(tokens) <= set(known.tokens)


def _about(resource: Resource, own: set[str]) -> Iterator[Mapping[str, Any]]:
    """What a resource gives as its person without referring to a Patient of the document."""
    for name in WHOSE if resource["resourceType"] != "Patient" else ():
        value = resource.get(name)
        if isinstance(value, Mapping) and value.get("reference") not in own:
            yield value


def _other(
    about: Mapping[str, Any], tokenise: Tokenise, systems: Sequence[str], ours: Mapping[str, PersonKey]
) -> tuple[tuple[Token, ...], PersonKey | None]:
    identifier = about.get("identifier")
    tokens = _tokens([identifier], tokenise, systems) if isinstance(identifier, Mapping) else ()
    return tokens, ours.get(str(about.get("reference", "")))


def _tokens(identifiers: Any, tokenise: Tokenise, systems: Sequence[str]) -> tuple[Token, ...]:
    """`use: old` identifiers count as well: a merged number still leads to the person."""
    found: list[Token] = []
    for one in identifiers:
        system, value = one.get("system"), one.get("value")
        if system and value and (not systems or system in systems):
            found.append((system, tokenise(system, value)))
    return tuple(dict.fromkeys(found))


def merged_pairs(items: Sequence[Item]) -> tuple[tuple[str, str], ...]:
    """(stays, gone) references of every Patient.link `replaces` inside the document (A40)."""
    pairs = []
    for item in items:
        for link in item.resource.get("link", ()) if item.resource["resourceType"] == "Patient" else ():
            if link.get("type") == "replaces" and (other := link.get("other", {}).get("reference")):
                pairs.append((item.reference, other))
    if len(pairs) > _MOST_MERGED:
        raise Unsupported("One document merges one pair of records.", "Patient.link")
    return tuple(pairs)


def subject_of(named: Sequence[Named], pairs: Sequence[tuple[str, str]]) -> Named | None:
    """The one person a document is about: the survivor of a merge, or the only one named. Raises Unsupported for several."""
    gone = {reference for _, reference in pairs}
    living = [one for one in named if one.reference not in gone]
    if len(living) > 1:
        raise Unsupported("A document is about one person; this one names several.", "Patient")
    return living[0] if living else None


def identify(subject: Named | None, known: Known, tokenise: Tokenise) -> Identity:
    """The person, by exact match of every identifier: `absent` none given, `unknown` none on file, `ambiguous` two people's,
    `contradicted` the birth date on file is another one, `waiting` named by a reference to somebody who waits to be named. Only the first
    match is a person; the rest waits in the worklist.
    """
    if subject is None or (not subject.tokens and subject.person is None):
        return Identity(None, "absent", patient=subject.reference if subject else "")
    if subject.person == WAITING:
        return Identity(None, "waiting", subject.birth_date, subject.reference)
    found = {known.persons[token] for token in subject.tokens if token in known.persons}
    found |= {subject.person} if subject.person is not None else set()
    if not found:
        return Identity(None, "unknown", subject.birth_date, subject.reference)
    if len(found) > 1:
        return Identity(None, "ambiguous", subject.birth_date, subject.reference)
    person = found.pop()
    kept = known.births.get(person, "")
    if kept and subject.birth_date and kept != tokenise(BIRTH, subject.birth_date):
        return Identity(None, "contradicted", subject.birth_date, subject.reference)
    return Identity(person, "", subject.birth_date, subject.reference)


def enrol(subject: Named, person: PersonKey, known: Known, tokenise: Tokenise, at: datetime, by: str) -> Unit:
    """The links (and the birth date's token) that this document adds to a person."""
    links = tuple(IdentityLink(s, t, person, at, by) for s, t in subject.tokens if (s, t) not in known.persons)
    birth: tuple[Record, ...] = ()
    if subject.birth_date and person not in known.births:
        birth = (Record(BIRTH, person, {"token": tokenise(BIRTH, subject.birth_date)}, at),)
    return Unit(links + birth)


def may_merge(
    pairs: Sequence[tuple[str, str]],
    named: Sequence[Named],
    subject: Named,
    known: Known,
    issued: Callable[[str], bool],
) -> bool:
    """Whether a document may merge persons by itself: both sides by identifiers its sender issues, and no birth date between them.

    `issued`: whether the sender issues identifiers of a system. What may not is for a person to decide (the worklist).
    """
    sides = [subject, *(one for one in named if one.reference in {gone for _, gone in pairs})]
    if not all(one.tokens and all(issued(system) for system, _ in one.tokens) for one in sides[1:]):
        return False
    if not any(issued(system) and (system, token) in known.persons for system, token in subject.tokens):
        return False
    persons = {known.persons[token] for one in sides for token in one.tokens if token in known.persons}
    return len({known.births[person] for person in persons if person in known.births}) <= 1


def merges(
    pairs: Sequence[tuple[str, str]], named: Sequence[Named], known: Known, stays: PersonKey, at: datetime, by: str
) -> tuple[Merge, ...]:
    """What a merge document does to the cross-reference: every other person on file under a gone identifier becomes `stays`."""
    gone = {reference for _, reference in pairs}
    tokens = [token for one in named if one.reference in gone for token in one.tokens]
    others = {known.persons[token] for token in tokens if token in known.persons} - {stays}
    return tuple(Merge(other, stays, at, by) for other in sorted(others))


def readdress(items: Sequence[Item], addresses: Mapping[str, str]) -> tuple[Item, ...]:
    """The items with references (and the Patient's own id) rewritten by `addresses` (old reference → new reference)."""
    return tuple(_readdressed(item, addresses) for item in items)


def attributed(items: Sequence[Item], person: PersonKey) -> tuple[Item, ...]:
    """The items with the person's reference where they say whose they are; `named_persons` has seen to it that it is this person."""
    return tuple(replace(item, resource=_attributed(item.resource, person)) for item in items)


def _attributed(resource: Resource, person: PersonKey) -> Resource:
    own = f"Patient/{person}"
    said = {name: {"reference": own} for name in WHOSE if _says_whose(resource, name, own)}
    return {**resource, **said} if said else resource


def _says_whose(resource: Resource, name: str, own: str) -> bool:
    value = resource.get(name)
    return (
        resource["resourceType"] != "Patient"
        and isinstance(value, Mapping)
        and ("identifier" in value or str(value.get("reference", "")).rpartition("/")[0].endswith("Patient"))
        and value.get("reference") != own
    )


def tokenised(items: Sequence[Item], national: Sequence[str], tokenise: Tokenise) -> tuple[Item, ...]:
    """The items with every national identifier, by its system or its type, as its keyed token: from here on the number is in no item."""
    return tuple(replace(item, resource=_tokenised(item.resource, frozenset(national), tokenise)) for item in items)


def _tokenised(tree: Any, national: frozenset[str], tokenise: Tokenise) -> Any:
    if isinstance(tree, Mapping):
        made = {name: _tokenised(child, national, tokenise) for name, child in tree.items()}
        if isinstance(tree.get("value"), str) and (tree.get("system") in national or _is_national(tree.get("type"))):
            made["value"] = tokenise(str(tree.get("system", "")), tree["value"])
        return made
    return [_tokenised(child, national, tokenise) for child in tree] if isinstance(tree, list) else tree


def _is_national(kind: Any) -> bool:
    """A type of identifier that names a person of a nation, whatever the system (HL7 table 0203: NI, SS, NNxxx)."""
    codings = kind.get("coding") if isinstance(kind, Mapping) else None
    for coding in codings if isinstance(codings, list) else ():
        code = coding.get("code") if isinstance(coding, Mapping) and coding.get("system") == _TYPES else None
        if isinstance(code, str) and _NATIONAL.fullmatch(code):
            return True
    return False


def _readdressed(item: Item, addresses: Mapping[str, str]) -> Item:
    resource = rewritten(item.resource, addresses)
    new = addresses.get(item.reference)
    if new is not None:
        resource = {**resource, "id": new.partition("/")[2]}
    sources = tuple(addresses.get(source, source) for source in item.derived_from)
    return replace(item, resource=resource, derived_from=sources)
