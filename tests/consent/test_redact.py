"""Obligations on released resources, and the second reading that proves them."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from gateway.consent.proof import violations
from gateway.consent.redact import Terms, duty_labels, redact, terms_of

V3 = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
HIDDEN = "Condition/psy-1"
REQUEST = {
    "resourceType": "MedicationRequest",
    "id": "m",
    "status": "active",
    "intent": "order",
    "text": {"status": "generated", "div": "<div>CANARY</div>"},
    "medicationReference": {"reference": "Medication/x", "display": "CANARY"},
    "subject": {"reference": "Patient/p", "identifier": {"system": "urn:rrn", "value": "CANARY"}},
    "reasonReference": [
        {"reference": HIDDEN, "display": "CANARY"},
        {"reference": "https://h/fhir/Condition/htn/_history/2"},
    ],
    "reasonCode": [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "I10"}], "text": "CANARY"}],
    "note": [{"text": "CANARY"}],
    "identifier": [{"system": "urn:rrn", "value": "CANARY"}, {"system": "urn:order", "value": "1"}],
    "dosageInstruction": [{"text": "CANARY", "sequence": 1}],
    "extension": [{"url": "urn:e", "valueString": "CANARY"}, {"url": "urn:f", "valueCode": "x"}],
    "contained": [
        {"resourceType": "Medication", "id": "x", "text": {"div": "CANARY"}},
        {"resourceType": "Organization", "id": "used", "name": "Lab"},
    ],
    "recorder": {"reference": "#used"},
    "priorPrescription": {"reference": f"https://h/fhir/{HIDDEN}/_history/3"},
}
TERMS = Terms(
    withheld=frozenset({HIDDEN}),
    duties=frozenset({"NOREUSE", "DELAU", "AOD", "KEEP-UNTIL-P1Y"}),
    national=frozenset({"urn:rrn"}),
)


def rules(output, terms):
    return {finding.rule for finding in violations(output, terms)}


def test_the_unredacted_resource_is_full_of_violations():
    assert rules(REQUEST, TERMS) == {"release-withheld", "release-prose", "release-national-identifier", "release-duty"}


def test_redacted():
    before = copy.deepcopy(REQUEST)
    terms = replace(TERMS, withheld=TERMS.withheld | {"Medication/x"})
    output = redact(REQUEST, terms)
    assert before == REQUEST
    assert violations(output, terms) == ()
    assert "CANARY" not in repr(output)
    assert output["reasonReference"] == [{"reference": "https://h/fhir/Condition/htn/_history/2"}]
    assert output["medicationReference"] == {
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]
    }
    assert output["subject"] == {"reference": "Patient/p"}
    assert output["identifier"] == [{"system": "urn:order", "value": "1"}]
    assert output["dosageInstruction"] == [{"sequence": 1}]
    assert output["extension"] == [{"url": "urn:f", "valueCode": "x"}]
    assert output["contained"] == [{"resourceType": "Organization", "id": "used", "name": "Lab"}]
    assert not {"text", "note", "priorPrescription"} & output.keys()
    assert [c["code"] for c in output["meta"]["security"]] == ["DELAU", "KEEP-UNTIL-P1Y", "NOREUSE"]


def test_element_allow_list():
    terms = Terms(elements=("status", "reasonCode"), duties=frozenset({"MINEC"}))
    output = redact({**REQUEST, "meta": {"versionId": "1"}, "_status": {"id": "s"}}, terms)
    assert set(output) == {"resourceType", "id", "meta", "status", "_status", "reasonCode"}
    assert violations(output, terms) == ()
    assert rules(REQUEST, terms) >= {"release-elements"}
    assert set(redact(REQUEST, Terms(elements=()))) == {"resourceType", "id"}


def test_permitted_prose_stays_and_the_rest_goes():
    terms = Terms(prose=frozenset({"text"}))
    output = redact(REQUEST, terms)
    assert output["text"] == REQUEST["text"]
    assert "note" not in output
    assert violations(output, terms) == ()
    both = redact(REQUEST, Terms(prose=frozenset({"note.text"})))
    assert both["note"] == [{"text": "CANARY"}]


def test_a_required_reference_inside_a_part_takes_the_part_along():
    encounter = {
        "resourceType": "Encounter",
        "id": "e",
        "diagnosis": [{"condition": {"reference": HIDDEN}, "rank": 1}, {"condition": {"reference": "Condition/h"}}],
    }
    assert redact(encounter, TERMS)["diagnosis"] == [{"condition": {"reference": "Condition/h"}}]
    coverage = {"resourceType": "Coverage", "id": "v", "payor": [{"reference": HIDDEN}]}
    assert redact(coverage, TERMS)["payor"][0]["extension"][0]["valueCode"] == "masked"


def test_only_what_may_be_named():
    output = redact(REQUEST, Terms(named=frozenset({"Patient/p"})))
    assert output["subject"]["reference"] == "Patient/p"
    assert output["recorder"] == {"reference": "#used"}
    assert "reasonReference" not in output
    urn = {"resourceType": "Observation", "id": "o", "focus": [{"reference": "urn:uuid:1"}], "hasMember": []}
    assert redact(urn, Terms(withheld=frozenset({"urn:uuid:1"}))) == {
        "resourceType": "Observation",
        "id": "o",
        "hasMember": [],
    }


def test_pseudonymised_resources_have_no_names():
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "name": [{"family": "CANARY"}],
        "birthDate": "1980-01-01",
        "_birthDate": {"id": "b"},
        "gender": "female",
    }
    terms = Terms(duties=frozenset({"PSEUD", "NORELINK"}))
    assert rules(patient, terms) == {"release-pseudonym", "release-duty", "release-date"}
    output = redact(patient, terms)
    assert output == {
        "resourceType": "Patient",
        "id": "p",
        "gender": "female",
        "meta": {"security": [{"system": V3, "code": "NORELINK"}]},
    }
    assert violations(output, terms) == ()


def test_a_label_that_is_there_already_is_not_doubled():
    marked = {
        "resourceType": "Observation",
        "id": "o",
        "meta": {"security": [{"system": V3, "code": "NOREUSE"}, {"code": "R"}]},
    }
    assert [c["code"] for c in redact(marked, Terms(duties=frozenset({"NOREUSE"})))["meta"]["security"]] == [
        "R",
        "NOREUSE",
    ]
    assert duty_labels(["UNHEARD", "AOD"]) == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("see Condition/psy-1.", True),
        ("https://h/Condition/psy-1", True),
        ("psy-1", True),
        ("Condition/psy-12", False),
        ("Condition/psy-1-b", False),
        ("Condition/psy-1.b", False),
        ("xCondition/psy-1", False),
        ("nothing", False),
    ],
)
def test_the_second_reading_finds_names_in_any_text(text, found):
    output = {"resourceType": "Basic", "id": "b", "author": {"display": text}}
    assert bool(rules(output, TERMS) & {"release-withheld"}) is found


def test_a_long_id_is_found_anywhere():
    terms = Terms(withheld=frozenset({"Condition/6f1c2a34-aaaa"}))
    output = {"resourceType": "Basic", "id": "b", "code": {"coding": [{"display": "x6f1c2a34-aaaay"}]}}
    assert [f.expression for f in violations(output, terms)] == ["Basic.code.coding[0].display"]


def test_terms_of_a_decision():
    decision = {
        "released": ["Condition/a", "Condition/a#text", "Patient/p"],
        "obligations": ["AOD"],
        "elements": {"Patient/p": ["birthDate"]},
        "redacted": [{"reference": HIDDEN, "because": "x"}, {"reference": "Condition/a#note", "because": "x"}],
    }
    terms = terms_of(decision, ["urn:rrn"])["Condition/a"]
    assert terms == Terms(
        frozenset({HIDDEN}),
        None,
        frozenset({"text"}),
        frozenset({"AOD"}),
        frozenset({"urn:rrn"}),
        None,
        frozenset({"note"}),
    )
    assert terms_of(decision)["Patient/p"].elements == ("birthDate",)
    assert HIDDEN not in terms_of(decision)


def test_a_field_withheld_by_itself_is_taken_out():
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "address": [{"line": ["CANARY"]}],
        "contact": [{"address": {"line": ["CANARY"]}, "gender": "male"}],
    }
    hidden = [
        {"reference": "Patient/p#address", "because": "x"},
        {"reference": "Patient/p#contact.address", "because": "x"},
    ]
    terms = terms_of({"released": ["Patient/p"], "redacted": hidden, "obligations": []})["Patient/p"]
    assert rules(patient, terms) == {"release-part"}
    output = redact(patient, terms)
    assert output == {"resourceType": "Patient", "id": "p", "contact": [{"gender": "male"}]}
    assert violations(output, terms) == ()
    primitive = {"resourceType": "Patient", "id": "p", "birthDate": "1980", "_birthDate": {"id": "b"}}
    without = Terms(without=frozenset({"birthDate"}))
    assert redact(primitive, without) == {"resourceType": "Patient", "id": "p"}
    assert rules(primitive, without) == {"release-part"}


def test_under_a_pseudonym_a_bare_value_is_no_less_than_an_identifier():
    terms = Terms(duties=frozenset({"PSEUD"}), shift=100)
    output = redact({"resourceType": "Patient", "id": "r", "value": "900101-1", "gender": "female"}, terms)
    assert "value" not in output
    assert violations(output, terms, output) == ()
