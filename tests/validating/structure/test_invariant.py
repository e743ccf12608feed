"""Invariants of strangers: bounded for a whole document, and never passed over when they could not be judged."""

import pytest

from gateway import Validator

HERE = "http://example.org/fhir/StructureDefinition/"


def profile(expression, **more):
    rule = {"key": "x-1", "severity": "error", "human": "x", "expression": expression}
    element = {"id": "Patient.identifier", "path": "Patient.identifier", "constraint": [rule], **more}
    return {
        "resourceType": "StructureDefinition", "url": HERE + "p", "name": "P", "status": "active", "kind": "resource",
        "abstract": False, "type": "Patient", "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "derivation": "constraint", "differential": {"element": [element]},
    }  # fmt: skip


def patient(numbers):
    return {
        "resourceType": "Patient",
        "identifier": [{"system": "http://a.org", "value": str(n)} for n in range(numbers)],
    }


@pytest.mark.parametrize(
    "expression", ["1.repeat($this + 1).exists()", "%resource.descendants().descendants().count() > 0"]
)
def test_a_rule_that_never_ends_is_an_error_and_ends(expression):
    report = Validator(resources=[profile(expression)]).report(patient(1500), [HERE + "p"])
    assert not report.ok
    assert {f.rule for f in report.findings if f.severity == "error"} == {"too-costly"}


def test_the_next_document_has_a_purse_of_its_own():
    validator = Validator(resources=[profile("1.repeat($this + 1).exists() or true")])
    validator.report(patient(100), [HERE + "p"])
    assert Validator(resources=[profile("value.exists()")]).report(patient(1500), [HERE + "p"]).ok


@pytest.mark.parametrize("expression", ["value.", "nothing(1)", "((((", "'" * 30_001])
def test_a_rule_that_cannot_be_read_is_said_not_to_be_checked(expression):
    report = Validator(resources=[profile(expression)]).report(patient(1), [HERE + "p"])
    assert [(f.severity, f.rule) for f in report.findings] == [("warning", "x-1")]


def test_an_element_that_the_base_does_not_have_is_named():
    broken = profile("value.exists()", path="Patient.foo", id="Patient.foo")
    report = Validator(resources=[broken]).report(patient(1), [HERE + "p"])
    assert [(f.severity, f.rule, f.found) for f in report.findings] == [("warning", "profile-strays", "Patient.foo")]


@pytest.mark.parametrize("elements", [[], [{"path": 5}], [7], "x"])
def test_a_profile_that_is_none_is_an_error(elements):
    broken = {**profile("true"), "differential": {"element": elements}}
    report = Validator(resources=[broken]).report(patient(1), [HERE + "p"])
    assert not report.ok or {f.rule for f in report.findings} <= {"profile-partial"}


def test_a_part_of_a_profile_is_nothing_to_claim():
    claimed = {
        **patient(1),
        "meta": {"profile": ["http://hl7.org/fhir/StructureDefinition/Observation#Observation.component"]},
    }
    assert [f.rule for f in Validator().report(claimed).findings] == ["profile-unknown"]
