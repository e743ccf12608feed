"""Why a decision is what it is, rule by rule, for those entitled to know (simulator, auditor; never for the one refused)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.consent.asked import Asked
from gateway.consent.case import Case, Request, case_of, matchable
from gateway.consent.decision import decide, refusal_of, verdicts_of
from gateway.consent.filed import Filed, silence
from gateway.consent.question import UNREADABLE, listed
from gateway.consent.restate import Unrestatable, r4_of
from gateway.consent.statutes import gap, reaches, supports
from gateway.consent.trust import distrust, guardianships_of

Step = dict[str, Any]


def explain(request: Request, given: Mapping[str, Any], register: Mapping[str, Any]) -> list[Step]:
    """The steps of a decision in order: question, consents, statutes, then labels, votes and verdict of each item.

    Each step has `step`, `says` and what it is about (`item`, `consent`, `statute`, `node`); the last one is the decision.
    """
    steps: list[Step] = []
    try:
        case = case_of(request, given, register)
        steps += [{"step": "question", "says": refusal_of(case) or "may be asked"}]
        steps += _consents(given, case)
        steps += _statutes(case)
        steps += _items(request, case)
    except UNREADABLE:
        steps += [{"step": "question", "says": "cannot be read"}]
    result = decide(request, given, register)
    return [*steps, {"step": "decision", "says": result["decision"], "reason": result["reason"], "result": result}]


def _consents(given: Mapping[str, Any], case: Case) -> Iterator[Step]:
    counted = {filed.id: filed for filed in case.filed}
    if not isinstance(given.get("consents"), list | tuple):
        yield {"step": "consent", "consent": "", "says": "store-unavailable"}
        return
    for place, given_so in enumerate(given["consents"]):
        try:
            name, consent = str(given_so.get("id", "")), r4_of(given_so)
            says = silence(consent, case.question) or _standing(counted.get(name), consent, given, case)
        except Unrestatable as error:
            name, says = f"[{place}]", f"cannot be restated: {error.reason} ({error.place})"
        except UNREADABLE:
            name, says = f"[{place}]", "cannot be read"
        yield {"step": "consent", "consent": name, "says": says}


def _standing(filed: Filed | None, consent: Mapping[str, Any], given: Mapping[str, Any], case: Case) -> str:
    if filed is None:
        return "superseded"
    if filed.unclear:
        return f"indeterminate:{filed.unclear}"
    why = distrust(consent, guardianships_of(given), case.question)
    return f"untrusted: {why}" if why else "counts"


def _statutes(case: Case) -> Iterator[Step]:
    named = frozenset(listed(case.question.why.get("legalBasis")))
    for statute in case.question.register.get("statutes", ()):
        if statute["id"] in named:
            missing = gap(statute, case.question)
            yield {"step": "statute", "statute": statute["id"], "says": f"not met: {missing}" if missing else "applies"}


def _items(request: Request, case: Case) -> Iterator[Step]:
    items = list(request.get("what") or ())
    refused = refusal_of(case)
    for item, verdict in zip(matchable(items, case), verdicts_of(items, case), strict=True):
        if item is None:
            yield {"step": "verdict", "item": "", "says": "deny", "reason": "cannot be read"}
            continue
        yield _labels(item, case)
        yield from _votes(item, case)
        permit, reason = verdict.permit and not refused, refused or verdict.reason
        said = {"says": "permit" if permit else "deny", "reason": reason, "rule": verdict.rule}
        yield {"step": "verdict", "item": item.reference, **said}


def _labels(item: Asked, case: Case) -> Step:
    level = next(name for name, rank in case.question.codes.levels.items() if rank == item.marks.level)
    said = [level, *sorted(item.marks.sensitivities), *(["unclassified"] if item.marks.unclassified else [])]
    return {"step": "label", "item": item.reference, "says": " ".join(said)}


def _votes(item: Asked, case: Case) -> Iterator[Step]:
    for statute in case.statutes:
        reached = (
            "reached" if reaches(statute, item, case.question) else "support" if supports(statute, item) else "other"
        )
        yield {"step": "reach", "item": item.reference, "statute": statute["id"], "says": reached}
    for filed in case.filed:
        node = filed.tree.vote(lambda node: node.meets(item)) if filed.tree is not None else None
        says = filed.unclear or ("silent" if node is None else "permit" if node.permit else "deny")
        place = {} if node is None else {"node": node.path}
        yield {"step": "vote", "item": item.reference, "consent": filed.id, "says": says, **place}
