"""Truth tables beside policies: what they expect comes out, every rule has its cases, and a change of a rule shows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

import gateway
from gateway.cli.site import app
from gateway.consent.truth import truth_problems
from gateway.site import load_site

SITES = [Path(gateway.__file__).parent / part for part in ("demo/site", "site/starter")]
RULES, CASES = "policies/rules.yaml", "policies/rules.cases.yaml"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SITES[0], tmp_path / "site"))


def change(root: Path, file: str, old: str, new: str) -> None:
    text = (root / file).read_text("utf-8")
    assert old in text
    (root / file).write_text(text.replace(old, new, 1), "utf-8")


def said(root: Path) -> list[str]:
    return [str(problem) for problem in truth_problems(load_site(root))]


@pytest.mark.parametrize("root", SITES, ids=lambda p: p.name)
def test_the_shipped_tables_hold(root: Path) -> None:
    assert (root / CASES).is_file()
    assert said(root) == []


CHANGED = [
    (RULES, "recipientTypes: [public-health-agency]", "recipientTypes: [public-health-agency, insurer]", "not-to-others", "decision permit"),
    (RULES, "    mandatory: true", "    mandatory: false", "over-a-refusal", "decision deny"),
    (RULES, "purposes: [HMARKT]", "purposes: [FRAUD]", "no-marketing", "reason default-deny"),
    (RULES, "codePrefix: [T74, Y07]", "codePrefix: [T74, Y07, I10]", "nothing-else-goes-with-it", "decision permit"),
    (RULES, "obligations: [MINEC, NOREUSE]", "obligations: [MINEC]", "a-reported-result-goes)", "obligations AOD, MINEC"),
    (CASES, "decision: permit, reason", "decision: deny, reason", "a-reported-result-goes", "decision permit"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "case", "says"), CHANGED, ids=[case[3] for case in CHANGED])
def test_a_changed_rule_shows_with_file_and_line(
    site: Path, file: str, old: str, new: str, case: str, says: str
) -> None:
    change(site, file, old, new)
    found = said(site)
    assert any(line.startswith(f"{CASES}:") and case in line and says in line for line in found), found


def test_the_check_of_a_site_says_the_same(site: Path) -> None:
    for file, old, new, *_ in CHANGED[::3]:
        change(site, file, old, new)
    found = said(site)
    told = CliRunner().invoke(app, ["check", str(site)])
    assert told.exit_code == 1
    assert all(line in told.output for line in found)


UNCOVERED = [
    (CASES, "legalBasis: KR-IDCPA-11}\n  how", "legalBasis: OTHER}\n  how", "KR-IDCPA-11: no case of the truth table is let out"),
    (CASES, "purposeOfUse: [HMARKT]", "purposeOfUse: [PUBHLTH]", "NO-MARKETING: no case"),
    (RULES, "prohibitions:\n", "prohibitions:\n  - {id: NEW, purposes: [FRAUD], source: test}\n", "NEW: no case"),
    (RULES, "statutes:\n",
     "handling:\n  - {id: H, source: t, purposes: [COC], type: Patient, path: birthDate, how: year}\nstatutes:\n", "H: no case"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "says"), UNCOVERED, ids=[row[3] for row in UNCOVERED])
def test_a_rule_without_a_case_shows(site: Path, file: str, old: str, new: str, says: str) -> None:
    change(site, file, old, new)
    assert any(line.startswith(f"{RULES}:") and says in line for line in said(site)), said(site)


def test_a_statute_needs_a_case_that_names_it_in_vain(site: Path) -> None:
    text = (site / CASES).read_text("utf-8")
    keep = [part for part in text.split("  - id: ") if "nothing-else" not in part]
    (site / CASES).write_text("  - id: ".join(keep), "utf-8")
    assert [line for line in said(site) if "KR-CHILDABUSE-10" in line and "in vain" in line]


def test_a_change_that_is_expected(site: Path) -> None:
    row = (
        "handling:\n  - {id: H, source: t, purposes: [PUBHLTH], type: Patient, path: birthDate, how: year}\nstatutes:\n"
    )
    change(site, RULES, "statutes:\n", row)
    change(site, CASES, "obligations: [AOD, MINEC, NOREUSE]}", "changes: [Patient.birthDate year]}")
    assert said(site) == []


BROKEN = [
    ("cases:", "cases: []\nmore:"), ("says:", "sayz:"), ("decision: permit", "decision: perhaps"), ("id: another-result-stays", "id: no-marketing"),

]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), BROKEN, ids=[row[0] for row in BROKEN])
def test_a_table_of_wrong_form(site: Path, old: str, new: str) -> None:
    change(site, CASES, old, new)
    found = said(site)
    assert found
    assert all(line.startswith(f"{CASES}:") for line in found)


def test_a_table_beside_nothing_and_one_that_cannot_be_read(site: Path) -> None:
    (site / "policies/stray.cases.yaml").write_text("cases: []\n", "utf-8")
    assert said(site) == ["policies/stray.cases.yaml:1: There is no file of policies of this name beside it."]
    (site / CASES).write_text("a: [", "utf-8")
    assert any("not one well-formed" in line for line in said(site))


def test_a_table_rules_nothing(site: Path) -> None:
    """It is no policy, but it is versioned with them."""
    before = load_site(site)
    change(site, CASES, "base:", "about: changed\nbase:")
    after = load_site(site)
    assert before.register == after.register
    assert before.revision != after.revision
