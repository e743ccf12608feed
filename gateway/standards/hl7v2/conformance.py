"""Conformance findings of a message: order of segments, required fields, types, tables, merges (HL7 v2.8.2, chapters 2, 2A, 3).

Findings are for people and reports; only a door refuses, and only what cannot be exchanged (ARCHITECTURE.md, promise 13).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from gateway.errors import Invalid
from gateway.model.report import Finding, Report, Severity
from gateway.standards.hl7v2.header import is_time, sound_header
from gateway.standards.hl7v2.message import NULL, Message, Segment, position
from gateway.standards.hl7v2.structure import fields_of, groups
from gateway.standards.hl7v2.tables import rows
from gateway.validating.grammar import Group

MAX_FINDINGS = 1_000
MAX_REPETITIONS = 1_000
_MORE = Finding("information", "too-long", "", "There are more findings than are listed.", "hl7v2-findings-limit")

Identifier = tuple[str, str, str]
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_SEQUENCE = re.compile(r"[0-9]{1,9}")
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3])(?:[0-5][0-9](?:[0-5][0-9](?:\.[0-9]{1,4})?)?)?(?:[+-][0-9]{4})?")

_LEXICAL: Mapping[str, Callable[[str], bool]] = {
    "NM": lambda text: bool(_NUMBER.fullmatch(text)),
    "SI": lambda text: bool(_SEQUENCE.fullmatch(text)),
    "DTM": is_time,
    "TS": is_time,
    "DT": lambda text: len(text) <= 8 and is_time(text),
    "TM": lambda text: bool(_CLOCK.fullmatch(text)),
}


def check_message(message: Message, *, at_door: bool = False) -> Report:
    """Everything that the grammar notices: at most 1 000 findings about order and 1 000 about fields, each in their order.

    With `at_door` raises Unsound for a header no exchange can do with, and Invalid for a merge of a patient into itself, which
    is an error finding otherwise.
    """
    if at_door:
        sound_header(message)
    tree, order = groups(message)
    merges = _circular_merges(message, tree)
    if at_door and merges:
        raise Invalid("A patient is merged into itself.", *(finding.expression for finding in merges))
    fields = (finding for segment in message.segments for finding in _check_segment(segment))
    listed = tuple(islice(fields, MAX_FINDINGS))
    more = (_MORE,) if len(listed) == MAX_FINDINGS else ()
    return message.report + Report(order.findings[:MAX_FINDINGS]) + Report((*listed, *more, *merges))


def _check_segment(segment: Segment) -> Iterator[Finding]:
    last = segment.count
    for row in _checked(segment.name):
        number = row["field"]
        repetitions = segment.repetitions(number) if number <= last else ()
        where = f"{segment.name}[{segment.ordinal}]-{number}"
        if not repetitions:
            if row["min"]:
                yield _note("error", "required", where, "A required field is empty.", row["id"])
            continue
        if row["max"] != "*" and len(repetitions) > row["max"]:
            yield _note("warning", "structure", where, "The field repeats more often than allowed.", row["id"])
        yield from _check_values(segment, row)


def _check_values(segment: Segment, row: Mapping[str, Any]) -> Iterator[Finding]:
    kind = (
        segment.value(2) if (segment.name, row["field"]) == ("OBX", 5) else row["type"]
    )  # OBX-2 types OBX-5 (7.4.2.5)
    sound = _LEXICAL.get(kind)
    allowed = _tables().get(row.get("table", ""))
    for number, repetition in enumerate(segment.repetitions(row["field"])[:MAX_REPETITIONS], 1):
        value = repetition.value().strip()
        if not value or value == NULL:
            continue
        where = position(segment, row["field"], number, 1)
        if sound is not None and not sound(value):
            yield _note("warning", "value", where, f"The value is not of type {kind}.", row["id"])
        elif allowed is not None and value not in allowed:
            yield _note("warning", "code-invalid", where, f"The value is not in table {row['table']}.", row["id"])


def _note(severity: Severity, code: str, where: str, text: str, rule: str) -> Finding:
    return Finding(severity, code, where, text, rule)


@lru_cache(maxsize=512)
def _checked(segment: str) -> tuple[Mapping[str, Any], ...]:
    """The rows that can find something."""
    return tuple(
        row
        for row in fields_of(segment)
        if row["min"]
        or row["max"] != "*"
        or row["type"] in _LEXICAL
        or row.get("table") in _tables()
        or row["id"] == "OBX-5"
    )


@lru_cache(maxsize=1)
def _tables() -> Mapping[str, frozenset[str]]:
    return {row["table"]: frozenset(row["values"]) for row in rows("tables")}


def _circular_merges(message: Message, tree: Group) -> tuple[Finding, ...]:
    """Merges (PID with MRG in one group) that end where they began, in one step or over several (3.6.2.1).

    The first identifier of PID-3 is who survives; further ones may well list the number that is given up.
    """
    into: dict[Identifier, Identifier] = {}
    pairs = [(pid, mrg, _identifiers(pid, 3), _identifiers(mrg, 1)) for pid, mrg in _merges(message, tree)]
    found: list[Segment] = []
    for _, mrg, survivor, prior in pairs:
        if survivor and any(_same(survivor[0], one) for one in prior):
            found.append(mrg)
        into.update((one, survivor[0]) for one in prior if survivor and one not in survivor)
    found += [mrg for _, mrg, _, prior in pairs if mrg not in found and any(_returns(one, into) for one in prior)]
    text = "A patient is merged into itself."
    return tuple(_note("error", "business-rule", position(mrg, 1, 1, 1), text, "hl7v2-merge-circular") for mrg in found)


def _merges(message: Message, tree: Group) -> Iterator[tuple[Segment, Segment]]:
    own = [message.segments[child] for child in tree.children if isinstance(child, int)]
    patient = next((segment for segment in own if segment.name == "PID"), None)
    if patient is not None:
        yield from ((patient, segment) for segment in own if segment.name == "MRG")
    for child in tree.children:
        if isinstance(child, Group):
            yield from _merges(message, child)


def _identifiers(segment: Segment, field: int) -> list[Identifier]:
    found = segment.repetitions(field)
    return [(r.value(1).strip(), r.value(4, 1).strip(), r.value(4, 2).strip()) for r in found if r.value(1).strip()]


def _same(one: Identifier, other: Identifier) -> bool:
    """The same number of the same authority; where one side names no authority, the number decides."""
    return one[0] == other[0] and (one[1:] == other[1:] or not any(one[1:]) or not any(other[1:]))


def _returns(start: Identifier, into: Mapping[Identifier, Identifier]) -> bool:
    at, steps = into.get(start), 0
    while at is not None and at != start and steps <= len(into):
        at, steps = into.get(at), steps + 1
    return at == start
