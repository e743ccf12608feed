"""One request against one register and one state, read once: what all items share, and each item ready to be matched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.consent import verdict as answers
from gateway.consent.asked import Asked, Frame
from gateway.consent.filed import Filed, on_file
from gateway.consent.marks import Labelling, Marking, codings_of, labelling, type_of
from gateway.consent.provisions import Node
from gateway.consent.question import UNREADABLE, Question, listed, question
from gateway.consent.statutes import Statute, invoked
from gateway.consent.verdict import Guardian

Request = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """Everything about a request that is the same for each of its items.

    `depends` names what a verdict hangs on beside the labels: items equal in it share one; None when each is decided by itself.
    `reads` read those attributes of a raw item. `speaking` are those of `filed` that may have a vote on some item.
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
    depends: tuple[str, ...] | None
    reads: tuple[Callable[[Mapping[str, Any]], Any], ...]


def case_of(request: Request, given: Mapping[str, Any], register: Mapping[str, Any]) -> Case:
    """Read request, state and register once. Raises one of UNREADABLE."""
    asked = question(request, register)
    filed, statutes = on_file(given, asked), invoked(asked)
    needs = frozenset[str]().union(*(entry.tree.needs for entry in filed if entry.tree is not None))
    return Case(
        question=asked,
        labelling=labelling(register, asked.codes),
        filed=filed,
        speaking=tuple((entry, entry.tree) for entry in filed if entry.tree is not None and entry.tree.lives),
        unclear=tuple(sorted(entry.unclear for entry in filed if entry.unclear)),
        statutes=statutes,
        guardian=answers.guardian(given, asked),
        implicit=given.get("implicitPolicy"),
        known=given.get("knownLabels") or {},
        glass=answers.glass_may_break(asked),
        depends=None if statutes or "reference" in needs else tuple(sorted(needs)),
        reads=tuple(read for name, read in _FACETS.items() if name in needs),
    )


def matchable(items: list[Any], case: Case) -> list[Asked | None]:
    """The items of a request ready to be matched, in order; None for one that cannot be read."""
    marking, frame = reading(items, case)
    return [asked_of(item, marking, frame) for item in items]


def reading(items: list[Any], case: Case) -> tuple[Marking, Frame]:
    """What reading each item of a request takes beside it."""
    readable = [item for item in items if isinstance(item, Mapping) and isinstance(item.get("reference"), str)]
    marking = Marking(case.labelling, readable, case.known)
    return marking, Frame(case.question.zone, case.labelling.maps, readable)


def facets(item: Any, case: Case, marking: Marking) -> Any:
    """All that a verdict about an item can hang on, as a key; None for an item that stands for itself. This is the hot path.

    May raise one of UNREADABLE, and give what cannot be a key: such an item stands for itself as well.
    """
    if case.depends is None or item.get("derivedFrom"):
        return None
    get, reference = item.get, item["reference"]
    if marking.several(reference):
        return None
    subject, labels, known = get("subject", ""), get("securityLabel"), case.known.get(reference)
    return (
        codings_of(item), type_of(reference), bool(get("freeText")), "subject" in item,
        subject if subject.__class__ is str else tuple(subject), tuple(labels) if labels else (), tuple(known) if known else (),
        *[read(item) for read in case.reads],
    )  # fmt: skip


def _date(item: Mapping[str, Any]) -> Any:
    said = item.get("date")
    return (said.get("start"), said.get("end")) if isinstance(said, Mapping) else said


_FACETS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "made": _date,
    "author": lambda item: listed(item.get("author")),
    "custodian": lambda item: listed(item.get("custodian")),
}


def asked_of(item: Any, marking: Marking, frame: Frame) -> Asked | None:
    """An item ready to be matched; None when it cannot be read."""
    try:
        codings = frozenset(codings_of(item))
        return Asked(item, codings, marking.of(item["reference"]), frame)
    except UNREADABLE:
        return None
