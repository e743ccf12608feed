"""Whoever fails to prove who it is again and again is answered more and more slowly, by the name that was claimed and not by address.

Nobody is shut out by what others do in their name: only the failing answers wait. When as many wait as may, names that have failed hear
"later" before any work is done for them, so that a flood costs no more than that. Names are known here by a small hash, so that what
is kept does not grow, and one that is registered is treated like one that is not.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

_PLACES = 1024
_FREE = 3  # failures that cost nothing


@dataclass(slots=True)
class Slowing:
    """`first` and `most` in seconds: the first pause, doubled with each failure, and the longest; `forgets` after so long without one.

    `waiting` is how many answers may be held back at one time; beyond that they go out at once.
    """

    clock: Callable[[], float]
    first: float = 0.05
    most: float = 2.0
    forgets: float = 60.0
    places: int = 256
    pauses: Callable[[float], Awaitable[None]] = asyncio.sleep
    waiting: int = 0
    _failures: dict[int, tuple[int, float]] = field(default_factory=dict)

    def crowded(self, name: str) -> bool:
        """Whether no more failures of that name can be afforded now."""
        failures, last = self._failures.get(_place(name), (0, 0.0))
        return self.waiting >= self.places and failures >= _FREE and self.clock() - last < self.forgets

    async def failed(self, name: str) -> None:
        """One more failure in that name; returns when it may be answered."""
        pause = self._pause(_place(name))
        if pause == 0 or self.waiting >= self.places:
            return
        self.waiting += 1
        try:
            await self.pauses(pause)
        finally:
            self.waiting -= 1

    def _pause(self, place: int) -> float:
        now = self.clock()
        failures, last = self._failures.get(place, (0, now))
        failures = failures + 1 if now - last < self.forgets else 1
        self._failures[place] = (failures, now)
        beyond = failures - _FREE
        return min(self.most, self.first * 2.0 ** min(beyond - 1, 30)) if beyond > 0 else 0.0


def _place(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode("utf-8", "replace")).digest()[:4]) % _PLACES
