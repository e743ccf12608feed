"""Value sets to sets of codes, with what was missing on the way (FHIR R4, ValueSet.compose and $expand).

Bounded: value sets nest 16 deep, each is expanded once in a run, and a run looks at 2 million codes at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from gateway.definitions.canonical import parted
from gateway.definitions.vocabulary import Filter, Part, ValueSet
from gateway.terminology.codes import UNKNOWN_CODES, Codes, Membership, Tell, intersection, union, without
from gateway.terminology.concepts import Concepts
from gateway.terminology.content import Content
from gateway.terminology.grammars import kind_of
from gateway.terminology.reasons import Expanded, Gap, Reason
from gateway.terminology.ruled import tell_of
from gateway.terminology.systems import Systems, same_version

_MAX_NESTING = 16
_MOST_LOOKS = 2_000_000  # at codes, once for each filter
_MOST_FILTERS = 20
_MOST_GAPS = 20
_MOST_KEPT = 20_000
_BY_RULE = ("unit", "language-tag", "media-type")  # the grammar is the system: nothing else of it could be at hand
_R4 = "4.0.1"  # R4 core pins its own version on sets of HL7 v3 that have versions of their own


class Expander:
    """One run: expands a value set and whatever it includes. `kept` outlives it and takes what is not cut short by a circle."""

    def __init__(self, systems: Systems, kept: dict[str, Expanded]) -> None:
        self._systems = systems
        self._kept = kept
        self._run: dict[str, Expanded] = {}
        self._path: list[str] = []
        self._cuts = 0
        self._looks = 0

    def value_set(self, url: str) -> Expanded:
        """A value set; one that is not at hand is wholly unknown."""
        known = self._kept.get(url) or self._run.get(url)
        if known is not None:
            return known
        if url in self._path or len(self._path) >= _MAX_NESTING:
            self._cuts += 1
            return Expanded(UNKNOWN_CODES, (Gap(Reason.CIRCULAR, url),))
        self._path.append(url)
        before = self._cuts
        made = self._run[url] = self._made(url)
        self._path.pop()
        if self._cuts == before and len(self._kept) < _MOST_KEPT:
            self._kept[url] = made
        return made

    def _made(self, url: str) -> Expanded:
        value_set = self._systems.value_set(url)
        if value_set is None:
            return Expanded(UNKNOWN_CODES, (Gap(Reason.NO_VALUE_SET, url),))
        if value_set.expansion is not None and not value_set.include:
            made = Expanded(_listed(value_set.expansion))
            made = _partial(made, url) if value_set.partial else made
        else:
            made = self._composed(value_set, url)
        asked = parted(url)[1]
        if asked in ("", _R4) or same_version(asked, value_set.version):
            return made
        return Expanded(made.codes.doubtful(), (Gap(Reason.OTHER_VERSION, url), *made.gaps)[:_MOST_GAPS])

    def _composed(self, value_set: ValueSet, url: str) -> Expanded:
        """Any of the includes, none of the excludes; what a published expansion lists belongs as well."""
        included = [self._part(part) for part in value_set.include]
        excluded = [self._part(part) for part in value_set.exclude]
        gaps = tuple(dict.fromkeys(gap for each in (*included, *excluded) for gap in each.gaps))[:_MOST_GAPS]
        codes = without(union(each.codes for each in included), [each.codes for each in excluded])
        if gaps and (listed := _published(self._systems.document("ValueSet", url))):
            codes = union([codes, listed])
        if not value_set.inactive:
            codes = without(codes, [self._inactive(codes.systems())])
        return Expanded(codes, gaps)

    def _part(self, part: Part) -> Expanded:
        """Within one part everything must hold: the system's selection and each of the value sets."""
        sets = [self.value_set(url) for url in part.value_sets]
        if part.system:
            sets.append(self.system(part))
        gaps = tuple(gap for each in sets for gap in each.gaps)[:_MOST_GAPS]
        return Expanded(intersection(each.codes for each in sets), gaps)

    def system(self, part: Part) -> Expanded:
        """What one part selects of its code system."""
        url, pinned = parted(part.system)
        version = part.version or pinned
        if part.codes is not None:
            return Expanded(self._enumerated(url, part.codes))
        content = self._systems.content(url, version)
        concepts = None if content else self._systems.concepts(url, version)
        if content is not None:
            made, found = _released(content, part.filters), content.version
        elif concepts is not None:
            made, found = self._chosen(concepts, part.filters), concepts.version
        else:
            return _by_form(url, part.filters)
        if same_version(version, found):
            return made
        return Expanded(made.codes.doubtful(), (Gap(Reason.OTHER_VERSION, url), *made.gaps))

    def _enumerated(self, url: str, codes: Iterable[str]) -> Codes:
        concepts = self._systems.concepts(url)
        if concepts is None or concepts.case_sensitive:
            return Codes({url: frozenset(codes)})
        return Codes({url: frozenset(code.lower() for code in codes)}, folded=frozenset((url,)))

    def _chosen(self, concepts: Concepts, filters: tuple[Filter, ...]) -> Expanded:
        url, alone = concepts.url, frozenset((concepts.url,))
        self._looks += len(concepts.codes) * (1 + len(filters))
        spent = self._looks > _MOST_LOOKS or len(filters) > _MOST_FILTERS
        codes = None if spent else concepts.selected(filters)
        if codes is None:
            reason = Reason.TOO_LARGE if spent else Reason.NO_FILTER
            return Expanded(Codes({url: frozenset()}, open=alone), (Gap(reason, url),))
        if tell := tell_of(url):
            return Expanded(Codes({}, told={url: partial(_of_list, concepts.codes, codes, tell)}))
        more = frozenset[str]() if concepts.complete else alone
        gaps = () if concepts.complete else (Gap(Reason.PART_OF_SYSTEM, url),)
        if concepts.case_sensitive:
            return Expanded(Codes({url: codes}, more), gaps)
        return Expanded(Codes({url: frozenset(c.lower() for c in codes)}, more, folded=alone), gaps)

    def _inactive(self, urls: Iterable[str]) -> Codes:
        """The codes no longer in use of some systems, as a set to be left out."""
        sets: list[Codes] = []
        for url in urls:
            content, concepts = self._systems.content(url), self._systems.concepts(url)
            if content is not None:
                sets.append(Codes({}, told={url: partial(_ended, content)}))
            elif concepts is not None:
                ended = (code for code in concepts.codes if concepts.inactive(code))
                sets.append(self._folding(concepts, ended))
        return union(sets)

    def _folding(self, concepts: Concepts, codes: Iterable[str]) -> Codes:
        if concepts.case_sensitive:
            return Codes({concepts.url: frozenset(codes)})
        return Codes({concepts.url: frozenset(c.lower() for c in codes)}, folded=frozenset((concepts.url,)))


