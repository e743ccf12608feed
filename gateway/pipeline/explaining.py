"""Why something was decided, and whether it would be decided so today: for those entitled, and on record (consent/explain.py).

What is told names rules, references and labels. No content of a record is in it, and nothing leaves or changes by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.consent.explain import explain
from gateway.errors import Invalid, NotFound
from gateway.model.document import PersonKey, Principal
from gateway.model.questions import Exchange
from gateway.model.records import DecisionRecord, Unit
from gateway.model.wire import read_json
from gateway.pipeline.acts import act
from gateway.pipeline.guardians import patient_facts
from gateway.pipeline.node import Node
from gateway.pipeline.onfile import known_about
from gateway.stages.decide import KEEP_UNTIL, given_of

Json = Mapping[str, Any]
_PERSON = "Patient/"
_SAID = ("decision", "reason", "released", "redacted", "obligations", "consentsUsed")


def explained(node: Node, principal: Principal, asked: Any) -> tuple[dict[str, Any], Unit]:
    """The explanation of `{"request": …}` (6W1H, the person by key) or `{"exchange": id}`, and the unit that puts the asking on record.

    Raises Invalid for anything else, NotFound for an exchange that is not there, was not decided, or whose person was erased.
    """
    match asked:
        case {"request": dict(request), **rest} if not rest:
            person = _person(node, request)
            told = {"steps": _steps(node, _filled(node, request, person), person)}
            return told, _looked(node, principal, {"request": node.day(node.clock()).isoformat()}, person)
        case {"exchange": str(id), **rest} if not rest:
            exchange = node.store.exchange(id)
            if exchange is None:
                raise NotFound
            return _again(node, exchange), _looked(node, principal, {"exchange": id}, exchange.whom.person)
    raise Invalid("The body is a JSON object with either request or exchange.")


def _person(node: Node, request: Json) -> PersonKey | None:
    """Whom the request names, when that is somebody of this site."""
    whom = request.get("whom")
    said = whom.get("reference") if isinstance(whom, Mapping) else None
    if not isinstance(said, str) or not said.startswith(_PERSON):
        return None
    person = node.store.survivor(PersonKey(said.removeprefix(_PERSON)))
    return person if node.store.links(person) else None


def _filled(node: Node, request: Json, person: PersonKey | None) -> Json:
    """The request with the birth date on file, where it names somebody of this site and no date: a decision would have it."""
    if person is None or "birthDate" in request["whom"]:
        return request
    birth = patient_facts(node, person).birth_date
    return {**request, "whom": {**request["whom"], "birthDate": birth}} if birth else request


def _steps(node: Node, request: Json, person: PersonKey | None) -> list[dict[str, Any]]:
    known = known_about(node, person or PersonKey(""), _references(request))
    return explain(request, given_of(node.site, known, {}), node.site.register)


def _references(request: Json) -> list[str]:
    what = request.get("what")
    items = what if isinstance(what, list) else []
    return [item["reference"] for item in items if isinstance(item, Mapping) and isinstance(item.get("reference"), str)]


def _again(node: Node, exchange: Exchange) -> dict[str, Any]:
    """The last decision of an exchange, asked again as of now."""
    decisions = node.store.decisions(exchange.id)
    if not decisions:
        raise NotFound
    row = max(decisions, key=lambda one: one.at)
    request = _today(node, read_json(node.keyring.open(row.request)))
    steps = _steps(node, request, _person(node, request))
    now = steps[-1]["result"]
    differs = _differences(row, now)
    agreement = node.site.agreements.get(exchange.agreement)
    return {
        "exchange": exchange.id, "phase": row.phase, "then": _then(row), "now": {name: now[name] for name in _SAID},
        "differs": differs, "wouldDecideDifferently": bool(differs),
        "agreementState": agreement.state if agreement is not None else "gone", "steps": steps,
    }  # fmt: skip


def _today(node: Node, request: dict[str, Any]) -> dict[str, Any]:
    """The request as it would be put now: at this time, about whoever the person is since a merge."""
    was = str(request["whom"].get("reference", ""))
    now = f"{_PERSON}{node.store.survivor(PersonKey(was.removeprefix(_PERSON)))}" if was.startswith(_PERSON) else was
    made: dict[str, Any] = _replaced(request, was, now) if was != now else request
    return {**made, "when": node.clock().isoformat()}


def _replaced(tree: Any, was: str, now: str) -> Any:
    if isinstance(tree, Mapping):
        return {name: _replaced(child, was, now) for name, child in tree.items()}
    if isinstance(tree, list):
        return [_replaced(child, was, now) for child in tree]
    return now if tree == was else tree


def _then(row: DecisionRecord) -> dict[str, Any]:
    return {
        "at": row.at.isoformat(), "decision": row.decision, "reason": row.reason, "released": list(row.released),
        "redacted": [{"reference": reference, "because": because} for reference, because in row.redacted],
        "obligations": list(row.obligations), "consentsUsed": list(row.consents_used), "siteRevision": row.site_revision, "epoch": row.epoch,
    }  # fmt: skip


def _differences(row: DecisionRecord, now: Json) -> Sequence[dict[str, str]]:
    """Item by item; what the agreement itself held back, or a page left out, was no part of the question."""
    refused = {one["reference"]: str(one["because"]) for one in now["redacted"]}
    answered = {**dict.fromkeys(now["released"], "released"), **refused}
    then = {**dict(row.redacted), **dict.fromkeys(row.released, "released")}
    made: list[dict[str, str]] = [
        {"reference": reference, "then": said, "now": answered[reference]}
        for reference, said in sorted(then.items())
        if reference in answered and (said == "released") != (answered[reference] == "released")
    ]
    duties = [
        one for one in row.obligations if not one.startswith(KEEP_UNTIL) or one in now["obligations"]
    ]  # the agreement's own
    if sorted(duties) != sorted(now["obligations"]) and row.released and now["released"]:
        made.append({"reference": "", "then": " ".join(duties), "now": " ".join(now["obligations"])})
    return made


def _looked(node: Node, principal: Principal, what: Json, person: PersonKey | None) -> Unit:
    return Unit((act(node, principal, "read", {"looked": "explanation", **what}, person=person),))


__all__ = ["explained"]
