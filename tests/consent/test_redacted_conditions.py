"""What is taken out hangs on several things at once: each by itself, in the redactor and in the second reading."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.consent.hidden import Hidden
from gateway.consent.proof import violations
from gateway.consent.redact import Terms, duty_labels, redact

HIDDEN = "Condition/psy-1"
WITHHELD = Terms(withheld=frozenset({HIDDEN}))
SECRET = {"resourceType": "Condition", "id": "psy-1"}


def observation(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": "o", **elements}


def rules(output: dict[str, Any], terms: Terms, source: Any = None) -> list[str]:
    return [one.rule for one in violations(output, terms, source)]


@pytest.mark.parametrize("sequence", [list, tuple])
class TestAnySequence:
    def test_a_reference_to_what_is_withheld_goes(self, sequence):
        focus = sequence([{"reference": HIDDEN}, {"reference": "Condition/htn"}])
        assert redact(observation(focus=focus), WITHHELD)["focus"] == [{"reference": "Condition/htn"}]

    def test_the_second_reading_looks_into_it(self, sequence):
        assert rules(observation(focus=sequence([{"reference": HIDDEN}])), WITHHELD) == ["release-withheld"]
        assert rules(observation(contained=sequence([SECRET])), WITHHELD).count("release-withheld") == 2
        ages = observation(component=sequence([{"valueQuantity": {"value": 95, "code": "a"}}]))
        assert rules(ages, Terms(duties=frozenset({"PSEUD"}), shift=10)) == ["release-age"]


def test_what_is_withheld_stays_withheld_under_an_allow_list_with_something_inside():
    terms = Terms(withheld=frozenset({HIDDEN}), elements=("focus", "contained"))
    made = redact(observation(focus=[{"reference": HIDDEN}, {"reference": "#in"}, {"reference": "Condition/htn"}],
                              contained=[{"resourceType": "Condition", "id": "in"}]), terms)  # fmt: skip
    assert made["focus"] == [{"reference": "Condition/htn"}]
    assert "contained" not in made
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": {"resourceType": "Basic"}}]}
    assert "entry" not in redact(bundle, Terms(elements=("type", "entry")))


def test_an_address_of_what_is_withheld_goes_wherever_it_stands():
    made = redact(
        observation(extension=[{"url": "urn:x", "valueUri": f"https://h/{HIDDEN}"}], partOf="urn:y"), WITHHELD
    )
    assert "extension" not in made
    assert made["partOf"] == "urn:y"


def test_a_resource_stands_only_where_resources_do():
    inner = {"resourceType": "Condition", "id": "htn"}
    assert "focus" not in redact(observation(focus=[inner]), Terms())
    assert redact({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": inner}]}, Terms())["entry"]


@pytest.mark.parametrize("name", ["code", "status", "note"])
def test_a_part_that_is_withheld_leaves_no_trace_even_where_r4_needs_it(name):
    whole = observation(status="final", code={"coding": [{"code": "x"}]}, note=[{"time": "2026"}])
    made = redact(whole, Terms(without=frozenset({name}), prose=frozenset({"note"})))
    assert not {name, f"_{name}"} & made.keys()
    coverage = {"resourceType": "Coverage", "id": "c", "beneficiary": {"reference": "Patient/p"}}
    assert redact(coverage, Terms(without=frozenset({"beneficiary"}))) == {"resourceType": "Coverage", "id": "c"}


def test_a_part_that_is_withheld_is_one_of_the_outermost_resource():
    inner = observation(valueInteger=2) | {"id": "in"}
    whole = observation(valueInteger=1, hasMember=[{"reference": "#in"}], contained=[inner])
    made = redact(whole, Terms(without=frozenset({"valueInteger"})))
    assert "valueInteger" not in made
    assert made["contained"] == [inner]


def test_an_empty_list_is_masked_like_any():
    made = redact({"resourceType": "Patient", "name": []}, Terms(changes=(("Patient", "name", "mask"),)))
    assert "name" not in made
    assert len(made["_name"]) == 1


def test_a_duty_is_known_by_all_of_its_code():
    assert duty_labels(["NOREUSEX", "NOREUS"]) == ()
    assert [one["code"] for one in duty_labels(["NOREUSE"])] == ["NOREUSE"]


def test_a_day_does_not_come_of_a_month():
    terms, source = Terms(duties=frozenset({"PSEUD"}), shift=10), observation(effectiveDateTime="2026-05")
    assert rules(observation(effectiveDateTime="2026-05-05"), terms, source) == ["release-date"]
    assert rules(observation(effectiveDateTime="2026-05"), terms, source) == []


@pytest.mark.parametrize(
    ("after", "named"), [(mark + "x", True) for mark in " /|#?),;\n"] + [("-x", False), (".x", False), ("x", False)]
)
def test_a_reference_ends_where_its_id_does(after, named):
    assert Hidden(frozenset({HIDDEN})).named_in(f"see {HIDDEN}{after}") is named
