"""What is asked of a code system that is too large to be held in memory, such as a LOINC or SNOMED CT release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.definitions.vocabulary import Filter
from gateway.terminology.codes import Membership


@dataclass(frozen=True, slots=True)
class Designation:
    """A name of a concept: in a language (BCP 47, empty when not said), for a use (a Coding, R4 CodeSystem.concept.designation)."""

    value: str
    language: str = ""
    use: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """How a concept is called: its display (may be empty) and 0..* designations."""

    display: str = ""
    designations: tuple[Designation, ...] = ()
    definition: str = ""


class Content(Protocol):
    """One version of one code system. Answers are three-valued where what is at hand may not be all of it."""

    @property
    def url(self) -> str: ...
    @property
    def version(self) -> str: ...
    def passes(self, filters: tuple[Filter, ...], code: str) -> Membership:
        """Whether a code is in the system and passes all filters."""
        ...

    def codes(self, filters: tuple[Filter, ...], most: int, words: str = "") -> Iterator[str]:
        """Up to `most` codes that pass all filters and have the words in a name; none when a filter cannot be applied."""
        ...

    def applies(self, filters: tuple[Filter, ...]) -> bool:
        """Whether each filter can be applied."""
        ...

    def inactive(self, code: str) -> bool: ...
    def named(self, code: str) -> Named | None: ...
    def subsumes(self, ancestor: str, code: str) -> bool | None:
        """Whether the first is an ancestor of the second, or the second itself; None when one of them is not known."""
        ...

    def properties(self, code: str) -> tuple[tuple[str, str], ...]:
        """0..* (property, value), parents included."""
        ...
