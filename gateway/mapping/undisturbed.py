"""A pause of the collector of cyclic garbage while one document is mapped.

All that mapping makes is in use until it is done, so the collector, which comes after every few hundred new objects, finds nothing and
walks through the document and the maps again and again: nearly half of the time of a conversion. What is made meanwhile is bounded by
the size of one document. One thread at a time has a pause, so that between two there always is a moment in which it comes.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_TURN = Lock()


@contextmanager
def undisturbed() -> Iterator[None]:
    """No cyclic garbage is collected inside, unless another thread has the pause, or the collector is off anyway."""
    if not gc.isenabled() or not _TURN.acquire(blocking=False):
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        _TURN.release()
