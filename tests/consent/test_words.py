"""What a sender wrote in its own words stays behind; what was decided by code stays."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.consent.labels import label
from gateway.consent.words import speech_of, spoken, without_words

LOINC, NUMBER, CANARY = "http://loinc.org", "urn:declared", "CANARY-7f3a"
SPEECH = speech_of({"classifiedSystems": [LOINC], "unclassified": ["R"]}, frozenset({NUMBER}))
BARE = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "code": {"coding": [{"system": LOINC, "code": "1-8"}]},
}


@pytest.mark.parametrize(
    "more",
    [
        {
            "code": {
                "coding": [{"system": LOINC, "code": "1-8", "display": CANARY}, {"system": "urn:l", "code": CANARY}]
            }
        },
        {"identifier": [{"system": "urn:unheard-of", "value": CANARY}, {"value": CANARY}]},
        {"performer": [{"display": CANARY}, {"identifier": {"system": "urn:l", "value": CANARY}}]},
        {"referenceRange": [{"text": CANARY}, {"low": {"value": 1, "unit": CANARY}, "text": CANARY}]},
        {"valueQuantity": {"value": 1, "unit": CANARY}},
        {"valueQuantity": {"unit": CANARY}},
        {"extension": [{"url": "urn:x", "valueString": CANARY}]},
        {"_status": {"extension": [{"url": "urn:x", "valueString": CANARY}]}},
        {"meta": {"tag": [{"system": "urn:l", "code": CANARY}], "source": CANARY, "profile": [CANARY]}},
        {"implicitRules": CANARY},
    ],
)
def test_words_stay_behind(more: dict[str, Any]) -> None:
    resource = {**BARE, **more}
    before = repr(resource)
    made = without_words(resource, SPEECH)
    assert CANARY not in repr(made)
    assert made["code"]["coding"] == BARE["code"]["coding"]
    assert repr(resource) == before


def test_what_was_decided_stays() -> None:
    quantity = {"value": 1, "system": "http://unitsofmeasure.org", "code": "mg/dL", "unit": "mg/dL"}
    absent = {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]
    }
    resource = {
        **BARE, "identifier": [{"system": NUMBER, "value": "7"}], "valueQuantity": quantity,
        "subject": {"reference": "Patient/p"}, "meta": {"security": [{"code": "N"}]}, "_issued": absent,
    }  # fmt: skip
    assert without_words(resource, SPEECH) == resource


ICD, STATUS = "http://hl7.org/fhir/sid/icd-10", "http://terminology.hl7.org/CodeSystem/condition-clinical"
REGISTER = {
    "classifiedSystems": [ICD, STATUS],
    "unclassified": ["R"],
    "uncodedNormal": [],
    "securityLabelling": [{"id": "psy", "system": ICD, "codePrefix": ["F2"], "add": ["PSY", "R"], "source": "test"}],
}
R4 = "http://hl7.org/fhir/StructureDefinition/"
CONDITION = {
    "resourceType": "Condition",
    "id": "c",
    "clinicalStatus": {"coding": [{"system": STATUS, "code": "active"}]},
    "code": {"coding": [{"system": ICD, "code": "I10"}]},
    "subject": {"reference": "Patient/p"},
}
OWN = {"coding": [{"system": "urn:own", "code": CANARY}]}
VALUES = {
    "valueCode": CANARY,
    "valueId": CANARY,
    "valueCanonical": CANARY,
    "valueUri": CANARY,
    "valueString": CANARY,
    "valueBase64Binary": CANARY,
    "valueCoding": {"system": "urn:own", "code": CANARY},
    "valueCodeableConcept": {"text": CANARY},
    "valueContactPoint": {"system": "email", "value": CANARY},
    "valueIdentifier": {"system": NUMBER, "value": CANARY},
    "valueAddress": {"line": [CANARY]},
    "valueQuantity": {"value": 1, "system": "urn:own", "code": CANARY},
    "valueExpression": {"language": "x", "expression": CANARY},
    "valueContactDetail": {"name": CANARY},
    "valueTriggerDefinition": {"type": "named-event", "name": CANARY},
}


@pytest.mark.parametrize(
    "more",
    [
        *({"extension": [{"url": f"{R4}condition-dueTo", name: value}]} for name, value in VALUES.items()),
        {"extension": [{"url": f"http://{CANARY}", "valueBoolean": True}]},
        {"extension": [{"url": f"{R4}{CANARY}", "valueBoolean": True}]},
        {"extension": [{"url": f"{R4}data-absent-reason", "valueCode": CANARY}]},
        {"_recordedDate": {"extension": [{"url": f"http://{CANARY}/data-absent-reason", "valueCode": "masked"}]}},
        {"_recordedDate": {"id": CANARY, "extension": [{"url": f"{R4}data-absent-reason", "valueCode": "masked"}]}},
        {"category": [OWN]},
        {"category": [{"text": CANARY}]},
        {"severity": {"text": CANARY}},
        {"severity": OWN},
        {"bodySite": [OWN, {**CONDITION["code"], "text": CANARY}]},
        {"clinicalStatus": OWN},
        {"code": {"id": CANARY, "coding": [{"system": ICD, "code": "I10", "version": CANARY, "id": CANARY}]}},
        {"contained": [{"resourceType": "Condition", "id": "x", "severity": OWN, "bodySite": [{"text": CANARY}]}]},
    ],
)
def test_no_word_of_the_sender_is_left_where_no_label_is_read(more: dict[str, Any]) -> None:
    speech = speech_of(REGISTER, frozenset({NUMBER}))
    resource = {**CONDITION, **more}
    made = without_words(resource, speech)
    assert CANARY in repr(resource)
    assert CANARY not in repr(made)
    assert made["code"] == CONDITION["code"]
    assert made["clinicalStatus"]
    assert spoken(resource, speech)
    assert spoken(made, speech) == ()


def test_classified_codes_and_mute_values_stay() -> None:
    due = {"url": f"{R4}condition-dueTo", "valueCodeableConcept": {"coding": [{"system": ICD, "code": "I10"}]}}
    resource = {
        **CONDITION,
        "bodySite": [{"coding": [{"system": ICD, "code": "I10"}]}],
        "extension": [due, {"url": f"{R4}condition-assertedDate", "valueDateTime": "2026-01-02"}],
        "contained": [{**CONDITION, "id": "inner"}],
        "evidence": [{"detail": [{"reference": "#inner"}]}],
    }
    assert without_words(resource, speech_of(REGISTER, frozenset())) == resource
    assert spoken(resource, speech_of(REGISTER, frozenset())) == ()


def test_a_required_code_that_nobody_has_classified_is_masked() -> None:
    made = without_words({**CONDITION, "clinicalStatus": OWN, "severity": OWN}, speech_of(REGISTER, frozenset()))
    assert made["clinicalStatus"] == {"extension": [{"url": f"{R4}data-absent-reason", "valueCode": "masked"}]}
    assert "severity" not in made


@pytest.mark.parametrize("place", ["bodySite", "category", "severity"])
@pytest.mark.parametrize(("code", "labels"), [("F20.0", {"R", "PSY"}), ("I10", {"N"})])
def test_a_sensitive_code_counts_wherever_it_stands(place: str, code: str, labels: set[str]) -> None:
    said = {"coding": [{"system": ICD, "code": code}]}
    assert label({**CONDITION, place: said if place == "severity" else [said]}, REGISTER) == labels
