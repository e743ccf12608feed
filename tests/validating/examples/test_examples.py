"""Official examples keep the profiles they claim; those that do not are listed one by one with the reason (wrong.yaml)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
import yaml

from gateway.validating import Validator
from tests.validating.examples.packages import examples, paths

_EXAMPLES = {each.name: each for each in examples()}
_WRONG = yaml.safe_load((Path(__file__).parent / "wrong.yaml").read_text("utf-8"))
_OURS = ("http://hl7.org/fhir/us/core/", "http://hl7.org/fhir/uv/ips/", "http://hl7.org/fhir/StructureDefinition/")


@cache
def _validator() -> Validator:
    return Validator(packages=paths())


@cache
def _errors(name: str) -> frozenset[tuple[str, str]]:
    """(rule, expression) of every error of an example."""
    example = _EXAMPLES[name]
    findings = _validator().report(example.body, example.claims).findings
    return frozenset((f.rule, f.expression) for f in findings if f.severity in ("fatal", "error"))


def _known(name: str) -> set[tuple[str, str]]:
    return {(row["rule"], row["expression"]) for row in _WRONG if row["example"] == name}


@pytest.mark.skipif(not _EXAMPLES, reason="the official packages are not at hand")
@pytest.mark.parametrize("name", _EXAMPLES)
def test_an_example_keeps_what_it_claims(name: str) -> None:
    assert _errors(name) - _known(name) == set()


@pytest.mark.skipif(not _EXAMPLES, reason="the official packages are not at hand")
def test_every_profile_of_the_guides_is_at_hand() -> None:
    missing = {
        (example.name, f.found)
        for example in _EXAMPLES.values()
        for f in _validator().report(example.body, example.claims).findings
        if f.code == "not-found" and "/StructureDefinition/" in f.found and f.found.startswith(_OURS)
    }
    assert missing == set()


@pytest.mark.skipif(not _EXAMPLES, reason="the official packages are not at hand")
def test_no_excuse_outlives_its_example() -> None:
    assert [row for row in _WRONG if (row["rule"], row["expression"]) not in _errors(row["example"])] == []
    assert all(len(row["reason"]) > 20 for row in _WRONG)
