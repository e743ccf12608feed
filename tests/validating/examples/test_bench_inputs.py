"""The documents of the bench keep every rule of R4 and are the same each time: what is measured is a valid record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle

from gateway.model.wire import write_json
from gateway.validating import Validator

_BENCH = Path(__file__).resolve().parents[2] / "bench"
_KINDS = {"record": 1, "large": 2}


@pytest.fixture
def inputs(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module that makes them."""
    monkeypatch.syspath_prepend(str(_BENCH))
    return import_module("fhir_inputs")


@pytest.mark.parametrize("kind", _KINDS)
def test_a_record_keeps_every_rule(inputs: Any, kind: str) -> None:
    make: Callable[[int], Mapping[str, Any]] = getattr(inputs, kind)
    body = write_json(make(_KINDS[kind]))
    assert Validator().report(body).findings == ()
    assert len(Bundle.model_validate_json(body).entry) == 100 * _KINDS[kind]
    assert write_json(make(_KINDS[kind])) == body


def test_a_blood_pressure_keeps_its_profile(inputs: Any) -> None:
    assert Validator().report(write_json(inputs.pressure())).findings == ()


def test_no_two_records_are_alike(inputs: Any) -> None:
    assert inputs.record(1) != inputs.record(2)
