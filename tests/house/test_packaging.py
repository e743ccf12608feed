"""The package both ways: a wheel in an environment of its own, with its data inside, and the checkout, with its data beside it."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from gateway.data import data_path
from tests.house.source import ROOT

_TAKEN = ("gateway", "mappings", "profiles", "validators", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
_PATIENT = '{"resourceType": "Patient", "name": [{"family": "Kim", "given": ["Ieum"]}], "birthDate": "1980-01-01"}\n'
_ADMISSION = (
    "MSH|^~\\&|HIS|HOSPITAL|IEUM|IEUM|20260301093000+0900||ADT^A01^ADT_A01|1|P|2.5.1\r"
    "EVN|A01|20260301093000+0900\rPID|1||H1^^^HOSPITAL^MR||Kim^Ieum||19800101|F\rPV1|1|I|62W^603^1\r"
)


def _run(python: Path, *arguments: str, where: Path) -> subprocess.CompletedProcess[str]:
    """`python -I`: nothing of this checkout or of the caller's environment is seen."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GATEWAY_"))}
    return subprocess.run(
        [python, "-I", *arguments], capture_output=True, text=True, encoding="utf-8", cwd=where, env=clean, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built by hatchling from a copy, without network."""
    copy = tmp_path_factory.mktemp("a copy")
    for name in _TAKEN:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__", "_data"))
        else:
            shutil.copy(source, copy / name)
    out = copy / "dist"
    asked = (
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-build-isolation",
        "--no-deps",
        "--no-index",
        "--wheel-dir",
        str(out),
        str(copy),
    )
    done = _run(Path(sys.executable), *asked, where=copy)
    assert done.returncode == 0, done.stderr
    (made,) = out.glob("ieum_gateway-*.whl")
    return made


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new environment in which the wheel is installed, with the dependencies of this one behind it."""
    home = tmp_path_factory.mktemp("an environment")
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    asked = ("-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    done = _run(Path(sys.executable), *asked, where=home)
    assert done.returncode == 0, done.stderr
    purelib = Path(sysconfig.get_path("purelib", "venv", {"base": str(home), "platbase": str(home)}))
    packages = [path for path in site.getsitepackages() if Path(path).is_dir()]
    (purelib / "zz_dependencies.pth").write_text(
        "".join(f"import sys; sys.path.append({path!r})\n" for path in packages)
    )
    return python


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a FHIR resource and an HL7 v2 message."""
    folder = tmp_path / "some files"
    folder.mkdir()
    (folder / "patient.json").write_text(_PATIENT, "utf-8")
    (folder / "a01.hl7").write_bytes(_ADMISSION.encode())
    return folder


@pytest.mark.long
def test_the_wheel_holds_code_and_data_and_no_more(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for top in ("mappings", "profiles", "validators"):
        inside = {name.removeprefix("gateway/_data/") for name in names if name.startswith(f"gateway/_data/{top}/")}
        assert inside == {path.relative_to(ROOT).as_posix() for path in (ROOT / top).rglob("*") if path.is_file()}
    assert {name.partition("/")[0] for name in names if not name.partition("/")[0].endswith(".dist-info")} == {
        "gateway"
    }
    assert "gateway/console/templates/base.html" in names
    assert "gateway/site/starter/site.yaml" in names
    assert [name for name in names if name.endswith((".pyc", ".db", ".key", ".token")) or "/tests/" in name] == []
    licences = {name.rpartition("/")[2] for name in names if ".dist-info/licenses/" in name}
    assert licences == {"LICENSE", "NOTICE"}


@pytest.mark.long
def test_the_wheel_brings_its_data(elsewhere: Path, files: Path) -> None:
    asked = "import gateway; from gateway.data import data_path; print(gateway.__file__); print(data_path('mappings', 'hl7v2'))"
    done = _run(elsewhere, "-c", asked, where=files)
    module, data = done.stdout.splitlines()
    assert Path(module).is_relative_to(elsewhere.parents[1]), done.stderr
    assert Path(data).parts[-4:] == ("gateway", "_data", "mappings", "hl7v2")


@pytest.mark.long
def test_the_wheel_validates_and_converts(elsewhere: Path, files: Path) -> None:
    valid = _run(elsewhere, "-m", "gateway", "validate", "patient.json", "a01.hl7", where=files)
    assert (valid.returncode, valid.stderr) == (0, "")
    done = _run(elsewhere, "-m", "gateway", "convert", "a01.hl7", "--out", "converted", where=files)
    assert done.returncode == 0, done.stderr
    assert '"resourceType": "Bundle"' in (files / "converted/a01.json").read_text("utf-8")


@pytest.mark.long
def test_the_wheel_has_a_site_and_maps_that_are_sound(elsewhere: Path, files: Path) -> None:
    for asked in (
        ("site", "new", "my-site"),
        ("site", "check", "my-site"),
        ("maps", "check"),
        ("maps", "test"),
        ("store", "migrate"),
    ):
        done = _run(elsewhere, "-m", "gateway", *asked, where=files)
        assert done.returncode == 0, (asked, done.stdout, done.stderr)


@pytest.mark.long
def test_the_wheel_brings_the_command(elsewhere: Path) -> None:
    assert (elsewhere.parent / "gateway").is_file()


def test_the_checkout_finds_its_folders() -> None:
    for top in ("mappings", "profiles", "validators"):
        assert data_path(top) == ROOT / top


def test_the_command_is_installed() -> None:
    from importlib.metadata import entry_points

    (command,) = entry_points(group="console_scripts", name="gateway")
    assert command.value == "gateway.cli:main"
