"""`gateway site new|check|register`: exit codes and what is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.site import app
from gateway.model.wire import write_json

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


def test_register_a_client_or_say_why_not(root: Path, tmp_path: Path) -> None:
    from joserfc.jwk import ECKey

    key = ECKey.generate_key("P-384", {"kid": "a"})
    public, private = tmp_path / "public.json", tmp_path / "private.json"
    public.write_bytes(write_json(key.as_dict(private=False)))
    private.write_bytes(write_json({"keys": [key.as_dict(private=True)]}))
    path = root / "participants" / "hospital.yaml"
    before = path.read_text("utf-8")
    good = [
        "register",
        str(root),
        "hospital",
        "--client",
        "emr",
        "--jwks",
        str(public),
        "--scopes",
        "system/Patient.rs system/*.c",
    ]
    for slip in (
        [*good[:-1], "patient/*.r"], [*good[:-2]], [*good[:6], str(private), *good[7:]], [*good[:6], str(tmp_path / "none"), *good[7:]],
        [*good[:2], "nobody", *good[3:]], [*good[:6], str(root / "site.yaml"), *good[7:]], [*good[:4], "a b", *good[5:]],
    ):  # fmt: skip
        assert CliRunner().invoke(app, slip).exit_code == 2, slip
        assert path.read_text("utf-8") == before
    done = CliRunner().invoke(app, good)
    assert (done.exit_code, done.stdout) == (0, "emr: registered with hospital.\n")
    assert path.read_text("utf-8").startswith(before.rstrip())
    assert CliRunner().invoke(app, ["check", str(root)]).exit_code == 0
    again = [*good[:2], "care-team", *good[3:]]
    assert CliRunner().invoke(app, again).exit_code == 2
    other = ECKey.generate_key("P-384", {"kid": "b"})
    public.write_bytes(write_json({"keys": [other.as_dict(private=False)]}))
    assert CliRunner().invoke(app, [*good[:4], "emr-2", *good[5:]]).exit_code == 0
    assert CliRunner().invoke(app, ["check", str(root)]).exit_code == 0


def test_register_prints_the_key_once(root: Path) -> None:
    done = CliRunner().invoke(app, ["register", str(root), "hospital", "--roles", "system,auditor"])
    assert done.exit_code == 0
    key = done.stdout.strip().splitlines()[-1]
    assert re.fullmatch(r"ieum_hospital_[A-Za-z0-9_-]{43}", key)
    assert key not in (root / "participants" / "hospital.yaml").read_text("utf-8")
    assert CliRunner().invoke(app, ["check", str(root)]).exit_code == 0


def test_register_refuses_whom_it_does_not_know(root: Path) -> None:
    assert CliRunner().invoke(app, ["register", str(root), "nobody"]).exit_code == 2
