"""Value sets as sets: expansion of compositions and membership of codes, offline (FHIR R4, ValueSet.compose; $expand, $validate-code).

Three answers. `IN` and `OUT` are proven by content at hand; everything else is `UNKNOWN`, which is never an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from gateway.definitions.vocabulary import CodeSystem, Filter, Part, ValueSet
from gateway.terminology.grammars import may_be

_MAX_NESTING = 16
_ELSEWHERE = ("not-present", "supplement")


class Membership(Enum):
    """Whether a code is a member."""

    IN = "in"
    OUT = "out"
    UNKNOWN = "unknown"


class Definitions(Protocol):
    """What is asked for content: gateway.definitions.library.Library, or anything that answers alike."""

    def value_set(self, url: str) -> ValueSet | None: ...
    def code_system(self, url: str) -> CodeSystem | None: ...


@dataclass(frozen=True, slots=True)
class Codes:
    """A set of codes as far as it is known.

    `known` are members by system; `open` are systems of which more may be members; `anything` when a part could not be read at
    all; `folded` are systems whose codes do not depend on case (their members are kept in lower case).
    """

    known: Mapping[str, frozenset[str]]
    open: frozenset[str] = frozenset()
    anything: bool = False
    folded: frozenset[str] = frozenset()

    def member(self, system: str | None, code: str) -> Membership:
        """The answer for a code of a system, or of any system when it is None (an element of type `code`)."""
        systems: Iterable[str] = (*self.known, *self.open) if system is None else (system,)
        answers = {self._in(each, code) for each in systems}
        if Membership.IN in answers:
            return Membership.IN
        return Membership.UNKNOWN if self.anything or Membership.UNKNOWN in answers else Membership.OUT

    def _in(self, system: str, code: str) -> Membership:
        form = code.lower() if system in self.folded else code
        if form in self.known.get(system, ()):
            return Membership.IN
        return Membership.UNKNOWN if system in self.open and may_be(system, code) else Membership.OUT

    def plain(self) -> frozenset[str] | None:
        """Every code of every system when all of it is known exactly, else None: the fast path for `code` elements."""
        if self.anything or self.open or self.folded:
            return None
        return frozenset().union(*self.known.values())


UNKNOWN_CODES = Codes({}, anything=True)


class Terminology:
    """Value sets of a library of definitions, expanded once each."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._expanded: dict[str, Codes] = {}

    def expand(self, url: str) -> Codes:
        """The codes of a value set; one that is not at hand is wholly unknown."""
        if url not in self._expanded:
            self._expanded[url] = self._expand(url, ())
        return self._expanded[url]

    def member(self, url: str, code: str, system: str | None = None) -> Membership:
        """Whether the code is in the value set."""
        return self.expand(url).member(system, code)

    def in_system(self, system: str, code: str) -> Membership:
        """Whether the code is defined by the code system."""
        return self._system(Part(system=system)).member(system, code)

    def _expand(self, url: str, within: tuple[str, ...]) -> Codes:
        value_set = self._definitions.value_set(url)
        if value_set is None or url in within or len(within) >= _MAX_NESTING:
            return UNKNOWN_CODES
        path = (*within, url)
        if value_set.expansion is not None and not value_set.include:
            return _listed(value_set.expansion)
        included = union(self._part(part, path) for part in value_set.include)
        return without(included, [self._part(part, path) for part in value_set.exclude])

    def _part(self, part: Part, within: tuple[str, ...]) -> Codes:
        """Within one part everything must hold: the system's selection and each of the value sets."""
        sets = [self._expand(url, within) for url in part.value_sets]
        if part.system:
            sets.append(self._system(part))
        return intersection(sets)

    def _system(self, part: Part) -> Codes:
        url = part.system.partition("|")[0]
        alone = frozenset((url,))
        if part.codes is not None:
            return Codes({url: frozenset(part.codes)})
        system = self._definitions.code_system(url)
        codes = _selected(system, part.filters) if system and system.content not in _ELSEWHERE else None
        if system is None or codes is None:
            return Codes({url: frozenset()}, open=alone)
        more = frozenset() if system.content == "complete" else alone
        if system.case_sensitive:
            return Codes({url: codes}, more)
        return Codes({url: frozenset(c.lower() for c in codes)}, more, folded=alone)


