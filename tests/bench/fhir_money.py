"""The larger resources of a record: what a visit cost (Claim) and what was paid for it (ExplanationOfBenefit)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_maker import Maker, Resource

_TERMS = "http://terminology.hl7.org/CodeSystem/"
_STEPS = ("submitted", "copay", "eligible", "deductible", "benefit")


def claim(maker: Maker, visit: str, procedures: Sequence[Mapping[str, Any]]) -> Resource:
    """A Claim with an item for each procedure."""
    head = _head(maker, visit)
    return {
        "resourceType": "Claim",
        **head,
        "insurance": [{"sequence": 1, **each} for each in head["insurance"]],
        "priority": _coded("processpriority", "normal"),
        "procedure": [
            {"sequence": place + 1, "date": maker.time(), "procedureReference": {"reference": each["fullUrl"]}}
            for place, each in enumerate(procedures)
        ],
        "item": [_item(maker, visit, place, each) for place, each in enumerate(procedures)],
        "total": _money(maker),
    }


def explanation(
    maker: Maker, visit: str, billed: Mapping[str, Any], procedures: Sequence[Mapping[str, Any]]
) -> Resource:
    """An ExplanationOfBenefit of a Claim, each item with its adjudications."""
    items = [
        {**_item(maker, visit, place, each), "adjudication": _adjudications(maker)}
        for place, each in enumerate(procedures)
    ]
    return {
        "resourceType": "ExplanationOfBenefit",
        **_head(maker, visit),
        "insurer": {"display": "Example Insurance"},
        "claim": {"reference": billed["fullUrl"]},
        "outcome": "complete",
        "careTeam": [{"sequence": 1, "provider": maker.doctor, "role": _coded("claimcareteamrole", "primary")}],
        "item": items,
        "total": [{"category": _coded("adjudication", "submitted"), "amount": _money(maker)}],
        "payment": {"amount": _money(maker), "date": maker.time()[:10]},
    }


def _head(maker: Maker, visit: str) -> Resource:
    return {
        "identifier": [{"system": "http://example.org/fhir/claims", "value": str(maker.uuid())}],
        "status": "active",
        "type": _coded("claim-type", "professional"),
        "use": "claim",
        "patient": {**maker.person, "display": "Hana Gasang"},
        "billablePeriod": maker.period(),
        "created": maker.time(),
        "provider": {**maker.hospital, "display": "Seoul Example Hospital"},
        "insurance": [{"focal": True, "coverage": {"display": "National Health Insurance"}}],
        "facility": {**maker.place, "display": "Clinic 3"},
        "diagnosis": [
            {
                "sequence": 1,
                "diagnosisCodeableConcept": {
                    "coding": [{"system": "http://snomed.info/sct", "code": "59621000"}],
                    "text": "Essential hypertension",
                },
            }
        ],
    }


def _item(maker: Maker, visit: str, place: int, procedure: Mapping[str, Any]) -> Resource:
    return {
        "sequence": place + 1,
        "diagnosisSequence": [1],
        "category": _coded("ex-benefitcategory", "1"),
        "productOrService": procedure["resource"]["code"],
        "servicedPeriod": maker.period(),
        "locationCodeableConcept": _coded("ex-serviceplace", "19"),
        "quantity": {"value": 1},
        "unitPrice": _money(maker),
        "net": _money(maker),
        "encounter": [{"reference": visit}],
    }


def _adjudications(maker: Maker) -> list[Resource]:
    return [{"category": _coded("adjudication", step), "amount": _money(maker)} for step in _STEPS]


def _money(maker: Maker) -> Resource:
    return {"value": maker.amount(10, 900), "currency": "KRW"}


def _coded(system: str, code: str) -> Resource:
    return {"coding": [{"system": _TERMS + system, "code": code}], "text": code}
