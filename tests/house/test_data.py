"""Every row that decides something names itself and its source: maps, code tables, grammars, policies, sites."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from gateway.model.wire import read_json
from tests.house.source import ROOT

_CSV = sorted((ROOT / "mappings").rglob("*.csv"))
_MAPS = sorted(
    path for path in (ROOT / "mappings").rglob("*.yaml") if path.parent.name != "codes" and path.name != "names.yaml"
)
_GRAMMARS = sorted((ROOT / "validators").rglob("*.yaml"))
_SITES = [ROOT / "gateway/demo/site", ROOT / "gateway/site/starter"]
_LISTS = ("rows", "children", "fields")


def _named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _loaded(path: Path) -> Any:
    return yaml.load(path.read_text("utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def _rows(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every row of a file, those inside rows as well."""
    if isinstance(value, dict):
        for name, inside in value.items():
            if name in _LISTS and isinstance(inside, list):
                yield from (row for row in inside if isinstance(row, dict))
            yield from _rows(inside)
    elif isinstance(value, list):
        for one in value:
            yield from _rows(one)


@pytest.mark.parametrize("path", _CSV, ids=_named)
def test_a_code_names_itself_and_its_source(path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert [row for row in rows if not row["id"].strip() or not row["source"].strip()] == []
    assert [id for id, times in Counter(row["id"] for row in rows).items() if times > 1] == []


def test_a_map_names_its_source_and_its_rows_themselves() -> None:
    assert _MAPS
    for path in _MAPS:
        made = _loaded(path)
        assert made.get("map"), _named(path)
        assert made.get("source"), _named(path)
        rows = made.get("rows") or []
        assert all(row.get("id") for row in rows), _named(path)
        assert [id for id, times in Counter(row["id"] for row in rows).items() if times > 1] == [], _named(path)


def test_maps_are_sound() -> None:
    from gateway.data import data_path
    from gateway.mapping import compiler
    from gateway.mapping.check import problems

    for standard in sorted({path.relative_to(ROOT / "mappings").parts[0] for path in _MAPS}):
        assert list(problems(compiler(standard, (data_path("mappings"),)))) == []


def test_a_grammar_keeps_its_schema_and_its_rows_name_themselves() -> None:
    schema = jsonschema.Draft202012Validator(read_json((ROOT / "validators/rule.schema.json").read_bytes()))
    assert _GRAMMARS
    for path in _GRAMMARS:
        made = _loaded(path)
        assert [error.message for error in schema.iter_errors(made)] == [], _named(path)
        assert [row for row in _rows(made) if not row.get("id") or not row.get("source")] == [], _named(path)


@pytest.mark.parametrize("root", _SITES, ids=_named)
def test_a_site_of_ours_is_sound_and_names_its_sources(root: Path) -> None:
    from gateway.site import check_site

    site, problems = check_site(root)
    assert problems == ()
    assert site is not None
    for folder in ("participants", "agreements"):
        for path in (root / folder).glob("*.yaml"):
            assert _loaded(path)["source"], _named(path)


def test_every_schema_of_ours_is_a_schema() -> None:
    schemas = [path for top in ("mappings", "validators") for path in (ROOT / top).rglob("*.schema.json")]
    assert len(schemas) > 3
    for path in schemas:
        jsonschema.Draft202012Validator.check_schema(read_json(path.read_bytes()))
