"""Obligations: what they make of a value, that no forbidden one survives anywhere, and that a redactor that fails is found out."""

from __future__ import annotations

import copy
import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given as with_
from hypothesis import settings
from hypothesis import strategies as st

from gateway.consent import coarsen
from gateway.consent import redact as redactor
from gateway.consent.coarsen import GONE, capped, coarse, moved
from gateway.consent.policy import checked
from gateway.consent.proof import violations
from gateway.consent.redact import Terms, redact, terms_of
from gateway.errors import Defect, Misconfigured
from gateway.model.agreement import Site
from gateway.model.document import Item
from gateway.model.questions import Decision, Request
from gateway.stages import release as release_stage
from tests.consent.conftest import World

W = World()
CANARY = "CANARY-51"
HIDDEN = "Condition/hidden-condition-1"
MASK = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}
PSEUD = Terms(duties=frozenset({"PSEUD", "NORELINK"}), shift=100)
ADDRESS = {"use": "home", "line": [CANARY], "text": CANARY, "city": "서울", "district": "마포구", "postalCode": "04000"}

COARSE = [
    ("1980-03-01", "year", "1980"), ("1980", "year", "1980"), ("1980-03-01T10:00:00+09:00", "month", "1980-03"),
    ("unknown", "year", GONE),
    ({"start": "1980-03-01", "end": "1981"}, "year", {"start": "1980", "end": "1981"}), ({"value": 3}, "year", GONE),
    (["1980-01-01", "x"], "year", ["1980"]),
    ([ADDRESS], "district", [{"use": "home", "city": "서울", "district": "마포구"}]),
    ("somewhere", "district", GONE), ({"line": ["x"]}, "district", GONE),
    ("x", "drop", GONE), ({"a": 1}, "drop", GONE),
]  # fmt: skip


@pytest.mark.parametrize(("value", "how", "made"), COARSE, ids=lambda v: str(v)[:40])
def test_a_coarse_value(value, how, made):
    before = copy.deepcopy(value)
    assert coarse(value, how) == made
    assert value == before


def test_days_move_together_and_stay_as_exact():
    assert moved("2026-03-01", 1) == "2026-02-28"
    assert moved("2026-03-01T10:00:00+09:00", 60) == "2025-12-31T10:00:00+09:00"
    assert moved("2026-03", 100) == "2025-12"
    assert moved("2026-02-30", 1) is GONE
    assert moved("0001-01-01", 5) is GONE


