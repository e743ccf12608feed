"""What must hold for every request: more refusals never release more, order does not matter, nothing broken ends in a yes."""

from __future__ import annotations

import copy
import json
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given as with_
from hypothesis import settings
from hypothesis import strategies as st

from gateway.consent import asked, codes, decide, decision, dimensions, marks, may_ask
from gateway.consent.explain import explain
from tests.consent.conftest import ICD, LOCAL, LOINC, World

WORLD = World()
BY_LABEL = [["N"], ["R"], ["PSY"], ["HIV"], ["V"]]
DIMS: list[dict[str, Any]] = [
    {},
    {"purpose": ["TREAT"]},
    {"purpose": ["COC", "BTG"]},
    {"class_": ["Observation"]},
    {"code": ["4548-4"]},
    {"dataPeriod": {"start": "2026-01-01", "end": "2026-06-30"}},
    {"actor": [("IRCP", "Organization/h2")]},
    {"actor": [("CST", "Organization/h1")]},
    {"data": [("instance", "Condition/dep")]},
    *({"securityLabel": named} for named in BY_LABEL),
]
ITEMS = [
    WORLD.a1c,
    WORLD.coded("Condition/dep", "F32", custodian="Organization/h1"),
    WORLD.coded("Condition/htn", "I10", date="2025-01-01"),
    WORLD.coded("Observation/local", "PX", LOCAL),
    WORLD.coded("Observation/hiv", "75622-1", LOINC, subject="Patient/q"),
    {"reference": "Encounter/e", "code": [], "date": {"start": "2026-02-01"}},
]
kinds = st.sampled_from(["permit", "deny"])
dims = st.sampled_from(DIMS)
leaf = st.builds(lambda kind, said: WORLD.rule(kind, **said), kinds, dims)
trees = st.recursive(
    leaf,
    lambda below: st.builds(lambda k, d, b: WORLD.rule(k, *b, **d), kinds, dims, st.lists(below, max_size=2)),
    max_leaves=5,
)
files = st.lists(trees, max_size=4).map(lambda found: [WORLD.consent(t, f"c{i}") for i, t in enumerate(found)])
purposes = st.sampled_from([["TREAT"], ["COC"], ["BTG"], ["TREAT", "HRESCH"]])
whats = st.lists(st.sampled_from(ITEMS), min_size=1, max_size=5, unique_by=lambda item: item["reference"])


def outcome(consents: list[Any], what: list[Any], purpose: list[str], implicit: str = "deny") -> dict[str, Any]:
    why = {"purposeOfUse": purpose, "justification": "unconscious"}
    return WORLD.ask(*consents, what=what, why=why, given={"implicitPolicy": implicit})


@settings(max_examples=60, deadline=None)
@with_(files, whats, purposes, dims)
def test_one_more_deny_never_releases_more(consents, what, purpose, said):
    before = outcome(consents, what, purpose, "permit-treatment-normal")["released"]
    deny = WORLD.consent(WORLD.rule("deny", **said), "extra")
    after = outcome([*consents, deny], what, purpose, "permit-treatment-normal")["released"]
    assert set(after) <= set(before)


@settings(max_examples=60, deadline=None)
@with_(files, whats, st.sampled_from([["TREAT"], ["COC"]]), st.data())
def test_one_permit_less_never_releases_more_when_nothing_is_implied(consents, what, purpose, data):
    permits = [
        WORLD.consent(WORLD.rule("permit", **d), f"p{i}")
        for i, d in enumerate(data.draw(st.lists(dims, min_size=1, max_size=3)))
    ]
    fewer = outcome([*consents, *permits[1:]], what, purpose)["released"]
    assert set(fewer) <= set(outcome([*consents, *permits], what, purpose)["released"])


@settings(max_examples=60, deadline=None)
@with_(files, whats, purposes)
def test_items_are_decided_independently(consents, what, purpose):
    together = set(outcome(consents, what, purpose)["released"])
    apart = {ref for item in what for ref in outcome(consents, [item], purpose)["released"]}
    assert together == apart


@settings(max_examples=60, deadline=None)
@with_(files, whats, purposes, st.randoms())
def test_the_order_of_consents_and_items_changes_nothing(consents, what, purpose, random):
    first = outcome(consents, what, purpose)
    shuffled, items = list(consents), list(what)
    random.shuffle(shuffled)
    random.shuffle(items)
    second = outcome(shuffled, items, purpose)
    assert sorted(first.pop("released")) == sorted(second.pop("released"))
    assert {r["reference"]: r["because"] for r in first.pop("redacted")} == {
        r["reference"]: r["because"] for r in second.pop("redacted")
    }
    assert first == second


