"""Versions of canonical addresses: which one is meant, which one is newest."""

import pytest

from gateway.definitions.canonical import fits, newest, parted
from gateway.definitions.library import library


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("1.0", "2.0.0"), ("1.x", "2.0.0"), ("1.0.0", "1.0.0-ballot"), ("1", "10.0.0"), ("", "1.0.0"), (">=2.0.0", "1.9.9"),
        ("<2.0.0", "2.0.0"), ("^1.2.0", "2.0.0"), ("~1.2.0", "1.3.0"), (">=1.0.0 <2.0.0", "2.1.0"), ("^1.2.0", "1.1.0"),
        (" ".join([">=1"] * 9), "1.0.0"),
    ],
)  # fmt: skip
def test_does_not_fit(asked, there):
    assert not fits(asked, there)


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        ("1.0.0", "1.0.0"), ("1.0.0-ballot", "1.0.0-ballot"), ("1.x", "1.7.2"), ("4.0", "4.0.1"), ("4.0.x", "4.0.1"), ("*", "9"),
        (">=1.0.0 <2.0.0", "1.9.9"), ("^1.2.0", "1.10.0"), ("~1.2.0", "1.2.9"), ("2022.4.20221006", "2022.4.20221006"),
    ],
)  # fmt: skip
def test_fits(asked, there):
    assert fits(asked, there)


def test_numbers_sort_as_numbers_and_a_draft_before_its_release():
    assert newest(["1.9.0", "1.10.0", "1.10.0-ballot"]) == "1.10.0"
    assert newest(["1.0.0-ballot", "0.9.0"]) == "1.0.0-ballot"
    assert newest([]) == ""


def test_a_canonical_address_has_three_parts():
    assert parted("http://x/a|1.0#b") == ("http://x/a", "1.0")
    assert parted("http://x/a#b") == ("http://x/a", "")


def structure(version, **more):
    url = "http://example.org/StructureDefinition/p"
    return {"resourceType": "StructureDefinition", "url": url, "version": version, "type": "Patient", **more}


def test_the_version_that_is_asked_comes_first_then_one_that_fits_then_the_newest():
    versions = ("1.0.0", "1.2.0", "2.0.0")
    known = library([structure(v, snapshot={"element": [{"path": "Patient"}]}) for v in versions])
    url = "http://example.org/StructureDefinition/p"
    wanted = {"|1.0.0": "1.0.0", "|1.x": "1.2.0", "|1": "1.2.0", "": "2.0.0", "|3.0.0": "2.0.0"}
    found = {asked: known.structure(url + asked) for asked in wanted}
    assert {asked: made.version if made else None for asked, made in found.items()} == wanted
    assert [known.version_known(url + asked) for asked in wanted] == [True, True, True, True, False]
    assert not known.version_known("http://example.org/StructureDefinition/other")


def test_raw_resources_by_type_and_address():
    questionnaire = {"resourceType": "Questionnaire", "url": "http://example.org/q", "version": "1", "status": "draft"}
    known = library([questionnaire, {"resourceType": "Patient"}, {"resourceType": 3, "url": []}])
    assert known.resource("Questionnaire", "http://example.org/q|1") == questionnaire
    assert known.resource("Questionnaire", "http://example.org/other") is None
    assert known.resource("ValueSet", "http://example.org/q") is None
    assert known.resource("ValueSet", "http://hl7.org/fhir/ValueSet/administrative-gender") is None
    assert list(known.resources("Questionnaire")) == [questionnaire]
    assert list(known.resources("Patient")) == []
