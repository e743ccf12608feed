"""`gateway site new|check|register`: exit codes and what is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.site import app

DEMO = Path(__file__).parents[2] / "gateway" / "demo" / "site"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    assert CliRunner().invoke(app, ["new", str(tmp_path / "site")]).exit_code == 0
    return tmp_path / "site"


def test_new_writes_only_where_nothing_stands(root: Path) -> None:
    assert CliRunner().invoke(app, ["new", str(root)]).exit_code == 2
    (root.parent / "file").write_text("x")
    assert CliRunner().invoke(app, ["new", str(root.parent / "file")]).exit_code == 2


def test_check_of_what_is_no_site_is_unusable(tmp_path: Path) -> None:
    assert CliRunner().invoke(app, ["check", str(tmp_path)]).exit_code == 2


def test_check_prints_each_problem_with_file_and_line(root: Path) -> None:
    path = root / "agreements" / "discharge-to-care-team.yaml"
    path.write_text(path.read_text("utf-8").replace("state: draft", "state: often"), "utf-8")
    done = CliRunner().invoke(app, ["check", str(root)])
    assert done.exit_code == 1
    assert re.match(r"agreements/discharge-to-care-team\.yaml:\d+: state: ", done.stdout)


def test_check_also_asks_the_rules_of_policies(root: Path) -> None:
    path = root / "policies" / "rules.yaml"
    path.write_text(path.read_text("utf-8").replace("purposes: [PUBHLTH]", "purposes: [PUBLICITY]"), "utf-8")
    done = CliRunner().invoke(app, ["check", str(root)])
    assert (done.exit_code, "purposes" in done.stdout) == (1, True)


def test_the_starter_and_the_demo_pass(root: Path) -> None:
    for site in (root, DEMO):
        done = CliRunner().invoke(app, ["check", str(site)])
        assert done.exit_code == 0, done.output
        assert "sound" in done.output


def test_register_prints_the_key_once(root: Path) -> None:
    done = CliRunner().invoke(app, ["register", str(root), "hospital", "--roles", "system,auditor"])
    assert done.exit_code == 0
    key = done.stdout.strip().splitlines()[-1]
    assert re.fullmatch(r"ieum_hospital_[A-Za-z0-9_-]{43}", key)
    assert key not in (root / "participants" / "hospital.yaml").read_text("utf-8")
    assert CliRunner().invoke(app, ["check", str(root)]).exit_code == 0


def test_register_refuses_whom_it_does_not_know(root: Path) -> None:
    assert CliRunner().invoke(app, ["register", str(root), "nobody"]).exit_code == 2
