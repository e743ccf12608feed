"""Rules that hang on two things at once: what comes out when one of the two is missing. Refusals first."""

from __future__ import annotations

import pytest

from gateway.consent import decide
from gateway.consent.explain import explain
from tests.consent.conftest import World

W = World()
GLASS = {"purposeOfUse": ["BTG"], "justification": "unconscious"}
LOCAL = [W.coded("Observation/l", "PX", W.LOCAL)]  # restricted, since nobody has classified it
MOM = "RelatedPerson/mom"


def test_who_does_not_say_what_is_done_meets_every_refusal_and_no_permission(why):
    silent = {"how": {"interaction": "read", "action": None}}
    assert why(W.consent(W.rule("permit", W.rule("deny", action=["use"]))), **silent) == "consent-deny"
    assert why(W.consent(W.rule("permit", action=["disclose"])), **silent) == "outside-consent"


@pytest.mark.parametrize("other", ["Organization/h9", "Practitioner/lee"])
def test_each_of_several_recipients_is_meant(why, other):
    own = "Organization/h2"
    for pair in ((own, other), (other, own)):
        actors = [("IRCP", reference) for reference in pair]
        assert why(W.consent(W.rule("permit", W.rule("deny", actor=actors)))) == "consent-deny"
        assert why(W.consent(W.rule("permit", actor=actors))) == "consent-permit"


def test_an_actor_without_a_role_is_on_no_side(why):
    nobody = {"actor": [{"reference": {"reference": "Organization/h2"}}]}
    assert why(W.consent(W.rule("permit") | nobody)) == "outside-consent"
    assert why(W.consent(W.rule("permit", W.rule("deny") | nobody))) == "consent-permit"


def test_a_blank_transfer_basis_is_none(why):
    for basis in ("", "  ", [], None):
        abroad = {"jurisdiction": "DE", "transferBasis": basis}
        assert why(W.consent(W.rule("permit")), where=abroad) == "cross-border-no-basis"
    assert (
        why(W.consent(W.rule("permit")), where={"jurisdiction": "DE", "transferBasis": ["treaty"]}) == "consent-permit"
    )


def test_a_guardian_who_asks_for_something_else_is_a_caller_like_any_other(why):
    held = {"guardian": MOM, "basis": "court", "patient": "Patient/p"}
    asks = {"who": {"references": [MOM]}, "given": {"guardianships": [held]}}
    assert why(why={"purposeOfUse": ["TREAT"]}, **asks) == "default-deny"
    assert why(why={"purposeOfUse": ["FAMRQT", "TREAT"]}, **asks) == "default-deny"
    assert why(why={"purposeOfUse": ["FAMRQT"]}, **asks) == "guardian-access"


def test_only_a_refusal_that_names_break_glass_closes_it(why):
    for_another = W.rule("permit", actor=[("IRCP", "Organization/h9")], purpose=["ETREAT"])
    assert why(W.consent(W.rule("deny", for_another)), why=GLASS) == "break-glass"
    refused_to_another = W.rule("deny", actor=[("IRCP", "Organization/h9")], purpose=["ETREAT"])
    assert why(W.consent(W.rule("deny", refused_to_another)), why=GLASS) == "consent-deny"


def test_a_refusal_of_a_level_says_nothing_of_what_may_be_sensitive(why):
    for level, reason in (("V", "consent-permit"), ("R", "consent-deny")):
        refused = W.rule("permit", W.rule("deny", securityLabel=[level]), securityLabel=["R"])
        assert why(W.consent(refused), what=LOCAL) == reason


def test_a_refusal_of_a_type_says_nothing_of_another_type_without_a_code(why):
    bare = [{"reference": "Encounter/e", "code": []}]
    for name, reason in (("Condition", "consent-permit"), ("Encounter", "consent-deny")):
        assert why(W.consent(W.rule("permit", W.rule("deny", class_=[name]))), what=bare) == reason


def test_what_a_statute_is_about_is_no_support_of_itself():
    statute = {**W.register["statutes"][0], "supports": ["Condition", "Patient"]}
    told = {
        "who": {"organizationType": "agency", "authorizedPurposes": ["PUBHLTH"]},
        "register": {"statutes": [statute]},
        "why": {"purposeOfUse": ["PUBHLTH"], "legalBasis": "REPORT"},
        "what": [
            W.coded("Condition/tb", "A15"),
            W.coded("Condition/other", "I10"),
            {"reference": "Patient/p", "code": []},
        ],
    }
    steps = explain(*W.asked(**told))
    assert {step["item"]: step["rule"] for step in steps if step["step"] == "verdict"} == {
        "Condition/tb": "matches",
        "Condition/other": "supports",
        "Patient/p": "supports",
    }


