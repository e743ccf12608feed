"""Decide one 6W1H request item by item (R4 Consent; ARCHITECTURE.md, promise 2: no rule says yes, so no).

Pure: the clock is request.when, nothing is kept between calls. Whatever cannot be read ends in a no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from gateway.consent import verdict as answers
from gateway.consent.asked import Asked, Frame
from gateway.consent.case import Case, Request, asked_of, case_of, matchable, read, reading
from gateway.consent.filed import Filed
from gateway.consent.marks import Labelling, Marking, codings_of
from gateway.consent.provisions import Node
from gateway.consent.purpose import refusal
from gateway.consent.question import UNREADABLE, listed
from gateway.consent.shapes import is_object
from gateway.consent.statutes import elements, handled, reaches, supports
from gateway.consent.verdict import Verdict, deny

Met = Callable[[Node], bool]


def decide(
    request: Request, given: Mapping[str, Any], register: Mapping[str, Any], *, rules: Labelling | None = None
) -> dict[str, Any]:
    """The decision of a request (the form of conformance/consent/vectors.json).

    `decision` (permit | permit-with-redaction | deny), `reason`, `released` (references), `redacted` ({reference, because}),
    `obligations`, `consentsUsed`; `elements` ({reference: allowed element names}) only when a statute limits them, `changes`
    ({reference: rows of type, path, how}) only when the register's `handling` asks for values to be said less exactly.
    `rules` are the register's label rules, where the caller has compiled them (`labels.rules_of`).
    Never raises for content that cannot be read: the answer is deny.
    """
    items = _items(request)
    try:
        case = case_of(request, given, register, rules)
        reason = refusal_of(case)
        verdicts = [deny(reason)] * len(items) if reason else verdicts_of(items, case)
        disclosing = case.question.how.get("action") == case.question.codes.defaults["disclosure"]
        duty = case.question.codes.duties_of("disclosure") if disclosing else frozenset()
        changes = {name: handled(name, case.question) for name in {v.statute for v in verdicts if v.permit}}
    except UNREADABLE:
        reason, verdicts, duty, changes = "default-deny", [deny("default-deny")] * len(items), frozenset(), {}
    return _result([_reference(item) for item in items], verdicts, reason, duty, changes)


def may_ask(request: Request, given: Mapping[str, Any], register: Mapping[str, Any]) -> str:
    """Why a question is refused before it runs (purpose, prohibition, nobody named, a forbidden filter field), or an empty text."""
    try:
        return refusal_of(case_of(request, given, register))
    except UNREADABLE:
        return "default-deny"


def refusal_of(case: Case) -> str:
    """The reason why a whole question is refused, or an empty text."""
    return refusal(case.question) or _query_refusal(case)


def verdicts_of(items: list[Any], case: Case) -> list[Verdict]:
    """One verdict per item, in order; what supports a statute's report is looked at after the report itself."""
    marking, frame = reading(items, case)
    seen: dict[Any, Verdict] = {}
    first = [_alike(item, case, marking, frame, seen) for item in items]
    released = frozenset(verdict.statute for verdict in first if verdict.statute)
    if not any(statute["id"] in released and "supports" in statute for statute in case.statutes):
        return first
    asked = matchable(items, case)
    return [made if made.statute else _verdict(item, case, released) for item, made in zip(asked, first, strict=True)]


def _alike(item: Any, case: Case, marking: Marking, frame: Frame, seen: dict[Any, Verdict]) -> Verdict:
    """A verdict for an item; items that no rule can tell apart are decided once. This is the hot path."""
    if not case.statutes:
        try:
            codings = codings_of(item)
            marks = marking.of_plain(item, codings)
            if marks is not None:
                asked = partial(read, item, codings, marks, frame)
                failed = case.plan.failed(item, codings, marks, asked)
                key = (failed, marks, _of_another(item, case))
                found = seen.get(key)
                if found is None:
                    found = seen[key] = _verdict(asked(), case, frozenset(), case.plan.meeting(failed))
                return found
        except UNREADABLE:
            pass  # what cannot be read may not matter: it is decided by itself
    return _verdict(asked_of(item, marking, frame), case, frozenset())


def _of_another(item: Any, case: Case) -> bool:
    return "subject" in item and bool(item["subject"] != case.question.whom)


def _query_refusal(case: Case) -> str:
    """Each field that a question filters or sorts by is decided like an item of the person: hits and their number would tell of it."""
    fields = listed((case.question.how.get("query") or {}).get("fields"))
    items = [{"reference": f"{field['code'].partition('.')[0]}/#{field['code']}", "code": [field]} for field in fields]
    allowed = all(verdict.permit for verdict in verdicts_of(list(items), case))
    return "" if allowed else "query-not-authorised"


def _verdict(item: Asked | None, case: Case, released: frozenset[str], met: Met | None = None) -> Verdict:
    """One item's verdict; `released` are the statutes by which another item of the request goes out.

    `met` says which provisions it meets, where that is known already.
    """
    if item is None:
        return deny("default-deny")
    try:
        found = _inside(item, case, released, met or (lambda node: node.meets(item)))
    except UNREADABLE:
        return deny("default-deny")
    if found.permit and not answers.stays_home(case.question):
        return deny("cross-border-no-basis", found.used, found.rule)
    return found


