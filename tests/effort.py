"""Effort instead of seconds: what work costs is compared with a bare loop on the same machine at the same moment."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

_QUICKEST = 0.005  # seconds a million turns of a bare loop take at the very least, anywhere


def _million() -> float:
    """CPU seconds of a million turns, the slowest of three."""
    took = []
    for _ in range(3):
        started = time.process_time()
        for _ in range(1_000_000):
            pass
        took.append(time.process_time() - started)
    return max(took)


@contextmanager
def bounded(turns: float) -> Iterator[None]:
    """The block may cost the CPU as much as `turns` million turns of a bare loop.

    That is far more than it needs, and far less than work out of proportion would take.
    """
    started = time.process_time()
    yield
    used = time.process_time() - started
    if used > turns * _QUICKEST:
        assert used < turns * _million(), f"{used:.1f} s of CPU"