AGES = [
    ("onsetAge", {"value": 89, "code": "a"}, False), ("onsetAge", {"value": 90, "code": "a"}, True),
    ("onsetAge", {"value": 1081, "code": "mo"}, True),
    ("onsetAge", {"value": 12, "unit": "mo"}, False), ("onsetAge", {"value": 40_000, "code": "d"}, True),
    ("onsetAge", {"value": 5_000, "code": "wk"}, True),
    ("onsetAge", {"value": 95}, True), ("onsetAge", {"value": 95, "unit": "years"}, True), ("valueQuantity", {"value": 95, "code": "a"}, True),
    ("valueQuantity", {"value": 95, "code": "kg"}, False), ("onsetAge", {"unit": "a"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "node", "old"), AGES, ids=str)
def test_the_very_old_are_ninety_or_more(name, node, old):
    assert (capped(name, node) != node) is old
    condition = {"resourceType": "Condition", "id": "c", name: node}
    assert bool({f.rule for f in violations(condition, PSEUD, condition)} & {"release-age"}) is old
    assert not [f for f in violations(redact(condition, PSEUD), PSEUD, condition) if f.rule == "release-age"]


PATIENT = {
    "resourceType": "Patient", "id": "p", "birthDate": "1980-03-01", "_birthDate": {"extension": [{"url": "urn:t", "valueTime": "10:00:00"}]},
    "address": [ADDRESS], "gender": "female", "name": [{"family": "Kim", "given": ["A"]}], "deceasedDateTime": "2026-03-01",
    "meta": {"lastUpdated": "2026-03-01T00:00:00Z"},
}  # fmt: skip
CHANGES: list[tuple[tuple[tuple[str, str, str], ...], dict[str, Any]]] = [
    ((("Patient", "birthDate", "year"),), {"birthDate": "1980"}),
    ((("*", "birthDate", "month"),), {"birthDate": "1980-03"}),
    ((("Patient", "birthDate", "mask"),), {"_birthDate": MASK}),
    ((("Patient", "birthDate", "drop"),), {}),
    ((("Patient", "address", "district"),), {"address": [{"use": "home", "city": "서울", "district": "마포구"}]}),
    ((("Patient", "address", "mask"),), {"address": [MASK]}),
    ((("Patient", "address.postalCode", "drop"),), {"address": [{n: v for n, v in ADDRESS.items() if n != "postalCode"}]}),
    ((("Patient", "name.given", "mask"),), {"name": [{"family": "Kim", "_given": [MASK]}]}),
    ((("Patient", "meta.lastUpdated", "year"),), {"meta": {}}),
    ((("Observation", "birthDate", "year"),), {"birthDate": "1980-03-01", "_birthDate": PATIENT["_birthDate"]}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "made"), CHANGES, ids=lambda v: str(v)[:60])
def test_the_register_s_changes(changes, made):
    """On the resource, and on the same one contained, in a Bundle and in Parameters: alike, and only there."""
    terms = Terms(changes=changes)
    output = redact(PATIENT, terms)
    element = changes[0][1].partition(".")[0]
    expected = {n: v for n, v in PATIENT.items() if n.removeprefix("_") != element} | {
        n: v for n, v in made.items() if v
    }
    assert output == expected
    touched = changes[0][0] != "Observation"
    assert bool(violations(PATIENT, terms)) is touched
    assert violations(output, terms) == ()
    for outer in _outers(PATIENT):
        inside = redact(outer, terms)
        assert (json.dumps(output, sort_keys=True) in json.dumps(inside, sort_keys=True)) is True
        assert bool(violations(outer, terms)) is touched
        assert violations(inside, terms) == ()


def _outers(resource: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"resourceType": "Observation", "id": "o", "subject": {"reference": f"#{resource['id']}"}, "contained": [resource]},
        {"resourceType": "Bundle", "id": "b", "entry": [{"resource": resource}]},
        {"resourceType": "Parameters", "id": "q", "parameter": [{"name": "x", "part": [{"name": "y", "resource": resource}]}]},
    ]  # fmt: skip


def test_what_is_withheld_does_not_stand_inside():
    condition = {"resourceType": "Condition", "id": "hidden-condition-1", "code": {"coding": [{"code": CANARY}]}}
    terms = Terms(withheld=frozenset({HIDDEN}))
    for outer in _outers(condition)[1:]:
        outer = json.loads(json.dumps(outer))
        assert CANARY in str(outer)
        assert "release-withheld" in {f.rule for f in violations(outer, terms)}
        assert CANARY not in str(redact(outer, terms))
        assert violations(redact(outer, terms), terms) == ()


def test_what_is_withheld_by_itself_is_not_even_masked():
    """Nor does the other half of a primitive stay behind."""
    contact = {
        "resourceType": "Patient",
        "id": "p",
        "contact": [{"name": {"family": "x"}, "gender": "male", "_gender": {"id": "g"}}],
    }
    terms = Terms(without=frozenset({"contact.name", "contact.gender"}), changes=(("Patient", "contact.name", "mask"),))
    assert redact({**contact, "active": True}, terms) == {"resourceType": "Patient", "id": "p", "active": True}
    assert violations(contact, terms)


def test_an_allow_list_lets_nothing_stand_inside():
    observation = {
        "resourceType": "Observation",
        "id": "o",
        "status": "final",
        "subject": {"reference": "#p"},
        "contained": [PATIENT],
    }
    for elements in (("status", "subject"), ("status", "subject", "contained")):
        terms = Terms(elements=elements)
        assert redact(observation, terms) == {"resourceType": "Observation", "id": "o", "status": "final"}
    assert violations(observation, Terms(elements=("status", "subject", "contained")))


def test_dates_under_a_pseudonym():
    source = {
        "resourceType": "Encounter", "id": "e", "period": {"start": "2026-03-01T10:00:00+09:00", "end": "2026-03-04"}, "class": {"code": "2026-01"},
        "meta": {"lastUpdated": "2026-03-05T00:00:00Z"}, "length": {"value": 3, "code": "d"},
    }  # fmt: skip
    output = redact(source, PSEUD)
    assert output["period"] == {"start": "2025-11-21T10:00:00+09:00", "end": "2025-11-24"}
    assert output["meta"]["lastUpdated"] == "2025-11-25T00:00:00Z"
    assert (output["class"], output["length"]) == (source["class"], source["length"])
    assert violations(output, PSEUD, source) == ()
    assert {f.rule for f in violations({**source, "meta": output["meta"]}, PSEUD, source)} == {"release-date"}
    for without in (violations(output, PSEUD), violations(output, Terms(duties=PSEUD.duties, shift=0), source)):
        assert {f.rule for f in without} == {"release-date"}  # nothing shows that they moved


