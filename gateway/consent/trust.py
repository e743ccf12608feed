"""Who may consent for whom: the person, a guardian, and until when (PIPA art. 22-2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.consent.period import contains, period, span
from gateway.consent.question import Question, listed

Guardianship = Mapping[str, Any]


def distrust(consent: Mapping[str, Any], guardianships: tuple[Guardianship, ...], question: Question) -> str:
    """Why a Consent is not trusted, or an empty text. Every performer must be competent; none means the patient."""
    if any(row.get("verified") is not True for row in consent.get("verification") or ()):
        return "not-verified"
    signed = signed_at(consent, question)
    for performer in consent.get("performer") or ({"reference": question.whom},):
        reference = performer.get("reference")
        if reference == question.whom:
            if question.ages(question.day_of(signed))[0] < question.age_limit("ownConsentFrom"):
                return "too-young"
        elif not _guarded(reference, guardianships, question, signed):
            return "no-authority"
    return ""


def signed_at(consent: Mapping[str, Any], question: Question) -> float:
    """When a Consent was signed; without dateTime, now. Raises ValueError when it cannot be read."""
    moment = consent.get("dateTime")
    return question.now if moment is None else span(moment, question.zone)[0]


def holds(guardianship: Guardianship, question: Question, moment: float) -> bool:
    """Whether a guardianship is in force at a moment; a parent's ends at majority, unknown age counts as of age."""
    if guardianship.get("status", "active") != "active":
        return False
    if guardianship.get("patient", question.whom) != question.whom:
        return False
    if not contains(period(guardianship.get("period") or {}, question.zone), moment):
        return False
    if guardianship.get("basis") != question.codes.defaults["parentBasis"]:
        return True
    return question.ages(question.day_of(moment))[1] < question.age_limit("majority")


def of_guardian(references: frozenset[str], guardianships: tuple[Guardianship, ...]) -> tuple[Guardianship, ...]:
    """The guardianships of anyone among the references."""
    return tuple(row for row in guardianships if row.get("guardian") in references)


def guardianships_of(given: Mapping[str, Any]) -> tuple[Guardianship, ...]:
    """`given.guardianships`, 0..*."""
    return listed(given.get("guardianships"))


def _guarded(reference: str | None, guardianships: tuple[Guardianship, ...], question: Question, signed: float) -> bool:
    mine = of_guardian(frozenset((reference,)), guardianships) if reference else ()
    return any(holds(row, question, signed) and holds(row, question, question.now) for row in mine)
