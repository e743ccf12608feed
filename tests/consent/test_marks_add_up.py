"""Labels only add up: no order of sources, codings or items takes back what one of them has said. Refusals first."""

from __future__ import annotations

import itertools

import pytest

from gateway.consent.labels import item_of
from tests.consent.conftest import World

W = World()
BOTH = W.consent(W.rule("permit", securityLabel=["R", "PSY"]))  # covers no item that nobody has classified


@pytest.mark.parametrize(
    "sources", list(itertools.permutations(["Observation/nowhere", "Condition/fine", "Condition/hiv"]))
)
def test_a_source_that_nobody_knows_is_not_forgotten_for_another(why, sources):
    item = {"reference": "DocumentReference/d", "code": [], "derivedFrom": list(sources)}
    given = {"knownLabels": {"Condition/fine": ["N"], "Condition/hiv": ["R"]}}
    assert why(BOTH, what=[item], given=given) == "outside-consent"
    known = {**item, "derivedFrom": [one for one in sources if one != "Observation/nowhere"]}
    assert why(BOTH, what=[known], given=given) == "consent-permit"


def test_what_is_unclassified_stays_so_where_that_is_no_level(why):
    permit = W.consent(W.rule("permit", securityLabel=["N", "PSY"]))
    register = {"unclassified": []}
    assert why(permit, what=[W.coded("Observation/l", "PX", W.LOCAL)], register=register) == "outside-consent"
    assert why(permit, register=register) == "consent-permit"


@pytest.mark.parametrize("label", ["R", ["R"], ("R",)])
def test_a_label_counts_for_its_own_item_whatever_stands_before(label):
    marked = {**W.a1c, "reference": "Observation/marked", "securityLabel": label}
    for what in ([W.a1c, marked], [marked, W.a1c]):
        assert W.ask(W.consent(W.rule("permit")), what=what)["released"] == ["Observation/a1c"]


def test_one_classified_coding_is_enough_in_any_order(why):
    codings = [{"system": W.LOINC, "code": "4548-4"}, {"system": "urn:other", "code": "x"}]
    for order in itertools.permutations(codings):
        assert why(W.consent(W.rule("permit")), what=[{**W.a1c, "code": list(order)}]) == "consent-permit"


def test_a_classified_code_stays_so_when_it_is_mapped_to_one_that_is_not(why):
    row = {"system": W.LOINC, "code": "4548-4", "to": {"system": "urn:other", "code": "x"}}
    assert why(W.consent(W.rule("permit")), register={"codeMaps": [row]}) == "consent-permit"


def test_what_is_derived_from_itself_is_restricted_and_not_more(why):
    item = {"reference": "DocumentReference/d", "code": [], "derivedFrom": ["DocumentReference/d"]}
    assert why(W.consent(W.rule("permit")), what=[item]) == "outside-consent"
    assert why(W.consent(W.rule("permit", securityLabel=["R"])), what=[item]) == "consent-permit"


def test_an_item_that_says_nothing_of_codes_has_none(why):
    for code in ({}, {"code": None}, {"code": []}):
        assert why(W.consent(W.rule("permit")), what=[{"reference": "Patient/p", **code}]) == "consent-permit"
        assert why(W.consent(W.rule("permit")), what=[{"reference": "Basic/b", **code}]) == "outside-consent"


@pytest.mark.parametrize(
    ("code", "kept"), [("AODX", True), ("NOREUSE-X", True), ("KEEP", True), ("AOD", False), ("KEEP-UNTIL-P1Y", False)]
)
def test_a_label_is_a_duty_by_all_of_its_code(code, kept):
    resource = {
        "resourceType": "Observation",
        "id": "o",
        "meta": {"security": [{"code": code}]},
        "code": {"coding": W.a1c["code"]},
    }
    assert (code in item_of(resource, W.register)["securityLabel"]) is kept
