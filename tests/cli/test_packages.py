"""`gateway packages add|list|remove`: exit codes and what is printed."""

import json

import pytest
from typer.testing import CliRunner

from gateway.cli.packages import app
from tests.definitions.test_package import MANIFEST, packed_json, value_set


@pytest.fixture(autouse=True)
def data_dir(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def run(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_what_is_no_package_is_refused(tmp_path):
    (tmp_path / "text.tgz").write_text("no archive")
    (tmp_path / "old.tgz").write_bytes(packed_json({**MANIFEST, "fhirVersions": ["3.0.2"]}))
    for name, said in {
        "text.tgz": "not a readable .tgz",
        "old.tgz": "not for FHIR R4",
        "absent.tgz": "no such package",
    }.items():
        done = run("add", tmp_path / name)
        assert done.exit_code == 2
        assert said in done.stderr
        assert name in done.stderr


def test_a_package_that_is_not_there_cannot_be_removed():
    assert run("remove", "example.pack#1.0.0").exit_code == 2
    assert run("remove", "..#..").exit_code == 2


def test_added_listed_and_removed(tmp_path):
    assert "No packages" in run("list").stdout
    manifest = {**MANIFEST, "dependencies": {"other.pack": "2.0.0"}}
    (tmp_path / "p.tgz").write_bytes(packed_json(manifest, a=value_set()))
    added = run("add", tmp_path / "p.tgz")
    assert (added.exit_code, added.stdout) == (0, "example.pack#1.0.0 is at hand\n")
    listed = run("list").stdout
    assert "example.pack#1.0.0" in listed
    assert "other.pack#2.0.0" in listed
    (row,) = json.loads(run("list", "--json").stdout)
    assert row["missing"] == [{"name": "other.pack", "version": "2.0.0", "neededBy": "example.pack"}]
    assert (row["fhirVersion"], row["counts"], row["usable"]) == ("4.0.1", {"ValueSet": 1}, True)
    assert run("remove", "example.pack#1.0.0").exit_code == 0
    assert json.loads(run("list", "--json").stdout) == []


TABLE = "LOINC_NUM,COMPONENT,STATUS,VersionLastChanged,LONG_COMMON_NAME\n0-0,Nothing,ACTIVE,1.0,Nothing at all\n"


def test_a_release_of_a_code_system_is_told_by_its_files(tmp_path, data_dir):
    (tmp_path / "release" / "LoincTable").mkdir(parents=True)
    (tmp_path / "release" / "LoincTable" / "Loinc.csv").write_text(TABLE)
    added = run("add", tmp_path / "release")
    assert (added.exit_code, added.stdout) == (0, "loinc with 1 concepts is at hand\n")
    assert "http://loinc.org" in run("list").stdout
    (row,) = json.loads(run("list", "--json").stdout)
    assert (row["codeSystem"], row["usable"]) == ("http://loinc.org", True)
    (data_dir / "terminology" / "loinc.db").write_bytes(b"no database")
    assert "add it again" in run("list").stdout
    assert run("remove", "loinc").exit_code == 0
    assert run("remove", "loinc").exit_code == 2


def test_a_folder_or_zip_that_is_neither_is_refused(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "x.zip").write_text("no zip")
    assert run("add", tmp_path / "folder").exit_code == 2
    assert run("add", tmp_path / "x.zip").exit_code == 2
