"""One request against one register and one state, read once: what all items share, and each item ready to be matched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.consent import verdict as answers
from gateway.consent.asked import Asked, Frame
from gateway.consent.filed import Filed, on_file
from gateway.consent.marks import Labelling, Marking, codings_of, labelling
from gateway.consent.question import UNREADABLE, Question, listed, question
from gateway.consent.statutes import Statute, invoked
from gateway.consent.verdict import Guardian

Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """Everything about a request that is the same for each of its items.

    `depends` names what a verdict hangs on beside the labels: items equal in it share one; None when each is decided by itself.
    """

    question: Question
    labelling: Labelling
    filed: tuple[Filed, ...]
    statutes: tuple[Statute, ...]
    guardian: Guardian | None
    implicit: Any
    known: Mapping[str, Iterable[str]]
    glass: bool
    depends: tuple[str, ...] | None


def case_of(request: Request, given: Mapping[str, Any], register: Mapping[str, Any]) -> Case:
    """Read request, state and register once. Raises one of UNREADABLE."""
    asked = question(request, register)
    filed, statutes = on_file(given, asked), invoked(asked)
    needs = frozenset[str]().union(*(entry.tree.needs for entry in filed if entry.tree is not None))
    return Case(
        question=asked,
        labelling=labelling(register, asked.codes),
        filed=filed,
        statutes=statutes,
        guardian=answers.guardian(given, asked),
        implicit=given.get("implicitPolicy"),
        known=given.get("knownLabels") or {},
        glass=answers.glass_may_break(asked),
        depends=None if statutes or "reference" in needs else tuple(sorted(needs)),
    )


def matchable(items: list[Any], case: Case) -> list[Asked | None]:
    """The items of a request ready to be matched, in order; None for one that cannot be read."""
    readable = [item for item in items if isinstance(item, Mapping) and isinstance(item.get("reference"), str)]
    marking = Marking(case.labelling, readable, case.known)
    frame = Frame(case.question.zone, case.labelling.maps, _referring(readable))
    return [asked_of(item, marking, frame) for item in items]


def asked_of(item: Any, marking: Marking, frame: Frame) -> Asked | None:
    """An item ready to be matched; None when it cannot be read."""
    try:
        codings = frozenset(codings_of(item))
        return Asked(item, codings, marking.of(item["reference"]), frame)
    except UNREADABLE:
        return None


def _referring(items: Iterable[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """For each reference the items of the request that refer to it."""
    found: dict[str, frozenset[str]] = {}
    for item in items:
        for target in listed(item.get("refersTo")):
            found[target] = found.get(target, frozenset()) | {item["reference"]}
    return found
