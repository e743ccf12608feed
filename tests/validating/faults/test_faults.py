"""One fault, one finding at the right place; a valid document of the same kind, none (R4, the pages named in each file of `cases/`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

import pytest

from gateway.model.wire import write_json
from gateway.validating import Validator
from tests.validating.faults.cases import Case, Sent, cases, sheets

_KINDS = re.compile(r"\.ofType\([^)]*\)|:[^.\[]+")
_CASES = {case.id: case for case in cases()}
_BASES = [(sheet.name, base) for sheet in sheets() for base in sheet.base_profiles]
_TWINS = [(case.id, place) for case in cases() for place in range(len(case.twins))]


@cache
def _validator(sheet: str) -> Validator:
    resources = next(each.resources for each in sheets() if each.name == sheet)
    return Validator(resources=resources)


def _found(sheet: str, document: Sent, profiles: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Severity → (expression, rule) of every finding; expressions without the names of types and slices."""
    found: dict[str, list[tuple[str, str]]] = {"error": [], "warning": [], "information": []}
    body = document if isinstance(document, bytes) else write_json(document)
    for each in _validator(sheet).report(body, profiles).findings:
        kind = "error" if each.severity == "fatal" else each.severity
        found[kind].append((_KINDS.sub("", each.expression), each.rule))
    return found


def _near(place: str, case: Case) -> bool:
    """Whether a place is one of those to be named, or inside one that is not the whole document."""
    known = (*case.at, *case.also)
    return place in known or place.startswith(tuple(f"{each}{sign}" for each in known if "." in each for sign in ".["))


@pytest.mark.parametrize("name", _CASES)
def test_a_fault_is_found_where_it_is(name: str) -> None:
    case = _CASES[name]
    found = _found(case.sheet, case.document, case.profiles)
    enough = found["error"] if case.severity == "error" else [*found["error"], *found["warning"]]
    assert {place for place, _ in enough} & set(case.at), found
    far = [each for each in found["error"] if not _near(each[0], case)]
    assert far == [], "something else was called wrong as well"


@pytest.mark.parametrize(("name", "place"), _TWINS)
def test_a_twin_without_the_fault_has_no_error(name: str, place: int) -> None:
    case = _CASES[name]
    assert _found(case.sheet, case.twins[place], case.profiles)["error"] == []


@pytest.mark.parametrize(("sheet", "base"), _BASES)
def test_what_the_faults_start_from_has_no_error(sheet: str, base: str) -> None:
    one = next(each for each in sheets() if each.name == sheet)
    assert _found(sheet, one.bases[base], sorted(one.base_profiles[base]))["error"] == []


def test_every_fault_has_a_name_of_its_own() -> None:
    assert len(_CASES) == len(list(cases()))
