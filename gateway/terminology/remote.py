"""A terminology server that is asked for what is not at hand: the port, and a guard around it (FHIR R4, ValueSet/$validate-code).

What leaves is a code system, a code and a value set: nothing else of a record. Whatever fails is UNKNOWN, never an error.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Protocol

from gateway.terminology.codes import Membership

_LONGEST_CODE = 100
_LONGEST_ADDRESS = 500


class Remote(Protocol):
    """A terminology server."""

    def validate_code(self, system: str, code: str, value_set: str) -> Membership | None:
        """Whether a code is in a value set, or with an empty address in the code system.

        UNKNOWN when the server says that it cannot tell, None when there is no answer from it.
        """
        ...


class Guarded:
    """A server behind a cache and a circuit breaker. `clock` gives seconds that only grow (time.monotonic).

    Only codes of `systems` are asked about. Answers are kept for `lasting` seconds, no answer for `pause`; after `most_failures` in
    a row nothing is asked for `pause` seconds, then one question tries again.
    """

    def __init__(
        self,
        server: Remote,
        systems: frozenset[str],
        clock: Callable[[], float],
        *,
        lasting: float = 86_400.0,
        pause: float = 60.0,
        most_kept: int = 50_000,
        most_failures: int = 3,
    ) -> None:
        self._server = server
        self._systems = systems
        self._clock = clock
        self._lasting, self._pause = lasting, pause
        self._most_kept, self._most_failures = most_kept, most_failures
        self._kept: OrderedDict[tuple[str, str, str], tuple[float, Membership | None]] = OrderedDict()
        self._failures = 0
        self._closed_until = 0.0
        self._lock = Lock()

    def validate_code(self, system: str, code: str, value_set: str) -> Membership | None:
        """The kept answer, or the server's; None when it may not be asked or gives none."""
        if not self._may_be_asked(system, code, value_set):
            return None
        key = (system, code, value_set)
        with self._lock:
            now = self._clock()
            kept = self._kept.get(key)
            if kept is not None and kept[0] > now:
                self._kept.move_to_end(key)
                return kept[1]
            if now < self._closed_until:
                return None
        answer = self._server.validate_code(system, code, value_set)
        with self._lock:
            self._noted(key, answer)
        return answer

    def _may_be_asked(self, system: str, code: str, value_set: str) -> bool:
        """Words in place of a code may be about a person, so they stay here."""
        plain = 0 < len(code) <= _LONGEST_CODE and code.isascii() and code.isprintable() and " " not in code
        return plain and system.partition("|")[0] in self._systems and len(value_set) <= _LONGEST_ADDRESS

    def _noted(self, key: tuple[str, str, str], answer: Membership | None) -> None:
        now = self._clock()
        self._kept[key] = (now + (self._pause if answer is None else self._lasting), answer)
        self._kept.move_to_end(key)
        while len(self._kept) > self._most_kept:
            self._kept.popitem(last=False)
        self._failures = self._failures + 1 if answer is None else 0
        if self._failures >= self._most_failures:
            self._closed_until = now + self._pause
