"""A new site knows the codes that say how a record is filed: an ordinary record is not masked for its status or category."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import gateway
from gateway.consent.codes import codes
from gateway.consent.marks import NOTHING, Labelling, labelling

ROOT = Path(gateway.__file__).parent
HL7 = "http://terminology.hl7.org/CodeSystem/"


def labels(site: str) -> dict[str, list[str]]:
    read: dict[str, list[str]] = yaml.safe_load((ROOT / site / "policies/labels.yaml").read_text())
    return read


@pytest.fixture
def starter() -> Labelling:
    return labelling(labels("site/starter"), codes())


ORDINARY = (
    ("condition-clinical", "active"), ("condition-ver-status", "confirmed"), ("condition-category", "encounter-diagnosis"),
    ("observation-category", "laboratory"), ("v3-ObservationInterpretation", "H"), ("v3-ActCode", "IMP"),
    ("v3-ParticipationType", "ATND"), ("diagnosis-role", "AD"), ("discharge-disposition", "home"), ("data-absent-reason", "unknown"),
    ("allergyintolerance-clinical", "active"), ("v2-0203", "MR"), ("v2-0007", "E"), ("v2-0078", "H"),
)  # fmt: skip


@pytest.mark.parametrize(("system", "code"), ORDINARY)
def test_a_code_of_status_or_category_is_classified_and_says_nothing(
    starter: Labelling, system: str, code: str
) -> None:
    assert starter.coding((HL7 + system, code)) == (NOTHING, True)


def test_what_is_sensitive_stays_found_and_what_nobody_knows_unclassified(starter: Labelling) -> None:
    marks, known = starter.coding(("http://hl7.org/fhir/sid/icd-10", "F32.1"))
    assert known
    assert "PSY" in marks.sensitivities
    assert starter.coding(("http://hospital.example/CodeSystem/ward", "PSY-3")) == (NOTHING, False)
    assert starter.coding(("http://snomed.info/sct", "38341003"))[1] is False  # only what is listed


def test_the_starter_and_the_demo_know_the_same_systems() -> None:
    assert set(labels("site/starter")["classifiedSystems"]) == set(labels("demo/site")["classifiedSystems"])
