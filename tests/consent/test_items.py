"""The item of a resource and those of its parts, to the letter."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.consent.labels import item_of, label, parts_of
from tests.consent.conftest import ICD, LOINC, REGISTER

A1C = {"system": LOINC, "code": "4548-4"}
HIV = {"system": ICD, "code": "B20"}
LEAST = {"resourceType": "Observation", "id": "o", "code": {"coding": [A1C]}}
ITEM = {"reference": "Observation/o", "code": [A1C], "securityLabel": ["N"], "refersTo": [], "subject": None}


def item(**elements: Any) -> dict[str, Any]:
    return item_of({**LEAST, **elements}, REGISTER)


def test_a_resource_of_which_nothing_else_is_known():
    assert item_of(LEAST, REGISTER) == {**ITEM, "securityLabel": []}
    nameless = {"resourceType": "Observation", "code": {"coding": [A1C]}}
    assert item_of(nameless, REGISTER)["reference"] == "Observation/"


def test_a_resource_of_which_much_is_known():
    said = item_of(
        {
            **LEAST,
            "meta": {"security": [{"code": "N"}]},
            "subject": {"reference": "https://h/fhir/Patient/p"},
            "effectiveDateTime": "2026-05-10",
            "performer": [
                {"reference": "Practitioner/k"},
                {"display": "x"},
                "by reference",
                {"reference": ""},
                {"reference": "#me"},
            ],
        },
        REGISTER,
        ("R",),
        subject="Patient/p",
        custodian="Organization/h",
        derived_from=("Condition/c",),
    )
    assert said == {
        "reference": "Observation/o", "code": [A1C], "securityLabel": ["N", "R"], "refersTo": ["", "Patient/p", "Practitioner/k"],
        "subject": "Patient/p", "date": "2026-05-10", "author": ["Practitioner/k"], "custodian": "Organization/h", "derivedFrom": ["Condition/c"],
    }  # fmt: skip


def test_what_it_contains_is_nothing_that_it_refers_to():
    assert item(performer=[{"reference": "#me"}, {"reference": "Practitioner/k"}])["refersTo"] == ["Practitioner/k"]


def test_whose_it_is_when_it_is_of_several_people():
    both = {"subject": {"reference": "Patient/a"}, "focus": [{"reference": "Patient/b"}, {"reference": "Device/d"}]}
    assert item(**both)["subject"] == ["Patient/a", "Patient/b"]
    assert item(subject={"reference": "Group/g"}, focus=[{"reference": "Device/d"}])["subject"] == ["Group/g"]


class TestCodes:
    @pytest.mark.parametrize(
        ("coding", "counts"),
        [
            (HIV, True), ({"code": "B20", "display": "x"}, True), ({"code": "B20"}, True), ({"code": "B20", "unit": "x"}, False),
            ({**HIV, "value": 1}, False), ({"system": "http://unitsofmeasure.org", "code": "mg"}, False), ({"system": ICD}, False),
            ({"system": ICD, "code": 20}, False),
        ],
    )  # fmt: skip
    def test_a_coding_that_is_an_element_by_itself(self, coding, counts):
        assert item(valueCoding=coding)["code"] == ([A1C, coding] if counts else [A1C])

    def test_a_tag_says_nothing_about_the_resource_and_hides_nothing_that_follows(self):
        quantity = {"value": 1, **HIV}
        assert label({**LEAST, "meta": {"tag": [HIV]}}, REGISTER) == {"N"}
        assert label({"meta": {"tag": [{"code": "x"}]}, **LEAST, "valueQuantity": quantity}, REGISTER) == {"HIV", "R"}

    def test_words_of_the_record_itself_are_no_prose_of_it(self):
        words = [{"url": "urn:x", "valueString": "x"}]
        assert "freeText" not in item(meta={"extension": words})
        assert item(component=[{"valueString": "x"}])["freeText"] is True
        assert "freeText" not in item(component=[{"valueString": ""}])


class TestLabels:
    purpose = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT"}

    def test_one_stands_behind_what_is_none(self):
        security = [self.purpose, {"code": "NOREUSE"}, {"code": "KEEP-UNTIL-P1Y"}, {"display": "secret"}, {"code": "R"}]
        assert item(meta={"security": security})["securityLabel"] == ["R", "secret"]

    def test_one_that_says_nothing_is_a_label_that_nobody_knows(self):
        assert item(meta={"security": [{}]})["securityLabel"] == [""]
        assert label({**LEAST, "meta": {"security": [{}]}}, REGISTER) == {"", "R"}


class TestParts:
    resource = {**LEAST, "text": {"div": "x"}, "note": [{"text": "x"}]}
    same = {
        "author": ["Practitioner/k"],
        "custodian": "Organization/h",
        "date": "2026",
        "refersTo": ["Patient/p"],
        "subject": "Patient/p",
    }

    def test_prose_and_what_has_labels_of_its_own(self):
        whole = {"reference": "Observation/o", "code": [A1C], "securityLabel": ["R"], "derivedFrom": ["x"], **self.same}
        known = [
            "Observation/o#value",
            "Observation/o#text",
            "Observation/o",
            "Observation/o#",
            "Observation/other#issued",
            "o#issued",
        ]
        assert parts_of(self.resource, whole, known) == (
            {**self.same, "reference": "Observation/o#note", "code": [], "freeText": True},
            {**self.same, "reference": "Observation/o#note.text", "code": [], "freeText": True},
            {**self.same, "reference": "Observation/o#text", "code": [], "freeText": True},
            {**self.same, "reference": "Observation/o#value", "code": [A1C]},
        )
        assert parts_of(LEAST, {"reference": "Observation/o", "code": []}) == ()
