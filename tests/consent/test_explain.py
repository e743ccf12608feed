"""Explanations name the rule, and the command line says the same as the engine."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from gateway.cli.consent import app
from gateway.consent import decide
from gateway.consent.explain import explain


def said(steps, kind):
    return {
        step.get("consent") or step.get("statute") or step.get("item") or "": step["says"]
        for step in steps
        if step["step"] == kind
    }


def test_each_consent_says_why_it_counts_or_not(world):
    same = {"policy": [{"uri": "urn:policy:s"}]}
    consents = [
        world.consent(world.rule("permit"), "old", **same),
        world.consent(world.rule("permit"), "new", dateTime="2026-06-01", **same),
        world.consent(world.rule("permit"), "gone", status="inactive"),
        world.consent(world.rule("permit"), "later", dateTime="2027-01-01"),
        world.consent(world.rule("permit"), "other", patient={"reference": "Patient/q"}),
        world.consent(world.rule("permit"), "research", scope={}),
        world.consent(world.rule("permit", period={"end": "2026-01-01"}), "ended"),
        world.consent(world.rule("permit"), "forged", verification=[{"verified": False}]),
        world.consent(world.rule(None), "vague"),
    ]
    steps = explain(*world.asked(*consents))
    assert said(steps, "consent") == {
        "old": "superseded",
        "new": "counts",
        "gone": "not-active",
        "later": "in-the-future",
        "other": "other-patient",
        "research": "other-scope",
        "ended": "out-of-period",
        "forged": "untrusted: not-verified",
        "vague": "indeterminate:no-base-rule",
    }


def test_statutes_labels_votes_and_verdicts(world):
    request, given, register = world.asked(
        world.consent(world.rule("permit", world.rule("deny", class_=["Condition"]))),
        world.consent(world.rule("permit", purpose=["COC"]), "silent"),
        who={"organizationType": "agency", "authorizedPurposes": ["PUBHLTH"]},
        why={"purposeOfUse": ["PUBHLTH"], "legalBasis": ["REPORT", "ELIGIBILITY"]},
        what=[
            world.coded("Condition/tb", "A15"),
            world.coded("Condition/dep", "F32"),
            world.coded("Observation/l", "zz", "urn:x"),
            {"x": 1},
        ],
    )
    steps = explain(request, given, register)
    assert said(steps, "statute") == {"REPORT": "applies", "ELIGIBILITY": "not met: recipient-type"}
    assert said(steps, "label") == {
        "Condition/tb": "N",
        "Condition/dep": ["PSY", "R"][1] + " PSY",
        "Observation/l": "R unclassified",
    }
    verdicts = {s["item"]: (s["says"], s["reason"]) for s in steps if s["step"] == "verdict"}
    assert verdicts["Condition/tb"] == ("permit", "statute:REPORT")
    assert verdicts["Condition/dep"] == ("deny", "consent-deny")
    assert verdicts[""] == ("deny", "cannot be read")
    nodes = {(s["item"], s["consent"]): (s["says"], s.get("node")) for s in steps if s["step"] == "vote"}
    assert nodes["Condition/dep", "c1"] == ("deny", "provision.provision[0]")
    assert nodes["Condition/dep", "silent"] == ("silent", None)
    assert {s["says"] for s in steps if s["step"] == "reach"} == {"reached", "other"}


def test_a_refused_question_permits_no_item(world):
    steps = explain(*world.asked(world.consent(world.rule("permit")), why={"purposeOfUse": ["BLAH"]}))
    assert steps[0]["says"] == "purpose-unknown"
    assert [s["says"] for s in steps if s["step"] == "verdict"] == ["deny"]
    stored = explain(*world.asked(given={"consents": None}))
    assert {"step": "consent", "consent": "", "says": "store-unavailable"} in stored
    assert explain({}, {}, {})[0]["says"] == "cannot be read"


def test_every_step_to_the_letter(world):
    r5 = {"resourceType": "Consent", "id": "c5", "decision": "permit", "grantee": [{}]}
    permit, broken = world.consent(world.rule("permit")), world.consent(world.rule("permit"), "broken", policy=[7])
    request, given, register = world.asked(permit, broken, r5, 7, what=[{"x": 1}, world.a1c])
    item, says = "Observation/a1c", "indeterminate:no-base-rule"
    assert explain(request, given, register) == [
        {"step": "question", "says": "may be asked"},
        {"step": "consent", "consent": "c1", "says": "counts"},
        {"step": "consent", "consent": "broken", "says": "indeterminate:no-base-rule"},
        {"step": "consent", "consent": "[2]", "says": "cannot be restated: unknown-element (Consent.grantee)"},
        {"step": "consent", "consent": "[3]", "says": "cannot be read"},
        {"step": "verdict", "item": "", "says": "deny", "reason": "cannot be read"},
        {"step": "label", "item": item, "says": "N"},
        {"step": "vote", "item": item, "consent": "", "says": "no-base-rule"},
        {"step": "vote", "item": item, "consent": "broken", "says": "no-base-rule"},
        {"step": "vote", "item": item, "consent": "c1", "says": "permit", "node": "provision"},
        {"step": "vote", "item": item, "consent": "c5", "says": "no-base-rule"},
        {"step": "verdict", "item": item, "says": "deny", "reason": says, "rule": ""},
        {
            "step": "decision",
            "says": "deny",
            "reason": f"default-deny+{says}",
            "result": decide(request, given, register),
        },
    ]
    assert explain({}, {}, {})[0] == {"step": "question", "says": "cannot be read"}
    nameless = explain(*world.asked(world.consent(world.rule("permit"), id=...)))
    assert nameless[1] == {"step": "consent", "consent": "", "says": "counts"}


def test_how_far_a_statute_reaches(world):
    report = {**world.register["statutes"][0], "supports": ["Patient"]}
    asked = world.asked(
        who={"organizationType": "agency", "authorizedPurposes": ["PUBHLTH"]},
        why={"purposeOfUse": ["PUBHLTH"], "legalBasis": "REPORT"},
        what=[world.coded("Condition/tb", "A15"), {"reference": "Patient/p", "code": []}, world.a1c],
        register={"statutes": [report]},
    )
    assert [step for step in explain(*asked) if step["step"] == "reach"] == [
        {"step": "reach", "item": "Condition/tb", "statute": "REPORT", "says": "reached"},
        {"step": "reach", "item": "Patient/p", "statute": "REPORT", "says": "support"},
        {"step": "reach", "item": "Observation/a1c", "statute": "REPORT", "says": "other"},
    ]


@pytest.fixture
def run():
    runner = CliRunner()
    return lambda *words: runner.invoke(app, list(map(str, words)))


def test_replay(world, run, tmp_path):
    request, given, register = world.asked(world.consent(world.rule("permit")))
    expect = decide(request, given, register)
    vectors = [
        {"id": "a", "request": request, "given": given, "expect": expect},
        {"id": "b", "request": request, "given": given},
    ]
    file = tmp_path / "v.json"
    file.write_text(json.dumps({"policyRegister": register, "vectors": vectors}))
    result = run("replay", file)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.exit_code, lines) == (0, [{"id": "a", **expect}, {"id": "b", **expect}])
    vectors[0]["expect"] = expect | {"decision": "deny"}
    file.write_text(json.dumps({"policyRegister": register, "vectors": vectors}))
    assert run("replay", file).exit_code == 1


def test_explain_command(world, run, tmp_path):
    request, given, register = world.asked(world.consent(world.rule("permit")))
    file = tmp_path / "r.json"
    file.write_text(json.dumps({"request": request, "given": given, "register": register}))
    lines = [json.loads(line) for line in run("explain", file, "--json").stdout.splitlines()]
    assert lines[-1]["says"] == "permit"
    table = run("explain", file)
    assert table.exit_code == 0
    assert "verdict" in table.stdout


@pytest.mark.parametrize(("command", "text"), [("replay", "[]"), ("replay", "{"), ("explain", "{}"), ("explain", None)])
def test_unusable_files(run, tmp_path, command, text):
    file = tmp_path / "x.json"
    if text is not None:
        file.write_text(text)
    assert run(command, file).exit_code == 2
