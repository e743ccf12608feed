"""The plan of a call and the plain walk over the tree say the same of every item; nothing is remembered beyond the call."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given as with_
from hypothesis import settings
from hypothesis import strategies as st

from gateway.consent.case import case_of, matchable, reading
from gateway.consent.decision import decide
from gateway.consent.explain import explain
from gateway.consent.labels import rules_of, traits_of
from gateway.consent.marks import codings_of
from gateway.consent.plan import Plan
from tests.consent.conftest import ICD, LOCAL, LOINC, World

WORLD = World()
CODES = [(ICD, "F32"), (ICD, "f 32"), (ICD, "Ｆ32"), (ICD, "I10"), (LOINC, "4548-4"), (LOCAL, "A1C"), (LOCAL, "HIVAB")]
codings = st.sampled_from([*CODES, (None, "F32"), ("urn:none", "x")]).map(lambda c: {"system": c[0], "code": c[1]})
references = st.sampled_from(
    ["Organization/h1", "Practitioner/kim", "https://h.example/fhir/Organization/h1/_history/2"]
)
days = st.sampled_from(["2026", "2026-03", "2026-05-10", "2025-05-10T10:00:00Z", {"start": "2026-02-01"}, {}, "no day"])
odd = st.sampled_from([{}, [{}], 3, "", None, ["x", ["y"]], [None], {"a": 1}])


def sometimes(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Nearly always a value, now and then what nobody can read."""
    return st.integers(0, 19).flatmap(lambda n: odd if n == 0 else value)


dimensions = st.fixed_dictionaries(
    {},
    optional={
        "actor": st.lists(
            st.builds(
                lambda role, name: {"role": {"coding": [{"code": role}]}, "reference": {"reference": name}},
                st.sampled_from(["IRCP", "CST", "AUT", "NOBODY"]),
                references,
            ),
            min_size=1,
            max_size=2,
        ),
        "securityLabel": st.lists(
            st.sampled_from(["N", "R", "V", "PSY", "ETHUD"]).map(lambda c: {"code": c}), max_size=2
        ),
        "class": st.lists(st.one_of(codings, st.just({"code": "Condition"})), min_size=1, max_size=2),
        "code": st.lists(
            st.one_of(codings.map(lambda c: {"coding": [c]}), st.just({"text": "words"})), min_size=1, max_size=2
        ),
        "dataPeriod": st.sampled_from([{"start": "2026-01-01", "end": "2026-06-30"}, {"end": "2026-02"}]),
        "data": st.builds(
            lambda meaning, name: [{"meaning": meaning, "reference": {"reference": name}}],
            st.sampled_from(["instance", "related", "dependents", "authoredby"]),
            st.sampled_from(["Condition/1", "Encounter/e", "Practitioner/kim"]),
        ),
    },
)
kinds = st.sampled_from(["permit", "deny"])
trees = st.recursive(
    st.builds(lambda kind, said: {"type": kind, **said}, kinds, dimensions),
    lambda below: st.builds(
        lambda kind, said, nested: {"type": kind, **said, "provision": nested},
        kinds,
        dimensions,
        st.lists(below, max_size=2),
    ),
    max_leaves=6,
)
files = st.lists(trees, max_size=4).map(lambda found: [WORLD.consent(t, f"c{i}") for i, t in enumerate(found)])
items = st.fixed_dictionaries(
    {
        "reference": st.sampled_from(
            ["Condition/1", "Condition/2", "Observation/1", "Encounter/e", "Condition/1#note.text"]
        )
    },
    optional={
        "code": sometimes(st.lists(codings, max_size=3)),
        "date": sometimes(days),
        "author": sometimes(st.one_of(references, st.lists(references, max_size=2))),
        "custodian": sometimes(references),
        "securityLabel": sometimes(st.lists(st.sampled_from(["N", "R", "V", "PSY", "HIV"]), max_size=2)),
        "refersTo": sometimes(st.lists(st.sampled_from(["Encounter/e", "Condition/1"]), max_size=2)),
        "subject": sometimes(st.sampled_from(["Patient/p", "Patient/p", "Patient/q", ["Patient/p", "Patient/q"]])),
        "derivedFrom": st.just(["Condition/2"]),
        "freeText": st.booleans(),
    },
)
whats = st.lists(items, min_size=1, max_size=8)
purposes = st.sampled_from([["TREAT"], ["BTG"], ["HRESCH"], ["FAMRQT"]])


