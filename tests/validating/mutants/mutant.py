"""One mutant: an official example with one thing in it made wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.definitions.library import Library
from tests.validating.mutants.document import Path, shown
from tests.validating.mutants.spots import Spot


@dataclass(frozen=True, slots=True)
class Mutant:
    """`kind` of fault, the `place` that is wrong, `why` as key or address of the rule, the document and the profiles it is held against."""

    kind: str
    example: str
    place: Path
    why: str
    document: Mapping[str, Any]
    claims: Sequence[str] = ()

    @property
    def id(self) -> str:
        """Unique among the mutants of an example."""
        return f"{self.kind} {self.example} {shown(self.place)} {self.why}"


@dataclass(frozen=True, slots=True)
class Change:
    """What a recipe gives: the changed document, where, and by which rule it is wrong."""

    kind: str
    place: Path
    why: str
    document: Any


Recipe = Callable[[Mapping[str, Any], Spot, Library], Iterator[Change]]
