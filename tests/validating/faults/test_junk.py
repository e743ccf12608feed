"""Junk in documents and in definitions that a stranger gave: findings or an error of ours, never a crash, never long (R4 security.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle
from typing import Any

import pytest

from gateway.errors import GatewayError
from gateway.validating import Validator
from tests.validating.faults.cases import Sheet, sheets
from tests.validating.mutants.document import Path, changed

_JUNK: Sequence[Any] = (
    None,
    True,
    7,
    -1.5,
    "",
    "x",
    "#",
    "|",
    "urn:uuid:1",
    "2020",
    {},
    [],
    [None],
    [[]],
    [{}],
    {"x": 1},
    {"resourceType": "Patient"},
    {"resourceType": []},
    ["a", 1, {}],
    {"extension": {}},
    {"coding": [None]},
    {"reference": {}},
    {"url": []},
    {"system": {}, "code": []},
    {"profile": [7, None]},
    {"div": 7},
    {"contained": [7]},
    {"entry": 7},
    "Patient.name.name",
    "repeat($this)",
    "99999999999",
)
_EVERY = 5
_SHEETS = {sheet.name: sheet for sheet in sheets()}
_DEFINING = [name for name, sheet in _SHEETS.items() if sheet.resources]


def _spots(node: Any, path: Path = ()) -> Iterator[Path]:
    rows = node.items() if isinstance(node, Mapping) else enumerate(node) if isinstance(node, list) else ()
    for step, each in rows:
        yield (*path, step)
        yield from _spots(each, (*path, step))


def _documents(sheet: Sheet) -> list[tuple[Mapping[str, Any], Sequence[str]]]:
    profiles = {name: sorted(urls) for name, urls in sheet.base_profiles.items()}
    return [(sheet.bases[name], urls) for name, urls in profiles.items()]


@pytest.mark.parametrize("name", _SHEETS)
def test_junk_in_a_document_is_a_finding(name: str) -> None:
    sheet, junk = _SHEETS[name], cycle(_JUNK)
    validator = Validator(resources=sheet.resources)
    for document, profiles in _documents(sheet):
        for path in _spots(document):
            broken = changed(document, path, next(junk))
            assert validator.report(broken, profiles).as_outcome()["issue"], path


@pytest.mark.parametrize("name", _DEFINING)
def test_junk_in_a_definition_is_an_error_of_ours_or_a_finding(name: str) -> None:
    sheet, junk = _SHEETS[name], cycle(_JUNK)
    spots = [(place, path) for place, each in enumerate(sheet.resources) for path in _spots(each)]
    documents = cycle(_documents(sheet))
    for place, path in spots[::_EVERY]:
        resources = list(sheet.resources)
        resources[place] = changed(resources[place], path, next(junk))
        _judged(resources, *next(documents))


def _judged(resources: Sequence[Mapping[str, Any]], document: Mapping[str, Any], profiles: Sequence[str]) -> None:
    try:
        outcome = Validator(resources=resources).validate(document, profiles)
    except GatewayError:
        return
    assert outcome["issue"]
