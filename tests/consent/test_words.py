"""What a sender wrote in its own words stays behind; what was decided by code stays."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.consent.words import speech_of, without_words

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