def test_items_come_in_any_sequence():
    request, given, register = W.asked(W.consent(W.rule("permit")))
    assert decide({**request, "what": (W.a1c,)}, given, register)["released"] == ["Observation/a1c"]
    for nothing in ("Observation/a1c", W.a1c, None):
        assert decide({**request, "what": nothing}, given, register)["decision"] == "deny"


def test_a_parent_that_does_not_speak_is_not_asked_when_its_children_are_silent(why):
    child = W.rule("permit", purpose=["TREAT"], class_=["Condition"])
    assert why(W.consent(W.rule("permit", child, purpose=["COC"]))) == "outside-consent"
    refused = W.rule("deny", purpose=["TREAT"], class_=["Condition"])
    both = W.consent(W.rule("permit", W.rule("deny", refused, purpose=["COC"])))
    assert why(both) == "consent-permit"


def test_a_silent_sibling_takes_nothing_back(why):
    speaks, silent = W.rule("permit", class_=["Observation"]), W.rule("permit", class_=["Condition"])
    for children in ((speaks, silent), (silent, speaks)):
        assert why(W.consent(W.rule("deny", *children))) == "consent-permit"


@pytest.mark.parametrize(
    ("over", "reason"),
    [
        ({"policyRule": {"coding": [{"code": "UNHEARD"}, {"code": "OPTOUT"}]}}, "consent-deny"),
        ({"policyRule": {"coding": [{"code": "UNHEARD"}, {"code": "OPTIN"}]}}, "consent-permit"),
        ({"policy": [{"uri": "urn:unheard"}, {"uri": "urn:policy:all-out"}]}, "consent-deny"),
        ({"policy": [{"uri": "urn:unheard"}, {"uri": "urn:policy:all-in"}]}, "consent-permit"),
    ],
)
def test_a_base_rule_beside_a_code_or_policy_that_is_none(why, over, reason):
    assert why(W.consent(**over)) == reason


def test_nobody_is_the_guardian_of_a_guardianship_that_names_none(why):
    unnamed = {"basis": "court", "patient": "Patient/p"}
    signed = W.consent(W.rule("permit"), performer=[{"display": "somebody"}])
    assert why(signed, given={"guardianships": [unnamed]}) == "default-deny"


@pytest.mark.parametrize("home", ["", None, 82])
def test_a_site_that_does_not_say_where_it_is_is_home_to_nobody(why, home):
    for place in ("", "KR", "-11", None):
        where = {"jurisdiction": place}
        assert why(W.consent(W.rule("permit")), where=where, register={"home": home}) == "cross-border-no-basis"


AGENCY = {
    "who": {"organizationType": "agency", "authorizedPurposes": ["PUBHLTH"]},
    "why": {"purposeOfUse": ["PUBHLTH"], "legalBasis": "REPORT"},
}


def test_a_system_without_a_code_is_no_statute_s_and_left_to_the_consents(why):
    bare = [{"reference": "Condition/x", "code": [{"system": W.ICD}]}]
    assert why(W.consent(W.rule("deny")), what=bare, **AGENCY) == "consent-deny"


def test_a_statute_that_names_no_code_system_means_any(why):
    row = {name: value for name, value in W.register["statutes"][0].items() if name != "codeSystem"}
    other = [W.coded("Condition/tb", "A15.0", "urn:other")]
    assert why(what=other, **AGENCY) == "default-deny"
    assert why(what=other, register={"statutes": [row]}, **AGENCY) == "statute:REPORT"


def test_consents_come_in_any_sequence():
    request, given, register = W.asked()
    consents = (W.consent(W.rule("permit")),)
    assert decide(request, {**given, "consents": consents}, register)["decision"] == "permit"
    for unheard in (consents[0], "c1", None):
        assert decide(request, {**given, "consents": unheard}, register)["reason"] == "indeterminate:store-unavailable"


def test_items_alike_but_for_the_rule_that_selected_one_are_not_reported_together():
    statute = {**W.register["statutes"][0], "reportRules": True, "codePrefix": ["A15"]}
    register = {"statutes": [statute], "reportRules": [{"id": "r", "statute": "REPORT"}]}
    hit, other = (W.coded(f"Condition/{name}", "A15") for name in ("hit", "other"))
    for what in ([{**hit, "reportRule": ["r"]}, other], [other, {**hit, "reportRule": ["r"]}]):
        assert W.ask(what=what, register=register, **AGENCY)["released"] == ["Condition/hit"]


def test_what_several_items_refer_to_is_related_to_each():
    target = W.coded("Observation/t", "1", W.LOINC)
    first, second = (W.coded(f"Observation/{n}", "1", W.LOINC, refersTo=["Observation/t"]) for n in (1, 2))
    for named in ("Observation/1", "Observation/2"):
        refused = W.consent(W.rule("permit", W.rule("deny", data=[("related", named)])))
        told = W.ask(refused, what=[first, target, second])
        assert {row["reference"] for row in told["redacted"]} == {named, "Observation/t"}
