"""The labelling service: which level and sensitivities an item of a request has (HL7 FHIR DS4P).

Labels only add up. Every source of labels is read by itself, so that a level beside a sensitivity cannot lower another source's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from unicodedata import normalize

from gateway.consent.codes import Codes
from gateway.consent.question import listed

_LISTS = (list, tuple, frozenset)
Coding = tuple[str | None, str | None]


class Marks(NamedTuple):
    """A level (rank in v3-Confidentiality), the sensitivities, and whether there may be others that nobody knows."""

    level: int = -1
    sensitivities: frozenset[str] = frozenset()
    unclassified: bool = False

    def __or__(self, other: Marks) -> Marks:
        if other.level <= self.level and not other.unclassified and other.sensitivities <= self.sensitivities:
            return self  # most sources of labels add nothing
        if self.level <= other.level and not self.unclassified and self.sensitivities <= other.sensitivities:
            return other
        return Marks(
            max(self.level, other.level),
            self.sensitivities | other.sensitivities,
            self.unclassified or other.unclassified,
        )


NOTHING = Marks()


@dataclass(frozen=True, slots=True)
class Prefixes:
    """The label rows of one system: what a code gets by its beginnings, and how long those are."""

    marks: Mapping[str, Marks]
    sizes: tuple[int, ...]

    def of(self, code: str) -> Marks:
        """The marks of every prefix that the code begins with."""
        made = NOTHING
        for size in self.sizes:
            found = self.marks.get(code[:size])
            if found is not None:
                made |= found
        return made


@dataclass(frozen=True, slots=True)
class Labelling:
    """A register's label rules, compiled once per call; `classifies` is false for a register without classifiedSystems."""

    codes: Codes
    rows: Mapping[str | None, Prefixes]
    maps: Mapping[Coding, Coding]
    classified: frozenset[str]
    classifies: bool
    unclassified: Marks
    uncoded_normal: frozenset[str]
    forms: Mapping[str | None, re.Pattern[str]] = field(default_factory=dict)
    seen: dict[Coding, tuple[Marks, bool]] = field(default_factory=dict)
    named: dict[tuple[Any, ...], Marks] = field(default_factory=dict)

    def labels(self, names: Iterable[str]) -> Marks:
        """Label codes of one source; a sensitivity without a level counts as restricted."""
        said = names if names.__class__ is tuple else tuple(listed(names))
        found = self.named.get(said)
        if found is None:
            found = self.named[said] = marks_of(said, self.codes)
        return found

    def coding(self, coding: Coding) -> tuple[Marks, bool]:
        """The labels of one coding, and whether the site has classified it, itself or by its mapped target."""
        found = self.seen.get(coding)
        if found is None:
            found = self.seen[coding] = self._coding(coding)
        return found

    def _coding(self, coding: Coding) -> tuple[Marks, bool]:
        made, known = NOTHING, False
        target = self.maps.get(coding)
        for system, code in (coding,) if target is None else (coding, target):
            if code is None:
                continue
            bare = plain(code)
            known = known or (system in self.classified and (not self.forms or self._well_formed(system, bare)))
            if (rows := self.rows.get(system)) is not None:
                made |= rows.of(bare) if bare == code else rows.of(bare) | rows.of(code)
        return made, known

    def _well_formed(self, system: str | None, code: str) -> bool:
        """Whether a code has the form that the site declares for its system; without one, any has."""
        form = self.forms.get(system)
        return form is None or form.fullmatch(code) is not None


def plain(code: str) -> str:
    """A code without the variety of writing: compatibility forms, case, blanks."""
    return "".join((code if code.isascii() else normalize("NFKC", code)).split()).upper()


def labelling(register: Mapping[str, Any], codes: Codes) -> Labelling:
    """Compile securityLabelling, codeMaps, classifiedSystems, unclassified and uncodedNormal of a register."""
    rows: dict[str | None, dict[str, Marks]] = {}
    for row in register.get("securityLabelling", ()):
        table, added = rows.setdefault(row.get("system"), {}), marks_of(row["add"], codes)
        for prefix in row["codePrefix"]:
            table[prefix] = table.get(prefix, NOTHING) | added
    unknown = marks_of(register.get("unclassified", codes.defaults["unclassified"]), codes)
    return Labelling(
        codes=codes,
        rows={system: Prefixes(found, tuple(sorted({len(p) for p in found}))) for system, found in rows.items()},
        maps={(m["system"], m["code"]): (m["to"]["system"], m["to"]["code"]) for m in register.get("codeMaps", ())},
        classified=frozenset(register.get("classifiedSystems", ())),
        classifies="classifiedSystems" in register or "unclassified" in register,
        unclassified=Marks(unknown.level, unknown.sensitivities, True),
        uncoded_normal=frozenset(register.get("uncodedNormal", ())),
        forms={row["system"]: re.compile(row["pattern"], re.ASCII) for row in register.get("codeForms", ())},
    )


