"""The provisions that speak to one question, ordered by what their tests look at: equal attributes of items are tested once.

Made for one call and gone with it. What it remembers are answers of tests about equal values, never an outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.consent.asked import Asked
from gateway.consent.dimensions import Test
from gateway.consent.marks import Coding, Marks, plain, type_of
from gateway.consent.provisions import Node
from gateway.consent.question import listed

Codings = tuple[Coding, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """Tests that look at the same attributes, each with the bit of its provision; `failed`: the bits by the value of the attributes."""

    tests: tuple[tuple[int, Test], ...]
    value: Callable[[Mapping[str, Any], Codings, Marks], Any] | None
    failed: dict[Any, int] = field(default_factory=dict)


class _Codes:
    """Tests of codes alone, by the codes that they name: an item looks up its own, however many provisions name others.

    As in dimensions.py, a deny is met by a mapped target too, without the system where it says none, and by an item without any code.
    """

    def __init__(self, tests: Iterable[tuple[int, Test]], maps: Mapping[Coding, Coding]) -> None:
        self._maps = maps
        self._all = self._without_code = 0
        self._exact: dict[Coding, int] = {}
        self._bare: dict[Coding, int] = {}
        for bit, test in tests:
            self._all |= bit
            self._without_code |= bit if test.bare and test.names else 0
            index = self._bare if test.bare else self._exact
            for name in test.names or ():
                index[name] = index.get(name, 0) | bit

    def failed(self, codings: Codings) -> int:
        """The bits of those that an item with these codings does not meet."""
        if not self._all:
            return 0
        met, coded = 0, False
        for coding in codings:
            met |= self._exact.get(coding, 0)
            target = self._maps.get(coding)
            for system, code in (coding,) if target is None else (coding, target):
                if code is not None and self._bare:
                    bare, coded = plain(code), True
                    met |= self._bare.get((system, bare), 0) | self._bare.get((None, bare), 0)
        return self._all & ~(met if coded else met | self._without_code)


class Plan:
    """Which provisions of some trees an item fails, as bits."""

    def __init__(self, trees: Iterable[Node], maps: Mapping[Coding, Coding]) -> None:
        self._nodes = [node for tree in trees for node in tree.nodes() if node.awake]
        self._bits = {id(node): 1 << place for place, node in enumerate(self._nodes)}
        groups: dict[tuple[str, ...], list[tuple[int, Test]]] = {}
        for node in self._nodes:
            for test in node.tests:
                groups.setdefault(test.looks_at, []).append((self._bits[id(node)], test))
        self._codes = _Codes(groups.pop(("codings",), ()), maps)
        self._groups = [_Group(tuple(tests), _VALUES.get(looks_at)) for looks_at, tests in groups.items()]

    def failed(self, raw: Mapping[str, Any], codings: Codings, marks: Marks, asked: Callable[[], Asked]) -> int:
        """The bits of the provisions that an item does not meet. Raises one of UNREADABLE when any attribute cannot be read."""
        bits = self._codes.failed(codings)
        for group in self._groups:
            if group.value is None:  # it hangs on which item it is
                bits |= _failed(group.tests, asked())
                continue
            value = group.value(raw, codings, marks)
            found = group.failed.get(value)
            if found is None:
                found = group.failed[value] = _failed(group.tests, asked())
            bits |= found
        return bits

    def meeting(self, failed: int) -> Callable[[Node], bool]:
        """Whether an item with these bits meets a provision."""
        return lambda node: not failed & self._bits[id(node)]


def _failed(tests: Iterable[tuple[int, Test]], item: Asked) -> int:
    bits = 0
    for bit, test in tests:
        if not test.met(item):
            bits |= bit
    return bits


def _made(raw: Mapping[str, Any], _codings: Codings, _marks: Marks) -> Any:
    said = raw.get("date")
    if said.__class__ is str or not isinstance(said, Mapping):
        return said
    return said.get("start"), said.get("end")


def _source(raw: Mapping[str, Any], _codings: Codings, _marks: Marks) -> Any:
    author, custodian = raw.get("author"), raw.get("custodian")
    return listed(author), custodian if custodian.__class__ is str else listed(custodian)


_VALUES: Mapping[tuple[str, ...], Callable[[Mapping[str, Any], Codings, Marks], Any]] = {
    ("marks",): lambda _raw, _codings, marks: marks,
    ("type",): lambda raw, _codings, _marks: type_of(raw["reference"]),
    ("type", "codings"): lambda raw, codings, _marks: (type_of(raw["reference"]), codings),
    ("made",): _made,
    ("author", "custodian"): _source,
}  # as in Test.looks_at
