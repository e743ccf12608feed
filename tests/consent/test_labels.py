"""Real resources to items: what is restricted until classified, and what must come out normal or nobody can use the gateway."""

from __future__ import annotations

import pytest

from gateway.consent import decide
from gateway.consent.labels import item_of, label, parts_of
from gateway.consent.proof import violations
from gateway.consent.redact import Terms, redact
from gateway.consent.shapes import shapes

V3 = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ORDINARY = [
    "Patient",
    "Encounter",
    "Organization",
    "Practitioner",
    "Location",
    "Coverage",
    "Task",
    "Specimen",
    "PractitionerRole",
]
REGISTER_MORE = {"uncodedNormal": ORDINARY}


@pytest.fixture
def register(world):
    return (
        world.register | REGISTER_MORE | {"classifiedSystems": [world.ICD, world.LOINC, V3, "http://snomed.info/sct"]}
    )


def concept(code, system="http://hl7.org/fhir/sid/icd-10", **more):
    return {"coding": [{"system": system, "code": code}]} | more


PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "name": [{"text": "Kim", "family": "Kim"}],
    "birthDate": "1980-01-01",
    "identifier": [
        {
            "system": "urn:mrn",
            "value": "1",
            "type": {"coding": [{"system": "urn:v2-0203", "code": "MR"}], "text": "MRN"},
        }
    ],
    "maritalStatus": concept("M", "urn:x"),
    "communication": [{"language": concept("ko", "urn:ietf:bcp:47")}],
    "address": [{"text": "Seoul", "use": "home"}],
    "contact": [{"name": {"text": "Lee"}, "relationship": [concept("N", "urn:x")]}],
    "link": [{"other": {"reference": "Patient/p-old"}, "type": "replaces"}],
    "managingOrganization": {"reference": "Organization/h1"},
}
ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "e",
    "status": "finished",
    "class": {"system": V3, "code": "AMB"},
    "subject": {"reference": "Patient/p"},
    "period": {"start": "2026-04-01", "end": "2026-04-02"},
    "participant": [{"individual": {"reference": "Practitioner/k"}, "type": [concept("ATND", "urn:x")]}],
    "serviceProvider": {"reference": "Organization/h1"},
    "length": {"value": 2, "unit": "d", "system": "http://unitsofmeasure.org", "code": "d"},
}
CONDITION = {
    "resourceType": "Condition",
    "id": "c",
    "code": concept("I10", text="High blood pressure"),
    "subject": {"reference": "Patient/p"},
    "clinicalStatus": concept("active", "urn:status"),
    "category": [concept("problem-list-item", "urn:cat")],
    "recordedDate": "2026-05-01",
    "recorder": {"reference": "Practitioner/k"},
    "encounter": {"reference": "Encounter/e"},
    "text": {"status": "generated", "div": "<div/>"},
    "note": [{"text": "said at the door"}],
}
OBSERVATION = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "code": concept("4548-4", "http://loinc.org"),
    "effectiveDateTime": "2026-05-10",
    "valueQuantity": {"value": 6.1, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"},
    "performer": [{"reference": "Organization/lab"}],
    "interpretation": [concept("N", "urn:v2-0078")],
    "category": [concept("laboratory", "urn:cat")],
    "meta": {"tag": [{"code": "x", "system": "urn:t"}]},
    "referenceRange": [{"text": "4-6"}],
}
STATEMENT = {
    "resourceType": "MedicationStatement",
    "id": "m",
    "status": "active",
    "medicationCodeableConcept": concept("38341003", "http://snomed.info/sct"),
    "subject": {"reference": "Patient/p"},
    "dosage": [{"text": "one in the morning", "route": concept("PO", "urn:x")}],
}
NORMAL = [
    PATIENT,
    ENCOUNTER,
    CONDITION,
    OBSERVATION,
    STATEMENT,
    {
        "resourceType": "Organization",
        "id": "h1",
        "name": "Hanbit",
        "type": [concept("prov", "urn:x")],
        "telecom": [{"system": "phone", "value": "1"}],
    },
    {
        "resourceType": "Practitioner",
        "id": "k",
        "name": [{"family": "Kim"}],
        "qualification": [{"code": concept("MD", "urn:x")}],
    },
    {
        "resourceType": "Location",
        "id": "l",
        "type": [concept("ER", "urn:x")],
        "physicalType": concept("wa", "urn:x"),
        "address": {"text": "x"},
    },
    {
        "resourceType": "Coverage",
        "id": "v",
        "beneficiary": {"reference": "Patient/p"},
        "payor": [{"reference": "Organization/nhis"}],
    },
    {
        "resourceType": "Task",
        "id": "t",
        "code": concept("fulfill", "urn:x"),
        "for": {"reference": "Patient/p"},
        "description": "call back",
    },
]


