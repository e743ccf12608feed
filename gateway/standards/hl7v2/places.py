"""Positions of a message as line and column of its text: a segment is a line, a column a character (HL7 v2.8.2, 2.5 and 2.6)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from gateway.model.document import Parsed
from gateway.model.report import Finding
from gateway.standards.hl7v2.message import Message

_POSITION = re.compile(r"([A-Z][A-Z0-9]{2})(?:\[(\d+)\])?(?:-(\d+)(?:\[(\d+)\])?(?:\.(\d+))?(?:\.(\d+))?)?")
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_BEFORE = "\x0b\N{ZERO WIDTH NO-BREAK SPACE}"  # framing and a byte order mark


def located(findings: tuple[Finding, ...], body: bytes, parsed: Parsed) -> tuple[Finding, ...]:
    """The same findings with line and column; one about a segment that is not there keeps none."""
    message: Message = parsed.tree
    lines = _LINE_ENDS.split(body.decode(message.codec, "replace"))
    starts: dict[str, list[int]] = {}
    for number, line in enumerate(lines):
        starts.setdefault(line.lstrip(_BEFORE)[:3], []).append(number)
    return tuple(finding if finding.line else _placed(finding, lines, starts, message) for finding in findings)


def _placed(finding: Finding, lines: Sequence[str], starts: dict[str, list[int]], message: Message) -> Finding:
    found = _POSITION.fullmatch(finding.expression)
    if found is None:
        return finding
    name, ordinal = found[1], int(found[2] or 1)
    rows = starts.get(name, [])
    if not 0 < ordinal <= len(rows):
        return finding
    line = lines[rows[ordinal - 1]]
    lead = len(line) - len(line.lstrip(_BEFORE))
    numbers = [int(found[group] or 0) for group in (3, 4, 5, 6)]
    return replace(finding, line=rows[ordinal - 1] + 1, column=lead + _offset(line[lead:], name, numbers, message) + 1)


def _offset(line: str, name: str, numbers: Sequence[int], message: Message) -> int:
    """Where a field, repetition, component, subcomponent begins in its segment; a part that is not there would follow what is."""
    signs = message.delimiters
    field = numbers[0] - 1 if name == "MSH" else numbers[0]  # MSH-1 is the separator itself (2.14.9.1)
    levels = (signs.field, signs.repetition, signs.component, signs.subcomponent)
    start, end = 0, len(line)
    for number, sign in zip((field + 1, *numbers[1:]), levels, strict=True):
        for _ in range(number - 1):
            following = line.find(sign, start, end)
            if following < 0:
                return end
            start = following + 1
        stop = line.find(sign, start, end)
        end = stop if stop >= 0 else end
    return start
