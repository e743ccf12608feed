"""Reading HL7 v2 beside other readers: bytes to PID-3, PID-5 and every OBX-5; and a batch of many megabytes, with its memory.

Each reader is asked in the shortest way it offers, for the same values, of the same messages, in turns. `python hl7v2.py MEGABYTES` is
the process that reads such a batch, made while it is read, and says its speed and memory. A reader that is not installed is left out.
"""

from __future__ import annotations

import gc
import io
import json
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from figures import Figure, ratio
from hl7v2_maker import KINDS, adt, oru

from gateway.standards.hl7v2.batch import messages_in
from gateway.standards.hl7v2.message import read_message

ROUNDS, WARM = 7, 1
_MESSAGES = 20
_MEGABYTES = 100
_KILOBYTES = 1024 if sys.platform == "darwin" else 1  # ru_maxrss counts bytes there
Read = Callable[[bytes], list[str]]


def measured(_: Path) -> list[Figure]:
    """Microseconds of processor time per message, ratios to the other readers, and a batch."""
    readers = {name: read for name, read in _READERS.items() if name == "ours" or find_spec(_MODULES[name])}
    return [figure for kind, make in KINDS.items() for figure in _compared(kind, make, readers)] + _batch()


def _compared(kind: str, make: Callable[[int], bytes], readers: Mapping[str, Read]) -> Iterator[Figure]:
    messages = [make(number) for number in range(_MESSAGES)]
    for message in messages[:2]:
        answers = {name: read(message) for name, read in readers.items()}
        assert all(answer == answers["ours"] for answer in answers.values()), f"{kind}: readers disagree"
    found: dict[str, list[float]] = defaultdict(list)
    for turn in range(WARM + ROUNDS):
        for name, read in readers.items():
            taken = _microseconds(read, messages)
            if turn >= WARM:
                found[name].append(taken)
    size = sum(map(len, messages)) // len(messages)
    absent = "".join(f"; {name} is not installed" for name in _MODULES if name not in readers)
    note = f"PID-3, PID-5, every OBX-5 of {size:,} bytes{absent}"
    yield Figure("hl7v2", f"{kind}: read", "µs", tuple(found["ours"]), note)
    for name in readers:
        if name != "ours":
            yield Figure("hl7v2", f"  {name}", "µs", tuple(found[name]), "the same values")
            yield ratio("hl7v2", f"  to {name}", found[name], found["ours"], "how many times as fast")


def _microseconds(read: Read, messages: Sequence[bytes]) -> float:
    gc.collect()
    times, start = 0, time.process_time()
    while (passed := time.process_time() - start) < 0.02:
        for message in messages:
            read(message)
        times += len(messages)
    return passed / times * 1e6


def _ours(body: bytes) -> list[str]:
    message = read_message(body)
    return [message.value("PID-3"), message.value("PID-5"), *message.values("OBX-5")]


def _python_hl7(body: bytes) -> list[str]:
    import hl7

    message = hl7.parse(body.decode())
    unescape = message.unescape
    try:
        results = message.segments("OBX")
    except KeyError:
        results = []
    values = [str(message["PID.F3.R1.C1"]), str(message["PID.F5.R1.C1"])]
    return values + [unescape(str(result(5))) for result in results]


def _medforge(body: bytes) -> list[str]:
    import medforge

    message = medforge.parse(body.decode())
    results = [result.field(5).component(1).value for result in message.segments_by_name("OBX")]
    return [message["PID-3-1"], message["PID-5-1"], *results]


_READERS: Mapping[str, Read] = {"ours": _ours, "python-hl7": _python_hl7, "medforge": _medforge}
_MODULES = {"python-hl7": "hl7", "medforge": "medforge"}


def _batch() -> list[Figure]:
    command = [sys.executable, str(Path(__file__)), str(_MEGABYTES)]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    note = f"{answer['messages']:,} messages of {_MEGABYTES} MB, in a process of its own"
    return [
        Figure("hl7v2", "batch: messages", "messages/s", (answer["rate"],), note),
        Figure("hl7v2", "batch: growth", "MB", (answer["growth"],), "largest resident set, over that after 5 MB"),
    ]


class _Night(io.RawIOBase):
    """A batch file of so many bytes that is nowhere: its messages are made before, its bytes while they are read."""

    def __init__(self, size: int) -> None:
        self.messages = 0
        self._parts = self._made(size)
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        """At most so many bytes."""
        while len(self._left) < size and (more := next(self._parts, b"")):
            self._left += more
        given, self._left = self._left[:size], self._left[size:]
        return given

    def _made(self, size: int) -> Iterator[bytes]:
        yield b"FHS|^~\\&|HIS\rBHS|^~\\&|HIS\r"
        hundred = [make(number) for number in range(50) for make in (adt, oru)]
        whole = b"".join(hundred)
        for _ in range(size // len(whole) + 1):
            self.messages += len(hundred)
            yield whole
        yield b"BTS|%d\rFTS|1\r" % self.messages


def _read_night(megabytes: int) -> dict[str, float]:
    _read_all(5_000_000)
    before, start = _largest(), time.process_time()
    messages = _read_all(megabytes * 1_000_000)
    passed = time.process_time() - start
    return {"messages": messages, "rate": messages / passed, "growth": (_largest() - before) / 1e3}


def _read_all(size: int) -> int:
    night = _Night(size)
    count = 0
    for entry in messages_in(night):  # type: ignore[arg-type]
        assert entry.number, "the trailers count right"
        assert entry.message is not None
        assert entry.message.value("PID-3")
        count += 1
    assert count == night.messages
    return count


def _largest() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _KILOBYTES


if __name__ == "__main__":
    print(json.dumps(_read_night(int(sys.argv[1]))))
