"""The text of a message to the lines of its segments, counted before anything is split (HL7 v2.8.2, 2.5.2 and 2.6; ER7)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from gateway.errors import Malformed, TooLarge
from gateway.model.report import Finding
from gateway.standards.hl7v2.escapes import Delimiters

_HEADS = 4_096  # that are remembered
_BEGUN: defaultdict[str, set[str]] = defaultdict(set)  # by separator, heads that were seen to begin a segment
FRAMING = b"\x0b\x1c\r\n"
BOM = b"\xef\xbb\xbf"
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_START = re.compile(r"[A-Z][A-Z0-9]{2}")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds, checked by counting before anything is split: the first three for a message, the others for one segment."""

    message_bytes: int = 5_000_000
    segments: int = 10_000
    delimiters: int = 500_000
    segment_characters: int = 1_000_000
    fields: int = 1_000
    repetitions: int = 10_000
    components: int = 50_000
    safe: int = field(init=False)
    """So many characters are over no bound, whatever they are."""

    def __post_init__(self) -> None:
        counts = self.segments, self.delimiters, self.fields, self.repetitions, self.components
        object.__setattr__(self, "safe", min(*counts, self.segment_characters))


LIMITS = Limits()


def bare(body: bytes) -> bytes:
    """Without framing, line ends around it and a byte order mark."""
    if not body.startswith(b"MSH"):
        body = body.lstrip(FRAMING).removeprefix(BOM).lstrip(FRAMING)
    return body.rstrip(FRAMING)


def plain(body: bytes) -> bytes:
    """Bare, every line ended by CR: what all copies of a message have in common, alone or in a batch, by whatever way they come."""
    return bare(body).replace(b"\r\n", b"\r").replace(b"\n", b"\r") + b"\r"


def read_lines(
    text: str, delimiters: Delimiters, limits: Limits = LIMITS
) -> tuple[list[str], list[str], tuple[Finding, ...]]:
    """Text to the line of every segment, its head (`PID|`, also where the separator is left out), and what was odd.

    A line that starts no segment belongs to the one before it (a line break nobody escaped). Raises TooLarge over a limit and
    Malformed for a second MSH.
    """
    if len(text) > limits.delimiters:
        _count(text, delimiters, limits)
    lines = _divided(text, 2 * limits.segments)
    heads = [line[:4] for line in lines]
    odd: tuple[Finding, ...] = ()
    if not _BEGUN[delimiters.field].issuperset(heads) and not _begin(set(heads), delimiters.field):
        lines, odd = _joined(lines, delimiters.field)
        heads = [line[:3] + delimiters.field for line in lines]
    if len(text) > limits.safe:
        _bound(lines, delimiters, limits)
    if heads.count("MSH" + delimiters.field) > 1:
        raise Malformed("There is more than one message; a batch is taken apart before it is read.", "MSH[2]")
    return lines, heads, odd


def _count(text: str, delimiters: Delimiters, limits: Limits) -> None:
    signs = {*delimiters.encoding, delimiters.field} - {delimiters.escape}
    if sum(map(text.count, signs)) > limits.delimiters:
        raise TooLarge("The message has more fields than this gateway takes.")


def _divided(text: str, most: int) -> list[str]:
    """Lines ended by CR, LF or both; never more than one over the bound are made."""
    if "\n" in text:
        text = text.replace("\r\n", "\r").replace("\n", "\r")
    lines = text.split("\r", most + 1)
    if len(lines) > most + 1:
        raise TooLarge("The message has more segments than this gateway takes.")
    return lines


def _begin(heads: set[str], separator: str) -> bool:
    """Whether each of these begins a segment with a field; a name alone begins one too, but is not the usual case."""
    if not all(head[3:] == separator and _START.match(head) for head in heads):
        return False
    begun = _BEGUN[separator]
    if len(begun) + len(heads) <= _HEADS:
        begun |= heads
    return True


def _joined(lines: list[str], separator: str) -> tuple[list[str], tuple[Finding, ...]]:
    segments: list[list[str]] = []
    odd: dict[str, Finding] = {}
    for number, line in enumerate(lines, 1):
        if not line or line.isspace():
            continue
        if _START.match(line) and line[3:4] in ("", separator):
            segments.append([line])
            continue
        name = segments[-1][0][:3]
        segments[-1].append(line if separator in segments[-1][0] else separator + line)
        odd.setdefault(name, _broken(name, number))
    return ["\n".join(parts) for parts in segments], tuple(odd.values())


def _broken(name: str, line: int) -> Finding:
    text = "A line that starts no segment was joined to the segment before it."
    return Finding("warning", "structure", name, text, "hl7v2-continuation", line=line, column=1)


def _bound(lines: list[str], delimiters: Delimiters, limits: Limits) -> None:
    if len(lines) > limits.segments:
        raise TooLarge("The message has more segments than this gateway takes.")
    if max(map(len, lines)) <= limits.safe:
        return
    for raw in lines:
        counts: Iterable[tuple[int, int]] = (
            (len(raw), limits.segment_characters),
            (raw.count(delimiters.field), limits.fields),
            (raw.count(delimiters.repetition), limits.repetitions),
            (raw.count(delimiters.component) + raw.count(delimiters.subcomponent), limits.components),
        )
        if len(raw) > limits.safe and any(found > allowed for found, allowed in counts):
            raise TooLarge("A segment is larger than this gateway takes.", raw[:3])
