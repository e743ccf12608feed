# ruff: noqa: E501 — rows of queries
"""What a filter means, by the type of its parameter (FHIR R4, search.html#ptypes, #prefix, #modifiers)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gateway.searching import Terms, search_of, select

ZONE = ZoneInfo("Asia/Seoul")
TERMS = Terms(ZONE, datetime(2026, 11, 2, tzinfo=UTC))
V3 = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
UCUM = "http://unitsofmeasure.org"

OBSERVATION = {
    "resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4"}, {"system": "urn:x", "code": "HbA1c"}], "text": "sugar"},
    "effectiveDateTime": "2026-10-02T08:00:00+09:00", "valueQuantity": {"value": 6.1, "unit": "percent", "system": UCUM, "code": "%"},
    "performer": [{"reference": "Organization/lab", "identifier": {"system": "urn:org", "value": "7"}}],
    "identifier": [{"system": "urn:lab", "value": "A1"}, {"value": "bare"}],
    "meta": {"lastUpdated": "2026-11-01T23:30:00.000Z", "profile": ["http://example.org/p/one"], "tag": [{"system": "urn:t", "code": "x"}]},
}  # fmt: skip
ENCOUNTER = {
    "resourceType": "Encounter", "id": "e", "status": "finished", "class": {"system": V3, "code": "IMP"},
    "period": {"start": "2026-10-01T09:00:00+09:00", "end": "2026-10-08T11:00:00+09:00"}, "subject": {"reference": "Patient/p"},
    "length": {"value": 7, "unit": "days", "system": UCUM, "code": "d"}, "diagnosis": [{"condition": {"reference": "Condition/c"}}],
}  # fmt: skip
PATIENT = {
    "resourceType": "Patient", "id": "p", "active": True, "birthDate": "1950-08", "gender": "female", "deceasedBoolean": False,
    "name": [{"family": "Müller", "given": ["Anna", "Eun-ji"], "text": "김은지"}], "address": [{"city": "Seoul", "line": ["1 Main St"]}],
    "telecom": [{"system": "phone", "value": "02-123"}], "communication": [{"language": {"coding": [{"code": "ko"}]}}],
}  # fmt: skip
CONDITION = {
    "resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, "onsetPeriod": {"start": "2020-01-01"},
    "abatementRange": {"low": {"value": 40, "unit": "a"}, "high": {"value": 50, "unit": "a"}}, "recordedDate": "2019",
}  # fmt: skip
RISK = {"resourceType": "RiskAssessment", "id": "r", "status": "final", "subject": {"reference": "Patient/p"},
        "prediction": [{"probabilityDecimal": 0.5}]}  # fmt: skip
ALL = {row["resourceType"]: row for row in (OBSERVATION, ENCOUNTER, PATIENT, CONDITION, RISK)}


def met(kind: str, query: str) -> bool:
    pairs = tuple(part.partition("=")[::2] for part in query.split("&"))
    return bool(select(tuple(ALL.values()), search_of(kind, pairs, TERMS), 0, ZONE).matches)


YES = (
    # token
    ("Observation", "code=4548-4"), ("Observation", "code=http://loinc.org|4548-4"), ("Observation", "code=http://loinc.org|"),
    ("Observation", "code=hba1c"), ("Observation", "code=nothing,4548-4"), ("Observation", "code:not=other"), ("Observation", "status=final"),
    ("Observation", "identifier=urn:lab|A1"), ("Observation", "identifier=|bare"), ("Observation", "identifier=A1"),
    ("Observation", "method:missing=true"), ("Observation", "code:missing=false"), ("Observation", "method:not=x"),
    ("Patient", "active=true"), ("Patient", "deceased=false"), ("Patient", "gender=female"), ("Patient", "phone=02-123"),
    ("Patient", "telecom=phone|02-123"), ("Patient", "language=ko"), ("Encounter", f"class={V3}|IMP"), ("Observation", "_tag=urn:t|x"),
    ("Observation", "_id=o"), ("Observation", "_id=x,o"),
    # string
    ("Patient", "name=mull"), ("Patient", "family=MÜLLER"), ("Patient", "given=eun"), ("Patient", "name=김은"), ("Patient", "family:exact=Müller"),
    ("Patient", "family:contains=ülle"), ("Patient", "address=1 main"), ("Patient", "address-city=seo"), ("Patient", r"name=x\,y,anna"),
    # date: what is held lies in what is asked for (eq), or beside it
    ("Observation", "date=2026-10-02"), ("Observation", "date=2026-10"), ("Observation", "date=2026-10-01T23:00:00Z"),
    ("Observation", "date=eq2026-10-02T08:00"), ("Observation", "date=ge2026-10-02"), ("Observation", "date=gt2026-10-01"),
    ("Observation", "date=lt2026-10-03"), ("Observation", "date=le2026-10-02"), ("Observation", "date=sa2026-10-01"),
    ("Observation", "date=eb2026-10-03"), ("Observation", "date=ne2026-10-03"), ("Observation", "date=ap2026-10-03"),
    ("Observation", "date=ge2026-10-01&date=lt2026-11-01"), ("Observation", "_lastUpdated=2026-11-02"),
    ("Encounter", "date=2026-10"), ("Encounter", "date=gt2026-10-05"), ("Encounter", "date=lt2026-10-05"), ("Encounter", "date=ge2026-10-08"),
    ("Encounter", "date=ap2026-10-05"), ("Encounter", "date=sa2026-09-30"), ("Encounter", "date=eb2026-10-09"),
    ("Condition", "onset-date=ge2025"), ("Condition", "onset-date=gt2999"), ("Condition", "recorded-date=2019"),
    ("Condition", "recorded-date=ne2019-05"), ("Patient", "birthdate=1950"), ("Patient", "birthdate=1950-08"), ("Patient", "birthdate=ge1950-08-15"),
    # number and quantity: precision counts for eq, not for the others
    ("RiskAssessment", "probability=0.5"), ("RiskAssessment", "probability=gt0.4"), ("RiskAssessment", "probability=le0.5"),
    ("RiskAssessment", "probability=5e-1"), ("RiskAssessment", "probability=ap0.52"), ("RiskAssessment", "probability=ne0.6"),
    ("Observation", "value-quantity=6.1"), ("Observation", "value-quantity=6"), ("Observation", "value-quantity=gt6.05"),
    ("Observation", f"value-quantity=6.1|{UCUM}|%"), ("Observation", "value-quantity=6.1||percent"), ("Observation", "value-quantity=6.1||%"),
    ("Observation", "value-quantity=ge6.1"), ("Observation", "value-quantity=sa6.0"), ("Observation", "value-quantity=ap6.5"),
    ("Encounter", f"length=7|{UCUM}|d"), ("Condition", "abatement-age=ge50"), ("Condition", "abatement-age=gt49"), ("Condition", "abatement-age=lt41"),
    # reference
    ("Observation", "performer=Organization/lab"), ("Observation", "performer=lab"), ("Observation", "performer:Organization=lab"),
    ("Observation", "performer:identifier=urn:org|7"), ("Encounter", "diagnosis=Condition/c"), ("Encounter", "diagnosis=c"),
    # uri
    ("Observation", "_profile=http://example.org/p/one"), ("Observation", "_profile:below=http://example.org/p"),
    # along references, and against them
    ("Observation", "patient.family=müller"), ("Encounter", "diagnosis:Condition.recorded-date=2019"), ("Encounter", "subject:Patient.gender=female"),
    ("Encounter", "diagnosis:Condition.subject:Patient.family=müller"), ("Patient", "_has:Observation:patient:code=4548-4"),
    ("Condition", "_has:Encounter:diagnosis:class=IMP"), ("Patient", "_has:Condition:patient:_has:Encounter:diagnosis:status=finished"),
)  # fmt: skip
NO = (
    ("Observation", "code=4548"), ("Observation", "code=urn:x|4548-4"), ("Observation", "code=|4548-4"), ("Observation", "code:not=HbA1c"),
    ("Observation", "status=urn:x|final"), ("Observation", "identifier=urn:lab|bare"), ("Observation", "identifier=|A1"),
    ("Observation", "code:missing=true"), ("Observation", "method:missing=false"), ("Observation", "method=x"), ("Patient", "active=false"),
    ("Patient", "deceased=true"), ("Patient", "telecom=email|02-123"), ("Observation", "code=sugar"), ("Observation", "_id=e"),
    ("Patient", "name=ller"), ("Patient", "family:exact=müller"), ("Patient", "family:contains=x"), ("Patient", r"name=x\,anna"),
    ("Observation", "date=2026-10-01"), ("Observation", "date=gt2026-10-02"), ("Observation", "date=lt2026-10-02"),
    ("Observation", "date=sa2026-10-02"), ("Observation", "date=eb2026-10-02"), ("Observation", "date=ne2026-10"), ("Observation", "date=2026-10-02T08:00:00Z"),
    ("Observation", "date=ap2020"), ("Observation", "date=ge2026-10-01&date=lt2026-10-02"), ("Observation", "_lastUpdated=2026-11-01"),
    ("Encounter", "date=2026-10-05"), ("Encounter", "date=gt2026-10-09"), ("Encounter", "date=lt2026-09-30"), ("Encounter", "date=sa2026-10-02"),
    ("Condition", "onset-date=lt2019"), ("Condition", "onset-date=2020"), ("Condition", "onset-date=eb2999"), ("Condition", "recorded-date=2019-05"),
    ("Patient", "birthdate=1950-08-01"), ("Patient", "birthdate=lt1950-08"),
    ("RiskAssessment", "probability=0.50001"), ("RiskAssessment", "probability=gt0.5"), ("RiskAssessment", "probability=sa0.5"),
    ("RiskAssessment", "probability=lt0.5"), ("RiskAssessment", "probability=eb0.5"), ("RiskAssessment", "probability=ap0.9"),
    ("RiskAssessment", "probability=ne0.5"), ("Observation", "value-quantity=6.2"), ("Observation", f"value-quantity=6.1|{UCUM}|g"),
    ("Observation", "value-quantity=6.1|urn:x|%"), ("Observation", "value-quantity=6.1||g"), ("Observation", "value-quantity=gt6.1"),
    ("Observation", f"value-quantity=6.1|{UCUM}|percent"), ("Condition", "abatement-age=45"), ("Condition", "abatement-age=gt50"), ("Condition", "abatement-age=lt40"),
    ("Observation", "performer=Practitioner/lab"), ("Observation", "performer:identifier=urn:org|8"), ("Encounter", "diagnosis=x"),
    ("Observation", "_profile=http://example.org/p"), ("Observation", "_profile:below=http://example.org/p/o"),
    ("Observation", "patient.family=kim"), ("Encounter", "diagnosis:Condition.recorded-date=2018"), ("Encounter", "diagnosis:Procedure.code=x"),
    ("Patient", "_has:Observation:patient:code=1"), ("Patient", "_has:Observation:performer:code=4548-4"), ("Observation", "code=4548-4&status=amended"),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "query"), YES)
def test_met(kind: str, query: str) -> None:
    assert met(kind, query)


@pytest.mark.parametrize(("kind", "query"), NO)
def test_not_met(kind: str, query: str) -> None:
    assert not met(kind, query)


def comparators(value: dict[str, Any], query: str) -> bool:
    row = {**OBSERVATION, "valueQuantity": value}
    return bool(select((row,), search_of("Observation", (("value-quantity", query),), TERMS), 0, ZONE).matches)


def test_a_value_below_or_above_a_limit() -> None:
    """`<5` is anything below 5 (R4, Quantity.comparator)."""
    below, above = {"value": 5, "comparator": "<"}, {"value": 5, "comparator": ">"}
    assert comparators(below, "lt1")
    assert not comparators(below, "gt5")
    assert comparators(above, "gt1000")
    assert not comparators(above, "lt5")


def test_what_cannot_be_read_holds_nothing() -> None:
    odd: tuple[Any, ...] = (
        {"resourceType": "Observation", "id": "1", "effectiveDateTime": "soon", "valueQuantity": {"value": "much"}, "code": {"text": "x"}},
        {"resourceType": "Observation", "id": "2", "effectivePeriod": {}, "valueQuantity": {"unit": "%"}},
        {"resourceType": "Observation", "id": "3", "effectiveTiming": {"event": ["2026-10-02"], "repeat": {"boundsPeriod": {"end": "2027"}}}},
    )  # fmt: skip

    def found(query: str) -> list[int]:
        name, _, value = query.partition("=")
        return list(select(odd, search_of("Observation", ((name, value),), TERMS), 0, ZONE).matches)

    assert found("date=2026-10-02") == [2]
    assert found("date=lt2026") == [2]
    assert found("value-quantity=ge0") == []
    assert found("code=x") == []
