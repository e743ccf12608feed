"""What is in a record: the person and the hospital, and what was seen, measured, ordered and done at each visit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fhir_maker import Maker, Resource, concept, facts

_DIV = '<div xmlns="http://www.w3.org/1999/xhtml">{}</div>'


def person(maker: Maker) -> Resource:
    """A Patient with narrative, identifiers and extensions."""
    family, given = f"Gasang{maker.number}", "Hana"
    number = {
        "use": "usual",
        "type": concept("v2-0203", {"code": "MR", "text": "Medical record number"}),
        "system": "http://example.org/fhir/mrn",
    }
    return {
        "resourceType": "Patient",
        "text": {
            "status": "generated",
            "div": _DIV.format(f"<p><b>{given} {family}</b></p><p>Record <i>{maker.number}</i> of the bench.</p>"),
        },
        "extension": [
            {"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": "Park Yuna"},
            {
                "url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace",
                "valueAddress": {"city": "Seoul", "country": "KR"},
            },
            {
                "url": "http://example.org/fhir/StructureDefinition/quality-of-life",
                "valueDecimal": maker.amount(70, 90),
            },
        ],
        "identifier": [
            {**number, "value": f"B{maker.number:07d}"},
            {**number, "use": "old", "value": str(maker.uuid())},
        ],
        "name": [
            {"use": "official", "family": family, "given": [given, "Sora"], "prefix": ["Ms."]},
            {"use": "maiden", "family": "Choi", "given": [given]},
        ],
        "telecom": [{"system": "phone", "value": f"+82 2 555 {maker.number:04d}", "use": "home"}],
        "gender": "female",
        "birthDate": f"{1940 + maker.number % 60}-0{1 + maker.number % 9}-17",
        "address": [
            {
                "extension": [
                    {
                        "url": "http://hl7.org/fhir/StructureDefinition/geolocation",
                        "extension": [
                            {"url": "latitude", "valueDecimal": 37.5665},
                            {"url": "longitude", "valueDecimal": 126.978},
                        ],
                    }
                ],
                "line": [f"Gasang-ro {maker.number}"],
                "city": "Seoul",
                "postalCode": "04524",
                "country": "KR",
            }
        ],
        "maritalStatus": concept("v3-MaritalStatus", {"code": "M", "text": "Married"}),
        "multipleBirthBoolean": False,
        "communication": [
            {"language": {"coding": [{"system": "urn:ietf:bcp:47", "code": "ko"}], "text": "Korean"}, "preferred": True}
        ],
        "managingOrganization": maker.hospital,
    }


def hospital(maker: Maker) -> Resource:
    """An Organization."""
    address = [{"line": ["1 Example-ro"], "city": "Seoul", "country": "KR"}]
    kind = [concept("organization-type", {"code": "prov", "text": "Healthcare Provider"})]
    return {
        "resourceType": "Organization",
        "active": True,
        "type": kind,
        "name": "Seoul Example Hospital",
        "telecom": [{"system": "phone", "value": "+82 2 555 0100"}],
        "address": address,
    }


def doctor(maker: Maker) -> Resource:
    """A Practitioner."""
    name = [{"family": "Lee", "given": ["Jun"], "prefix": ["Dr."]}]
    return {
        "resourceType": "Practitioner",
        "active": True,
        "identifier": [{"system": "http://example.org/fhir/licence", "value": f"L{maker.number}"}],
        "name": name,
        "gender": "male",
    }


def place(maker: Maker) -> Resource:
    """A Location."""
    return {
        "resourceType": "Location",
        "status": "active",
        "name": "Clinic 3",
        "mode": "instance",
        "managingOrganization": maker.hospital,
        "position": {"longitude": 126.978, "latitude": 37.5665},
    }


def encounter(maker: Maker, visit: str) -> Resource:
    """An Encounter with participants."""
    part = [concept("v3-ParticipationType", {"code": "PPRF", "text": "primary performer"})]
    return {
        "resourceType": "Encounter",
        "status": "finished",
        "identifier": [{"use": "official", "system": "http://example.org/fhir/visits", "value": visit}],
        "class": {"system": facts()["systems"]["terminology"] + "v3-ActCode", "code": "AMB"},
        "type": [concept("snomed", maker.one_of("visits"))],
        "subject": {**maker.person, "display": "Hana Gasang"},
        "participant": [
            {"type": part, "period": maker.period(), "individual": {**maker.doctor, "display": "Dr. Jun Lee"}}
        ],
        "period": maker.period(),
        "location": [{"location": {**maker.place, "display": "Clinic 3"}}],
        "serviceProvider": {**maker.hospital, "display": "Seoul Example Hospital"},
    }


def condition(maker: Maker, visit: str, place: int) -> Resource:
    """A Condition."""
    ended = place % 3 == 0
    status = {"code": "resolved" if ended else "active"}
    made = {
        "resourceType": "Condition",
        "clinicalStatus": concept("condition-clinical", status),
        "verificationStatus": concept("condition-ver-status", {"code": "confirmed"}),
        "category": [concept("condition-category", {"code": "encounter-diagnosis", "text": "Encounter Diagnosis"})],
        "code": concept("snomed", maker.one_of("conditions")),
        "subject": maker.person,
        "encounter": {"reference": visit},
        "onsetDateTime": maker.time(),
        "recordedDate": maker.time(),
    }
    return {**made, "abatementDateTime": maker.time(40)} if ended else made


def vital(maker: Maker, visit: str, place: int) -> Resource:
    """A vital sign; every third is a blood pressure."""
    if place % 3 == 0:
        return pressure(maker, visit)
    return {**observation(maker, visit, "vital-signs", "Vital signs"), **measured(maker, maker.one_of("vitals"))}


def result(maker: Maker, visit: str, place: int) -> Resource:
    """A laboratory result with its range; every third with a narrative."""
    row = maker.one_of("results")
    made = {**observation(maker, visit, "laboratory", "Laboratory"), **measured(maker, row)}
    made["interpretation"] = [concept("v3-ObservationInterpretation", {"code": "N", "text": "Normal"})]
    made["referenceRange"] = [
        {
            "low": maker.quantity(row, row["low"]),
            "high": maker.quantity(row, row["high"]),
            "text": f"{row['low']} to {row['high']} {row['unit']}",
        }
    ]
    if place % 3 == 0:
        made["text"] = {
            "status": "generated",
            "div": _DIV.format(f"<table><tr><td>{row['text']}</td><td>{row['unit']}</td></tr></table>"),
        }
    return made


def pressure(maker: Maker, visit: str) -> Resource:
    """A blood pressure with two components."""
    panel = facts()["pressure"]
    parts = [measured(maker, row) for row in panel["parts"]]
    return {
        **observation(maker, visit, "vital-signs", "Vital signs"),
        "code": concept("loinc", panel["panel"]),
        "component": parts,
    }


def observation(maker: Maker, visit: str, category: str, text: str) -> Resource:
    """What every Observation has."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "category": [concept("observation-category", {"code": category, "text": text})],
        "code": {},
        "subject": maker.person,
        "encounter": {"reference": visit},
        "effectiveDateTime": maker.time(),
        "issued": maker.time(0, ".113"),
        "performer": [{**maker.doctor, "display": "Dr. Jun Lee"}],
    }


