"""The consents on file that count for a question: live, the newest of their series, each with its trust and its tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.consent.period import contains, period
from gateway.consent.provisions import Indeterminate, Node, tree
from gateway.consent.question import UNREADABLE, Question, listed
from gateway.consent.restate import r4_of
from gateway.consent.trust import distrust, guardianships_of, signed_at

Consent = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Filed:
    """A Consent that counts. `distrusted` says why not trusted, `unclear` why it could not be understood; both may be empty."""

    id: str
    distrusted: str
    unclear: str
    tree: Node | None
    policies: tuple[str, ...]

    @property
    def bounds(self) -> bool:
        """A trusted permit: sharing ends where it is silent."""
        return not self.distrusted and self.tree is not None and self.tree.permit


@dataclass(frozen=True, slots=True)
class _Live:
    consent: Consent
    signed: float
    distrusted: str


def on_file(given: Mapping[str, Any], question: Question) -> tuple[Filed, ...]:
    """All that counts, ordered by id; a store that could not be asked counts as one consent that nobody understands."""
    consents = given.get("consents")
    if not isinstance(consents, list | tuple):
        return (Filed("", "", "store-unavailable", None, ()),)
    live, broken = [], []
    for given_so in consents:
        try:
            consent = r4_of(given_so)
            if not silence(consent, question):
                why = distrust(consent, guardianships_of(given), question)
                live.append((_series(consent), _Live(consent, signed_at(consent, question), why)))
        except UNREADABLE:
            broken.append(Filed(_id(given_so), "", "no-base-rule", None, ()))
    kept = [_filed(found, question) for group in _grouped(live) for found in _newest(group)]
    return tuple(sorted(kept + broken, key=lambda filed: filed.id))


def silence(consent: Consent, question: Question) -> str:
    """Why a Consent does not speak at all, or an empty text. Raises one of UNREADABLE."""
    if consent.get("status") != "active":
        return "not-active"
    if (consent.get("patient") or {}).get("reference") != question.whom:
        return "other-patient"
    if not any(_in_scope(code, question) for code in _scopes(consent)):
        return "other-scope"
    if signed_at(consent, question) > question.now:
        return "in-the-future"
    root = consent.get("provision") or {}
    return "" if contains(period(root.get("period") or {}, question.zone), question.now) else "out-of-period"


def _scopes(consent: Consent) -> frozenset[str]:
    return frozenset(coding.get("code") for coding in (consent.get("scope") or {}).get("coding", ()))


def _in_scope(code: str, question: Question) -> bool:
    kind = question.codes.scopes.get(code)
    return kind is not None and (kind == "" or question.all_of(kind))


def _series(consent: Consent) -> tuple[frozenset[str], ...]:
    policies = frozenset(policy.get("uri") for policy in consent.get("policy") or ())
    return _scopes(consent), policies, frozenset(o.get("reference") for o in consent.get("organization") or ())


def _grouped(live: Iterable[tuple[tuple[frozenset[str], ...], _Live]]) -> Iterable[list[_Live]]:
    series: dict[tuple[frozenset[str], ...], list[_Live]] = {}
    for key, found in live:
        series.setdefault(key, []).append(found)
    return series.values()


def _newest(series: list[_Live]) -> list[_Live]:
    """The newest of a series; when none of those is trusted, the newest trusted ones stay beside them."""
    latest = max(found.signed for found in series)
    kept = [found for found in series if found.signed == latest]
    trusted = [found for found in series if not found.distrusted]
    if trusted and all(found.distrusted for found in kept):
        last = max(found.signed for found in trusted)
        kept += [found for found in trusted if found.signed == last]
    return kept


def _filed(found: _Live, question: Question) -> Filed:
    consent, unclear, root = found.consent, "", None
    try:
        root = tree(consent, question)
    except Indeterminate as error:
        unclear = str(error)
    except UNREADABLE:
        unclear = "no-base-rule"
    policies = tuple(str(policy.get("uri")) for policy in listed(consent.get("policy")))
    return Filed(_id(consent), found.distrusted, unclear, root, policies)


def _id(consent: Any) -> str:
    return str(consent.get("id", "")) if isinstance(consent, Mapping) else ""
