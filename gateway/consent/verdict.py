"""What is said about one item, and the exits that are open to it beside the consents (notes 1.4, steps b, c, g, i, j)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.consent.asked import Asked
from gateway.consent.dimensions import label_hits
from gateway.consent.question import Question, listed
from gateway.consent.statutes import inside
from gateway.consent.trust import Guardianship, guardianships_of, holds, of_guardian


@dataclass(frozen=True, slots=True)
class Verdict:
    """One item's answer. `permit` has no default; `used` are consent ids; `elements` an allow-list, None for all.

    `rule` says which provision or statute decided, for those who may read explanations.
    """

    permit: bool
    reason: str
    used: frozenset[str] = frozenset()
    duties: frozenset[str] = frozenset()
    elements: tuple[str, ...] | None = None
    statute: str = ""
    rule: str = ""


def deny(reason: str, used: frozenset[str] = frozenset(), rule: str = "") -> Verdict:
    """A no."""
    return Verdict(False, reason, used, rule=rule)


def own_access(question: Question) -> bool:
    """The person asks for his or her own record, for a personal purpose."""
    return question.whom in question.asking and question.all_of("personal")


@dataclass(frozen=True, slots=True)
class Guardian:
    """What the asking guardian holds; `barred` are labels excluded from it."""

    authorised: bool
    barred: frozenset[str]


def guardian(given: Mapping[str, Any], question: Question) -> Guardian | None:
    """The guardian who asks, None when the question is not a guardian's."""
    if not question.all_of("personal"):
        return None
    mine: tuple[Guardianship, ...] = of_guardian(question.asking, guardianships_of(given))
    if not mine:
        return None
    valid = [row for row in mine if holds(row, question, question.now)]
    barred = frozenset(label for row in valid for label in listed(row.get("excludedLabels")))
    return Guardian(bool(valid), barred)


def of_guardian_access(asking: Guardian, item: Asked, question: Question) -> Verdict | None:
    """A guardian's answer; None when an adolescent's own consents decide."""
    if not asking.authorised:
        return deny("guardian-not-authorised")
    if label_hits(item, asking.barred, question.codes):
        return deny("guardian-excluded-label")
    if adolescent(question) and confidential(item, question):
        return None
    return Verdict(True, "guardian-access")


def adolescent(question: Question) -> bool:
    """Old enough to have secrets from a guardian, and not surely of age; an unknown age counts as such."""
    youngest, oldest = question.ages(question.today)
    return oldest >= question.age_limit("ownConsentFrom") and youngest < question.age_limit("majority")


def confidential(item: Asked, question: Question) -> bool:
    """The item has an adolescent-confidential label, or may have."""
    return label_hits(item, question.register.get("adolescentConfidential", ()), question.codes)


def glass_may_break(question: Question) -> bool:
    """Role, a reason in words, proof of identity and kind of interaction are right for break-glass."""
    rules = question.register.get("breakGlass")
    if not rules or not question.breaks_glass:
        return False
    said = question.why.get("justification")
    return (
        isinstance(said, str)
        and bool(said.strip())
        and question.who.get("role") in rules["roles"]
        and (question.who.get("authnLevel") or 0) >= rules["minAuthnLevel"]
        and question.how.get("interaction") in rules["interactions"]
    )


def below_ceiling(item: Asked, question: Question) -> bool:
    """Break-glass reaches only items below very restricted."""
    codes = question.codes
    return item.marks.level < codes.levels[codes.defaults["breakGlassBelow"]]


def implicit(name: Any, item: Asked, question: Question) -> Verdict:
    """What holds when nothing is on file; an unknown policy says no."""
    policy = question.codes.implicit.get(name)
    if policy is None or item.marks.level > question.codes.levels[policy["upTo"]]:
        return deny("default-deny")
    if "purposes" in policy and not question.all_within(policy["purposes"]):
        return deny("default-deny")
    return Verdict(True, f"implicit:{name}")


def stays_home(question: Question) -> bool:
    """The data stay in the home jurisdiction, or a transfer basis is named."""
    basis = question.where.get("transferBasis")
    named = bool(basis.strip()) if isinstance(basis, str) else bool(basis)
    return named or inside(question.where.get("jurisdiction"), question.register.get("home"))
