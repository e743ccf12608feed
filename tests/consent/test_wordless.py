"""What is left of a resource without its sender's words, element by element."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.consent.words import speech_of, spoken, without_words

ICD, NUMBER = "http://hl7.org/fhir/sid/icd-10", "urn:declared"
SPEECH = speech_of({"classifiedSystems": [ICD]}, frozenset({NUMBER}))
R4 = "http://hl7.org/fhir/StructureDefinition/"
KNOWN, OWN = {"system": ICD, "code": "I10"}, {"system": "urn:own", "code": "x"}
ABSENT = {"url": f"{R4}data-absent-reason", "valueCode": "masked"}
DUE = f"{R4}condition-dueTo"


def left(kind: str = "Observation", **elements: Any) -> dict[str, Any]:
    made = without_words({"resourceType": kind, **elements}, SPEECH)
    assert without_words(made, SPEECH) == made
    assert spoken(made, SPEECH) == ()
    return {name: value for name, value in made.items() if name != "resourceType"}


class TestCodes:
    def test_a_coding_says_its_system_and_code(self):
        said = {**KNOWN, "version": "1", "display": "x", "userSelected": True, "id": "c"}
        assert left(code={"coding": [said]}) == {"code": {"coding": [KNOWN]}}

    def test_of_several_the_classified_ones_and_else_those_that_a_label_was_read_from(self):
        assert left(code={"coding": [OWN, KNOWN]}) == {"code": {"coding": [KNOWN]}}
        assert left(code={"coding": [OWN]}) == {"code": {"coding": [OWN]}}
        assert left(method={"coding": [OWN, KNOWN]}) == {"method": {"coding": [KNOWN]}}
        assert left(method={"coding": [OWN]}) == {}
        assert left(
            "Patient", contact=[{"relationship": [{"coding": [OWN]}, {"coding": [KNOWN]}], "gender": "male"}]
        ) == {"contact": [{"relationship": [{"coding": [KNOWN]}], "gender": "male"}]}

    def test_a_coding_that_is_an_element_by_itself(self):
        assert left("MessageHeader", eventCoding=KNOWN) == {"eventCoding": KNOWN}
        assert left("MessageHeader", eventCoding=OWN) == {}
        assert left(category=[OWN, KNOWN]) == {"category": [KNOWN]}
        assert left(referenceRange=[{"low": {**OWN, "value": 1}}]) == {"referenceRange": [{"low": {**OWN, "value": 1}}]}
        assert left(method={**OWN, "coding": [KNOWN]}) == {"method": {**OWN, "coding": [KNOWN]}}

    def test_a_range_in_words_is_none(self):
        low = {"value": 1}
        for kind in ("Observation", "Basic"):
            assert left(kind, referenceRange=[{"text": "x"}, {"text": "x", "low": low}]) == {
                "referenceRange": [{"low": low}]
            }
        assert left(component=[{"text": "x", "valueInteger": 1}]) == {"component": [{"text": "x", "valueInteger": 1}]}


class TestExtensions:
    @pytest.mark.parametrize("name", ["extension", "modifierExtension"])
    @pytest.mark.parametrize(
        "one",
        [
            {"url": "urn:x", "valueBoolean": True}, {"url": DUE, "valueString": "x"}, {"url": DUE, "valueBoolean": True, "valueString": "x"},
            {"url": DUE, "valueCoding": OWN}, {"url": DUE, "valueCoding": "I10"}, {"url": DUE, "valueCodeableConcept": {"coding": [KNOWN, OWN]}},
            {"url": DUE, "valueCodeableConcept": {"coding": [KNOWN], "text": "x"}}, {"url": DUE, "valueCodeableConcept": {"coding": [KNOWN, "I10"]}},
            {"url": DUE, "valueCodeableConcept": {"coding": KNOWN}}, {"url": DUE, "valueCodeableConcept": [KNOWN]},
            {**ABSENT, "valueCode": "x"}, {**ABSENT, "valueString": "x"},
        ],
    )  # fmt: skip
    def test_what_could_say_anything_goes(self, name, one):
        mute = {"url": DUE, "valueBoolean": True}
        assert left(**{name: [one, mute]}) == {name: [mute]}
        assert left(component=[{name: [one]}, {"valueInteger": 1}]) == {"component": [{"valueInteger": 1}]}

    @pytest.mark.parametrize(
        "one",
        [
            ABSENT, {"url": DUE, "valueCoding": KNOWN}, {"url": DUE, "valueCodeableConcept": {"coding": [KNOWN, KNOWN]}},
            {"url": DUE, "valueDateTime": "2026"}, {"url": DUE},
        ],
    )  # fmt: skip
    def test_what_is_mute_stays(self, one):
        assert left(subject={"extension": [one]}) == {"subject": {"extension": [one]}}


class TestBesideValues:
    def test_only_why_one_is_absent_stays_in_its_place(self):
        given = [None, {"id": "x", "extension": [{"url": DUE, "valueBoolean": True}, ABSENT]}, "x"]
        assert left("Patient", name=[{"_given": given}]) == {
            "name": [{"_given": [None, {"extension": [ABSENT]}, None]}]
        }
        for value in (
            None,
            [],
            [None],
            {"id": "x"},
            {"extension": [{"url": DUE, "valueBoolean": True}]},
            [{"id": "x"}],
            "x",
        ):
            assert left("Patient", _birthDate=value) == {}


def test_identifiers_of_what_may_leave():
    mine, other = {"system": NUMBER, "value": "7"}, {"system": "urn:own", "value": "7"}
    assert left(identifier=[other, mine, "x"], device={"identifier": other}) == {"identifier": [mine]}
    assert left(identifier=mine, device={"identifier": mine}) == {"identifier": mine, "device": {"identifier": mine}}


def test_the_record_itself_says_its_labels_and_its_version():
    meta = {"security": [{"code": "N"}], "lastUpdated": "2026-01-01T00:00:00Z", "versionId": "1"}
    assert left(meta={**meta, "tag": [KNOWN], "source": "x", "profile": ["x"], "id": "x"}) == {"meta": meta}


def test_who_is_named_in_words_only_is_not_named():
    assert left(performer=[{"display": "x"}, {"reference": "Practitioner/k", "display": "x"}]) == {
        "performer": [{"reference": "Practitioner/k"}]
    }


def test_a_unit_is_said_by_its_code():
    ucum = {"value": 1, "system": "http://unitsofmeasure.org", "code": "mg"}
    assert left(valueQuantity={**ucum, "unit": "x"}) == {"valueQuantity": {**ucum, "unit": "mg"}}
    assert left(valueQuantity={"value": 1, "unit": "x"}) == {"valueQuantity": {"value": 1}}


def test_what_still_speaks_is_named():
    assert spoken({"resourceType": "Observation", "status": "final", "code": {"text": "x", "id": "c"}}, SPEECH) == (
        "Observation.code",
    )
