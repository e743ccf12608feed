"""Sets of codes as far as they are known, and their union, intersection and difference (three-valued logic)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import partial

from gateway.terminology.grammars import judged


class Membership(Enum):
    """Whether a code is a member."""

    IN = "in"
    OUT = "out"
    UNKNOWN = "unknown"


Tell = Callable[[str], Membership]


@dataclass(frozen=True, slots=True)
class Codes:
    """A set of codes as far as it is known.

    `known` are members by system; `open` are systems of which more may be members; `anything` when a part could not be read at
    all; `folded` are systems whose codes do not depend on case (their members are kept in lower case); `told` are systems too
    large to be listed or known by a grammar, where a function says it and nothing else counts.
    """

    known: Mapping[str, frozenset[str]]
    open: frozenset[str] = frozenset()
    anything: bool = False
    folded: frozenset[str] = frozenset()
    told: Mapping[str, Tell] = field(default_factory=dict)

    def member(self, system: str | None, code: str) -> Membership:
        """The answer for a code of a system, or of any system when it is None (an element of type `code`)."""
        answer = self._anywhere(code) if system is None else self.within(system, code)
        return Membership.UNKNOWN if answer is Membership.OUT and self.anything else answer

    def _anywhere(self, code: str) -> Membership:
        for members in self.known.values():  # kept in lower case where the system is folded, so never found wrongly
            if code in members:
                return Membership.IN
        return either(self.within(each, code) for each in {*self.known, *self.open, *self.told})

    def within(self, system: str, code: str) -> Membership:
        """The answer of what is known of one system, whatever else could not be read."""
        if system in self.told:
            return self.told[system](code)
        form = code.lower() if system in self.folded else code
        if form in self.known.get(system, ()):
            return Membership.IN
        if system in self.open and judged(system, code) is not False:
            return Membership.UNKNOWN
        return Membership.OUT

    def plain(self) -> frozenset[str] | None:
        """Every code of every system when all of it is known exactly, else None: the fast path for `code` elements."""
        if self.anything or self.open or self.folded or self.told:
            return None
        return frozenset().union(*self.known.values())

    def systems(self) -> frozenset[str]:
        """Every system of which something is said."""
        return frozenset((*self.known, *self.open, *self.told))

    def doubtful(self) -> Codes:
        """The same members, where what is not a member is no longer proven to be none (content of another version)."""
        told: dict[str, Tell] = {system: partial(_hoped, tell) for system, tell in self.told.items()}
        return Codes(self.known, self.systems() - frozenset(told), self.anything, self.folded, told)


UNKNOWN_CODES = Codes({}, anything=True)


def _hoped(tell: Tell, code: str) -> Membership:
    answer = tell(code)
    return Membership.UNKNOWN if answer is Membership.OUT else answer


def union(sets: Iterable[Codes]) -> Codes:
    """Members of any of them."""
    given = list(sets)
    told = {system for codes in given for system in codes.told}
    members: dict[str, list[frozenset[str]]] = {}
    for codes in given:
        for system, own in codes.known.items():
            if system not in told:
                members.setdefault(system, []).append(own)
    return Codes(
        {system: frozenset().union(*parts) for system, parts in members.items()},
        frozenset().union(*(codes.open for codes in given)) - told,
        any(codes.anything for codes in given),
        frozenset().union(*(codes.folded for codes in given)),
        {system: partial(_in_any, tuple(c.within for c in given), system) for system in told},
    )


def intersection(sets: Iterable[Codes]) -> Codes:
    """Members of all of them; what only some can tell stays open."""
    given = list(sets)
    if not given:
        return Codes({})
    told = {system for codes in given for system in codes.told}
    result = given[0]
    for other in given[1:]:
        result = _both(result, other)
    said = {system: partial(_in_all, tuple(c.member for c in given), system) for system in told}
    known = {system: own for system, own in result.known.items() if system not in told}
    return Codes(known, result.open - told, result.anything, result.folded, said)


def _both(left: Codes, right: Codes) -> Codes:
    """Of a system that one side cannot tell completely, the other side's members stay possible, so the system stays open."""
    systems = {s for s in (*left.known, *left.open) if right.anything or s in right.known or s in right.open}
    systems |= {s for s in (*right.known, *right.open) if left.anything}
    sure = {s: left.known.get(s, frozenset()) & right.known.get(s, frozenset()) for s in systems}
    loose = frozenset(s for s in systems if left.anything or right.anything or s in left.open or s in right.open)
    return Codes(sure, loose, left.anything and right.anything, left.folded | right.folded)


def without(codes: Codes, excluded: Iterable[Codes]) -> Codes:
    """Members of the first that are in none of the others; a doubtful exclusion makes its system doubtful."""
    given = list(excluded)
    if not given:
        return codes
    other = union(given)
    told = {system for system in codes.systems() if system in codes.told or system in other.told}
    known = {s: members - other.known.get(s, frozenset()) for s, members in codes.known.items() if s not in told}
    doubtful = frozenset(known) if other.anything else frozenset(s for s in known if s in other.open)
    sure = {s: frozenset() if s in doubtful else members for s, members in known.items()}
    said = {system: partial(_but_not, codes.within, other.member, system) for system in told}
    return Codes(sure, (codes.open - told) | doubtful, codes.anything, codes.folded, said)


Ask = Callable[[str, str], Membership]


def either(answers: Iterable[Membership]) -> Membership:
    """IN when one is, OUT when all are."""
    found = Membership.OUT
    for answer in answers:
        if answer is Membership.IN:
            return answer
        if answer is Membership.UNKNOWN:
            found = answer
    return found


def _in_any(asked: tuple[Ask, ...], system: str, code: str) -> Membership:
    return either(ask(system, code) for ask in asked)


def _in_all(asked: tuple[Ask, ...], system: str, code: str) -> Membership:
    found = Membership.IN
    for ask in asked:
        answer = ask(system, code)
        if answer is Membership.OUT:
            return answer
        if answer is Membership.UNKNOWN:
            found = answer
    return found


def _but_not(ask: Ask, excluded: Ask, system: str, code: str) -> Membership:
    answer = ask(system, code)
    if answer is Membership.OUT:
        return answer
    other = excluded(system, code)
    if other is Membership.OUT:
        return answer
    return Membership.OUT if other is Membership.IN else Membership.UNKNOWN
