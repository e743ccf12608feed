"""A small world for consent tests: one site's register, one patient, a doctor, and builders that change one thing at a time."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gateway.consent import decide

REASON = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
LEVEL = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SENSITIVITY = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
LOINC = "http://loinc.org"
ICD = "http://hl7.org/fhir/sid/icd-10"
LOCAL = "https://lab.example/local"

REGISTER: dict[str, Any] = {
    "home": "KR",
    "ages": {"ownConsentFrom": 14, "majority": 19},
    "limits": {"maxProvisionDepth": 3},
    "adolescentConfidential": ["PSY", "SDV"],
    "breakGlass": {"roles": ["physician"], "minAuthnLevel": 2, "interactions": ["read", "search"], "source": "test"},
    "permitWithoutLabelCovers": "N",
    "basePolicies": {"urn:policy:all-out": "deny", "urn:policy:all-in": "permit"},
    "policyObligations": {"urn:policy:case": ["MINEC", "KEEP-UNTIL-P1Y"], "urn:policy:other": ["DELAU"]},
    "securityLabelling": [
        {"id": "hiv", "system": ICD, "codePrefix": ["B20"], "add": ["HIV", "R"], "source": "test"},
        {"id": "psy", "system": ICD, "codePrefix": ["F3"], "add": ["PSY", "R"], "source": "test"},
        {"id": "alcohol", "system": ICD, "codePrefix": ["F10"], "add": ["ETHUD", "R"], "source": "test"},
        {"id": "hiv-lab", "system": LOINC, "codePrefix": ["75622-1"], "add": ["HIV"], "source": "test"},
    ],
    "classifiedSystems": [ICD, LOINC],
    "unclassified": ["R"],
    "uncodedNormal": ["Patient", "Encounter", "Coverage"],
    "codeMaps": [
        {"id": "m1", "system": LOCAL, "code": "HIVAB", "to": {"system": LOINC, "code": "75622-1"}, "source": "test"},
        {"id": "m2", "system": LOCAL, "code": "A1C", "to": {"system": LOINC, "code": "4548-4"}, "source": "test"},
    ],
    "statutes": [
        {
            "id": "REPORT",
            "title": "notifiable",
            "mandatory": True,
            "recipientTypes": ["agency"],
            "purposes": ["PUBHLTH"],
            "actions": ["disclose"],
            "jurisdiction": "KR",
            "classes": ["Condition", "Observation"],
            "codeSystem": ICD,
            "codePrefix": ["A15", "B20"],
            "obligations": ["MINEC", "NOREUSE"],
            "source": "test",
        },
        {
            "id": "ELIGIBILITY",
            "title": "eligibility",
            "mandatory": False,
            "recipientTypes": ["welfare"],
            "purposes": ["COVERAGE"],
            "actions": ["disclose"],
            "jurisdiction": "KR",
            "classes": ["Coverage"],
            "obligations": ["DELAU"],
            "source": "test",
        },
        {
            "id": "ORDER",
            "title": "court",
            "mandatory": True,
            "recipientTypes": ["court"],
            "purposes": ["HLEGAL"],
            "actions": ["disclose"],
            "jurisdiction": "KR",
            "evidence": "court-order",
            "obligations": ["MINEC"],
            "source": "test",
        },
        {
            "id": "NEAR",
            "title": "outreach",
            "mandatory": False,
            "recipientTypes": ["welfare"],
            "purposes": ["CAREMGT"],
            "actions": ["disclose"],
            "jurisdiction": "KR",
            "sameDistrict": True,
            "classes": ["Coverage"],
            "obligations": [],
            "source": "test",
        },
    ],
    "prohibitions": [
        {"id": "NO-ADS", "purposes": ["HMARKT"], "source": "test"},
        {"id": "NEEDS-ORDER", "purposes": ["HLEGAL"], "unlessEvidence": "court-order", "source": "test"},
    ],
}
A1C = {"reference": "Observation/a1c", "code": [{"system": LOINC, "code": "4548-4"}], "date": "2026-05-10"}
DOCTOR = {
    "references": ["Practitioner/kim", "Organization/h2"],
    "role": "physician",
    "organizationType": "hospital",
    "authorizedPurposes": ["TREAT", "ETREAT", "BTG", "COC", "HRESCH", "CLINTRCH", "FAMRQT", "PATRQT", "HMARKT"],
    "authnLevel": 2,
}
REQUEST: dict[str, Any] = {
    "who": DOCTOR,
    "whom": {"reference": "Patient/p", "birthDate": "1980-03-01"},
    "when": "2026-11-22T09:00:00+09:00",
    "where": {"jurisdiction": "KR"},
    "what": [A1C],
    "why": {"purposeOfUse": ["TREAT"]},
    "how": {"action": "disclose", "interaction": "read"},
}


def _coded(key: str, value: list[str]) -> Any:
    if key == "purpose":
        return [{"system": REASON, "code": code} for code in value]
    if key == "securityLabel":
        return [{"system": LEVEL if len(code) == 1 else SENSITIVITY, "code": code} for code in value]
    if key == "class":
        return [{"system": "http://hl7.org/fhir/resource-types", "code": code} for code in value]
    if key == "action":
        return [{"coding": [{"code": code}]} for code in value]
    if key == "code":
        return [{"coding": [{"system": LOINC, "code": code}]} for code in value]
    return value


def rule(type: str | None, *nested: dict[str, Any], **dims: Any) -> dict[str, Any]:
    """A provision; `purpose=["TREAT"]`, `actor=[("IRCP", "Organization/h2")]`, `class_=["Observation"]` and so on."""
    made: dict[str, Any] = {} if type is None else {"type": type}
    for key, value in dims.items():
        name = key.rstrip("_")
        if name == "actor":
            made[name] = [{"role": {"coding": [{"code": r}]}, "reference": {"reference": ref}} for r, ref in value]
        elif name == "data":
            made[name] = [{"meaning": m, "reference": {"reference": ref}} for m, ref in value]
        else:
            made[name] = _coded(name, value)
    return made | ({"provision": list(nested)} if nested else {})


def consent(provision: dict[str, Any] | None = None, id: str = "c1", **over: Any) -> dict[str, Any]:
    made = {
        "resourceType": "Consent",
        "id": id,
        "status": "active",
        "scope": {"coding": [{"code": "patient-privacy"}]},
        "patient": {"reference": "Patient/p"},
        "dateTime": "2026-03-01T10:00:00+09:00",
        "policy": [{"uri": f"urn:policy:{id}"}],
    }
    if provision is not None:
        made["provision"] = provision
    return {name: value for name, value in (made | over).items() if value is not ...}


def asked(*consents: Any, given: Any = None, register: Any = None, **over: Any) -> tuple[Any, Any, Any]:
    """Request, state and register; keyword arguments replace parts of the request, dictionaries are merged."""
    request = copy.deepcopy(REQUEST)
    for name, value in over.items():
        request[name] = request[name] | value if isinstance(value, dict) and value else value
    state = {"implicitPolicy": "deny", "consents": list(consents)} | (given or {})
    return request, state, REGISTER | (register or {})


def ask(*consents: Any, **over: Any) -> dict[str, Any]:
    return decide(*asked(*consents, **over))


class World:
    """What tests take: builders and the site's register."""

    rule, consent, asked, ask = staticmethod(rule), staticmethod(consent), staticmethod(asked), staticmethod(ask)
    register, request, a1c = REGISTER, REQUEST, A1C
    LOINC, ICD, LOCAL = LOINC, ICD, LOCAL

    @staticmethod
    def coded(reference: str, code: str, system: str = ICD, **more: Any) -> dict[str, Any]:
        return {"reference": reference, "code": [{"system": system, "code": code}]} | more


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def why() -> Callable[..., str]:
    """The reason of a decision, for tables."""
    return lambda *consents, **over: ask(*consents, **over)["reason"]
