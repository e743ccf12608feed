"""A truth table of one's own beside the demo's policies: what each of its cases and each rule without one is answered with, and where."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.consent.truth import truth_problems
from gateway.site import load_site

RULES, CASES = "policies/rules.yaml", "policies/rules.cases.yaml"
OTHER = {"reference": "Observation/other", "code": [{"system": "http://loinc.org", "code": "4548-4"}]}
REPORTED = {
    "reference": "Observation/reported",
    "code": [{"system": "http://loinc.org", "code": "5671-3"}],
    "reportRule": ["KR-1-ANTHRAX-PLAGUE"],
}
PERMIT = {
    "resourceType": "Consent", "id": "yes", "status": "active", "scope": {"coding": [{"code": "patient-privacy"}]},
    "patient": {"reference": "Patient/p"}, "policy": [{"uri": "urn:yes"}], "provision": {"type": "permit"},
}  # fmt: skip
BOTH = {
    "id": "both", "says": "x", "request": {"what": [REPORTED, OTHER]}, "implicit": "permit-authorised-normal",
    "expect": {"decision": "permit", "reason": "implicit:permit-authorised-normal+statute:KR-IDCPA-11"},
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(Path(gateway.__file__).parent / "demo/site", tmp_path / "site"))


def told(root: Path, *cases: dict[str, Any]) -> list[str]:
    """The problems of a table of these cases, a line each; `@` stands for the line before the first."""
    path = root / CASES
    head = path.read_text("utf-8").partition("cases:\n")[0] + "cases:\n"
    path.write_text(head + "".join(f"  - {json.dumps(case)}\n" for case in cases), "utf-8")
    start = head.count("\n")
    found = [str(problem) for problem in truth_problems(load_site(root))]
    lines = {f"{CASES}:{start + number}:": f"{CASES}:@{number}:" for number in range(len(cases) + 1)}
    return [lines.get(one.partition(" ")[0], one.partition(" ")[0]) + " " + one.partition(" ")[2] for one in found]


def case(id: str, request: dict[str, Any] | None = None, **expect: Any) -> dict[str, Any]:
    reason = "statute:KR-IDCPA-11" if expect.get("decision") == "permit" else "default-deny"
    return {"id": id, "says": "x", "request": request or {}, "expect": {"decision": "deny", "reason": reason, **expect}}


def wrong(root: Path, *cases: dict[str, Any]) -> list[str]:
    return [one for one in told(root, *cases) if one.startswith(CASES)]


def line(root: Path, text: str) -> str:
    return f"{RULES}:{(root / RULES).read_text('utf-8').partition(text)[0].count(chr(10)) + 1}:"


def test_a_case_that_comes_out_otherwise(site):
    cases = [
        case("a", reason="x", released=[], obligations=["AOD"]),
        case(
            "b",
            {"what": [OTHER]},
            decision="permit",
            reason="default-deny",
            released=["Observation/other"],
            obligations=[],
        ),
        case(
            "c",
            decision="permit",
            released=["Observation/reported"],
            obligations=["NOREUSE", "AOD", "MINEC"],
            changes=[],
        ),
    ]
    assert wrong(site, *cases) == [
        f"{CASES}:@1: cases[0] (a): the policies say decision permit.",
        f"{CASES}:@1: cases[0] (a): the policies say reason statute:KR-IDCPA-11.",
        f"{CASES}:@1: cases[0] (a): the policies say released Observation/reported.",
        f"{CASES}:@1: cases[0] (a): the policies say obligations AOD, MINEC, NOREUSE.",
        f"{CASES}:@2: cases[1] (b): the policies say decision deny.",
        f"{CASES}:@2: cases[1] (b): the policies say released none.",
    ]


def test_a_problem_stands_at_what_was_expected(site):
    path = site / CASES
    text = path.read_text("utf-8").replace(
        "    expect: {decision: permit, reason",
        "    expect:\n      obligations: []\n      decision: deny\n      reason",
        1,
    )
    path.write_text(
        text.replace(", released: [Observation/reported], obligations: [AOD, MINEC, NOREUSE]}", "", 1), "utf-8"
    )
    start = text.partition("obligations: []")[0].count("\n") + 1
    assert [str(problem).partition(" ")[0] for problem in truth_problems(load_site(site))] == [
        f"{CASES}:{start}:",
        f"{CASES}:{start + 1}:",
    ]


def test_an_id_that_is_there_twice_stops_the_table(site):
    same = [case("a", decision="deny"), case("b", decision="deny"), case("a", decision="deny")]
    assert told(site, *same) == [f"{CASES}:@3: cases[2].id: this id is there twice."]
    path = site / CASES
    path.write_text(
        path.read_text("utf-8") + "  - says: x\n    id: a\n    expect: {decision: deny, reason: default-deny}\n",
        "utf-8",
    )
    at = path.read_text("utf-8").count("\n") - 1
    assert [str(problem) for problem in truth_problems(load_site(site))][
        1
    ] == f"{CASES}:{at}: cases[3].id: this id is there twice."


def test_a_case_has_its_own_consents_and_its_own_policy_for_what_nothing_is_said_of(site):
    asked = {"what": [OTHER], "who": {"references": ["Organization/x"]}, "why": {"legalBasis": ""}}
    permitted = case("a", asked, decision="permit", reason="consent-permit")
    silent = case("b", asked)
    implied = case("c", asked, decision="permit", reason="implicit:permit-authorised-normal") | {
        "implicit": "permit-authorised-normal"
    }
    assert wrong(site, {**permitted, "consents": [PERMIT]}, silent, implied) == []


COVERED = [
    (case("a", {"why": {"legalBasis": ""}}), ["let out", "in vain"]), (case("a", {"what": [OTHER]}), ["let out"]),
    (case("a", decision="permit"), ["in vain"]), (BOTH, ["in vain"]),  # by that statute and something else
]  # fmt: skip


@pytest.mark.parametrize(
    ("made", "missing"), COVERED, ids=["not named", "in vain", "let out", "let out beside another"]
)
def test_each_rule_without_its_cases(site, made, missing):
    rules = site / RULES
    row = "handling:\n  - {id: H, source: t, purposes: [COC], type: Patient, path: birthDate, how: year}\nstatutes:\n"
    rules.write_text(rules.read_text("utf-8").replace("statutes:\n", row, 1), "utf-8")
    idcpa, abuse = line(site, "- id: KR-IDCPA-11"), line(site, "- id: KR-CHILDABUSE-10")
    rest = [
        f"{abuse} KR-CHILDABUSE-10: no case of the truth table is let out by this statute.",
        f"{abuse} KR-CHILDABUSE-10: no case of the truth table names this statute in vain.",
        f"{line(site, '- {id: NO-MARKETING')} NO-MARKETING: no case of the truth table is prohibited by this.",
        f"{line(site, '- {id: LEGAL-NEEDS-ORDER')} LEGAL-NEEDS-ORDER: no case of the truth table is prohibited by this.",
        f"{line(site, '- {id: H')} H: no case of the truth table expects this change.",
    ]
    said = {
        "let out": f"{idcpa} KR-IDCPA-11: no case of the truth table is let out by this statute.",
        "in vain": f"{idcpa} KR-IDCPA-11: no case of the truth table names this statute in vain.",
    }
    assert told(site, made) == [*(said[one] for one in missing), *rest]
