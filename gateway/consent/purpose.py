"""What is refused before any item is looked at: purposes, prohibitions, a question about nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from gateway.consent.question import Question, listed


def refusal(question: Question) -> str:
    """The reason why the whole question is refused, or an empty text. The order of the checks is the order of the closed list."""
    return next(_refusals(question), "")


def _refusals(question: Question) -> Iterator[str]:
    for check in _CHECKS:
        if reason := check(question):
            yield reason


def _missing(question: Question) -> str:
    return "" if question.asked else "purpose-missing"


def _unknown(question: Question) -> str:
    return "" if all(question.purposes) else "purpose-unknown"


def _unauthorised(question: Question) -> str:
    registered = frozenset(listed(question.who.get("authorizedPurposes")))
    return "" if question.asked <= registered else "purpose-not-authorised-for-client"


def _prohibited(question: Question) -> str:
    evidence = listed(question.why.get("evidence"))
    for row in question.register.get("prohibitions", ()):
        lifted = "unlessEvidence" in row and row["unlessEvidence"] in evidence
        if question.any_within(row["purposes"]) and not lifted:
            return f"prohibited:{row['id']}"
    return ""


def _nobody(question: Question) -> str:
    return "" if question.whom else "subject-missing"


_CHECKS: tuple[Callable[[Question], str], ...] = (_missing, _unknown, _unauthorised, _prohibited, _nobody)
