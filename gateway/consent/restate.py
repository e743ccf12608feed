"""A FHIR R5 Consent said again as an R4 Consent, where that is the same thing (R5 Consent, "R4 to R5"; R4 Consent.provision).

R5 has `decision` as the base rule and no type on provisions: each level negates the one above. R4 has a type on each. What R4 has no
place for (grantee, expression, policyText, who verified how) is refused by name: dropped in silence, a rule would say something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.consent.codes import codes
from gateway.consent.shapes import named_in

Json = Mapping[str, Any]

_R5 = frozenset({
    "decision", "subject", "date", "period", "grantor", "grantee", "manager", "controller", "regulatoryBasis", "policyBasis",
    "policyText",
})  # fmt: skip
_LISTS = frozenset({"provision", "sourceAttachment", "sourceReference"})  # single in R4
_STATUS = {"draft": "draft", "active": "active", "inactive": "inactive", "not-done": "rejected",
           "entered-in-error": "entered-in-error"}  # fmt: skip
_AS_IT_IS = ("id", "language", "text", "extension", "identifier", "category")
_ROOT = (_R5 - {"grantee", "policyText"}) | _LISTS | {*_AS_IT_IS, "resourceType", "meta", "status", "verification"}
_WITHIN = frozenset(
    {"id", "extension", "period", "actor", "action", "securityLabel", "purpose", "code", "dataPeriod", "data"}
)
_PROVISION = _WITHIN | {"documentType", "resourceType", "provision"}
_GRANTORS = frozenset({"Organization", "Patient", "Practitioner", "RelatedPerson", "PractitionerRole"})
_ACT_CODES = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


class Unrestatable(ValueError):
    """`reason` is a code of REASONS, `place` the element (`Consent.provision[0].expression`)."""

    def __init__(self, reason: str, place: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.place = place


REASONS: Mapping[str, str] = {
    "unknown-element": "R4 has no place for this element of a Consent of R5.",
    "not-a-list": "This is a list in R5.",
    "status": "R4 has no such status of a Consent.",
    "decision": "A Consent of R5 needs a decision, permit or deny.",
    "subject": "A Consent is about one Patient.",
    "grantor": "R4 does not know this kind of grantor.",
    "scope": "Its categories do not tell the one scope that R4 asks for.",
    "organization": "Manager and controller are different organisations; R4 has one list for both.",
    "policy": "R4 has a policy as an address, and one regulatory basis.",
    "source": "R4 has one source.",
    "verification": "R4 says of a verification whether, with whom and once when.",
    "actor": "R4 needs a role and a reference of each actor.",
    "class": "R4 has one list for resource types and document types, and cannot ask for both.",
}


def is_r5(consent: Json) -> bool:
    """Whether a Consent has an element that only R5 has, or as a list what is single in R4."""
    return not _R5.isdisjoint(consent) or any(isinstance(consent.get(name), list) for name in _LISTS)


def r4_of(consent: Json) -> Json:
    """The Consent in R4: as it is when it is one, restated when it is of R5. Raises Unrestatable."""
    return _restated(consent) if is_r5(consent) else consent


def _restated(consent: Json) -> Json:
    _only(consent, _ROOT, "Consent")
    base = consent.get("decision")
    if base not in ("permit", "deny"):
        raise Unrestatable("decision", "Consent.decision")
    made = {name: consent[name] for name in _AS_IT_IS if name in consent}
    if meta := {name: value for name, value in _mapping(consent, "meta", "Consent").items() if name != "profile"}:
        made["meta"] = meta
    root = {"type": base, **_present(period=consent.get("period"))}
    below = _provisions(consent, base == "permit", frozenset(), "Consent")
    return {
        "resourceType": "Consent", **made, "status": _status(consent), "scope": _scope(consent), "patient": _patient(consent),
        **_present(dateTime=consent.get("date"), performer=_grantors(consent), organization=_organizations(consent)),
        **_source(consent), **_policies(consent, base), **_present(verification=_verifications(consent)),
        "provision": {**root, **_present(provision=below)},
    }  # fmt: skip


def _only(node: Json, known: frozenset[str], place: str) -> None:
    for name in node:
        if name not in known:
            raise Unrestatable("unknown-element", f"{place}.{name}")


def _present(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, [], {})}


def _mapping(node: Json, name: str, place: str) -> Json:
    value = node.get(name, {})
    if not isinstance(value, Mapping):
        raise Unrestatable("unknown-element", f"{place}.{name}")
    return value


def _list(node: Json, name: str, place: str) -> list[Any]:
    value = node.get(name, [])
    if not isinstance(value, list):
        raise Unrestatable("not-a-list", f"{place}.{name}")
    return value


def _objects(node: Json, name: str, place: str) -> list[tuple[Json, str]]:
    found = [(one, f"{place}.{name}[{number}]") for number, one in enumerate(_list(node, name, place))]
    for one, where in found:
        if not isinstance(one, Mapping):
            raise Unrestatable("unknown-element", where)
    return found


def _status(consent: Json) -> str:
    said = consent.get("status")
    if not isinstance(said, str) or said not in _STATUS:
        raise Unrestatable("status", "Consent.status")
    return _STATUS[said]


def _scope(consent: Json) -> Json:
    """R5 dropped scope; the categories that are listed with one say which it was."""
    table = codes()
    found: set[str] = set()
    for concept, place in _objects(consent, "category", "Consent"):
        for coding, _ in _objects(concept, "coding", place):
            found.add(table.categories.get((coding.get("system"), coding.get("code")), ""))
    found.discard("")
    if len(found) != 1:
        raise Unrestatable("scope", "Consent.category")
    return {"coding": [{"system": table.systems["scope"], "code": found.pop()}]}


def _patient(consent: Json) -> Json:
    subject = _mapping(consent, "subject", "Consent")
    if not subject or _kinds(subject) - {"Patient"}:
        raise Unrestatable("subject", "Consent.subject")
    return subject


def _kinds(reference: Json) -> frozenset[Any]:
    """The types that a Reference says, by its `type` and its address; a urn says none."""
    said = reference.get("reference")
    kind = named_in(said).rpartition("/")[0] if isinstance(said, str) and not said.startswith("urn:") else ""
    return frozenset({reference.get("type"), kind} - {None, ""})


def _grantors(consent: Json) -> list[Json]:
    found = _objects(consent, "grantor", "Consent")
    for one, place in found:
        if _kinds(one) - _GRANTORS:
            raise Unrestatable("grantor", place)
    return [one for one, _ in found]


def _organizations(consent: Json) -> list[Any]:
    """One of the two, or both when they are the same: by these a series of Consents is told."""
    controllers, managers = (_list(consent, name, "Consent") for name in ("controller", "manager"))
    if controllers and managers and controllers != managers:
        raise Unrestatable("organization", "Consent.manager")
    return controllers or managers


def _source(consent: Json) -> dict[str, Any]:
    found = [(n, one) for n in ("sourceAttachment", "sourceReference") for one in _list(consent, n, "Consent")]
    if len(found) > 1:
        raise Unrestatable("source", f"Consent.{found[1][0]}")
    return dict(found)


def _policies(consent: Json, base: str) -> dict[str, Any]:
    """ppc-1 of R4: without either the rule is the decision itself, as a code (v3-ActCode OPTIN, OPTOUT)."""
    basis, rules = _mapping(consent, "policyBasis", "Consent"), _list(consent, "regulatoryBasis", "Consent")
    if basis.keys() - {"url"} or len(rules) > 1:
        raise Unrestatable("policy", "Consent.policyBasis" if basis.keys() - {"url"} else "Consent.regulatoryBasis")
    made = {**({"policy": [{"uri": basis["url"]}]} if basis else {}), **({"policyRule": rules[0]} if rules else {})}
    rule = {"system": _ACT_CODES, "code": "OPTIN" if base == "permit" else "OPTOUT"}
    return made or {"policyRule": {"coding": [rule]}}


def _verifications(consent: Json) -> list[Json]:
    return [_verification(one, place) for one, place in _objects(consent, "verification", "Consent")]


def _verification(one: Json, place: str) -> Json:
    dates = _list(one, "verificationDate", place)
    if one.keys() - {"id", "extension", "verified", "verifiedWith", "verificationDate"} or len(dates) > 1:
        raise Unrestatable("verification", place)
    said = {name: value for name, value in one.items() if name != "verificationDate"}
    return {**said, **({"verificationDate": dates[0]} if dates else {})}


def _provisions(node: Json, above: bool, inherited: frozenset[str], place: str) -> list[Json]:
    """The provisions below a level: of the other type than it (`above` True: a permit)."""
    return [_provision(one, not above, inherited, where) for one, where in _objects(node, "provision", place)]


def _provision(node: Json, permit: bool, inherited: frozenset[str], place: str) -> Json:
    _only(node, _PROVISION, place)
    for actor, where in _objects(node, "actor", place):
        if not isinstance(actor.get("role"), Mapping) or not isinstance(actor.get("reference"), Mapping):
            raise Unrestatable("actor", where)
    classes, said = _classes(node, place), inherited | {n for n in ("resourceType", "documentType") if node.get(n)}
    if len(said) > 1:
        raise Unrestatable("class", place)
    kept = {name: value for name, value in node.items() if name in _WITHIN}
    below = _provisions(node, permit, said, place)
    return {
        "type": "permit" if permit else "deny",
        **kept,
        **({"class": classes} if classes else {}),
        **_present(provision=below),
    }


def _classes(node: Json, place: str) -> list[Json]:
    """The one list of R4: a system tells which is meant, and none means a resource type (`_class` in dimensions.py)."""
    types = (None, *codes().systems["type"])
    for name, is_type in (("resourceType", True), ("documentType", False)):
        for coding, where in _objects(node, name, place):
            if (coding.get("system") in types) is not is_type:
                raise Unrestatable("class", where)
    return [coding for name in ("resourceType", "documentType") for coding, _ in _objects(node, name, place)]


__all__ = ["REASONS", "Unrestatable", "is_r5", "r4_of"]
