"""Findings as R4 issues: complete, valid whatever a sender wrote, with a link to the rule."""

import pytest

from gateway.definitions.library import core
from gateway.model.report import RULES, Finding, Report
from gateway.model.rules import page_of
from gateway.model.wire import read_json, write_json
from gateway.validating import Validator

FINDINGS = (
    Finding("error", "code-invalid", "Patient.gender", "Not in the value set.", "binding-required", "x", "man", 3, 12),
    Finding("fatal", "structure", "", "A comma is missing here.", "json-comma-missing", line=1, column=1),
    Finding("warning", "invariant", "Patient.contact[0]", "One is needed.", "pat-1"),
    Finding("error", "value", "Patient.x", "No.", "profile-fixed", "a\x00b", "\x1b[31m\u2028", source="http://example.org/p|1.0"),
    Finding("information", "informational", "PID[1]-7[1].1", "The value is not of type DTM.", "a rule", source="no address"),
    Finding("information", "informational", "", "Something."),
)  # fmt: skip


@pytest.mark.parametrize(
    "rule", ["", "PID-7", "hl7v2-continuation", "standard-unknown", "pat", "inv-1", "PAT-1", "x" * 500]
)
def test_a_rule_without_a_page(rule):
    assert page_of(rule) == ""


@pytest.mark.parametrize(
    ("rule", "page"),
    [
        ("pat-1", "patient.html#pat-1"),
        ("ele-1", "element.html#ele-1"),
        ("per-1", "datatypes.html#per-1"),
        ("vsd-3a", "valueset.html#vsd-3a"),
        ("binding-required", "terminologies.html#required"),
        ("format-date", "datatypes.html"),
        ("json-comma-missing", "json.html"),
        ("cardinality-min", "conformance-rules.html#cardinality"),
    ],
)
def test_a_rule_has_a_page(rule, page):
    assert page_of(rule) == f"http://hl7.org/fhir/R4/{page}"


def test_every_invariant_of_a_resource_of_the_core_has_a_page():
    library = core()
    keys = set()
    for name in library.resource_types:
        structure = library.structure(name)
        keys |= {i.key for e in structure.elements for i in e.invariants if i.source.rpartition("/")[2] in ("", name)}
    assert len(keys) > 100
    assert {key for key in keys if not page_of(key)} <= {"inv-1", "inv-2"}  # several types have invariants of that name


def test_an_outcome_is_valid_r4_whatever_was_found():
    outcome = Report(FINDINGS).as_outcome()
    again = read_json(write_json(outcome))
    found = [f for f in Validator().report(again).findings if f.severity in ("fatal", "error")]
    assert found == []


def test_an_issue_says_everything():
    issue = FINDINGS[0].as_issue()
    assert issue["severity"] == "error"
    assert issue["code"] == "code-invalid"
    assert issue["details"] == {
        "coding": [{"system": RULES, "code": "binding-required"}],
        "text": "Not in the value set.",
    }
    assert issue["diagnostics"] == "rule: binding-required; expected: x; found: man"
    assert issue["expression"] == ["Patient.gender"]
    assert issue["location"] == ["3:12"]
    values = {e["url"].rpartition("/")[2]: e.get("valueInteger", e.get("valueUri")) for e in issue["extension"]}
    assert values == {
        "operationoutcome-issue-line": 3,
        "operationoutcome-issue-col": 12,
        "operationoutcome-authority": "http://hl7.org/fhir/R4/terminologies.html#required",
    }


def test_a_rule_of_a_profile_links_to_the_profile():
    assert FINDINGS[3].link == "http://example.org/p|1.0"
    assert Finding("error", "value", "", "x", "pat-1", source="http://example.org/p").link == "http://example.org/p"


def test_nothing_that_is_unknown_is_said():
    assert FINDINGS[5].as_issue() == {
        "severity": "information",
        "code": "informational",
        "details": {"text": "Something."},
    }
    assert "extension" not in FINDINGS[4].as_issue()
    assert "coding" not in FINDINGS[4].as_issue()["details"]
