"""Who is somebody's guardian, as RelatedPersons on file say it (R4 RelatedPerson), and which of them a Consent was given by. Pure.

Whose RelatedPerson counts is not asked here: the caller hands over those that come from a participant that may attest it. Several that
have an identifier in common are one guardian, by the reference of the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from gateway.consent import verdict as answers
from gateway.consent.codes import codes
from gateway.consent.question import Question, listed, question

Json = Mapping[str, Any]
_PERSONAL = "PATRQT"


def guardianships(related: Sequence[Json], patient: str) -> list[dict[str, Any]]:
    """The form of `given.guardianships`: guardian (`RelatedPerson/id`), patient, basis, status and period, one for each relationship
    that gives a power, none for a neighbour; `id` is that of the RelatedPerson. `patient` is the reference of whom they are about."""
    return [
        {
            "id": one["id"],
            "guardian": _reference(one, related),
            "patient": patient,
            "basis": basis,
            "status": "active" if one.get("active", True) is True else "inactive",
            "period": one.get("period") or {},
        }
        for one in related
        for basis in _bases(one)
    ]


def with_performers(consent: Json, related: Sequence[Json]) -> Json:
    """The Consent with its performers by the one reference that the guardianships name them by, whether it names them by reference or by
    identifier alone."""
    performers = consent.get("performer")
    if not isinstance(performers, list) or not related:
        return consent
    return {**consent, "performer": [_performer(one, related) for one in performers]}


def may_act(rows: Sequence[Json], guardian: str, whom: Json, at: str, register: Json) -> bool:
    """Whether a guardian may act for somebody now (ISO 8601): the power holds, and the person is not one who decides alone by now."""
    asked = _personal(whom, at, register, guardian)
    found = answers.guardian({"guardianships": list(rows)}, asked)
    return found is not None and found.authorised and not answers.adolescent(asked)


def is_too_young(whom: Json, at: str, register: Json) -> bool:
    """Whether somebody is known to be younger than those who consent themselves. An unknown birth date is judged by the decisions."""
    asked = _personal(whom, at, register)
    return bool(whom.get("birthDate")) and asked.ages(asked.today)[1] < asked.age_limit("ownConsentFrom")


def _personal(whom: Json, at: str, register: Json, guardian: str = "") -> Question:
    request = {"who": {"references": [guardian] if guardian else []}, "whom": whom, "when": at,
               "why": {"purposeOfUse": [_PERSONAL]}, "what": [], "how": {}, "where": {}}  # fmt: skip
    return question(request, register)


def _bases(related: Json) -> list[str]:
    """What the relationship gives a power by, in the order in which it is said."""
    codings = [coding for concept in listed(related.get("relationship")) for coding in listed(concept.get("coding"))]
    known = codes().guardian_bases
    found = (known.get(str(c.get("code"))) for c in codings if c.get("system") == codes().systems["role"])
    return [basis for basis in dict.fromkeys(found) if basis is not None]


def _performer(performer: Any, related: Sequence[Json]) -> Any:
    if not isinstance(performer, Mapping):
        return performer
    named = performer.get("reference")
    by_reference = (one for one in related if named is not None and named == f"RelatedPerson/{one['id']}")
    by_identifier = (one for one in related if named is None and _named(performer.get("identifier")) & _names(one))
    found = next(chain(by_reference, by_identifier), None)
    return performer if found is None else {**performer, "reference": _reference(found, related)}


def _reference(one: Json, related: Sequence[Json]) -> str:
    """That of the first who has an identifier in common with this one."""
    own = _names(one)
    first = next((other for other in related if own & _names(other)), one)
    return f"RelatedPerson/{first['id']}"


def _names(related: Json) -> frozenset[tuple[str, str]]:
    return frozenset(pair for identifier in listed(related.get("identifier")) for pair in _named(identifier))


def _named(identifier: Any) -> frozenset[tuple[str, str]]:
    """(system, value) of an identifier that has both."""
    return frozenset(_pairs(identifier))


def _pairs(identifier: Any) -> Iterator[tuple[str, str]]:
    if isinstance(identifier, Mapping):
        system, value = identifier.get("system"), identifier.get("value")
        if isinstance(system, str) and isinstance(value, str) and system and value:
            yield system, value


__all__ = ["guardianships", "is_too_young", "may_act", "with_performers"]
