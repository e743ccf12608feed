"""Value sets as sets: membership of codes, offline, and a server that is asked last (FHIR R4, ValueSet; $expand, $validate-code).

Three answers. `IN` and `OUT` are proven by content at hand or told by the server; everything else is `UNKNOWN`, which is never an error.
"""

from __future__ import annotations

from collections.abc import Iterable

from gateway.definitions.vocabulary import Part
from gateway.terminology.codes import UNKNOWN_CODES, Codes, Membership, intersection, union, without
from gateway.terminology.compose import Expander
from gateway.terminology.content import Content
from gateway.terminology.displays import in_language, same_words
from gateway.terminology.reasons import Expanded, Reason, Verdict
from gateway.terminology.remote import Remote
from gateway.terminology.systems import Definitions, Systems

__all__ = [
    "UNKNOWN_CODES",
    "Codes",
    "Definitions",
    "Membership",
    "Reason",
    "Terminology",
    "Verdict",
    "intersection",
    "union",
    "without",
]

_MOST_SYSTEMS = 2_000


class Terminology:
    """Value sets of a library of definitions, expanded once each; with 0..* releases on disk and 0..1 server.

    The server is asked only where nothing at hand gives an answer, and told a system, a code and a value set.
    """

    def __init__(
        self, definitions: Definitions, contents: Iterable[Content] = (), remote: Remote | None = None
    ) -> None:
        self.systems = Systems(definitions, contents)
        self._remote = remote
        self._expanded: dict[str, Expanded] = {}
        self._whole: dict[str, Expanded] = {}

    @property
    def remote(self) -> bool:
        """Whether a server is asked, so that an answer may be another one later."""
        return self._remote is not None

    def expand(self, url: str) -> Codes:
        """The codes of a value set; one that is not at hand is wholly unknown."""
        return self.expanded(url).codes

    def expanded(self, url: str) -> Expanded:
        """The codes of a value set, and what was missing for it."""
        known = self._expanded.get(url)
        return known if known is not None else Expander(self.systems, self._expanded).value_set(url)

    def member(self, url: str, code: str, system: str | None = None) -> Membership:
        """Whether the code is in the value set."""
        answer = self.expanded(url).codes.member(system, code)
        if answer is Membership.UNKNOWN and self._remote is not None and system:
            return self._remote.validate_code(system, code, url) or answer
        return answer

    def in_system(self, system: str, code: str) -> Membership:
        """Whether the code is defined by the code system."""
        answer = self._all_of(system).codes.member(system.partition("|")[0], code)
        if answer is Membership.UNKNOWN and self._remote is not None:
            return self._remote.validate_code(system, code, "") or answer
        return answer

    def verdict(self, url: str, code: str, system: str | None = None, version: str = "") -> Verdict:
        """Membership in a value set, or with an empty address in the code system alone, with the reason to be told.

        `version` is that of the code system as the coding names it; another one at hand proves no absence.
        """
        if not url:
            return self._in_system_alone(system or "", code, version)
        answer = self.member(url, code, system)
        if answer is Membership.IN:
            return Verdict(answer, *self._beside(system, code))
        if answer is Membership.OUT:
            return self._outside(url, code, system, version)
        return self._unknown(answer, self.expanded(url), url, system)

    def system_at_hand(self, system: str) -> bool:
        """Whether anything can be told of codes of the system, by content or by a grammar."""
        return all(gap.reason is not Reason.NO_SYSTEM for gap in self._all_of(system).gaps)

    def display_of(self, system: str, code: str, language: str = "") -> str | None:
        """The name of a concept, in a language where there is one; None where names are not at hand."""
        named = self.systems.named(system, code)
        return (in_language(named, language) or None) if named else None

    def display_differs(self, system: str, code: str, display: str) -> bool | None:
        """Whether a display is none of the concept's names, in any language; None where names are not at hand."""
        named = self.systems.named(system, code)
        names = [each for each in (named.display, *(d.value for d in named.designations)) if each] if named else []
        return not any(same_words(display, name) for name in names) if names else None

    def abstract(self, system: str, code: str) -> bool:
        """Whether the concept is known to be there for grouping only."""
        concepts = self.systems.concepts(system)
        return concepts is not None and concepts.abstract(code)

    def inactive(self, system: str, code: str) -> bool:
        """Whether the concept is known to be no longer in use."""
        content, concepts = self.systems.content(system), self.systems.concepts(system)
        return content.inactive(code) if content else concepts is not None and concepts.inactive(code)

    def subsumes(self, system: str, ancestor: str, code: str) -> bool | None:
        """Whether the first code is the second or an ancestor of it; None when that cannot be told."""
        content, concepts = self.systems.content(system), self.systems.concepts(system)
        if content is not None:
            return content.subsumes(ancestor, code)
        above, below = (concepts.concept(ancestor), concepts.concept(code)) if concepts else (None, None)
        if concepts is None or above is None or below is None:
            return None
        return above.code == below.code or above.code in concepts.above(below.code)

    def _all_of(self, system: str, version: str = "") -> Expanded:
        key = f"{system}|{version}" if version else system
        if key not in self._whole:
            if len(self._whole) >= _MOST_SYSTEMS:
                self._whole.clear()
            self._whole[key] = Expander(self.systems, {}).system(Part(system=system, version=version))
        return self._whole[key]

    def _in_system_alone(self, system: str, code: str, version: str) -> Verdict:
        expanded = self._all_of(system, version)
        answer = expanded.codes.member(system, code)
        if answer is Membership.UNKNOWN and self._remote is not None:
            answer = self._remote.validate_code(system, code, "") or answer
        if answer is Membership.IN:
            return Verdict(answer, *self._beside(system, code))
        if answer is Membership.OUT:
            return Verdict(answer, Reason.NOT_IN_SYSTEM, system)
        return self._unknown(answer, expanded, "", system)

    def _outside(self, url: str, code: str, system: str | None, version: str) -> Verdict:
        if not system:
            return Verdict(Membership.OUT, Reason.NOT_IN_SET, url)
        if self._all_of(system).codes.member(system, code) is Membership.OUT:
            if self._all_of(system, version).codes.member(system, code) is not Membership.OUT:
                return Verdict(Membership.UNKNOWN, Reason.OTHER_VERSION, system)
            return Verdict(Membership.OUT, Reason.NOT_IN_SYSTEM, system)
        said = system in self.expanded(url).codes.systems()
        return Verdict(Membership.OUT, Reason.NOT_IN_SET if said else Reason.OTHER_SYSTEM, url)

    def _beside(self, system: str | None, code: str) -> tuple[Reason, str]:
        if system and self.abstract(system, code):
            return Reason.ABSTRACT, system
        if system and self.inactive(system, code):
            return Reason.INACTIVE, system
        return Reason.NONE, ""

    def _unknown(self, answer: Membership, expanded: Expanded, url: str, system: str | None) -> Verdict:
        """The gap that is about the code's own system, else the first one."""
        gaps = sorted(expanded.gaps, key=lambda gap: gap.address != system)
        first = next(iter(gaps), None)
        return Verdict(answer, first.reason, first.address) if first else Verdict(answer, Reason.NO_VALUE_SET, url)