def question(consents: list[Any], what: list[Any], purpose: list[str]) -> tuple[Any, Any, Any]:
    why = {"purposeOfUse": purpose, "justification": "unconscious"}
    return WORLD.asked(*consents, what=what, why=why, given={"implicitPolicy": "permit-treatment-normal"})


@settings(max_examples=300, deadline=None)
@with_(files, whats, purposes)
def test_items_decided_by_the_plan_are_decided_as_by_themselves(consents, what, purpose):
    asked = question(consents, what, purpose)
    planned = decide(*asked)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Plan, "failed", unreadable)
        assert decide(*asked) == planned
    alone = [decide({**asked[0], "what": [item]}, *asked[1:]) for item in what]
    if len({item["reference"] for item in what}) == len(what) and not any("derivedFrom" in item for item in what):
        data = any("data" in str(consent) for consent in consents)  # what refers to an item is part of the question
        assert data or planned["released"] == [one for answer in alone for one in answer["released"]]


def unreadable(*_: Any) -> int:
    raise ValueError


@settings(max_examples=300, deadline=None)
@with_(files, whats)
def test_a_provision_is_met_in_the_plan_when_each_of_its_tests_is_passed(consents, what):
    case = case_of(*question(consents, what, ["TREAT"]))
    marking, _ = reading(what, case)
    for raw, item in zip(what, matchable(what, case), strict=True):
        if item is None:
            continue
        try:
            failed = case.plan.failed(raw, codings_of(raw), marking.of(raw["reference"]), lambda item=item: item)
        except (TypeError, ValueError, LookupError, AttributeError):
            continue  # then it is walked
        met = case.plan.meeting(failed)
        for _, tree in case.speaking:
            for node in tree.nodes():
                assert not node.awake or met(node) == node.meets(item), node.path


def test_codes_are_found_by_the_provisions_that_name_them_and_by_no_other():
    deny = [WORLD.consent(WORLD.rule("deny", code=[f"{n}-1"]), f"c{n}") for n in range(50)]
    what = [WORLD.coded(f"Observation/{n}", f"{n}-1", LOINC) for n in range(60)]
    consents = [*deny, WORLD.consent(WORLD.rule("permit"), "yes")]
    assert WORLD.ask(*consents, what=what)["released"] == [f"Observation/{n}" for n in range(50, 60)]


def test_an_item_whose_references_cannot_be_read_leaves_unknown_what_refers_to_whom_for_all():
    data = WORLD.consent(WORLD.rule("permit", data=[("related", "Condition/1")]))
    what = [WORLD.coded(f"Condition/{n}", "I10") for n in range(2, 5)]
    broken = WORLD.coded("Condition/9", "I10") | {"refersTo": [{}]}
    assert WORLD.ask(data, what=[*what, broken])["released"] == []
    assert {row["because"] for row in WORLD.ask(data, what=[*what, broken])["redacted"]} == {"default-deny"}


def test_a_changed_list_a_withdrawal_and_another_day_are_felt_by_the_next_call():
    permit = WORLD.consent(WORLD.rule("permit", purpose=["TREAT"]), "c1")
    what = [WORLD.coded("Condition/1", "I10")]
    request, given, register = WORLD.asked(permit, what=what)
    assert decide(request, given, register)["released"] == ["Condition/1"]
    register["securityLabelling"] = [
        {"id": "x", "system": ICD, "codePrefix": ["I10"], "add": ["PSY", "R"], "source": "t"}
    ]
    assert decide(request, given, register)["released"] == []
    register["securityLabelling"] = []
    given["consents"] = [{**permit, "status": "inactive"}]
    assert decide(request, given, register)["released"] == []
    given["consents"] = [permit]
    assert decide(request, given, register)["released"] == ["Condition/1"]
    request["when"] = "2026-02-01T09:00:00+09:00"
    assert decide(request, given, register)["released"] == []


