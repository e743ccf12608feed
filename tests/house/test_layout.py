"""The house stands as ARCHITECTURE.md draws it: folders, names, sizes, and tests that mirror the code."""

from __future__ import annotations

import ast
import re

import pytest

from tests.house.source import ROOT, modules

_FILES = (
    "README.md", "ARCHITECTURE.md", "DECISIONS.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "NOTICE", "Makefile", "pyproject.toml",
    "requirements.lock", "requirements-dev.lock", ".pre-commit-config.yaml", ".ci/run", "openapi/gateway.json",
    "mappings/mapping.schema.json", "mappings/README.md", "validators/rule.schema.json", "profiles/README.md",
)  # fmt: skip
_ROOMS = (
    "audit", "cli", "consent", "console", "definitions", "demo", "fhirpath", "inbound", "mapping", "model", "outbound", "pipeline",
    "searching", "site", "stages", "standards", "store", "terminology", "validating",
)  # fmt: skip
_STAGES = ("receive", "parse", "validate", "map", "identify", "decide", "release", "read", "deliver", "record")
_NO_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "processor", "base"}
_MOST_LINES = 300
_LONGER = {
    "gateway/mapping/compile.py": "one row of a map is compiled in one place; it is split by kind of row before it grows",
}
_UNMIRRORED = {
    "cli": "a command is tested in the room that it speaks for (tests/site/test_command.py …)",
    "fhirpath": "empty until FHIRPath comes",
    "pipeline": "the line is tested whole (tests/flows)",
}


@pytest.mark.parametrize("name", _FILES)
def test_file_is_there(name: str) -> None:
    assert (ROOT / name).is_file()


def test_the_rooms_are_those_of_the_house() -> None:
    found = {
        path.name
        for path in (ROOT / "gateway").iterdir()
        if path.is_dir() and path.name not in ("__pycache__", "_data")
    }
    assert found == set(_ROOMS)


def test_every_stage_is_one_file_and_no_other_stands_beside_them() -> None:
    found = {path.stem for path in (ROOT / "gateway/stages").glob("*.py")} - {"__init__"}
    assert found == set(_STAGES)


def test_no_file_is_named_after_nothing() -> None:
    parts = {module.path: set(module.name.split(".")) for module in modules()}
    assert {path for path, names in parts.items() if names & _NO_NAMES} == set()


def test_files_stay_readable() -> None:
    long = {module.path for module in modules() if len(module.lines) > _MOST_LINES}
    assert long <= _LONGER.keys(), f"over {_MOST_LINES} lines without a reason: {sorted(long - _LONGER.keys())}"


def test_no_excuse_outlives_its_file() -> None:
    here = {module.path for module in modules()}
    assert _LONGER.keys() <= here


def test_tests_mirror_the_code() -> None:
    rooms = {path.name for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert set(_ROOMS) - rooms <= _UNMIRRORED.keys()


def test_every_standard_has_its_maps_and_its_tests() -> None:
    standards = [path.name for path in (ROOT / "gateway/standards").iterdir() if (path / "__init__.py").is_file()]
    assert standards
    for name in standards:
        assert (ROOT / "mappings" / name).is_dir(), name
        assert (ROOT / "tests/standards" / name).is_dir(), name


def test_every_module_says_what_it_is() -> None:
    assert [module.path for module in modules() if not ast.get_docstring(module.tree)] == []


def test_nothing_is_left_to_do_without_an_issue() -> None:
    mark = re.compile(r"#\s*(TODO|FIXME|XXX)\b(?!\(#\d+\))")
    assert [m.path for m in modules() if mark.search(m.text)] == []


def test_no_note_between_developers_is_handed_on() -> None:
    notes = [path for path in (ROOT / "gateway").rglob("*") if path.suffix in (".txt", ".orig", ".rej", ".bak")]
    assert notes == []


def test_every_room_of_consent_is_changed_by_mutants() -> None:
    """What is not tried there has tests that nobody has tested (`make mutants`)."""
    told = (ROOT / "tests" / "mutants" / "run.py").read_text("utf-8").partition("MODULES = (")[2].partition(")")[0]
    rooms = {path.stem for path in (ROOT / "gateway" / "consent").glob("*.py")} - {"__init__"}
    assert set(re.findall(r'"(\w+)"', told)) == rooms
