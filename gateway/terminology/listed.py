"""Code systems that are a published list: countries and currencies, with codes that were in the list or are set aside (profiles/iso)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from gateway.data import data_path
from gateway.model.wire import read_json


@dataclass(frozen=True, slots=True)
class Listed:
    """`codes` are in force; `possible` are former, reserved or user-assigned: they may be meant, and nobody can say that they are none."""

    codes: frozenset[str]
    possible: frozenset[str]

    def judged(self, code: str) -> bool | None:
        """True in the list, False when it can be none, None when it may be one."""
        if code in self.codes:
            return True
        return None if code in self.possible else False


@cache
def listed(name: str) -> Listed:
    """The list of a file of profiles/iso (`3166.json`)."""
    rows = read_json(data_path("profiles", "iso", name).read_bytes())
    return Listed(_codes(rows["codes"]), _codes(rows.get("possible", {})))


def _codes(groups: Mapping[str, str]) -> frozenset[str]:
    return frozenset(code for text in groups.values() for code in _spread(text.split()))


def _spread(words: Iterable[str]) -> Iterator[str]:
    """`QM..QZ` is each code between the two, which differ in the last character or in the number."""
    for word in words:
        first, dots, last = word.partition("..")
        if not dots:
            yield word
        elif first.isdigit():
            yield from (str(number).zfill(len(first)) for number in range(int(first), int(last) + 1))
        else:
            yield from _alphabetic(first, last)


def _alphabetic(first: str, last: str) -> Iterator[str]:
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    if len(first) == 1:
        yield from letters[letters.index(first) : letters.index(last) + 1]
        return
    for start in letters[letters.index(first[0]) : letters.index(last[0]) + 1]:
        low = first[1:] if start == first[0] else "A" * (len(first) - 1)
        high = last[1:] if start == last[0] else "Z" * (len(first) - 1)
        yield from (start + rest for rest in _alphabetic(low, high))