@pytest.mark.parametrize("resource", NORMAL, ids=lambda r: r["resourceType"])
def test_ordinary_resources_come_out_normal(register, resource):
    assert label(resource, register) == {"N"}


@pytest.mark.parametrize(
    "resource",
    [
        {**CONDITION, "code": {"text": "sad since spring"}},
        {**CONDITION, "code": {"coding": [{"display": "sad"}]}},
        {**CONDITION, "code": concept("PX", "urn:local")},
        {**CONDITION, "evidence": [{"code": [concept("zz", "urn:local")]}]},
        {**OBSERVATION, "valueQuantity": None, "valueString": "as discussed with her husband"},
        {**OBSERVATION, "valueQuantity": None, "valueCodeableConcept": {"text": "positive"}},
        {**OBSERVATION, "component": [{"code": concept("1", "http://loinc.org"), "valueString": "words"}]},
        {**OBSERVATION, "code": {}},
        {**ENCOUNTER, "class": {"code": "AMB"}},
        {**ENCOUNTER, "reasonCode": [{"text": "panic"}]},
        {**PATIENT, "extension": [{"url": "urn:religion", "valueCodeableConcept": concept("1", "urn:local")}]},
        {
            "resourceType": "DocumentReference",
            "id": "d",
            "type": concept("34133-9", "http://loinc.org"),
            "content": [{"attachment": {"data": "eA=="}}],
        },
        {"resourceType": "Basic", "id": "b", "code": concept("x", "urn:local")},
        {"resourceType": "UnheardOf", "id": "u"},
        {**CONDITION, "contained": [{"resourceType": "Observation", "id": "1", "code": concept("zz", "urn:local")}]},
    ],
)
def test_what_nobody_classified_is_restricted(register, resource):
    assert label(resource, register) == {"R"}


def test_what_something_modifies_is_restricted(register):
    """Left out it would say something else, and nobody here knows what."""
    modifier = {"url": "http://hl7.org/fhir/StructureDefinition/x", "valueBoolean": True}
    for resource in (PATIENT, {**PATIENT, "extension": [modifier]}):
        assert label(resource, register) == {"N"}
    for resource in (
        {**PATIENT, "modifierExtension": [modifier]},
        {**PATIENT, "contact": [{**PATIENT["contact"][0], "modifierExtension": [modifier]}]},
    ):
        assert "R" in label(resource, register)


def test_sensitive_codes_wherever_they_stand(register):
    assert label({**CONDITION, "code": concept("F32.1")}, register) == {"PSY", "R"}
    assert label({**STATEMENT, "reasonCode": [concept("B20")]}, register) == {"HIV", "R"}
    assert label({**OBSERVATION, "valueCodeableConcept": concept("B20")}, register) == {"HIV", "R"}


def test_a_sender_can_only_raise(register):
    security = [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"},
        {"system": V3, "code": "NOREUSE"},
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"},
        {"code": "KEEP-UNTIL-P1Y"},
    ]
    assert label({**CONDITION, "meta": {"security": security}}, register) == {"V"}
    low = [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "U"}]
    assert label({**CONDITION, "code": concept("F32"), "meta": {"security": low}}, register) == {"PSY", "R"}
    assert label({**CONDITION, "meta": {"security": [{"display": "secret"}]}}, register) == {"R", "secret"}
    assert label(CONDITION, register, {"Condition/c": ["SDV"]}) == {"R", "SDV"}


def test_item(register):
    item = item_of(
        CONDITION, register, ["R"], subject="Patient/x", custodian="Organization/h9", derived_from=["Bundle/b"]
    )
    assert item == {
        "reference": "Condition/c",
        "code": CONDITION["code"]["coding"],
        "securityLabel": ["R"],
        "refersTo": ["Encounter/e", "Patient/p", "Practitioner/k"],
        "subject": "Patient/x",
        "date": "2026-05-01",
        "author": ["Practitioner/k"],
        "custodian": "Organization/h9",
        "derivedFrom": ["Bundle/b"],
    }
    encounter = item_of(ENCOUNTER, register, subject="Patient/x")
    assert (encounter["date"], encounter["custodian"], encounter["author"]) == (
        ENCOUNTER["period"],
        "Organization/h1",
        ["Practitioner/k"],
    )


