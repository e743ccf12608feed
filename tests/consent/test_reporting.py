"""Report rules: what is a hit, what is not, and by when it is due."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.consent.policy import checked_report_rules
from gateway.consent.reporting import Hit, reportable, with_hits
from gateway.errors import Misconfigured

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
SCT, LOINC, ICD = "http://snomed.info/sct", "http://loinc.org", "http://hl7.org/fhir/sid/icd-10"
BASE = {"statute": "LAB", "source": "test", "class": 2, "deadline": "PT24H"}
RULES = [
    {
        **BASE,
        "id": "code",
        "type": "Observation",
        "code": [{"system": LOINC, "code": "1"}],
        "value": {"codes": [{"system": SCT, "codePrefix": "10"}]},
    },
    {
        **BASE,
        "id": "word",
        "type": "Observation",
        "code": [{"system": LOINC, "codePrefix": "2"}],
        "value": {"text-in": ["Positive"]},
    },
    {
        **BASE,
        "id": "over",
        "type": "Observation",
        "code": [{"system": LOINC, "code": "3"}],
        "value": {"quantity": {"comparator": ">", "value": 10, "unit": "ug/dL"}},
    },
    {
        **BASE,
        "id": "any",
        "type": "Observation",
        "code": [{"system": LOINC, "code": "4"}],
        "value": {"any": True},
        "valid": {"from": "2026-01-01", "to": "2026-12-31"},
    },
    {
        **BASE,
        "id": "tb",
        "type": "Condition",
        "code": [{"system": ICD, "codePrefix": "A15"}],
        "class": "1",
        "deadline": "PT0S",
    },
]


def observation(code, status="final", **value):
    coded = {"coding": [{"system": "urn:local", "code": "zz"}, {"system": LOINC, "code": code}]}
    return {"resourceType": "Observation", "status": status, "code": coded} | value


def coded(code, system=SCT):
    return {"valueCodeableConcept": {"coding": [{"system": system, "code": code}]}}


def quantity(value, unit="ug/dL", comparator=None):
    return {"valueQuantity": {"value": value, "code": unit} | ({"comparator": comparator} if comparator else {})}


def hits(resource, when=NOW):
    return [hit.rule for hit in reportable(resource, RULES, when)]


@pytest.mark.parametrize(
    "resource",
    [
        observation("1"),
        observation("1", **coded("99")),
        observation("1", **coded("10", "urn:other")),
        observation("1", "entered-in-error", **coded("10")),
        observation("1", "cancelled", **coded("10")),
        observation("9", **coded("10")),
        observation("2", valueString="not positive"),
        observation("3", **quantity(10)),
        observation("3", **quantity(11, "mg/dL")),
        observation("3", **quantity(None)),
        observation("3", **quantity(50, comparator="<")),
        observation("3", valueString="11"),
        {"resourceType": "Observation", "status": "final", "code": {"coding": [{"system": LOINC}]}},
        {"resourceType": "Observation", "status": "final"},
        {"resourceType": "Condition", "code": {"coding": [{"system": ICD, "code": "F32"}]}},
        {
            "resourceType": "Condition",
            "code": {"coding": [{"system": ICD, "code": "A15.0"}]},
            "verificationStatus": {"coding": [{"code": "refuted"}]},
        },
        {"resourceType": "Procedure", "code": {"coding": [{"system": ICD, "code": "A15.0"}]}},
        observation("3", valueQuantity={"value": 11}),
        observation("3", valueQuantity={"value": 11, "unit": "mg/dL"}),
    ],
)
def test_not_reportable(resource):
    assert hits(resource) == []


@pytest.mark.parametrize(
    ("resource", "rule"),
    [
        (observation("1", **coded("1078")), "code"),
        (observation("1", "corrected", **coded("10")), "code"),
        (observation("1", "amended", **coded("10")), "code"),
        (observation("22", valueString="  POSITIVE "), "word"),
        (observation("2", valueCodeableConcept={"text": "positive"}), "word"),
        (observation("3", **quantity(10.1)), "over"),
        (observation("3", valueQuantity={"value": 11, "unit": "ug/dL"}), "over"),
        (observation("3", **quantity(10, comparator=">")), "over"),
        (observation("4"), "any"),
        ({"resourceType": "Condition", "code": {"coding": [{"system": ICD, "code": "A15.0"}]}}, "tb"),
    ],
)
def test_reportable(resource, rule):
    assert hits(resource) == [rule]


@pytest.mark.parametrize(
    ("comparator", "value", "said", "met"),
    [
        (">=", 10, None, True),
        ("<=", 10, None, True),
        ("<", 10, None, False),
        ("<", 10, "<", True),
        ("<", 9, None, True),
        ("=", 10, None, True),
        ("=", 10, "<", False),
        ("=", 9, None, False),
        ("=", 10, "=", False),
        (">=", 10, ">=", True),
        (">", 10, ">=", False),
    ],
)
def test_quantities(comparator, value, said, met):
    rule = {**RULES[2], "value": {"quantity": {"comparator": comparator, "value": 10, "unit": "ug/dL"}}}
    assert bool(reportable(observation("3", **quantity(value, comparator=said)), [rule], NOW)) is met


def test_a_type_that_nobody_said_how_to_withdraw_is_reported_by_no_rule():
    rule = {**RULES[4], "type": "Procedure"}
    assert (
        reportable({"resourceType": "Procedure", "code": {"coding": [{"system": ICD, "code": "A15.0"}]}}, [rule], NOW)
        == ()
    )


@pytest.mark.parametrize("text", ["PositiveXX", "Posi tive", "positive  result"])
def test_other_words_are_others(text):
    rule = {**RULES[1], "value": {"text-in": ["Positive", "Positive Result"]}}
    met = reportable(observation("2", valueString=text), [rule], NOW)
    assert [hit.rule for hit in met] == (["word"] if text == "positive  result" else [])


VALID = [
    ({"from": "2026-11-22"}, True), ({"from": "2026-11-23"}, False), ({"from": "2026-11"}, True), ({"from": "2026-12"}, False),
    ({"to": "2026-11-22"}, True), ({"to": "2026-11-21"}, False), ({"to": "2026-11"}, True), ({"to": "2026-10"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("valid", "met"), VALID)
def test_a_rule_counts_from_its_first_day_to_its_last(valid, met):
    assert bool(reportable(observation("4"), [{**RULES[3], "valid": valid}], NOW)) is met


def test_a_rule_outside_its_time():
    assert hits(observation("4"), datetime(2025, 12, 31, 23, tzinfo=UTC)) == []
    assert hits(observation("4"), datetime(2027, 1, 1, tzinfo=UTC)) == []


def test_hits_are_set_by_the_gateway_only():
    found = reportable(observation("1", **coded("10")), RULES, NOW)
    assert found == (Hit("code", "LAB", "2", "PT24H"),)
    sent = {"reference": "Observation/x", "reportRule": ["forged"]}
    assert with_hits(sent, found) == {"reference": "Observation/x", "reportRule": ["code"]}
    assert with_hits(sent, ()) == {"reference": "Observation/x"}


@pytest.mark.parametrize("deadline", ["", "P", "PT", "P1DT", "24H", "P1M", "PT1.5H"])
def test_a_deadline_that_is_none(deadline):
    with pytest.raises(Misconfigured, match=r"\[0\]\.deadline"):
        checked_report_rules([{**RULES[0], "deadline": deadline}])


def test_rules_are_checked():
    assert checked_report_rules(RULES) is RULES
    with pytest.raises(Misconfigured, match="twice"):
        checked_report_rules([RULES[0], RULES[0]])
    with pytest.raises(Misconfigured, match=r"rules\.json: \[0\]"):
        checked_report_rules([{"id": "x"}], "rules.json")
