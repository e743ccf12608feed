"""What a site requires of every resource: refused when it is not at hand, applied by type when it is."""

from dataclasses import replace

import pytest

from gateway.definitions.install import install
from gateway.errors import Misconfigured
from gateway.validating.rulebook import Rulebook, open_rules, rules_of
from tests.definitions.test_package import MANIFEST, packed_json

HERE = "http://example.org/fhir/StructureDefinition/"
PATIENT = {"resourceType": "Patient", "active": True}


def profile(id, path, type_="Patient"):
    elements = [{"id": type_, "path": type_}, {"id": path, "path": path, "min": 1}]
    return {
        "resourceType": "StructureDefinition",
        "id": id,
        "url": HERE + id,
        "version": "1.0.0",
        "type": type_,
        "kind": "resource",
        "abstract": False,
        "derivation": "constraint",
        "baseDefinition": f"http://hl7.org/fhir/StructureDefinition/{type_}",
        "differential": {"element": elements},
    }


@pytest.fixture
def data_dir(tmp_path):
    """A data directory with one package of two profiles of Patient and one of Organization, which needs one that is not there."""
    profiles = {
        "born": profile("born", "Patient.birthDate"),
        "named": profile("named", "Patient.name"),
        "firm": profile("firm", "Organization.telecom", "Organization"),
    }
    path = tmp_path / "p.tgz"
    path.write_bytes(packed_json({**MANIFEST, "dependencies": {"example.needed": "1.0.0"}}, **profiles))
    install(path, tmp_path / "data")
    return tmp_path / "data"


PACKAGE = (("example.pack", "1.0.0"),)


@pytest.mark.parametrize(
    "packages",
    [(("example.none", "1.0.0"),), (("example.pack", "2.0.0"),), (*PACKAGE, ("example.none", "1.x"))],
)
def test_a_package_that_is_not_installed_is_refused(packages, data_dir):
    with pytest.raises(Misconfigured, match=packages[-1][0]):
        open_rules(Rulebook(data_dir, packages))


def test_a_package_is_refused_where_there_is_no_place_for_packages():
    with pytest.raises(Misconfigured, match="data directory"):
        open_rules(Rulebook(None, PACKAGE))


@pytest.mark.parametrize("url", [HERE + "none", "", "born"])
def test_a_profile_that_is_not_at_hand_is_refused(url, data_dir):
    with pytest.raises(Misconfigured, match="profile"):
        open_rules(Rulebook(data_dir, PACKAGE, (HERE + "born", url)))


def test_a_profile_of_a_package_that_is_not_required_is_refused(data_dir):
    with pytest.raises(Misconfigured, match="profile"):
        open_rules(Rulebook(data_dir, (), (HERE + "born",)))


def test_what_a_package_needs_need_not_be_there(data_dir):
    assert open_rules(Rulebook(data_dir, PACKAGE)).report(PATIENT).findings == ()


def test_profiles_hold_for_every_resource_of_their_type(data_dir):
    rules = open_rules(Rulebook(data_dir, PACKAGE, (HERE + "born", HERE + "firm", HERE + "named|1.0.0")))
    found = [(f.rule, f.expected, f.source) for f in rules.report(PATIENT).findings]
    assert found == [
        ("profile-min", "birthDate: at least 1", HERE + "born"),
        ("profile-min", "name: at least 1", HERE + "named|1.0.0"),
    ]
    assert [f.source for f in rules.report({"resourceType": "Organization", "name": "x"}).findings] == [HERE + "firm"]
    assert rules.report({"resourceType": "Basic", "code": {"text": "x"}}).findings == ()


def test_a_package_alone_asks_nothing(data_dir):
    assert open_rules(Rulebook(data_dir, PACKAGE)).report({"resourceType": "Patient"}).findings == ()


@pytest.mark.parametrize("junk", [{}, {"resourceType": []}, {"resourceType": {}}, {"resourceType": None}])
def test_what_is_no_resource_is_a_finding(junk, data_dir):
    assert not open_rules(Rulebook(data_dir, PACKAGE, (HERE + "born",))).report(junk).ok


def test_a_rulebook_is_opened_once(data_dir):
    book = Rulebook(data_dir, PACKAGE)
    assert rules_of(book) is rules_of(replace(book))
    assert rules_of(replace(book, profiles=(HERE + "born",))) is not rules_of(book)
