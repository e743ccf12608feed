"""Packages in the data directory: compiled once, found by name and version, with what they need and do not have."""

import json
from pathlib import Path

import pytest

from gateway.definitions.install import install, remove
from gateway.definitions.installed import Gap, installed
from gateway.definitions.library import library
from gateway.errors import Malformed, Unavailable
from tests.definitions.test_package import MANIFEST, packed_json, value_set

HERE = "http://example.org/StructureDefinition/"


def structure(id, base="http://hl7.org/fhir/StructureDefinition/Patient", **more):
    said = {"differential": {"element": [{"path": "Patient.gender", "min": 1}]}, "derivation": "constraint"}
    head = {"resourceType": "StructureDefinition", "id": id, "url": HERE + id, "version": "1.0.0", "type": "Patient"}
    return {**head, "kind": "resource", "abstract": False, "baseDefinition": base, **said, **more}


@pytest.fixture
def add(tmp_path):
    def added(name="example.pack", version="1.0.0", needs=(), **files):
        path = tmp_path / f"{name}-{version}.tgz"
        dependencies = {"hl7.fhir.r4.core": "4.0.1", **dict(needs)}
        path.write_bytes(
            packed_json({**MANIFEST, "name": name, "version": version, "dependencies": dependencies}, **files)
        )
        install(path, tmp_path / "data")
        return path

    return added


@pytest.mark.parametrize(
    ("name", "version"), [("../x", "1.0.0"), ("x", "../1"), (".x", "1"), ("x/y", "1"), ("x", "1#2")]
)
def test_a_name_that_leads_elsewhere_is_refused(name, version, tmp_path):
    path = tmp_path / "p.tgz"
    path.write_bytes(packed_json({**MANIFEST, "name": name, "version": version}))
    with pytest.raises(Malformed):
        install(path, tmp_path / "data")
    assert not remove(name, version, tmp_path / "data")


def test_a_search_parameter_does_not_write_elsewhere(add, tmp_path):
    search = {
        "resourceType": "SearchParameter",
        "url": "http://example.org/s",
        "id": "../../s",
        "code": "s",
        "type": "token",
    }
    add(a={**search, "base": ["../../../out", "Patient"]}, b={**search, "url": "http://example.org/t", "base": [3]})
    assert {p.name for p in tmp_path.iterdir()} == {"data", "example.pack-1.0.0.tgz"}
    assert (tmp_path / "data" / "packages" / "example.pack#1.0.0" / "search" / "Patient.json").is_file()


def test_a_data_directory_that_cannot_be_written(tmp_path):
    path, stands = tmp_path / "p.tgz", tmp_path / "data"
    path.write_bytes(packed_json())
    stands.write_text("a file")
    with pytest.raises(Unavailable):
        install(path, stands)


def test_what_was_compiled_answers_as_what_was_given(add, tmp_path):
    concept_map = {
        "resourceType": "ConceptMap",
        "url": "http://example.org/m",
        "version": "2",
        "text": {"div": "prose"},
    }
    path = add(
        a=structure("p"), b=value_set(), c=concept_map, d=structure("../p"), e=structure("P", url=HERE + "other")
    )
    compiled = library(installed=[p.shelf for p in installed(tmp_path / "data").packages])
    given = library(packages=[path])
    for url in (HERE + "p", HERE + "p|1.0.0", HERE + "../p", HERE + "other"):
        assert compiled.structure(url) == given.structure(url)
        assert compiled.structure(url).element("Patient.gender").min == 1
        assert [known.version_known(url) for known in (compiled, given)] == [True, True]
    assert compiled.value_set("http://example.org/vs|1.0.0") == given.value_set("http://example.org/vs")
    assert compiled.resource("ConceptMap", "http://example.org/m|2")["version"] == "2"
    assert "text" not in compiled.resource("ConceptMap", "http://example.org/m")
    both = [sorted(r["id"] for r in known.resources("StructureDefinition")) for known in (compiled, given)]
    assert both[0] == both[1] == ["../p", "P", "p"]


def test_a_resource_that_is_not_shaped_as_one_is_unknown_and_hurts_nobody(add, tmp_path):
    add(
        a={"resourceType": "StructureDefinition", "url": HERE + "x", "id": "x", "snapshot": {"element": [3]}},
        b=structure("p"),
    )
    compiled = library(installed=[p.shelf for p in installed(tmp_path / "data").packages])
    assert compiled.structure(HERE + "x") is None
    assert compiled.structure(HERE + "p") is not None


def test_the_same_package_changes_nothing_and_another_of_its_name_takes_its_place(add, tmp_path):
    folder = tmp_path / "data" / "packages" / "example.pack#1.0.0"
    add(a=value_set("http://example.org/a"))
    before = folder.stat().st_ino
    add(a=value_set("http://example.org/a"))
    assert folder.stat().st_ino == before
    add(b=value_set("http://example.org/b"))
    assert [p.name for p in folder.parent.iterdir()] == ["example.pack#1.0.0"]
    shelves = [p.shelf for p in installed(tmp_path / "data").packages]
    assert library(installed=shelves).value_set("http://example.org/a") is None
    assert library(installed=shelves).value_set("http://example.org/b") is not None


def test_what_is_required_comes_first_then_what_it_needs_and_what_is_not_there_is_said(add, tmp_path):
    add("top", needs={"middle": "1.x", "absent": "9.0.0"})
    add("middle", "1.0.0"), add("middle", "1.4.0", needs={"top": "current"}), add("middle", "2.0.0")
    found, gaps = installed(tmp_path / "data").resolve([("top", "1.0.0"), ("other", "latest")])
    assert [(p.manifest.name, p.manifest.version) for p in found] == [("top", "1.0.0"), ("middle", "1.4.0")]
    assert gaps == (Gap("other", "latest"), Gap("absent", "9.0.0", "top"))
    assert str(gaps[1]) == "absent#9.0.0 (needed by top)"


def test_folders_that_are_no_compiled_package_are_passed_over(add, tmp_path):
    add()
    folder = tmp_path / "data" / "packages"
    (folder / "stray").mkdir()
    for name, body in {"a#1": b"{", "b#1": b"[]", "c#1": b"{}"}.items():
        (folder / name).mkdir()
        (folder / name / "package.json").write_bytes(body)
    assert [p.manifest.name for p in installed(tmp_path / "data").packages] == ["example.pack"]
    assert installed(tmp_path / "nowhere").packages == ()


def test_a_package_of_another_format_is_to_be_added_again(add, tmp_path):
    add()
    manifest = tmp_path / "data" / "packages" / "example.pack#1.0.0" / "package.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 0}))
    found = installed(tmp_path / "data")
    assert [p.usable for p in found.packages] == [False]
    assert found.resolve([("example.pack", "1.0.0")])[1] == (Gap("example.pack", "1.0.0"),)
    add()
    assert [p.usable for p in installed(tmp_path / "data").packages] == [True]


def test_removed(add, tmp_path):
    add()
    assert remove("example.pack", "1.0.0", tmp_path / "data")
    assert not remove("example.pack", "1.0.0", tmp_path / "data")
    assert list(Path(tmp_path / "data" / "packages").iterdir()) == []