def measured(maker: Maker, row: Mapping[str, Any]) -> Resource:
    """A code and a value of it."""
    return {
        "code": concept("loinc", row),
        "valueQuantity": maker.quantity(row, maker.amount(row["low"], row["high"])),
    }


def medication(maker: Maker, visit: str, place: int) -> Resource:
    """A MedicationRequest with a dosage."""
    timing = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}, "code": {"text": "daily"}}
    dose = {
        "type": concept("dose-rate-type", {"code": "ordered", "text": "Ordered"}),
        "doseQuantity": {"value": 1, "unit": "tablet"},
    }
    return {
        "resourceType": "MedicationRequest",
        "status": "stopped" if place % 2 else "active",
        "intent": "order",
        "medicationCodeableConcept": concept("rxnorm", maker.one_of("medications")),
        "subject": maker.person,
        "encounter": {"reference": visit},
        "authoredOn": maker.time(),
        "requester": {**maker.doctor, "display": "Dr. Jun Lee"},
        "dosageInstruction": [
            {
                "sequence": 1,
                "text": "One tablet daily",
                "timing": timing,
                "asNeededBoolean": False,
                "doseAndRate": [dose],
            }
        ],
    }


def procedure(maker: Maker, visit: str, place: int) -> Resource:
    """A Procedure."""
    return {
        "resourceType": "Procedure",
        "status": "completed",
        "code": concept("snomed", maker.one_of("procedures")),
        "subject": maker.person,
        "encounter": {"reference": visit},
        "performedPeriod": maker.period(),
        "location": {**maker.place, "display": "Clinic 3"},
    }


def immunization(maker: Maker, visit: str, place: int) -> Resource:
    """An Immunization."""
    return {
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": concept("cvx", maker.one_of("immunizations")),
        "patient": maker.person,
        "encounter": {"reference": visit},
        "occurrenceDateTime": maker.time(),
        "primarySource": True,
        "location": maker.place,
    }


def report(maker: Maker, visit: str, results: Sequence[str]) -> Resource:
    """A DiagnosticReport of results, with a narrative."""
    rows = "".join(f"<tr><td>{place}</td><td>final</td></tr>" for place in range(len(results)))
    return {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "text": {
            "status": "generated",
            "div": _DIV.format(
                f"<table><thead><tr><th>Result</th><th>Status</th></tr></thead><tbody>{rows}</tbody></table>"
            ),
        },
        "category": [concept("v2-0074", {"code": "LAB", "text": "Laboratory"})],
        "code": concept("loinc", facts()["panel"]),
        "subject": maker.person,
        "encounter": {"reference": visit},
        "effectiveDateTime": maker.time(),
        "issued": maker.time(0, ".113"),
        "performer": [maker.hospital],
        "result": [{"reference": each, "display": "Result"} for each in results],
    }
