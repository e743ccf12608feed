"""A deny is met by what it names however that is written; a permit only as it stands."""

from __future__ import annotations

from typing import Any

import pytest

BASE = "https://mapo.example/fhir/"
WHO = {"references": ["Organization/mapo"]}


def nested(world: Any, **dims: Any) -> Any:
    return world.consent(world.rule("permit", world.rule("deny", **dims)))


@pytest.mark.parametrize(
    ("reference", "hits"),
    [
        ("Organization/mapo", True),
        (f"{BASE}Organization/mapo", True),
        (f"{BASE}Organization/mapo/_history/2", True),
        (f"{BASE}Organization/other", False),
        ("Practitioner/mapo", False),
    ],
)
def test_a_recipient(world: Any, why: Any, reference: str, hits: bool) -> None:
    found = why(nested(world, actor=[("IRCP", reference)]), who=WHO)
    assert found == ("consent-deny" if hits else "consent-permit")


def test_a_source(world: Any, why: Any) -> None:
    item = world.a1c | {"custodian": "Organization/lab", "author": ["Practitioner/kim"]}
    for role, own, other in (
        ("CST", "Organization/lab", "Organization/x"),
        ("AUT", "Practitioner/kim", "Practitioner/x"),
    ):
        assert why(nested(world, actor=[(role, BASE + own)]), what=[item]) == "consent-deny"
        assert why(nested(world, actor=[(role, BASE + other)]), what=[item]) == "consent-permit"


@pytest.mark.parametrize(
    ("meaning", "reference", "hits"),
    [
        ("instance", "Observation/b", True),
        ("instance", f"{BASE}Observation/b", True),
        ("instance", f"{BASE}Observation/c", False),
        ("dependents", f"{BASE}Encounter/e", True),
        ("dependents", f"{BASE}Observation/c", False),
        ("related", f"{BASE}Encounter/e", True),
        ("authoredby", f"{BASE}Practitioner/kim", True),
        ("authoredby", f"{BASE}Practitioner/x", False),
        # what is not here cannot be asked what it refers to
        ("related", "Observation/elsewhere", True),
        ("dependents", "Observation/elsewhere", True),
        ("instance", "Observation/elsewhere", False),
    ],
)
def test_data(world: Any, meaning: str, reference: str, hits: bool) -> None:
    what = [
        world.coded("Observation/b", "1", world.LOINC, refersTo=["Encounter/e"], author=["Practitioner/kim"]),
        world.coded("Observation/c", "1", world.LOINC, author=["Practitioner/lee"]),
        {"reference": "Encounter/e", "code": []},
    ]
    answer = world.ask(nested(world, data=[(meaning, reference)]), what=what)
    assert ("Observation/b" not in answer["released"]) is hits


@pytest.mark.parametrize(
    ("coding", "hits"),
    [
        ({"code": "4548-4"}, True),
        ({"system": "http://loinc.org", "code": " 4548-4 "}, True),
        ({"system": "http://loinc.org", "code": "４548-4"}, True),
        ({"system": "urn:other", "code": "4548-4"}, False),
        ({"code": "4548-5"}, False),
    ],
)
def test_a_code(world: Any, why: Any, coding: dict[str, str], hits: bool) -> None:
    deny = {"type": "deny", "code": [{"coding": [coding]}]}
    found = why(world.consent(world.rule("permit", deny)), what=[world.coded("Observation/b", "4548-4", world.LOINC)])
    assert found == ("consent-deny" if hits else "consent-permit")


def test_a_code_in_small_letters(world: Any, why: Any) -> None:
    item = world.coded("Condition/b", "I63.9")
    for code, found in (("i63.9", "consent-deny"), ("i63.8", "consent-permit")):
        deny = {"type": "deny", "code": [{"coding": [{"system": world.ICD, "code": code}]}]}
        assert why(world.consent(world.rule("permit", deny)), what=[item]) == found


def test_a_permit_stays_exact(world: Any, why: Any) -> None:
    item = world.coded("Condition/b", "I63.9")
    exact = {"actor": [("IRCP", "Organization/mapo")], "data": [("instance", "Condition/b")]}
    assert why(world.consent(world.rule("permit", **exact)), what=[item], who=WHO) == "consent-permit"
    for name, value in (
        ("actor", [("IRCP", f"{BASE}Organization/mapo")]),
        ("data", [("instance", f"{BASE}Condition/b")]),
    ):
        permit = world.rule("permit", **{**exact, name: value})
        assert why(world.consent(permit), what=[item], who=WHO) != "consent-permit"
    for coding, kept in (
        ({"code": "I63.9"}, False),
        ({"system": world.ICD, "code": "i63.9"}, False),
        ({"system": world.ICD, "code": "I63.9"}, True),
    ):
        permit = {"type": "permit", "code": [{"coding": [coding]}]}
        assert (why(world.consent(permit), what=[item]) == "consent-permit") is kept
