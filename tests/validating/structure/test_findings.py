"""The findings of a document as one report: each told once, not more than can be read, and never an error lost among them."""

import pytest

from gateway.model.report import Finding
from gateway.validating import Validator
from gateway.validating.structure.finding import MOST
from gateway.validating.validator import _told_once

VALIDATOR = Validator()


def finding(**said):
    return Finding(
        **{"severity": "error", "code": "value", "expression": "Patient.x", "text": "t", "rule": "r", **said}
    )


@pytest.mark.parametrize(
    ("one", "other", "kept"),
    [
        ({}, {}, 1),
        ({"source": "http://a"}, {"source": "http://b"}, 1),  # two profiles that say the same
        ({"severity": "error"}, {"severity": "warning"}, 1),
        ({"rule": "a"}, {"rule": "b"}, 2),
        ({"expression": "Patient.x"}, {"expression": "Patient.y"}, 2),
        ({"expected": "a"}, {"expected": "b"}, 2),
        ({"found": "a"}, {"found": "b"}, 2),
    ],
)
def test_each_finding_is_told_once(one, other, kept):
    assert len(_told_once((finding(**one), finding(**other)))) == kept
    assert _told_once((finding(**one), finding(**other)))[0] == finding(**one)


def test_what_is_not_at_hand_is_told_once_for_the_document():
    said = [
        finding(rule="code-unchecked", severity="warning", expression=f"Patient.x[{n}]", found="s", expected=f"v{n}")
        for n in range(3)
    ]
    other = finding(rule="code-unchecked", severity="warning", found="t")
    assert _told_once((*said, other)) == (said[0], other)


def test_the_worst_of_two_that_say_the_same_is_kept():
    weak, strong = finding(severity="warning", source="http://a"), finding(severity="error", source="http://b")
    assert [f.severity for f in _told_once((weak, strong))] == ["error"]


def test_no_more_than_can_be_read_is_told():
    many = tuple(finding(found=str(n)) for n in range(MOST + 1))
    told = _told_once(many)
    assert told[:MOST] == many[:MOST]
    assert [(f.severity, f.code, f.rule) for f in told[MOST:]] == [("information", "too-costly", "more-findings")]
    assert _told_once(many[:MOST]) == many[:MOST]


FLOODS = {
    "warnings of codes": {
        "identifier": [{"type": {"coding": [{"system": "http://x.org", "code": f"c{n}"}]}} for n in range(1_200)]
    },
    "warnings of texts": {
        "resourceType": "Observation",
        "note": [{"text": f"<b>{n}</b>"} for n in range(1_200)],
        "status": "final",
        "code": {"text": "x"},
    },
}


@pytest.mark.parametrize("flood", FLOODS)
@pytest.mark.parametrize("nested", [False, True], ids=["alone", "in an entry"])
def test_an_error_is_not_hidden_by_a_flood_of_warnings(flood, nested):
    """A document with an error must not pass because what comes before it fills the list of findings."""
    document = {"resourceType": "Patient", **FLOODS[flood], "language": 3}
    held = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": document}]} if nested else document
    assert not VALIDATOR.report(held).ok


def test_an_error_of_a_profile_is_not_hidden_by_a_flood_of_warnings():
    profile = {
        "resourceType": "StructureDefinition",
        "url": "http://example.org/p",
        "type": "Patient",
        "kind": "resource",
        "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "differential": {"element": [{"path": "Patient"}, {"path": "Patient.birthDate", "min": 1}]},
    }
    document = {"resourceType": "Patient", **FLOODS["warnings of codes"]}
    assert not Validator(resources=[profile]).report(document, ["http://example.org/p"]).ok