CONDITION = {"resourceType": "Condition", "id": "1", "code": {"coding": [{"system": ICD, "code": "I10"}]}}


def test_what_was_read_of_a_resource_counts_for_it_and_its_rules_alone():
    rules = rules_of(WORLD.register)
    read = traits_of(CONDITION, rules)
    assert traits_of(CONDITION, rules_of(WORLD.register), read) is read
    other = {**CONDITION, "code": {"coding": [{"system": ICD, "code": "F32"}]}}
    assert traits_of(other, rules, read).code == tuple(other["code"]["coding"])
    assert traits_of(copy.deepcopy(CONDITION), rules, read) is not read
    assert traits_of(CONDITION, rules_of({**WORLD.register, "classifiedSystems": []}), read).open
    assert traits_of(CONDITION, rules, object()) == read


def test_the_rules_of_a_register_are_compiled_once_and_remember_no_code():
    first, second = rules_of(WORLD.register), rules_of(WORLD.register)
    first.coding((ICD, "somebody's own words"))
    assert first.rows is second.rows
    assert not second.seen
    for n in range(20):  # so many sites are not kept
        assert rules_of({"classifiedSystems": [str(n)]}).classified == {str(n)}
    assert rules_of(WORLD.register).rows is not first.rows


def test_an_explanation_names_the_provision_that_the_decision_names():
    tree = WORLD.rule("permit", WORLD.rule("deny", code=["4548-4"]), purpose=["TREAT"])
    steps = explain(*WORLD.asked(WORLD.consent(tree)))
    (vote,) = [step for step in steps if step["step"] == "vote"]
    assert vote["node"] == "provision.provision[0]"
    assert vote["says"] == "deny"


def test_a_code_meets_the_provisions_that_name_it_and_no_other():
    first = WORLD.consent(WORLD.rule("permit", code=["4548-4"]), "c1")
    second = WORLD.consent(WORLD.rule("permit", code=["29463-7"]), "c2")
    answer = WORLD.ask(first, second, what=[WORLD.coded("Observation/1", "29463-7", LOINC)])
    assert (answer["released"], answer["consentsUsed"]) == (["Observation/1"], ["c2"])


def test_what_hangs_on_the_item_itself_leaves_the_other_dimensions_to_be_asked():
    named = WORLD.consent(WORLD.rule("permit", data=[("instance", "Condition/9")]), "c1")
    period = WORLD.consent({**WORLD.rule("permit"), "dataPeriod": {"start": "2026-01-01", "end": "2026-06-30"}}, "c2")
    old = {**WORLD.coded("Condition/1", "I10"), "date": "2025-05-10"}
    new = {**WORLD.coded("Condition/2", "I10"), "date": "2026-05-10"}
    assert WORLD.ask(named, period, what=[old, new])["released"] == ["Condition/2"]
    assert WORLD.ask(period, named, what=[old, new])["released"] == ["Condition/2"]


@pytest.mark.parametrize(
    ("kind", "code", "released"),
    [("permit", "4548-4", True), ("permit", "29463-7", False), ("deny", "4548-4", False), ("deny", "29463-7", True)],
)
def test_codes_are_met_alike_when_the_plan_cannot_read_an_item(monkeypatch, kind, code, released):
    monkeypatch.setattr(Plan, "failed", unreadable)
    rest = [WORLD.consent(WORLD.rule("permit"), "yes")] if kind == "deny" else []
    stated = WORLD.consent(WORLD.rule(kind, code=["4548-4"]), "c1")
    answer = WORLD.ask(stated, *rest, what=[WORLD.coded("Observation/1", code, LOINC)])
    assert answer["released"] == (["Observation/1"] if released else [])
