"""`make bench`: figures of this machine in one run, as a table and in var/bench.json (ARCHITECTURE.md, "How it runs").

`run.py --only validation` (cold, batch, served, core, hl7v2, conversion, deciding, facade, validation; several may be named) measures a part and
writes nothing.

Absolute figures are this machine's. What can be compared elsewhere are the ratios: to the same server's echo (GET /healthz by the
same client) and to bare commits on the same disk. Rounds of everything take turns; nothing here passes or fails by a time.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import batch
import cold
import conversion
import deciding
import facade
import hl7v2
import inside
import served
import validation
from figures import Figure, show, write

_ROOT = Path(__file__).resolve().parents[2]
_PARTS: Mapping[str, Callable[[Path], list[Figure]]] = {
    "cold": cold.measured,  # first: a child's largest memory is never told smaller than its parent's
    "batch": batch.measured,
    "served": served.measured,
    "facade": facade.measured,
    "core": lambda _: inside.measured(),
    "hl7v2": hl7v2.measured,
    "conversion": conversion.measured,
    "deciding": lambda _: deciding.measured(),
    "validation": validation.measured,
}


def main() -> None:
    """Measures, shows and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=_PARTS, default=[])
    only = parser.parse_args().only
    start = time.monotonic()
    var = _ROOT / "var"
    var.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=var))  # the disk that a node writes to
    try:
        figures = [figure for name in only or _PARTS for figure in _PARTS[name](folder)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    about: dict[str, object] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "seconds": round(time.monotonic() - start, 1),
    }
    show(figures, f"Python {about['python']}, {about['machine']}; the bench took {about['seconds']} s")
    if not only:
        write(figures, about, var / "bench.json")


if __name__ == "__main__":
    main()
