"""How far Consents could reach: never less than what they let out, and nothing where they refuse for everybody and everything."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given as with_
from hypothesis import settings

from gateway.consent.reach import widest
from tests.consent.test_properties import WORLD, files, outcome, purposes, whats

EVERY = ["Observation", "Condition", "Encounter"]


def reached(consents: list[Any], purpose: list[str]) -> set[str]:
    """The types of which the least of items would be let out."""
    what = [{"reference": f"{kind}/any", "code": [], "securityLabel": ["U"], "refersTo": []} for kind in EVERY]
    why = {"purposeOfUse": purpose, "justification": "unconscious"}
    found = WORLD.ask(*widest(consents), what=what, why=why, register={"uncodedNormal": EVERY})
    return {reference.partition("/")[0] for reference in found["released"]}


@settings(max_examples=300, deadline=None)
@with_(files, whats, purposes)
def test_what_is_let_out_was_within_reach(consents: list[Any], what: list[Any], purpose: list[str]) -> None:
    before = copy.deepcopy(consents)
    let_out = outcome(consents, what, purpose)["released"]
    assert {reference.partition("/")[0] for reference in let_out} <= reached(consents, purpose)
    assert consents == before


R = WORLD.rule
NARROW = [{"code": ["4548-4"]}, {"dataPeriod": {"start": "2026-01-01"}}, {"data": [("instance", "Condition/dep")]}, {"securityLabel": ["PSY"]},
          {"actor": [("CST", "Organization/h1")]}]  # fmt: skip


@pytest.mark.parametrize("tree", [
    R("deny"), R("permit", purpose=["COC"]), R("permit", actor=[("IRCP", "Organization/other")]), R("deny", R("permit", purpose=["COC"])),
    R("deny", R("deny", code=["4548-4"])), R("permit", class_=["Procedure"]),
])  # fmt: skip
def test_what_is_refused_for_everything_is_out_of_reach(tree: Any) -> None:
    assert reached([WORLD.consent(tree, "c")], ["TREAT"]) == set()


@pytest.mark.parametrize("said", NARROW)
def test_what_depends_on_the_item_is_within_reach(said: dict[str, Any]) -> None:
    assert reached([WORLD.consent(R("permit", **said), "c")], ["TREAT"]) == set(EVERY)
    assert reached([WORLD.consent(R("permit", R("deny", **said)), "c")], ["TREAT"]) == set(EVERY)
    assert reached([WORLD.consent(R("deny", R("permit", **said)), "c")], ["TREAT"]) == set(EVERY)
    assert reached([WORLD.consent(R("permit", R("deny", purpose=["TREAT"]), **said), "c")], ["TREAT"]) == set(EVERY)


def test_a_class_is_told_by_the_type() -> None:
    assert reached([WORLD.consent(R("permit", class_=["Observation"]), "c")], ["TREAT"]) == {"Observation"}
    assert reached([WORLD.consent(R("permit", R("deny", class_=["Observation"])), "c")], ["TREAT"]) == {
        "Condition",
        "Encounter",
    }


@pytest.mark.parametrize("broken", [{"provision": "x"}, {"provision": {"type": "permit", "provision": ["x"]}}, {}])
def test_a_consent_that_cannot_be_read_is_none(broken: dict[str, Any]) -> None:
    made = {**WORLD.consent(R("permit"), "c"), **broken} if broken else {"resourceType": "Consent"}
    assert reached([made], ["TREAT"]) == set()