def _of_list(all_codes: frozenset[str], chosen: frozenset[str], tell: Tell, code: str) -> Membership:
    """A code of a list is chosen or not; one beside the list is what the form of the list says."""
    if code in all_codes:
        return Membership.IN if code in chosen else Membership.OUT
    return tell(code)


def _ended(content: Content, code: str) -> Membership:
    return Membership.IN if content.inactive(code) else Membership.OUT


def _released(content: Content, filters: tuple[Filter, ...]) -> Expanded:
    if not content.applies(filters):
        return Expanded(
            Codes({content.url: frozenset()}, frozenset((content.url,))), (Gap(Reason.NO_FILTER, content.url),)
        )
    return Expanded(Codes({}, told={content.url: partial(content.passes, filters)}))


def _by_form(url: str, filters: tuple[Filter, ...]) -> Expanded:
    """A system of which nothing but perhaps its grammar is at hand."""
    tell = tell_of(url, filters)
    if tell is not None:
        return Expanded(Codes({}, told={url: tell}), (Gap(Reason.FORM_ONLY, url),))
    reason = Reason.NO_FILTER if kind_of(url) in _BY_RULE else Reason.NO_SYSTEM
    return Expanded(Codes({url: frozenset()}, open=frozenset((url,))), (Gap(reason, url),))


def _partial(made: Expanded, url: str) -> Expanded:
    return Expanded(made.codes.doubtful(), (*made.gaps, Gap(Reason.TOO_LARGE, url)))


def _listed(rows: Iterable[tuple[str, str]]) -> Codes:
    by_system: dict[str, set[str]] = {}
    for system, code in rows:
        by_system.setdefault(system, set()).add(code)
    return Codes({system: frozenset(codes) for system, codes in by_system.items()})


def _published(raw: Mapping[str, Any] | None) -> Codes | None:
    """The members that a loaded ValueSet lists in its own expansion, beside its composition."""
    from gateway.definitions.facts import value_set_facts

    expansion = raw.get("expansion") if raw else None
    if raw is None or not isinstance(expansion, Mapping):
        return None
    try:
        rows = value_set_facts({"url": raw.get("url"), "expansion": expansion})["expansion"]
        return _listed((row.get("system", ""), row["code"]) for row in rows)
    except (KeyError, TypeError, AttributeError, RecursionError):
        return None