names = st.sampled_from([
    "identifier", "name", "telecom", "address", "birthDate", "photo", "contact", "text", "note", "valueString", "comment", "subject", "valueQuantity",
    "extension", "contained", "entry", "parameter", "part", "resource", "reference", "onsetAge", "effectiveDateTime", "code",
    "value", "div", "valueIdentifier", "valueHumanName", "performer", "period", "start", "meta", "_birthDate", "item",
])  # fmt: skip
kinds = st.sampled_from(
    ["Patient", "Observation", "Condition", "Bundle", "Parameters", "Encounter", "MedicationStatement"]
)
leaves = st.sampled_from([
    HIDDEN, f"https://h/fhir/{HIDDEN}/_history/2", "Patient/p", "2026-03-01", "2026-03-01T10:00:00Z",
    "final", 93, True, None, "1980", "#x",
])  # fmt: skip
nodes = st.recursive(
    leaves | st.builds(lambda value: {"system": "urn:rrn", "value": value}, leaves),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(names, below, max_size=4)
    | st.builds(lambda kind, body: {"resourceType": kind, "id": "x", **body}, kinds, st.dictionaries(names, below, max_size=4)),
    max_leaves=14,
)  # fmt: skip
resources = st.builds(lambda kind, body: {"resourceType": kind, "id": "r", **body}, kinds, st.dictionaries(names, nodes, max_size=6)).filter(
    lambda made: isinstance(made.get("contained", []), list) and all(isinstance(c, dict) for c in made.get("contained", []))
    and isinstance(made.get("meta", {}), dict)
)  # fmt: skip
terms_drawn = st.builds(
    Terms,
    withheld=st.sampled_from([frozenset(), frozenset({HIDDEN})]),
    elements=st.sampled_from([None, None, ("subject", "code"), ("contained", "entry", "name")]),
    prose=st.sampled_from([frozenset(), frozenset({"note"}), frozenset({"contained.note"})]),
    duties=st.sampled_from([frozenset(), frozenset({"PSEUD", "NORELINK"}), frozenset({"NOREUSE", "DELAU", "KEEP-UNTIL-2027-01-01"})]),
    national=st.sampled_from([frozenset(), frozenset({"urn:rrn"})]),
    without=st.sampled_from([frozenset(), frozenset({"address", "contact.name"})]),
    changes=st.sampled_from([(), (("*", "birthDate", "year"), ("*", "address", "district")), (("*", "name", "mask"), ("*", "period", "month"))]),
    shift=st.sampled_from([100, 365]),
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@with_(resources, terms_drawn)
def test_nothing_forbidden_survives_anywhere(resource, terms):
    """By the second reading, and by plain text where the terms forbid a text wherever it stands."""
    before = copy.deepcopy(resource)
    output = redact(resource, terms)
    assert resource == before
    assert violations(output, terms, resource) == ()
    text = json.dumps(output)
    if terms.withheld:
        assert HIDDEN not in text
    if terms.national:
        assert not [n for n in _all_nodes(output) if n.get("system") == "urn:rrn" and "value" in n]
    if "PSEUD" in terms.duties:
        assert not [
            where
            for where, value in _leaves(output)
            if where not in ("code", "reference", "value") and str(value).startswith("2026-03")
        ]
    assert (
        redact(output, Terms(duties=terms.duties - {"PSEUD"}, prose=frozenset({"note", "contained.note", "text"})))
        is not None
    )


def _leaves(node: Any, name: str = "") -> list[tuple[str, Any]]:
    if isinstance(node, list):
        return [found for child in node for found in _leaves(child, name)]
    return (
        [found for key, child in node.items() for found in _leaves(child, key)]
        if isinstance(node, dict)
        else [(name, node)]
    )


def _all_nodes(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, list):
        return [found for child in node for found in _all_nodes(child)]
    return [node, *(found for child in node.values() for found in _all_nodes(child))] if isinstance(node, dict) else []


def decided(duties: tuple[str, ...], **answer: Any) -> Decision:
    """A Decision that released Patient/00000000-0000-4000-8000-000000000001 and nothing else."""
    own = "Patient/00000000-0000-4000-8000-000000000001"
    said = {
        "released": [own],
        "redacted": [{"reference": HIDDEN, "because": "x"}],
        "obligations": list(duties),
        **answer,
    }
    request = Request({}, {"reference": own}, "2026-11-22", {}, (), {"project": "study"}, {})
    return Decision("permit", "x", (own,), ((HIDDEN, "x"),), duties, (), {}, said, 1, request, None)


class _Site:
    """As much of a Site as release asks for."""

    participants: dict[str, Any] = {}
    register: dict[str, Any] = W.register
    national_systems = ("urn:rrn",)


def rekey(domain: str, id: str) -> str:
    import hashlib

    made = hashlib.sha256(f"{domain}{id}".encode()).hexdigest()
    return f"{made[:8]}-{made[8:12]}-4{made[13:16]}-8{made[17:20]}-{made[20:32]}"


def released(duties: tuple[str, ...] = (), recipient: str = "a", resource: Any = None, **answer: Any) -> Any:
    site: Site = _Site()  # type: ignore[assignment]
    source = resource or {**PATIENT, "id": "00000000-0000-4000-8000-000000000001"}
    return release_stage.release(
        [Item(source, frozenset())], decided(duties, **answer), recipient, site, rekey
    ).resources[0]


def test_a_pseudonym_is_the_project_s_and_stable():
    one, again, plain = released(("NORELINK", "PSEUD")), released(("NORELINK", "PSEUD")), released()
    assert one == again
    assert "birthDate" not in one
    assert one["id"] == plain["id"]  # both the project's: what is released under it never has an id of the house
    assert one["id"] != released(("PSEUD",), "b")["id"]
    encounter = {
        "resourceType": "Patient",
        "id": "00000000-0000-4000-8000-000000000001",
        "meta": {"lastUpdated": "2026-03-01T00:00:00Z"},
    }
    shifts = {released(("PSEUD",), to, encounter)["meta"]["lastUpdated"] for to in "abcdefgh"}
    assert len(shifts) > 4
    assert all(timedelta(0) < date(2026, 3, 1) - datetime.fromisoformat(s).date() <= timedelta(365) for s in shifts)


FULL = {
    "resourceType": "Patient", "id": "00000000-0000-4000-8000-000000000001", "birthDate": "1980-03-01", "gender": "female",
    "text": {"status": "generated", "div": "<div>x</div>"}, "contained": [{**PATIENT, "id": "x"}], "managingOrganization": {"reference": "#x"},
    "generalPractitioner": [{"reference": "Practitioner/not-yours"}],
    "address": [ADDRESS], "link": [{"type": "seealso", "other": {"reference": HIDDEN}}], "name": [{"family": "Kim"}],
    "extension": [{"url": "urn:age", "valueAge": {"value": 95, "code": "a"}}, {"url": "urn:when", "valueDate": "2026-03-01"},
                  {"url": "urn:n", "valueIdentifier": {"system": "urn:rrn", "value": "1"}}],
}  # fmt: skip
YEAR = {"changes": {f"Patient/{FULL['id']}": [{"type": "Patient", "path": "birthDate", "how": "year"}]}}
LIMITED = {"elements": {f"Patient/{FULL['id']}": ["gender", "contained"]}}
MASKED = {"changes": {f"Patient/{FULL['id']}": [{"type": "Patient", "path": "birthDate", "how": "mask"}]}}
PLANTED: list[tuple[str, Any, tuple[str, ...], dict[str, Any]]] = [
    ("_resource", lambda resource, *_: dict(resource), ("NOREUSE",), {}),
    ("_allowed", lambda *_: True, ("PSEUD",), {}),
    ("_allowed", lambda *_: True, (), LIMITED),
    ("_kept", lambda node, *_: dict(node), (), {}),
    ("_said_of", lambda *_: (False, ""), (), YEAR),
    ("_cut", lambda value, *_: value, (), {}),
    ("coarse", lambda value, _: value, (), YEAR),
    ("_mask", lambda name, value: {name: value}, (), MASKED),
    ("_nested", lambda resource, *_: resource, (), YEAR),
    ("_unnamed", lambda value, *_: value, ("PSEUD",), {}),
    ("moved", lambda text, _: text, ("PSEUD",), {}),
    ("capped", lambda _, node: node, ("PSEUD",), {}),
    ("is_prose", lambda *_: False, (), {}),
    ("_prose_permitted", lambda *_: True, (), {}),
    ("_points_to_withheld", lambda *_: False, (), {}),
    ("may_be_named", lambda *_: True, (), {}),
    ("_stays_home", lambda *_: False, (), {}),
    ("_labelled", lambda resource, _: resource, ("NOREUSE",), {}),
    ("redact", lambda resource, _: dict(resource), ("PSEUD",), {}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "instead", "duties", "answer"), PLANTED, ids=[f"{n}-{i}" for i, (n, *_) in enumerate(PLANTED)]
)
def test_a_redactor_that_does_nothing_lets_nothing_out(monkeypatch, name, instead, duties, answer):
    monkeypatch.setattr(release_stage, "without_words", lambda resource, _: resource)
    monkeypatch.setattr(release_stage, "spoken", lambda *_: ())  # this is about the redactor alone
    assert released(duties, resource=FULL, **answer)  # the control
    where = release_stage if name == "redact" else redactor
    with monkeypatch.context() as patch:
        patch.setattr(where, name, instead)
        with pytest.raises(Defect):
            released(duties, resource=FULL, **answer)


def test_words_that_were_not_taken_out_let_nothing_out(monkeypatch):
    told = {**FULL, "maritalStatus": {"text": "WORDS-51"}}
    assert "WORDS-51" not in repr(released((), resource=told))
    monkeypatch.setattr(release_stage, "without_words", lambda resource, _: resource)
    with pytest.raises(Defect):
        released((), resource=told)


def test_every_function_of_the_redactor_is_planted_or_gives_nothing_away():
    import ast
    import inspect

    functions = {
        node.name for node in ast.walk(ast.parse(inspect.getsource(redactor))) if isinstance(node, ast.FunctionDef)
    }
    functions |= {
        node.name for node in ast.walk(ast.parse(inspect.getsource(coarsen))) if isinstance(node, ast.FunctionDef)
    }
    harmless = {
        "terms_of", "_parts", "pseudonymous", "how", "duty_labels", "_duty",  # say what is to be done
        "_beside_code", "_empty_extension", "_possible", "_without_orphans", "_holds_a_resource",  # validity, and words that words.py takes
        "masked", "is_day", "is_old", "__repr__",  # parts of those that are planted
    }  # fmt: skip
    assert functions - harmless <= {name for name, *_ in PLANTED}


ROW = {"id": "h1", "source": "test", "type": "Patient", "path": "birthDate", "how": "year"}


def test_the_register_says_it_for_a_statute_or_a_purpose():
    rows = [
        {**ROW, "statutes": ["REPORT"]},
        {**ROW, "id": "h2", "path": "address", "how": "district", "purposes": ["TREAT"]},
    ]
    told = W.ask(W.consent(W.rule("permit")), register={"handling": rows}, why={"purposeOfUse": ["COC"]})
    assert told["changes"] == {"Observation/a1c": [{"type": "Patient", "path": "address", "how": "district"}]}
    assert "changes" not in W.ask(
        W.consent(W.rule("permit")), register={"handling": rows}, why={"purposeOfUse": ["HRESCH"]}
    )
    agency = {"organizationType": "agency", "authorizedPurposes": ["PUBHLTH"]}
    reported = W.ask(
        register={"handling": rows},
        who=agency,
        what=[W.coded("Condition/tb", "A15")],
        why={"purposeOfUse": ["PUBHLTH"], "legalBasis": "REPORT"},
    )
    assert reported["changes"] == {"Condition/tb": [{"type": "Patient", "path": "birthDate", "how": "year"}]}
    assert terms_of(reported)["Condition/tb"].changes == (("Patient", "birthDate", "year"),)
    assert W.ask(W.consent(W.rule("permit")), register={"handling": [{**ROW, "purposes": 7}]})["released"] == []


@pytest.mark.parametrize(
    "row",
    [ROW, {**ROW, "statutes": ["NO-SUCH"]}, {**ROW, "purposes": ["NOPE"]}, {**ROW, "purposes": ["TREAT"], "how": "decade"},
     {**ROW, "purposes": ["TREAT"], "path": "Patient.birthDate"}, {**ROW, "purposes": ["TREAT"], "more": 1}],
)  # fmt: skip
def test_a_row_that_says_nothing_that_can_be_done(row):
    base = {n: v for n, v in W.register.items()}
    checked({**base, "handling": [{**ROW, "purposes": ["TREAT"]}]})
    with pytest.raises(Misconfigured):
        checked({**base, "handling": [row]})