def _listed(rows: Iterable[tuple[str, str]]) -> Codes:
    by_system: dict[str, set[str]] = {}
    for system, code in rows:
        by_system.setdefault(system, set()).add(code)
    return Codes({system: frozenset(codes) for system, codes in by_system.items()})


def _selected(system: CodeSystem, filters: tuple[Filter, ...]) -> frozenset[str] | None:
    """The codes that pass all filters, or None when a filter cannot be applied to what is at hand."""
    codes = frozenset(system.concepts)
    for each in filters:
        passed = _filtered(system, each)
        if not passed:  # a selection of nothing means that the hierarchy or property is not at hand
            return None
        codes &= passed
    return codes


def _filtered(system: CodeSystem, each: Filter) -> frozenset[str] | None:
    everything = frozenset(system.concepts)
    if each.property in ("concept", "code") and each.op in _BY_HIERARCHY:
        below = system.below(each.value)
        own = frozenset((each.value,)) & everything
        return {"is-a": below | own, "descendent-of": below, "is-not-a": everything - below - own}[each.op]
    if each.op == "=" and each.property == "parent":
        return frozenset(c.code for c in system.concepts.values() if each.value in c.parents)
    if each.op == "in" and each.property in ("concept", "code"):
        return everything & frozenset(each.value.split(","))
    if each.op == "=" and any(each.property in c.properties for c in system.concepts.values()):
        return frozenset(
            c.code for c in system.concepts.values() if each.value in map(_text, c.properties.get(each.property, ()))
        )
    return None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_BY_HIERARCHY = ("is-a", "descendent-of", "is-not-a")


def union(sets: Iterable[Codes]) -> Codes:
    """Members of any of them."""
    given = list(sets)
    systems = {system for codes in given for system in codes.known}
    return Codes(
        {system: frozenset().union(*(codes.known.get(system, frozenset()) for codes in given)) for system in systems},
        frozenset().union(*(codes.open for codes in given)),
        any(codes.anything for codes in given),
        frozenset().union(*(codes.folded for codes in given)),
    )


def intersection(sets: Iterable[Codes]) -> Codes:
    """Members of all of them; what only some can tell stays open."""
    given = list(sets)
    if not given:
        return Codes({})
    result = given[0]
    for other in given[1:]:
        result = _both(result, other)
    return result


def _both(left: Codes, right: Codes) -> Codes:
    """Of a system that one side cannot tell completely, the other side's members stay possible, so the system stays open."""
    systems = {s for s in (*left.known, *left.open) if right.anything or s in right.known or s in right.open}
    systems |= {s for s in (*right.known, *right.open) if left.anything}
    sure = {s: left.known.get(s, frozenset()) & right.known.get(s, frozenset()) for s in systems}
    loose = frozenset(s for s in systems if left.anything or right.anything or s in left.open or s in right.open)
    return Codes(sure, loose, left.anything and right.anything, left.folded | right.folded)


def without(codes: Codes, excluded: Iterable[Codes]) -> Codes:
    """Members of the first that are in none of the others; a doubtful exclusion makes its system doubtful."""
    result = codes
    for other in excluded:
        known = {s: members - other.known.get(s, frozenset()) for s, members in result.known.items()}
        doubtful = frozenset(known) if other.anything else frozenset(s for s in known if s in other.open)
        sure = {s: frozenset() if s in doubtful else members for s, members in known.items()}
        result = Codes(sure, result.open | doubtful, result.anything, result.folded)
    return result
