"""A place that definitions come from, and how one of several versions is chosen (FHIR R4, references.html, "canonical")."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.definitions.canonical import fits, order
from gateway.definitions.facts import Facts

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """One definition of one version; its facts and the resource itself are read when they are asked for.

    `facts` and `raw` give None for what turns out not to be what it was listed as; R4 core has facts only.
    """

    version: str
    facts: Callable[[], Facts | None]
    raw: Callable[[], Raw | None]


class Shelf(Protocol):
    """A place that definitions come from: what a caller gave, a package, R4 core."""

    def held(self, kind: str, url: str) -> Sequence[Held]:
        """0..* versions under an address without version, of a resource type."""
        ...

    def urls(self, kind: str) -> Iterable[str]:
        """The addresses of a resource type whose resource itself is at hand."""
        ...


def ranked(shelves: Iterable[Shelf], kind: str, url: str, version: str) -> Iterator[tuple[Held, bool]]:
    """What is held under an address, best first, each with whether it is the version that was asked.

    The version itself comes first, then what fits it, then whatever is there; between equals the order of the shelves, then the newest.
    """
    found = [(place, held) for place, shelf in enumerate(shelves) for held in shelf.held(kind, url)]
    newest = sorted(found, key=lambda pair: order(pair[1].version), reverse=True)
    for _, held in sorted(newest, key=lambda pair: (_distance(version, pair[1].version), pair[0])):
        yield held, _distance(version, held.version) < 2


def _distance(asked: str, there: str) -> int:
    if not asked or asked == there:
        return 0
    return 1 if fits(asked, there) else 2
