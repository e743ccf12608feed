"""From nothing: a process that validates one Patient, and one that only imports the package."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from figures import Figure

ROUNDS = 5
_MEGABYTE = 1e6 if sys.platform == "darwin" else 1e3  # ru_maxrss counts bytes there, kilobytes elsewhere
_PATIENT = {
    "resourceType": "Patient",
    "id": "bench",
    "name": [{"family": "김", "given": ["계측"]}],
    "gender": "female",
    "birthDate": "1950-01-01",
}


def measured(folder: Path) -> list[Figure]:
    """Wall time, processor time and largest resident memory of a first verdict; wall time of `import gateway`."""
    patient = folder / "patient.json"
    patient.write_text(json.dumps(_PATIENT), "utf-8")
    verdicts, imports, empty = [], [], []
    for _ in range(ROUNDS):
        verdicts.append(spawned(["-m", "gateway", "validate", str(patient)]))
        imports.append(spawned(["-c", "import gateway"]))
        empty.append(spawned(["-c", "pass"]))
    bare = tuple((a - b) * 1000 for (a, _, _), (b, _, _) in zip(imports, empty, strict=True))
    note = "`gateway validate patient.json`, process start to end"
    return [
        Figure("cold", "first verdict: wall", "ms", tuple(wall * 1000 for wall, _, _ in verdicts), note),
        Figure("cold", "first verdict: CPU", "ms", tuple(cpu * 1000 for _, cpu, _ in verdicts), note),
        Figure("cold", "first verdict: memory", "MB", tuple(most for _, _, most in verdicts), "largest resident set"),
        Figure("cold", "import gateway", "ms", bare, "over an interpreter that does nothing"),
    ]


def spawned(arguments: Sequence[str]) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds, megabytes of one process. Raises RuntimeError when it does not end well."""
    start = time.perf_counter()
    process = os.posix_spawn(
        sys.executable, [sys.executable, *arguments], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    )  # fmt: skip
    _, status, used = os.wait4(process, 0)
    wall = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status) != 0:
        raise RuntimeError("a measured process did not end well")
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss / _MEGABYTE
