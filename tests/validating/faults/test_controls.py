"""Valid documents against the profiles they keep: no error, and nothing left unchecked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from gateway.model.wire import write_json
from gateway.validating import Validator
from tests.validating.faults.cases import sheets

_US_CORE = Path(__file__).resolve().parents[4] / "shared/packages/hl7.fhir.us.core-6.1.0.tgz"
_FHIR = "http://hl7.org/fhir/StructureDefinition/"
_US = "http://hl7.org/fhir/us/core/StructureDefinition/"
_BASES = next(sheet.bases for sheet in sheets() if sheet.name == "peers")
_CONTROLS: Sequence[tuple[str, Sequence[str]]] = (
    ("patient", [f"{_FHIR}Patient"]),
    ("observation", [f"{_FHIR}Observation"]),
    ("pressure", [f"{_FHIR}bp", f"{_FHIR}vitalsigns"]),
    ("bundle", [f"{_FHIR}Bundle"]),
)


def _issues(validator: Validator, document: Mapping[str, Any], profiles: Sequence[str]) -> list[Mapping[str, Any]]:
    issues = validator.validate(write_json(document), profiles)["issue"]
    return [issue for issue in issues if issue["severity"] in ("fatal", "error") or issue["code"] == "not-found"]


@pytest.mark.parametrize(("base", "profiles"), _CONTROLS, ids=[name for name, _ in _CONTROLS])
def test_a_valid_document_has_no_error(base: str, profiles: Sequence[str]) -> None:
    assert _issues(Validator(), _BASES[base], profiles) == []


def test_a_blood_pressure_keeps_the_profile_of_a_guide() -> None:
    if not _US_CORE.exists():
        pytest.skip("the official packages are not at hand")
    validator = Validator(packages=[_US_CORE])
    profiles = [f"{_US}us-core-blood-pressure", f"{_US}us-core-vital-signs"]
    assert _issues(validator, _BASES["pressure"], profiles) == []
    one = {**_BASES["pressure"], "component": _BASES["pressure"]["component"][:1]}
    found = {place for issue in _issues(validator, one, profiles) for place in issue["expression"]}
    assert found
    assert found <= {"Observation", "Observation.component"}