@settings(max_examples=40, deadline=None)
@with_(files, whats, purposes)
def test_nothing_is_changed_and_nothing_kept(consents, what, purpose):
    request, given, register = WORLD.asked(*consents, what=what, why={"purposeOfUse": purpose})
    kept = copy.deepcopy((request, given, register))
    assert decide(request, given, register) == decide(request, given, register)
    assert (request, given, register) == kept
    assert explain(request, given, register)[-1]["result"] == decide(request, given, register)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda below: (
        st.lists(below, max_size=3)
        | st.dictionaries(st.sampled_from(["reference", "coding", "code", "type", "x"]), below, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@with_(junk, st.sampled_from(["who", "whom", "when", "where", "what", "why", "how"]))
def test_a_broken_request_never_raises_and_is_never_a_permit_of_a_sensitive_item(value, part):
    request, given, register = WORLD.asked(WORLD.consent(WORLD.rule("permit")), what=[ITEMS[1]])
    assert decide(request | {part: value}, given, register)["released"] == []
    assert isinstance(may_ask(request | {part: value}, given, register), str)
    assert explain(request | {part: value}, given, register)[-1]["says"] == "deny"


@settings(max_examples=150, deadline=None)
@with_(
    junk,
    st.sampled_from(
        [
            "patient",
            "dateTime",
            "performer",
            "verification",
            "organization",
            "policy",
            "policyRule",
            "provision",
            "scope",
        ]
    ),
)
def test_a_consent_that_cannot_be_read_denies_or_stays_silent(value, part):
    broken = WORLD.consent(WORLD.rule("deny")) | {part: value}
    result = outcome([broken], [ITEMS[1]], ["TREAT"])
    assert result["released"] == []


@pytest.mark.parametrize("broken", [None, "consent", 7, ["x"], {"status": "active", "patient": "Patient/p"}])
def test_what_is_no_consent_is_not_understood(broken):
    result = outcome([broken, WORLD.consent(WORLD.rule("permit"))], [WORLD.a1c], ["TREAT"])
    assert result["reason"] == "indeterminate:no-base-rule"
    assert "cannot be read" in [step["says"] for step in explain(*WORLD.asked(broken)) if step["step"] == "consent"]


@pytest.mark.parametrize(
    "item",
    [
        None,
        "Observation/x",
        {},
        {"reference": 7},
        {"reference": "Observation/x", "code": [7]},
        {"reference": "Observation/x", "securityLabel": [{}]},
    ],
)
def test_an_item_that_cannot_be_read_is_withheld_and_the_others_are_not(item):
    result = outcome([WORLD.consent(WORLD.rule("permit"))], [item, WORLD.a1c], ["TREAT"])
    assert result["released"] == ["Observation/a1c"]
    assert result["decision"] == "permit-with-redaction"
    assert explain(*WORLD.asked(what=[item]))[-1]["says"] == "deny"


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (marks.Labelling, "coding"),
        (marks.Marking, "of"),
        (marks, "marks_of"),
        (dimensions, "label_hits"),
        (dimensions, "awake"),
        (decision, "_by_consent"),
        (decision, "_by_statute"),
        (decision, "_permitted"),
        (codes.Codes, "within"),
    ],
)
@pytest.mark.parametrize("error", [RuntimeError, ValueError, KeyError, RecursionError])
def test_an_exception_anywhere_is_never_a_permit(monkeypatch, module, name, error):
    def broken(*_: Any, **__: Any) -> Any:
        raise error("injected")

    consents = [WORLD.consent(WORLD.rule("permit", WORLD.rule("deny", securityLabel=["PSY"]), securityLabel=["R"]))]
    request, given, register = WORLD.asked(*consents, what=[ITEMS[1]])
    monkeypatch.setattr(module, name, broken)
    try:
        result = decide(request, given, register)
    except RuntimeError:
        return
    assert result["released"] == []


def test_a_chain_of_sources_without_end_is_withheld():
    what = [{"reference": f"Composition/{i}", "code": [], "derivedFrom": [f"Composition/{i + 1}"]} for i in range(3000)]
    result = outcome([WORLD.consent(WORLD.rule("permit"))], what, ["TREAT"])
    assert result["released"] == []
    assert json.dumps(result)


def test_the_mapped_code_itself():
    assert outcome([WORLD.consent(WORLD.rule("permit"))], [WORLD.coded("Condition/x", "I10", ICD)], ["TREAT"])[
        "released"
    ]


def test_an_author_that_cannot_be_read_is_withheld_when_a_rule_asks_for_it():
    item = {**WORLD.a1c, "reference": "Observation/b", "author": [{}]}
    result = outcome(
        [WORLD.consent(WORLD.rule("permit", actor=[("AUT", "Practitioner/x")]))], [item, WORLD.a1c], ["TREAT"]
    )
    assert {row["reference"]: row["because"] for row in result["redacted"]} == {
        "Observation/b": "default-deny",
        "Observation/a1c": "outside-consent",
    }


def test_an_item_has_no_other_attributes():
    item = asked.Asked(WORLD.a1c, frozenset(), marks.NOTHING, asked.Frame(UTC, {}, {}))
    with pytest.raises(AttributeError):
        _ = item.diagnosis


@settings(max_examples=40, deadline=None)
@with_(files, st.lists(st.sampled_from(ITEMS), min_size=1, max_size=4), purposes)
def test_items_that_look_alike_get_the_same_answer_as_alone(consents, what, purpose):
    many = [{**item, "reference": f"{item['reference']}-{i}"} for i, item in enumerate([*what, *what])]
    together = outcome(consents, many, purpose)
    assert set(together["released"]) == {r for item in many for r in outcome(consents, [item], purpose)["released"]}
