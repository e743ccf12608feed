"""Packages from archives and folders: what is no package, and what is read of one that is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.definitions import archive
from gateway.definitions.archive import members
from gateway.definitions.library import library
from gateway.definitions.package import examples, opened
from gateway.errors import Malformed, TooLarge, Unsupported
from tests.definitions.test_archive import packed

MANIFEST = {
    "name": "example.pack",
    "version": "1.0.0",
    "fhirVersions": ["4.0.1"],
    "dependencies": {"hl7.fhir.r4.core": "4.0.1"},
}
PACKAGES = Path(__file__).resolve().parents[3] / "shared" / "packages"


def value_set(url="http://example.org/vs", **more):
    return {
        "resourceType": "ValueSet",
        "url": url,
        "version": "1.0.0",
        "compose": {"include": [{"system": "urn:s"}]},
        **more,
    }


def packed_json(manifest=MANIFEST, **files):
    entries = {"package.json": manifest, **{name.replace("__", "/") + ".json": body for name, body in files.items()}}
    return packed(*((f"package/{name}", json.dumps(body).encode()) for name, body in entries.items()))


@pytest.fixture
def written(tmp_path):
    def write(body, name="p.tgz"):
        path = tmp_path / name
        path.write_bytes(body)
        return path

    return write


@pytest.mark.parametrize(
    ("manifest", "error"),
    [
        ({**MANIFEST, "fhirVersions": ["3.0.2"]}, Unsupported), ({**MANIFEST, "fhirVersions": ["5.0.0"]}, Unsupported),
        ({**MANIFEST, "fhirVersions": [], "dependencies": {}}, Unsupported), ({**MANIFEST, "name": ""}, Malformed),
        ({**MANIFEST, "version": 1}, Malformed), ([], Malformed),
        ({**MANIFEST, "dependencies": {f"p{n}": "1" for n in range(300)}}, TooLarge),
    ],
)  # fmt: skip
def test_what_is_no_package_for_r4_is_refused(manifest, error, written):
    with pytest.raises(error):
        opened(written(packed_json(manifest)))


def test_an_archive_without_a_manifest_is_refused(written):
    with pytest.raises(Malformed, match="is missing"):
        opened(written(packed(("package/x.json", b"{}"))))


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(Malformed):
        opened(tmp_path / "absent.tgz")
    with pytest.raises(Malformed):
        opened(tmp_path)


def test_names_that_come_twice_are_refused():
    with pytest.raises(Malformed):
        list(members(packed(("package/x.json", b"{}"), ("./package/x.json", b"[]"))))


def test_what_is_packed_too_tightly_is_refused(monkeypatch):
    monkeypatch.setattr(archive, "_FREE", 1_000)
    with pytest.raises(TooLarge):
        list(members(packed(("package/x.json", b" " * 5_000_000))))


def test_a_header_that_announces_too_much_is_refused():
    with pytest.raises(TooLarge):
        list(members(packed(("package/" + "x" * 100_000 + ".json", b"{}"))))


def test_links_out_of_a_folder_are_refused(tmp_path):
    (tmp_path / "package.json").write_text(json.dumps(MANIFEST))
    (tmp_path / "x.json").symlink_to("/etc/hostname")
    with pytest.raises(Unsupported):
        opened(tmp_path)


@pytest.mark.parametrize(
    "release", [{"fhirVersions": ["4.3.0"]}, {"fhir-version-list": ["4.0.1"]}, {"fhirVersions": []}]
)
def test_releases_of_fhir(release, written):
    manifest = {key: value for key, value in MANIFEST.items() if key != "fhirVersions"} | release
    found = opened(written(packed_json(manifest))).manifest
    assert found.fhir == "4.3.0" if "4.3.0" in str(release) else "4.0.1"


def test_resources_are_found_with_and_without_a_listing(written, tmp_path):
    rows = [{"filename": "a.json", "resourceType": "ValueSet", "url": "http://example.org/a", "version": "1.0.0"}]
    files = {"a": value_set("http://example.org/a"), "b": value_set("http://example.org/b")}
    body = packed_json(**{".index": {"files": rows}}, **files, package__other__c={"resourceType": "Patient"})
    known = library(packages=[written(body)])
    assert known.value_set("http://example.org/a|1.0.0") is not None
    assert known.value_set("http://example.org/b|1.0.0") is not None
    folder = tmp_path / "folder" / "package"
    folder.mkdir(parents=True)
    for name, content in {"package": MANIFEST, **files}.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    assert library(packages=[tmp_path / "folder"]).value_set("http://example.org/b") is not None
    assert library(packages=[folder]).resource("ValueSet", "http://example.org/b") == files["b"]


@pytest.mark.parametrize(
    "rows",
    [
        [{"filename": "a.json", "resourceType": "ValueSet", "url": "http://example.org/other"}],
        [{"filename": "a.json", "resourceType": "CodeSystem", "url": "http://example.org/a"}],
        [
            {"filename": "absent.json", "resourceType": "ValueSet", "url": "http://example.org/a"},
            {"filename": "a.json"},
        ],
    ],
)
def test_a_listing_that_lies_makes_a_file_unknown(rows, written):
    known = library(packages=[written(packed_json(**{".index": {"files": rows}}, a=value_set("http://example.org/a")))])
    for url in ("http://example.org/a", "http://example.org/other"):
        assert known.value_set(url) is None
        assert known.code_system(url) is None


@pytest.mark.parametrize("listing", [[], {"files": 3}, {"files": [3, {"filename": []}]}])
def test_a_listing_that_is_none_is_passed_over(listing, written):
    known = library(packages=[written(packed_json(**{".index": listing}, a=value_set("http://example.org/a")))])
    assert known.value_set("http://example.org/a") is not None


def test_files_that_are_no_resources_are_passed_over(written):
    body = packed(
        ("package/package.json", json.dumps(MANIFEST).encode()), ("package/a.json", b"{"), ("package/b.json", b"[1]"),
        ("package/c.json", b'{"resourceType":"ValueSet"}'), ("package/sub/d.json", b"{}"), ("package/e.tgz", b"x"),
    )  # fmt: skip
    assert opened(written(body)).shelf.counts() == {}


def test_examples_are_apart(written, tmp_path):
    path = written(packed_json(example__p={"resourceType": "Patient", "url": "http://example.org/x"}))
    assert [name for name, _ in examples(path)] == ["p.json"]
    assert opened(path).shelf.counts() == {}
    (tmp_path / "package" / "example").mkdir(parents=True)
    (tmp_path / "package" / "example" / "q.json").write_text('{"resourceType":"Patient"}')
    assert [name for name, _ in examples(tmp_path)] == ["q.json"]


MEASURE = """
import sys, time
from pathlib import Path
from gateway.definitions.library import library
started = time.perf_counter()
known = library(packages=[Path(p) for p in sys.argv[1:]])
assert known.structure("http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient|6.1.0") is not None
seconds = time.perf_counter() - started
lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(seconds, lines["VmHWM"].split()[0])
"""


@pytest.mark.long
def test_packages_are_opened_quickly_and_kept_small():
    paths = sorted(PACKAGES.glob("*.tgz"))
    if not paths or not Path("/proc/self/status").is_file():
        pytest.skip("the packages are not at hand, or the system does not say how much memory a process takes")
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, paths)], capture_output=True, check=True, timeout=60
    )
    seconds, kilobytes = map(float, done.stdout.split())
    assert seconds < 2
    assert kilobytes < 150_000
