"""The sites we ship do not hold back what is ordinary: class, status and category codes of HL7 leave as they came, on a site of the starter too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.consent.labels import label
from gateway.consent.words import speech_of, without_words
from gateway.site import load_site

SITES = [Path(gateway.__file__).parent / part for part in ("demo/site", "site/starter")]
HL7, KCD, ATC = (
    "http://terminology.hl7.org/CodeSystem/",
    "http://www.hl7korea.or.kr/CodeSystem/kostat-kcd-8",
    "http://www.whocc.no/atc",
)


def concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def of_hl7(system: str, code: str) -> dict[str, Any]:
    return concept(HL7 + system, code)


WHOM = {"reference": "Patient/p"}
ORDINARY: dict[str, dict[str, Any]] = {
    "Patient": {"gender": "female", "birthDate": "1950-01-01", "maritalStatus": of_hl7("v3-MaritalStatus", "M")},
    "Encounter": {
        "status": "finished", "class": {"system": HL7 + "v3-ActCode", "code": "IMP"}, "subject": WHOM,
        "participant": [{"type": [of_hl7("v3-ParticipationType", "ATND")]}],
        "hospitalization": {"dischargeDisposition": of_hl7("discharge-disposition", "home")},
    },
    "Condition": {
        "subject": WHOM, "code": concept(KCD, "I10"), "clinicalStatus": of_hl7("condition-clinical", "active"),
        "verificationStatus": of_hl7("condition-ver-status", "confirmed"), "category": [of_hl7("condition-category", "encounter-diagnosis")],
    },
    "AllergyIntolerance": {
        "patient": WHOM, "code": concept(ATC, "J01CA04"), "clinicalStatus": of_hl7("allergyintolerance-clinical", "active"),
        "verificationStatus": of_hl7("allergyintolerance-verification", "confirmed"),
    },
    "Observation": {
        "status": "final", "subject": WHOM, "code": concept("http://loinc.org", "29463-7"),
        "category": [of_hl7("observation-category", "vital-signs")],
        "interpretation": [of_hl7("v3-ObservationInterpretation", "H")],
        "valueQuantity": {"value": 52.4, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"},
    },
    "MedicationStatement": {"status": "active", "subject": WHOM, "medicationCodeableConcept": concept(ATC, "B01AC06")},
}  # fmt: skip


@pytest.mark.parametrize("kind", ORDINARY)
@pytest.mark.parametrize("root", SITES, ids=lambda p: p.name)
def test_ordinary_codes_leave_as_they_came(root: Path, kind: str) -> None:
    register = load_site(root).register
    resource = {"resourceType": kind, "id": "x", **ORDINARY[kind]}
    assert label(resource, register) == {"N"}
    assert without_words(resource, speech_of(register, frozenset())) == resource


@pytest.mark.parametrize("root", SITES, ids=lambda p: p.name)
def test_what_is_sensitive_is_labelled_wherever_it_stands(root: Path) -> None:
    """The control: the lists of class and status hide nothing that the lists of diagnoses name."""
    register = load_site(root).register
    for element in ("category", "code"):
        resource = {"resourceType": "Condition", "id": "x", **ORDINARY["Condition"], element: concept(KCD, "F32.1")}
        resource[element] = [resource[element]] if element == "category" else resource[element]
        assert {"PSY", "R"} <= label(resource, register)
