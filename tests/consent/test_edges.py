"""The edges of rules: bounds that touch, one of two that matches, and words that explanations are read by."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.consent import decide, may_ask
from gateway.consent.explain import explain
from tests.consent.conftest import LOINC, World

W = World()
DOCUMENT = "urn:ietf:rfc:3986"
DEP = W.coded("Condition/dep", "F32")


def because(*consents: Any, **over: Any) -> str:
    """The reason of the one item, or `released`."""
    told = W.ask(*consents, **over)
    return "released" if told["released"] else told["redacted"][0]["because"]


def item(**over: Any) -> dict[str, Any]:
    return {**W.a1c, **over}


DENIED, SILENT = "consent-deny", "default-deny"
RULES = [
    ("an action among two, one only in words", W.rule("deny") | {"action": [{"coding": [{"code": "access"}]}, {"text": "x"}]}, {}, DENIED),
    ("an action that is another", W.rule("deny") | {"action": [{"coding": [{"code": "access"}]}]}, {}, SILENT),
    ("a code among two, one only in words", W.rule("deny") | {"code": [{"coding": [{"code": "x"}]}, {"text": "x"}]}, {}, DENIED),
    ("a code that is another", W.rule("deny") | {"code": [{"coding": [{"system": LOINC, "code": "x"}]}]}, {}, SILENT),
    ("a class of documents", W.rule("deny") | {"class": [{"system": DOCUMENT, "code": "d"}]},
     {"code": [{"system": DOCUMENT, "code": "d"}]}, DENIED),
    ("another class of documents", W.rule("deny") | {"class": [{"system": DOCUMENT, "code": "d"}]},
     {"code": [{"system": "urn:x", "code": "d"}]}, SILENT),
    ("a type named like a document", W.rule("deny") | {"class": [{"system": DOCUMENT, "code": "Observation"}]}, {}, SILENT),
    ("a permit of a class of documents", W.rule("permit") | {"class": [{"system": LOINC, "code": "4548-4"}]}, {}, "released"),
    ("a permit of a type", W.rule("permit") | {"class": [{"code": "Observation"}]}, {}, "released"),
    ("a permit of another type", W.rule("permit") | {"class": [{"code": "Condition"}]}, {}, "outside-consent"),
    ("a permit of a code", W.rule("permit", code=["4548-4"]), {}, "released"),
    ("a permit of one of two data", W.rule("permit", data=[("instance", "Condition/x"), ("instance", "Observation/a1c")]), {}, "released"),
    ("a permit of other data", W.rule("permit", data=[("instance", "Condition/x")]), {}, "outside-consent"),
    ("a permit of exactly that day", W.rule("permit", dataPeriod={"start": "2026-05-10", "end": "2026-05-10"}), {}, "released"),
    ("a permit until the day before", W.rule("permit", dataPeriod={"end": "2026-05-09"}), {}, "outside-consent"),
    ("a permit from the day after", W.rule("permit", dataPeriod={"start": "2026-05-11"}), {}, "outside-consent"),
    ("a deny until the day before", W.rule("deny", dataPeriod={"end": "2026-05-09"}), {}, SILENT),
    ("a deny from the day after", W.rule("deny", dataPeriod={"start": "2026-05-11"}), {}, SILENT),
    ("a deny of exactly that day", W.rule("deny", dataPeriod={"start": "2026-05-10", "end": "2026-05-10"}), {}, DENIED),
    ("a deny of what is undated", W.rule("deny", dataPeriod={"start": "2026-05-11"}), {"date": None}, DENIED),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "what", "expected"), [row[1:] for row in RULES], ids=[row[0] for row in RULES])
def test_one_rule(rule, what, expected):
    assert because(W.consent(rule), what=[item(**what)]) == expected


@pytest.mark.parametrize("name", ["author", "custodian"])
def test_items_that_differ_in_who_keeps_or_wrote_them_are_not_decided_together(name):
    role = {"author": "AUT", "custodian": "CST"}[name]
    deny = W.consent(W.rule("permit", W.rule("deny", actor=[(role, "Organization/h1")])))
    what = [item(reference=f"Observation/{n}", **{name: f"Organization/h{n}"}) for n in (1, 2)]
    assert W.ask(deny, what=what)["released"] == ["Observation/2"]
    assert W.ask(deny, what=what[::-1])["released"] == ["Observation/2"]


def test_items_that_differ_in_one_thing_only():
    permit = W.consent(W.rule("permit", dataPeriod={"end": "2026-05-31"}))
    for name, values in (
        ("date", ["2026-05-10", "2026-06-10"]), ("securityLabel", [["N"], ["R"]]), ("freeText", [False, True]),
        ("subject", ["Patient/p", "Patient/q"]),
        ("subject", ["Patient/p", None]), ("code", [W.a1c["code"], [{"system": LOINC, "code": "75622-1"}]]),
        ("derivedFrom", [[], ["Observation/none"]]),
    ):  # fmt: skip
        what = [item(reference=f"Observation/{n}", **{name: value}) for n, value in enumerate(values)]
        assert W.ask(permit, what=what)["released"] == ["Observation/0"], name
        assert W.ask(permit, what=what[::-1])["released"] == ["Observation/0"], name
    known = {"Observation/1": ["R"]}
    what = [item(reference=f"Observation/{n}") for n in (0, 1)]
    assert W.ask(permit, what=what, given={"knownLabels": known})["released"] == ["Observation/0"]
    twice = [item(securityLabel=["R"]), item()]
    assert W.ask(permit, what=twice)["released"] == []


def test_what_supports_a_report_goes_with_it_also_under_two_statutes():
    agency = {"organizationType": "agency", "authorizedPurposes": ["PUBHLTH"]}
    first = {**W.register["statutes"][0], "supports": ["Patient"]}
    second = {**first, "id": "OTHER", "codePrefix": ["Z99"]}
    del second["supports"]
    told = {
        "who": agency,
        "register": {"statutes": [first, second]},
        "why": {"purposeOfUse": ["PUBHLTH"], "legalBasis": ["REPORT", "OTHER"]},
    }
    patient = {"reference": "Patient/p", "code": []}
    tb = W.coded("Condition/tb", "A15")
    assert W.ask(what=[patient, tb], **told)["released"] == ["Patient/p", "Condition/tb"]
    assert W.ask(what=[patient], **told)["released"] == []
    assert W.ask(what=[patient, W.coded("Condition/z", "Z99")], **told)["released"] == ["Condition/z"]
    steps = explain(*W.asked(what=[patient, tb], **told))
    assert {s["item"]: s["rule"] for s in steps if s["step"] == "verdict"} == {
        "Patient/p": "supports",
        "Condition/tb": "matches",
    }


def test_a_field_is_decided_as_of_its_type():
    permit = W.consent(W.rule("permit", class_=["Observation"]))
    for code, asked in (("Observation.value", ""), ("Condition.value", "query-not-authorised")):
        query = {"query": {"fields": [{"system": LOINC, "code": code}]}}
        assert may_ask(*W.asked(permit, how=query)) == asked


def test_the_words_of_reasons_and_rules():
    consents = [
        W.consent(W.rule("permit"), "c1"),
        W.consent(W.rule("permit", W.rule("permit", purpose=["TREAT"])), "c2"),
    ]
    steps = explain(*W.asked(*consents))
    assert [s["rule"] for s in steps if s["step"] == "verdict"] == ["c1: provision, c2: provision.provision[0]"]
    broken = decide({**W.request, "when": "then"}, {}, W.register)
    assert (broken["reason"], broken["redacted"]) == (
        "default-deny",
        [{"reference": "Observation/a1c", "because": "default-deny"}],
    )
    unreadable = W.ask(W.consent(W.rule("permit")), what=[{"x": 1}, {**W.a1c, "code": [7]}])
    assert unreadable["redacted"] == [
        {"reference": "", "because": "default-deny"},
        {"reference": "Observation/a1c", "because": "default-deny"},
    ]
    deep = W.rule("permit", W.rule("permit", W.rule("permit", W.rule("permit"))))
    assert because(W.consent(deep)) == "released"
    assert because(W.consent(W.rule("permit", deep))) == "indeterminate:provision-too-deep"


def test_a_guardian_s_list_of_levels_begins_with_the_lowest():
    mother = {"references": ["RelatedPerson/mom"], "authorizedPurposes": ["FAMRQT"]}
    held = {"guardian": "RelatedPerson/mom", "basis": "parent", "patient": "Patient/p", "excludedLabels": ["V", "R"]}
    told = {
        "who": mother,
        "whom": {"birthDate": "2020-01-01"},
        "why": {"purposeOfUse": ["FAMRQT"]},
        "given": {"guardianships": [held]},
    }
    assert because(what=[DEP], **told) == "guardian-excluded-label"
    assert because(what=[W.a1c], **told) == "released"


def test_who_is_not_trusted_and_why():
    rows = [
        ({"verification": [{"verified": True}, {"verified": False}]}, {}, "untrusted: not-verified"),
        ({"dateTime": "1990-01-01"}, {}, "untrusted: too-young"),
        ({"performer": [{"reference": "Patient/p"}, {"reference": "RelatedPerson/x"}]}, {}, "untrusted: no-authority"),
        ({"performer": [{"display": "somebody"}]}, {}, "untrusted: no-authority"),
        ({"dateTime": "1994-03-01"}, {}, "counts"),  # fourteen that day
        ({"dateTime": "1994-02-28"}, {}, "untrusted: too-young"),
    ]  # fmt: skip
    for over, given, says in rows:
        steps = explain(*W.asked(W.consent(W.rule("permit"), **over), given=given))
        assert [s["says"] for s in steps if s["step"] == "consent"] == [says], over
    signed = W.consent(W.rule("permit"), dateTime="2026-11-22T09:00:00+09:00")
    assert because(signed) == "released"  # the very moment


def series(id: str, kind: str, at: str, **over: Any) -> dict[str, Any]:
    return W.consent(W.rule(kind), id, dateTime=at, policy=[{"uri": "urn:policy:s"}], **over)


def test_the_newest_of_a_series():
    forged = {"verification": [{"verified": False}]}
    old = series("a", "deny", "2026-01-01")
    assert (
        because(old, series("b", "permit", "2026-05-01"), series("c", "permit", "2026-05-01", **forged)) == "released"
    )
    assert (
        because(old, series("b", "permit", "2026-04-01"), series("c", "permit", "2026-05-01", **forged)) == "released"
    )
    assert because(old, series("c", "permit", "2026-05-01", **forged)) == "consent-deny"


def test_signed_today_counts_today():
    assert because(W.consent(W.rule("permit"), dateTime="2026-11-22")) == "released"
    assert because(W.consent(W.rule("permit"), dateTime="2026-11-23")) == "default-deny"


AGES = [
    ("2012-11-23", "released"), ("2012-11-22", "adolescent-confidential"), ("2007-11-23", "adolescent-confidential"), ("2007-11-22", "released"),
    ("2012", "adolescent-confidential"), ("2007", "adolescent-confidential"), ("2013", "released"),
]  # fmt: skip


@pytest.mark.parametrize(("birth", "expected"), AGES)
def test_from_which_day_an_adolescent_has_secrets_and_until_which(birth, expected):
    held = {"guardian": "RelatedPerson/mom", "basis": "court", "patient": "Patient/p"}
    told = {
        "who": {"references": ["RelatedPerson/mom"], "authorizedPurposes": ["FAMRQT"]},
        "whom": {"birthDate": birth},
    }
    assert because(what=[DEP], why={"purposeOfUse": ["FAMRQT"]}, given={"guardianships": [held]}, **told) == expected


def test_an_unknown_level_of_proof_breaks_no_glass():
    rules = {"breakGlass": {**W.register["breakGlass"], "minAuthnLevel": 1}}
    why = {"purposeOfUse": ["BTG"], "justification": "unconscious"}
    for level, expected in ((None, "break-glass-not-authorised"), (0, "break-glass-not-authorised"), (1, "released")):
        assert because(who={"authnLevel": level}, why=why, register=rules) == expected


def test_a_no_by_default_names_no_rule():
    steps = explain(*W.asked())
    assert [s["rule"] for s in steps if s["step"] == "verdict"] == [""]
