"""Lookups: R4 core by name and address, a caller's resources first."""

import pytest

from gateway.definitions.library import core, library
from gateway.definitions.shelves import shelf


@pytest.mark.parametrize(
    "url", ["Nope", "http://example.org/x", "http://hl7.org/fhir/StructureDefinition/../../x", "", ".", "http://x/"]
)
def test_unknown_addresses_give_none(url):
    assert core().structure(url) is None
    assert core().value_set(url) is None
    assert core().code_system(url) is None


def test_a_name_in_another_namespace_is_not_taken_for_a_core_type():
    assert core().structure("http://example.org/StructureDefinition/Patient") is None


def test_types_profiles_and_versions():
    patient = core().structure("Patient")
    assert patient == core().structure("http://hl7.org/fhir/StructureDefinition/Patient|4.0.1")
    assert patient is not None
    assert [e.name for e in patient.children("Patient.contact")][:3] == ["id", "extension", "modifierExtension"]
    pressure = core().structure("bp")
    assert pressure is not None
    component = pressure.element("Observation.component")
    assert component is not None
    assert component.slicing is not None
    assert component.slicing.discriminators == (("value", "code.coding.code"), ("value", "code.coding.system"))
    assert len(core().resource_types) == 146


def test_search_parameters_and_compartments():
    codes = [p.code for p in core().search_parameters("Patient")]
    assert {"_id", "birthdate", "identifier"} <= set(codes)
    assert len(codes) == len(set(codes))
    assert core().compartment("Patient")["Observation"] == ["subject", "performer"]


def test_a_caller_wins_over_core():
    own = {
        "resourceType": "ValueSet",
        "url": "http://hl7.org/fhir/ValueSet/administrative-gender",
        "compose": {"include": []},
    }
    value_set = library([own]).value_set("http://hl7.org/fhir/ValueSet/administrative-gender")
    assert value_set is not None
    assert value_set.include == ()


def test_a_resource_that_is_not_shaped_as_one_counts_as_unknown():
    broken = {
        "resourceType": "StructureDefinition",
        "url": "http://example.org/b",
        "snapshot": {"element": [{"min": "x"}, 3]},
    }
    assert library([broken]).structure("http://example.org/b") is None


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://x/v2-0123", "v2-01"),
        ("http://x/v3-ActCode", "v3-a"),
        ("http://x/Name", "n"),
        ("http://x/", "other"),
        ("x/é", "other"),
    ],
)
def test_shelves(url, name):
    assert shelf(url) == name