def _inside(item: Asked, case: Case, released: frozenset[str], met: Met) -> Verdict:
    asked = case.question
    if _of_another(item.raw, case):
        return deny("wrong-subject")
    if answers.own_access(asked):
        return Verdict(True, "self-access")
    young = False
    if case.guardian is not None:
        access = answers.of_guardian_access(case.guardian, item, asked)
        if access is not None:
            return access
        young = True
    return (
        _by_statute(item, case, True, released)
        or _by_consent(item, case, met)
        or (deny("adolescent-confidential") if young else None)
        or _by_statute(item, case, False, released)
        or _otherwise(item, case)
    )


def _by_statute(item: Asked, case: Case, mandatory: bool, released: frozenset[str]) -> Verdict | None:
    for statute in case.statutes:
        if bool(statute.get("mandatory")) is not mandatory:
            continue
        along = statute["id"] in released and supports(statute, item)
        if along or reaches(statute, item, case.question):
            name = statute["id"]
            duties = frozenset(statute.get("obligations", ()))
            allowed = elements(statute, item)
            return Verdict(
                True, f"statute:{name}", frozenset(), duties, allowed, name, "supports" if along else "matches"
            )
    return None


def _by_consent(item: Asked, case: Case, met: Met) -> Verdict | None:
    """The consents' answer; None when they are silent. A deny wins, then what nobody understands, then a permit."""
    refusing: list[tuple[Filed, Node]] = []
    permitting: list[tuple[Filed, Node]] = []
    for filed, tree in case.speaking:
        node = tree.vote(met)
        if node is None:
            continue
        if not node.permit:
            refusing.append((filed, node))
        elif not filed.distrusted:
            permitting.append((filed, node))
    if refusing:
        return _refused(item, case, refusing)
    if case.unclear:
        opened = _glass(item, case)
        return opened if opened.permit else deny(f"indeterminate:{case.unclear[0]}")
    return _permitted(item, case, permitting) if permitting else None


def _refused(item: Asked, case: Case, refusing: list[tuple[Filed, Node]]) -> Verdict:
    used = frozenset(filed.id for filed, _ in refusing)
    named = case.question.codes.purpose_classes["break-glass-named"]
    by_name = any(
        not node.permit and not named.isdisjoint(node.purposes)
        for filed, _ in refusing
        if filed.tree is not None
        for node in filed.tree.nodes()
    )
    opened = _glass(item, case)
    if opened.permit and not by_name:
        return replace(opened, used=used)
    return deny("consent-deny", used, _where(refusing))


def _permitted(item: Asked, case: Case, permitting: list[tuple[Filed, Node]]) -> Verdict:
    asked = case.question
    policies = asked.register.get("policyObligations", {})
    duties = {duty for filed, _ in permitting for uri in filed.policies for duty in policies.get(uri, ())}
    if asked.all_of("research"):
        duties |= asked.codes.duties_of("research")
    if asked.breaks_glass:
        duties |= asked.codes.duties_of("break-glass")
    for row in asked.codes.duties:
        if "label" in row and any(row["label"] in asked.codes.within(s) for s in item.marks.sensitivities):
            duties |= set(row["add"])
    used = frozenset(filed.id for filed, _ in permitting)
    return Verdict(True, "consent-permit", used, frozenset(duties), rule=_where(permitting))


def _where(found: list[tuple[Filed, Node]]) -> str:
    return ", ".join(f"{filed.id}: {node.path}" for filed, node in found)


def _glass(item: Asked, case: Case) -> Verdict:
    if case.glass and answers.below_ceiling(item, case.question):
        return Verdict(True, "break-glass", duties=case.question.codes.duties_of("break-glass"))
    return deny("break-glass-not-authorised")


def _otherwise(item: Asked, case: Case) -> Verdict:
    """Nothing spoke: break-glass, else what a trusted opt-in leaves out, else the implicit policy."""
    if case.question.breaks_glass:
        return _glass(item, case)
    if any(filed.bounds for filed in case.filed):
        return deny("outside-consent")
    return answers.implicit(case.implicit, item, case.question)


def _items(request: Request) -> list[Any]:
    what = request.get("what")
    return list(what) if isinstance(what, list | tuple) else []


def _reference(item: Any) -> str:
    reference = item.get("reference") if is_object(item) else None
    return reference if isinstance(reference, str) else ""


def _result(
    references: list[str],
    verdicts: list[Verdict],
    reason: str,
    duty: frozenset[str],
    changes: Mapping[str, list[dict[str, str]]],
) -> dict[str, Any]:
    pairs = list(zip(references, verdicts, strict=True))
    refused = {reference: verdict.reason for reference, verdict in reversed(pairs) if not verdict.permit}
    kept = {reference: verdict for reference, verdict in pairs if reference not in refused}
    duties = frozenset[str]().union(*(verdict.duties for verdict in kept.values()))
    why = (v.reason for v in kept.values()) if kept else refused.values()
    made: dict[str, Any] = {
        "decision": "deny" if not kept else "permit-with-redaction" if refused else "permit",
        "reason": "+".join(sorted(frozenset(why))) or reason or "default-deny",
        "released": list(kept),
        "redacted": [{"reference": r, "because": refused[r]} for r in dict.fromkeys(references) if r in refused],
        "obligations": sorted(duties | duty) if kept else [],
        "consentsUsed": sorted(frozenset[str]().union(*(verdict.used for verdict in verdicts))),
    }
    limits = {reference: list(v.elements) for reference, v in kept.items() if v.elements is not None}
    changed = {reference: changes[v.statute] for reference, v in kept.items() if changes[v.statute]}
    return {**made, **({"elements": limits} if limits else {}), **({"changes": changed} if changed else {})}
