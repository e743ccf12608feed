"""A batch of HL7 v2 through `gateway convert`, by size: does its memory grow with the file?

`python batch.py FILE` is a small process that runs the command on any file and says its seconds and its largest memory: a child is
never told smaller than its parent.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import count, cycle
from pathlib import Path

from cold import spawned
from figures import Figure
from hl7v2_maker import adt, oru, siu, vxu

_MEGABYTES = (1, 5)


def measured(folder: Path) -> list[Figure]:
    """Kilobytes per second, and the largest resident set of the smaller and the larger batch."""
    found = [_converted(folder / f"{size}.hl7", size) for size in _MEGABYTES]
    (_, small), (seconds, large) = found
    note = f"`gateway convert` of {_MEGABYTES[1]} MB of ADT, ORU, VXU and SIU, to the end of the process"
    return [
        Figure("batch", "convert: speed", "KB/s", (_MEGABYTES[1] * 1000 / seconds,), note),
        Figure("batch", "convert: memory", "MB", (large,), "largest resident set"),
        Figure("batch", "convert: growth", "MB", (large - small,), f"over that of {_MEGABYTES[0]} MB"),
    ]


def _converted(path: Path, megabytes: int) -> tuple[float, float]:
    write_batch(path, megabytes)
    run = subprocess.run([sys.executable, __file__, str(path)], check=True, capture_output=True)
    path.unlink()
    seconds, most = json.loads(run.stdout)
    return seconds, most


def write_batch(path: Path, megabytes: int) -> None:
    """A batch file of so many megabytes, with control ids of their own and trailers that count right."""
    numbers, makers = count(1), cycle((adt, oru, vxu, siu))
    written, messages = 0, 0
    with path.open("wb") as file:
        file.write(b"FHS|^~\\&|HIS\rBHS|^~\\&|HIS\r")
        while written < megabytes * 1_000_000:
            written += file.write(next(makers)(next(numbers)))
            messages += 1
        file.write(b"BTS|%d\rFTS|1\r" % messages)


if __name__ == "__main__":
    _, seconds, most = spawned(["-m", "gateway", "convert", sys.argv[1]])
    print(json.dumps([seconds, most]))
