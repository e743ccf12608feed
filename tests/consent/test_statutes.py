"""Report rules, supporting items and element allow-lists of statutes."""

from __future__ import annotations

from typing import Any

from gateway.consent import may_ask

STATUTE = {
    "id": "LAB",
    "mandatory": True,
    "recipientTypes": ["agency"],
    "purposes": ["PUBHLTH"],
    "actions": ["disclose"],
    "jurisdiction": "KR",
    "reportRules": True,
    "supports": ["Patient", "Specimen"],
    "elements": {"Observation": ["code", "valueCodeableConcept"], "Patient": ["birthDate"]},
    "obligations": ["MINEC"],
}
RULES = [{"id": "salmonella", "statute": "LAB"}, {"id": "elsewhere", "statute": "OTHER"}]


def ask(world: Any, what: list[dict[str, Any]], *consents: Any, **over: Any) -> dict[str, Any]:
    register = {"statutes": [STATUTE], "reportRules": RULES} | over.pop("register", {})
    who = {"organizationType": "agency", "authorizedPurposes": ["PUBHLTH"]}
    why = {"purposeOfUse": ["PUBHLTH"], "legalBasis": "LAB"}
    return world.ask(*consents, who=who, why=why, what=what, register=register, **over)


def test_without_a_rule_of_the_statute_nothing_matches(world):
    for rule in (None, "elsewhere", "unheard", []):
        assert ask(world, [{**world.a1c, "reportRule": rule}])["reason"] == "default-deny"
    assert (
        ask(world, [{**world.a1c, "reportRule": "salmonella"}], register={"reportRules": []})["reason"]
        == "default-deny"
    )


def test_support_alone_is_not_released(world):
    assert ask(world, [{"reference": "Patient/p", "code": []}])["reason"] == "default-deny"


def test_support_goes_with_a_released_result_of_the_same_person(world):
    patient = {"reference": "Patient/p", "code": []}
    specimen = {"reference": "Specimen/s", "code": [], "subject": "Patient/q"}
    encounter = {"reference": "Encounter/e", "code": []}
    hit = {**world.a1c, "reportRule": ["salmonella"]}
    result = ask(world, [patient, specimen, encounter, hit], world.consent(world.rule("deny")))
    assert result["released"] == ["Patient/p", "Observation/a1c"]
    assert result["reason"] == "statute:LAB"
    assert {row["because"] for row in result["redacted"]} == {"wrong-subject", "consent-deny"}
    assert result["elements"] == {"Patient/p": ["birthDate"], "Observation/a1c": ["code", "valueCodeableConcept"]}


def test_support_does_not_go_with_a_result_that_stays(world):
    patient = {"reference": "Patient/p", "code": []}
    hit = {**world.a1c, "reportRule": "salmonella"}
    assert ask(world, [patient, hit], register={"home": "US"})["reason"] == "cross-border-no-basis+default-deny"
    assert ask(world, [patient, {**hit, "subject": None}])["released"] == []


def test_a_type_without_an_entry_lets_nothing_out(world):
    specimen = {"reference": "Specimen/s", "code": []}
    result = ask(world, [specimen, {**world.a1c, "reportRule": "salmonella"}])
    assert result["elements"]["Specimen/s"] == []


def test_the_question_alone_can_be_asked_first(world):
    assert may_ask(*world.asked(what=[])) == ""
    assert may_ask(*world.asked(what=[], why={"purposeOfUse": []})) == "purpose-missing"
    assert may_ask({}, {}, {}) == "default-deny"
