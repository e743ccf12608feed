"""The labelling service: which level and sensitivities an item of a request has (HL7 FHIR DS4P).

Labels only add up. Every source of labels is read by itself, so that a level beside a sensitivity cannot lower another source's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from unicodedata import normalize

from gateway.consent.codes import Codes
from gateway.consent.question import listed

Coding = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Marks:
    """A level (rank in v3-Confidentiality), the sensitivities, and whether there may be others that nobody knows."""

    level: int = -1
    sensitivities: frozenset[str] = frozenset()
    unclassified: bool = False

    def __or__(self, other: Marks) -> Marks:
        return Marks(
            max(self.level, other.level),
            self.sensitivities | other.sensitivities,
            self.unclassified or other.unclassified,
        )


NOTHING = Marks()


@dataclass(frozen=True, slots=True)
class Labelling:
    """A register's label rules, compiled once per call; `classifies` is false for a register without classifiedSystems."""

    codes: Codes
    rows: Mapping[str | None, tuple[tuple[tuple[str, ...], Marks], ...]]
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
        said = tuple(listed(names))
        found = self.named.get(said)
        if found is None:
            found = self.named[said] = marks_of(said, self.codes)
        return found

    def coding(self, coding: Coding) -> tuple[Marks, bool]:
        """The labels of one coding, and whether the site has classified it, itself or by its mapped target."""
        if coding not in self.seen:
            self.seen[coding] = self._coding(coding)
        return self.seen[coding]

    def _coding(self, coding: Coding) -> tuple[Marks, bool]:
        made, known = NOTHING, False
        for system, code in filter(None, (coding, self.maps.get(coding))):
            if code is None:
                continue
            bare = plain(code)
            known = known or (system in self.classified and self._well_formed(system, bare))
            for prefixes, marks in self.rows.get(system, ()):
                if bare.startswith(prefixes) or code.startswith(prefixes):
                    made |= marks
        return made, known

    def _well_formed(self, system: str | None, code: str) -> bool:
        """Whether a code has the form that the site declares for its system; without one, any has."""
        form = self.forms.get(system)
        return form is None or form.fullmatch(code) is not None


def plain(code: str) -> str:
    """A code without the variety of writing: compatibility forms, case, blanks."""
    return "".join(normalize("NFKC", code).split()).upper()


def labelling(register: Mapping[str, Any], codes: Codes) -> Labelling:
    """Compile securityLabelling, codeMaps, classifiedSystems, unclassified and uncodedNormal of a register."""
    rows: dict[str | None, list[tuple[tuple[str, ...], Marks]]] = {}
    for row in register.get("securityLabelling", ()):
        rows.setdefault(row.get("system"), []).append((tuple(row["codePrefix"]), marks_of(row["add"], codes)))
    unknown = marks_of(register.get("unclassified", codes.defaults["unclassified"]), codes)
    return Labelling(
        codes=codes,
        rows={system: tuple(found) for system, found in rows.items()},
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
        self._by_key: dict[Any, Marks] = {}
        for item in items:
            self._items.setdefault(item["reference"], []).append(item)

    def of(self, reference: str) -> Marks:
        """The marks of an item of the request: own, known, by code and by source; normal when nothing says otherwise."""
        made = self._plain(reference) or self._full(reference)
        return made if made.level >= 0 else made | Marks(self._normal)

    def several(self, reference: str) -> bool:
        """Whether the request has more than one item of that reference: then their labels count for each of them."""
        return len(self._items[reference]) > 1

    def _plain(self, reference: str) -> Marks | None:
        """The marks of an item that has its code and labels, and nothing else to go by: the same for all items alike."""
        first, *others = self._items[reference]
        if others or first.get("derivedFrom"):
            return None
        own, known = first.get("securityLabel"), self._known.get(reference)
        key = (codings_of(first) or type_of(reference), bool(first.get("freeText")), _names(own), _names(known))
        if key not in self._by_key:
            made = self._by_code(first)
            if own or known:
                made |= self._rules.labels(own or ()) | self._rules.labels(known or ())
            self._by_key[key] = made
        return self._by_key[key]

    @property
    def _normal(self) -> int:
        codes = self._rules.codes
        return codes.levels[codes.defaults["unlabelled"]]

    def _full(self, reference: str) -> Marks:
        if reference in self._made:
            return self._made[reference] or self._unknown  # None: derived from itself
        self._made[reference] = None
        made = self._rules.labels(self._known.get(reference, ()))
        for item in self._items.get(reference, ()):
            made |= self._rules.labels(item.get("securityLabel") or ())
            made |= self._by_code(item)
            for source in listed(item.get("derivedFrom")):
                made |= self._source(source)
        self._made[reference] = made
        return made

    @property
    def _unknown(self) -> Marks:
        return self._rules.unclassified if self._rules.classifies else NOTHING

    def _source(self, reference: str) -> Marks:
        if reference in self._items or reference in self._known:
            return self._full(reference)
        return self._unknown

    def _by_code(self, item: Mapping[str, Any]) -> Marks:
        made, known = NOTHING, False
        codings = codings_of(item)
        for coding in codings:
            marks, classified = self._rules.coding(coding)
            made, known = made | marks, known or classified
        if not self._rules.classifies:
            return made
        if not codings:
            known = bool(item.get("derivedFrom")) or type_of(item["reference"]) in self._rules.uncoded_normal
        if item.get("freeText") or not known:
            return made | self._unknown
        return made if not codings and item.get("derivedFrom") else made | Marks(self._normal)


def _names(labels: Any) -> tuple[Any, ...]:
    return tuple(labels) if labels and not isinstance(labels, str) else (labels,) if labels else ()


def codings_of(item: Mapping[str, Any]) -> tuple[Coding, ...]:
    """The codings of a request item as (system, code) pairs."""
    found: list[Any] = item.get("code") or []
    if len(found) == 1:  # nearly always, and this is the hot path
        return ((found[0].get("system"), found[0].get("code")),)
    return tuple((coding.get("system"), coding.get("code")) for coding in found)


def type_of(reference: str) -> str:
    """`Patient` of `Patient/p1#address`."""
    return reference.partition("/")[0]