def test_whose_it_is(register):
    assert item_of(CONDITION, register)["subject"] is None
    about_two = {**OBSERVATION, "subject": {"reference": "Patient/p"}, "focus": [{"reference": "Patient/q"}]}
    assert item_of(about_two, register, subject="Patient/p")["subject"] == ["Patient/p", "Patient/q"]
    assert item_of({**CONDITION, "subject": {"reference": "Group/g"}}, register, subject="Patient/p")["subject"] == [
        "Group/g"
    ]
    assert item_of(PATIENT, register, subject="Patient/p")["subject"] == "Patient/p"


def test_prose_is_decided_by_itself(world, register):
    item = item_of(CONDITION, register, subject="Patient/p")
    prose = parts_of(CONDITION, item)
    assert [one["reference"] for one in prose] == ["Condition/c#note", "Condition/c#note.text", "Condition/c#text"]
    request, given, _ = world.asked(world.consent(world.rule("permit")), what=[item, *prose])
    assert decide(request, given, register)["released"] == ["Condition/c"]
    request, given, _ = world.asked(world.consent(world.rule("permit", securityLabel=["R"])), what=[item, *prose])
    assert len(decide(request, given, register)["released"]) == 4


def test_an_unclassified_site_counts_no_parts_of_codes(world):
    plain = {k: v for k, v in world.register.items() if k not in ("classifiedSystems", "unclassified")}
    assert label({**CONDITION, "code": concept("PX", "urn:local")}, plain) == {"N"}


def test_an_unknown_type_has_the_general_shape():
    assert shapes().of("UnheardOf") == shapes().of("*")


def test_a_field_with_labels_of_its_own_is_decided_by_itself(world, register):
    known = {"Patient/p#address": ["V", "LOCIS"], "Patient/q#address": ["V"], "Patient/p": ["N"]}
    item = item_of(PATIENT, register, subject="Patient/p")
    parts = parts_of(PATIENT, item, known)
    assert [part["reference"] for part in parts] == ["Patient/p#address"]
    permit = world.consent(world.rule("permit", securityLabel=["R"]))
    request, given, _ = world.asked(permit, what=[item, *parts], given={"knownLabels": known})
    assert decide(request, given, register)["released"] == ["Patient/p"]


def test_the_code_may_be_in_a_resource_beside(world, register):
    request = {
        "resourceType": "MedicationRequest",
        "id": "r",
        "medicationReference": {"reference": "Medication/m"},
        "reasonCode": [concept("I10")],
    }
    assert item_of(request, register)["derivedFrom"] == ["Medication/m"]
    assert label(request, register) == {"R"}
    assert label(request, register, {"Medication/m": ["N"]}) == {"N"}
    inside = {
        **request,
        "medicationReference": {"reference": "#m"},
        "contained": [{"resourceType": "Medication", "id": "m", "code": concept("F32")}],
    }
    assert label(inside, register) == {"PSY", "R"}


def test_a_description_that_is_coded_is_no_prose(register):
    goal = {"resourceType": "Goal", "id": "g", "description": concept("I10", text="less salt")}
    assert label(goal, register) == {"N"}
    assert parts_of(goal, item_of(goal, register)) == ()
    assert redact(goal, Terms())["description"] == concept("I10")
    assert violations(redact(goal, Terms()), Terms()) == ()
    words = {"resourceType": "Goal", "id": "g", "description": {"text": "less salt"}}
    assert [part["reference"] for part in parts_of(words, item_of(words, register))] == ["Goal/g#description"]
    assert "description" not in redact(words, Terms())


def test_references_in_any_form_are_the_same_reference(register):
    condition = {
        **CONDITION,
        "encounter": {"reference": "https://h/fhir/Encounter/e/_history/4"},
        "recorder": {"reference": "urn:uuid:1"},
    }
    item = item_of(condition, register)
    assert item["refersTo"] == ["Encounter/e", "Patient/p", "urn:uuid:1"]
    assert item["author"] == ["urn:uuid:1"]
