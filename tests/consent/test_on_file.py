"""What is on file and cannot be read, and what each consent, statute and implicit policy says beside another."""

from __future__ import annotations

from gateway.consent import decide
from gateway.consent.explain import explain
from tests.consent.conftest import World

W = World()
WELFARE = {"organizationType": "welfare", "authorizedPurposes": ["ELIGVER", "CAREMGT"]}


def votes(*asked):
    return [(step["consent"], step["says"]) for step in explain(*asked) if step["step"] == "vote"]


def test_a_store_that_was_not_asked_has_no_name_and_a_consent_that_cannot_be_read_has_its_own():
    assert votes(*W.asked(given={"consents": None})) == [("", "store-unavailable")]
    broken = W.consent(W.rule("permit"), "broken", policy=[7])
    assert votes(*W.asked(broken, W.consent(policy=[7], id=...), 7)) == [
        ("", "no-base-rule"),
        ("", "no-base-rule"),
        ("broken", "no-base-rule"),
    ]
    assert [step["says"] for step in explain(*W.asked(broken)) if step["step"] == "consent"] == [
        "indeterminate:no-base-rule"
    ]


def test_a_consent_without_an_id_is_used_without_a_name():
    assert W.ask(W.consent(W.rule("deny"), id=...))["consentsUsed"] == [""]


def test_of_two_of_the_same_moment_each_votes_once_whoever_is_trusted():
    same = {"policy": [{"uri": "urn:policy:s"}]}
    forged = W.consent(W.rule("deny"), "forged", verification=[{"verified": False}], **same)
    sound = W.consent(W.rule("permit"), "sound", **same)
    assert votes(*W.asked(forged, sound)) == [("forged", "deny"), ("sound", "permit")]


def test_a_statute_that_has_to_be_followed_counts_behind_one_that_may():
    refusal = W.consent(W.rule("deny"))
    may, must = ({**W.register["statutes"][0], "id": name, "mandatory": name == "MUST"} for name in ("MAY", "MUST"))
    asked = {
        "who": {"organizationType": "agency", "authorizedPurposes": ["PUBHLTH"]},
        "what": [W.coded("Condition/tb", "A15")],
        "why": {"purposeOfUse": ["PUBHLTH"], "legalBasis": ["MAY", "MUST"]},
    }
    for rows in ([may, must], [must, may]):
        assert W.ask(refusal, register={"statutes": rows}, **asked)["reason"] == "statute:MUST"
    assert W.ask(refusal, register={"statutes": [may]}, **asked)["reason"] == "consent-deny"


def test_what_an_implicit_policy_leaves_out_takes_nothing_else_with_it():
    told = W.ask(
        who=WELFARE,
        what=[{"reference": "Coverage/a", "code": []}, W.a1c],
        why={"purposeOfUse": ["ELIGVER"], "legalBasis": "ELIGIBILITY"},
        given={"implicitPolicy": "permit-treatment-normal"},
    )
    assert told["released"] == ["Coverage/a"]
    assert told["redacted"] == [{"reference": "Observation/a1c", "because": "default-deny"}]


def test_a_request_that_cannot_be_read_and_names_nothing_has_a_reason_all_the_same():
    assert decide({"when": "x"}, {}, W.register)["reason"] == "default-deny"


def test_what_is_refused_is_refused_for_its_own_reason_however_broken_the_handling_is():
    broken = {"handling": [{"purposes": ["TREAT"]}]}
    assert W.ask(W.consent(W.rule("deny")), register=broken)["reason"] == "consent-deny"
    assert W.ask(W.consent(W.rule("permit")), register=broken)["released"] == []


def test_who_may_be_of_any_age_may_be_too_young_for_a_site_whose_children_consent_early():
    asked = W.asked(
        W.consent(W.rule("permit")), whom={"birthDate": "unknown"}, register={"ages": {"ownConsentFrom": 1}}
    )
    assert [step["says"] for step in explain(*asked) if step["step"] == "consent"] == ["untrusted: too-young"]
    asked[2]["ages"]["ownConsentFrom"] = 0
    assert decide(*asked)["released"] == ["Observation/a1c"]


def test_a_day_is_a_day_of_the_site():
    """09:00 of the 22nd in Seoul is the 21st in New York."""
    permit = W.consent(W.rule("permit", period={"end": "2026-11-21"}))
    assert W.ask(permit)["released"] == []
    assert W.ask(permit, register={"timeZone": "America/New_York"})["released"] == ["Observation/a1c"]
