"""One request against one register and one state, read once: what all items share, and each item ready to be matched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.consent import verdict as answers
from gateway.consent.asked import Asked, Frame
from gateway.consent.filed import Filed, on_file
from gateway.consent.marks import Coding, Labelling, Marking, Marks, codings_of, labelling
from gateway.consent.plan import Plan
from gateway.consent.provisions import Node
from gateway.consent.question import UNREADABLE, Question, question
from gateway.consent.shapes import is_object
from gateway.consent.statutes import Statute, invoked
from gateway.consent.verdict import Guardian

Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """Everything about a request that is the same for each of its items.

    `speaking` are those of `filed` that may have a vote on some item, `plan` what their provisions test.
    """

    question: Question
    labelling: Labelling
    filed: tuple[Filed, ...]
    speaking: tuple[tuple[Filed, Node], ...]
    unclear: tuple[str, ...]
    statutes: tuple[Statute, ...]
    guardian: Guardian | None
    implicit: Any
    known: Mapping[str, Iterable[str]]
    glass: bool
    plan: Plan


def case_of(
    request: Request, given: Mapping[str, Any], register: Mapping[str, Any], rules: Labelling | None = None
) -> Case:
    """Read request, state and register once; `rules` are the register's, where they are compiled already. Raises one of UNREADABLE."""
    asked = question(request, register)
    filed, statutes = on_file(given, asked), invoked(asked)
    speaking = tuple((entry, entry.tree) for entry in filed if entry.tree is not None and entry.tree.lives)
    rules = rules or labelling(register, asked.codes)
    return Case(
        question=asked,
        labelling=rules,
        filed=filed,
        speaking=speaking,
        unclear=tuple(sorted(entry.unclear for entry in filed if entry.unclear)),
        statutes=statutes,
        guardian=answers.guardian(given, asked),
        implicit=given.get("implicitPolicy"),
        known=given.get("knownLabels") or {},
        glass=answers.glass_may_break(asked),
        plan=Plan((tree for _, tree in speaking), rules.maps),
    )


def matchable(items: list[Any], case: Case) -> list[Asked | None]:
    """The items of a request ready to be matched, in order; None for one that cannot be read."""
    marking, frame = reading(items, case)
    return [asked_of(item, marking, frame) for item in items]


def reading(items: list[Any], case: Case) -> tuple[Marking, Frame]:
    """What reading each item of a request takes beside it."""
    readable = [item for item in items if is_object(item) and isinstance(item.get("reference"), str)]
    marking = Marking(case.labelling, readable, case.known)
    return marking, Frame(case.question.zone, case.labelling.maps, readable)


def read(item: Mapping[str, Any], codings: tuple[Coding, ...], marks: Marks, frame: Frame) -> Asked:
    """An item whose codings and marks are known."""
    return Asked(item, frozenset(codings), marks, frame)


def asked_of(item: Any, marking: Marking, frame: Frame) -> Asked | None:
    """An item ready to be matched; None when it cannot be read."""
    try:
        return read(item, codings_of(item), marking.of(item["reference"]), frame)
    except UNREADABLE:
        return None