def marks_of(names: Iterable[str], codes: Codes) -> Marks:
    """Label codes to marks: what is no level is a sensitivity, known or not. Raises TypeError for what is no text."""
    names = listed(names)
    levels = [codes.levels[name] for name in names if name in codes.levels]
    sensitivities = frozenset(name for name in names if name not in codes.levels)
    if not levels and sensitivities:
        levels = [codes.levels[codes.defaults["sensitive"]]]
    return Marks(max(levels, default=-1), sensitivities)


class Marking:
    """The marks of all items of one request, with what they were derived from; lives for one call."""

    def __init__(
        self, rules: Labelling, items: Iterable[Mapping[str, Any]], known: Mapping[str, Iterable[str]]
    ) -> None:
        self._rules = rules
        self._known = known
        self._items: dict[str, list[Mapping[str, Any]]] = {}
        self._made: dict[str, Marks | None] = {}
        self._unknown = rules.unclassified if rules.classifies else NOTHING
        self._normal = Marks(rules.codes.levels[rules.codes.defaults["unlabelled"]])
        for item in items:
            self._items.setdefault(item["reference"], []).append(item)

    def of(self, reference: str) -> Marks:
        """The marks of an item of the request: own, known, by code and by source; normal when nothing says otherwise."""
        first, *others = self._items[reference]
        plain = not others and not first.get("derivedFrom")
        made = self._plain(first, codings_of(first)) if plain else self._full(reference)
        return made | self._normal if made.level < 0 else made

    def of_plain(self, item: Mapping[str, Any], codings: tuple[Coding, ...]) -> Marks | None:
        """The same, of an item with these codings; None for one that has more to go by: a source, or another item of its reference."""
        if item.get("derivedFrom") or len(self._items[item["reference"]]) > 1:
            return None
        made = self._plain(item, codings)
        return made | self._normal if made.level < 0 else made

    def _plain(self, item: Mapping[str, Any], codings: tuple[Coding, ...]) -> Marks:
        """The marks of an item that has its code and labels, and nothing else to go by."""
        own, known = item.get("securityLabel"), self._known.get(item["reference"])
        made = self._by_code(item, codings)
        if own:
            made |= self._rules.labels(_names(own))
        return made | self._rules.labels(_names(known)) if known else made

    def _full(self, reference: str) -> Marks:
        if reference in self._made:
            return self._made[reference] or self._unknown  # None: derived from itself
        self._made[reference] = None
        made = self._rules.labels(self._known.get(reference, ()))
        for item in self._items.get(reference, ()):
            made |= self._rules.labels(item.get("securityLabel") or ())
            made |= self._by_code(item, codings_of(item))
            for source in listed(item.get("derivedFrom")):
                made |= self._source(source)
        self._made[reference] = made
        return made

    def _source(self, reference: str) -> Marks:
        if reference in self._items or reference in self._known:
            return self._full(reference)
        return self._unknown

    def _by_code(self, item: Mapping[str, Any], codings: tuple[Coding, ...]) -> Marks:
        if len(codings) == 1:  # nearly always
            made, known = self._rules.coding(codings[0])
        else:
            made, known = NOTHING, False
            for coding in codings:
                marks, classified = self._rules.coding(coding)
                made, known = made | marks, known or classified
        if not self._rules.classifies:
            return made
        if not codings:
            known = bool(item.get("derivedFrom")) or type_of(item["reference"]) in self._rules.uncoded_normal
        if item.get("freeText") or not known:
            return made | self._unknown
        return made | self._normal if codings or not item.get("derivedFrom") else made


def _names(labels: Any) -> tuple[Any, ...]:
    """The label codes that are said, 1..*. Raises TypeError for what is neither a text nor a list."""
    if labels.__class__ is str or isinstance(labels, _LISTS):
        return listed(labels)
    raise TypeError


def codings_of(item: Mapping[str, Any]) -> tuple[Coding, ...]:
    """The codings of a request item as (system, code) pairs."""
    found: list[Any] = item.get("code") or []
    if len(found) == 1:  # nearly always, and this is the hot path
        return ((found[0].get("system"), found[0].get("code")),)
    return tuple((coding.get("system"), coding.get("code")) for coding in found)


def type_of(reference: str) -> str:
    """`Patient` of `Patient/p1#address`."""
    return reference.partition("/")[0]
