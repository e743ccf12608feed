"""A message in the vertical-bar encoding, read within bounds and written back (HL7 v2.1 to v2.8.2, chapter 2; ER7).

Tolerant of what is merely odd (line ends, blank and broken lines, segments nobody knows), strict about what would make two
readers disagree: delimiters, character sets, control characters. What a door needs beyond this is in `header.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from gateway.errors import Malformed, TooLarge
from gateway.model.report import Finding, Report
from gateway.standards.hl7v2.charset import codec_of, decode, refuse_wide
from gateway.standards.hl7v2.escapes import Delimiters, escape, forbidden, unescape
from gateway.standards.hl7v2.segment import NULL, Form, Path, Repetition, Segment, position, read_path
from gateway.standards.hl7v2.tables import rows

__all__ = [
    "LIMITS", "NULL", "Delimiters", "Limits", "Message", "Path", "Repetition", "Segment",
    "escape", "position", "read_message", "read_path", "unescape", "write_message",
]  # fmt: skip


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


LIMITS = Limits()
_FRAMING = b"\x0b\x1c\r\n"
_BOM = b"\xef\xbb\xbf"
_CONTROL = re.compile(r"[\x00\x0b\x1c]")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_LINE_ENDS = re.compile(r"\r\n|\r|\n")
_NAME = re.compile(r"[A-Z][A-Z0-9]{2}")


@dataclass(frozen=True, slots=True)
class Message:
    """1..* segments, the first of them MSH. `codec` is the character set read by, `report` what was odd about the bytes."""

    segments: tuple[Segment, ...]
    delimiters: Delimiters
    codec: str = "utf-8"
    report: Report = field(default_factory=Report, compare=False)
    _named: Mapping[str, tuple[Segment, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named: dict[str, list[Segment]] = {}
        for segment in self.segments:
            named.setdefault(segment.name, []).append(segment)
        object.__setattr__(self, "_named", {name: tuple(found) for name, found in named.items()})

    def first(self, name: str) -> Segment | None:
        """The first segment of a name, wherever it stands."""
        found = self._named.get(name)
        return found[0] if found else None

    def all(self, name: str) -> tuple[Segment, ...]:
        """0..* segments of a name in the order of the message."""
        return self._named.get(name, ())

    def value(self, path: str) -> str:
        """The leaf at a position (`PID-3.1`, `PID[2]-5[1].1.2`), empty when absent. Raises ValueError for a broken position."""
        at = read_path(path)
        found = self.all(at.segment)
        if not 0 < at.ordinal <= len(found):
            return ""
        return found[at.ordinal - 1].value(at.field, at.repetition, at.component, at.subcomponent or 1)

    @property
    def trigger(self) -> str:
        """MSH-9 as `ADT^A03`; only the message type (`ACK`) when there is no event."""
        kind, event = self.value("MSH-9.1"), self.value("MSH-9.2")
        return f"{kind}^{event}" if event else kind

    @property
    def structure(self) -> str:
        """The message structure (`ADT_A01`): MSH-9.3 when it is one the standard knows, else derived from the trigger."""
        named, derived = self.value("MSH-9.3"), _structures().get(self.trigger, "")
        return named if not derived or named in _known() else derived

    @property
    def control_id(self) -> str:
        """MSH-10."""
        return self.value("MSH-10")

    @property
    def version(self) -> str:
        """MSH-12.1."""
        return self.value("MSH-12")

    @property
    def sender(self) -> tuple[str, str]:
        """Sending application and facility: MSH-3.1 and MSH-4.1."""
        return self.value("MSH-3"), self.value("MSH-4")

    @property
    def user(self) -> str:
        """The operator behind the message: EVN-5.1."""
        return self.value("EVN-5")


def read_message(body: bytes, charset: str = "", limits: Limits = LIMITS) -> Message:
    """Bytes of one message to a Message; `charset` is what the channel says, asked when MSH-18 is empty (else UTF-8).

    Raises TooLarge over a limit; Unsupported for a character set that is not taken; Malformed when there is no MSH, when its
    delimiters are not 4 or 5 different punctuation characters, for a second MSH, and for bytes or characters that cannot be.
    """
    if len(body) > limits.message_bytes:
        raise TooLarge("The message is larger than this gateway takes.")
    refuse_wide(body)
    body = body.strip(_FRAMING).removeprefix(_BOM).lstrip(_FRAMING)
    header = re.split(rb"[\r\n]", body, maxsplit=1)[0]
    delimiters, odd = read_delimiters(header.decode("latin-1"))
    codec = _codec(header, delimiters, charset)
    text = decode(body, codec)
    if _CONTROL.search(text) or forbidden(text, delimiters):
        raise Malformed("The message holds a control character that no message may carry.")
    if sum(map(text.count, {*delimiters.encoding, delimiters.field} - {delimiters.escape})) > limits.delimiters:
        raise TooLarge("The message has more fields than this gateway takes.")
    lines, joined = _lines(text, delimiters, limits)
    return Message(_segments(lines, Form(delimiters, codec)), delimiters, codec, Report(odd + joined))


def write_message(message: Message) -> bytes:
    """A message as bytes in its own delimiters and character set, segments ended by CR; breaks inside a value are escaped."""
    line_break = escape("\n", message.delimiters)
    text = "".join(segment.raw.replace("\n", line_break) + "\r" for segment in message.segments)
    return text.encode(message.codec)


def read_delimiters(header: str) -> tuple[Delimiters, tuple[Finding, ...]]:
    """The first line to its delimiters; an escape character written twice is taken once and noted. Raises Malformed."""
    if not header.startswith("MSH"):
        raise Malformed("The message does not start with MSH.")
    separator = header[3:4]
    encoding, more, _ = header[4:].partition(separator or "\0")
    odd: tuple[Finding, ...] = ()
    if len(encoding) == 5 and encoding[2] == encoding[3]:
        encoding = encoding[:3] + encoding[4:]
        odd = (Finding("warning", "value", "MSH-2", "The escape character is written twice.", "hl7v2-msh-2"),)
    characters = separator + encoding
    if (
        not more
        or len(encoding) not in (4, 5)
        or len(set(characters)) != len(characters)
        or set(characters) - _PUNCTUATION
    ):
        raise Malformed("The delimiters are not different punctuation characters.", "MSH-1", "MSH-2")
    return Delimiters(separator, *tuple(encoding)), odd


def _codec(header: bytes, delimiters: Delimiters, charset: str) -> str:
    """MSH-18, its first repetition being the set in use from the start; else the channel's; else UTF-8."""
    fields = header.split(delimiters.field.encode(), 18)
    named = fields[17].partition(delimiters.repetition.encode())[0] if len(fields) > 17 else b""
    declared = named.partition(delimiters.component.encode())[0].decode("latin-1").strip()
    if declared and declared != NULL:
        return codec_of(declared, "MSH-18")
    return codec_of(charset) if charset else "utf-8"


def _lines(text: str, delimiters: Delimiters, limits: Limits) -> tuple[list[str], tuple[Finding, ...]]:
    """Lines to segments: a line that starts no segment belongs to the one before it (a line break nobody escaped)."""
    ends = text.count("\r") + text.count("\n") - text.count("\r\n")
    if ends > 2 * limits.segments:
        raise TooLarge("The message has more segments than this gateway takes.")
    segments: list[list[str]] = []
    odd: dict[str, Finding] = {}
    for number, line in enumerate(_LINE_ENDS.split(text), 1):
        if not line or line.isspace():
            continue
        if _NAME.match(line) and line[3:4] in ("", delimiters.field):
            segments.append([line])
            continue
        name = segments[-1][0][:3]
        segments[-1].append(line if delimiters.field in segments[-1][0] else delimiters.field + line)
        odd.setdefault(name, _broken(name, number))
    if len(segments) > limits.segments:
        raise TooLarge("The message has more segments than this gateway takes.")
    return [_bounded("\n".join(parts), delimiters, limits) for parts in segments], tuple(odd.values())


def _broken(name: str, line: int) -> Finding:
    text = "A line that starts no segment was joined to the segment before it."
    return Finding("warning", "structure", name, text, "hl7v2-continuation", line=line, column=1)


def _bounded(raw: str, delimiters: Delimiters, limits: Limits) -> str:
    counts: Iterable[tuple[int, int]] = (
        (len(raw), limits.segment_characters),
        (raw.count(delimiters.field), limits.fields),
        (raw.count(delimiters.repetition), limits.repetitions),
        (raw.count(delimiters.component) + raw.count(delimiters.subcomponent), limits.components),
    )
    if any(found > allowed for found, allowed in counts):
        raise TooLarge("A segment is larger than this gateway takes.", raw[:3])
    return raw


def _segments(lines: list[str], form: Form) -> tuple[Segment, ...]:
    seen: dict[str, int] = {}
    made = []
    for line in lines:
        name = line[:3]
        seen[name] = seen.get(name, 0) + 1
        made.append(Segment(line, seen[name], form))
    if seen["MSH"] > 1:
        raise Malformed("There is more than one message; a batch is taken apart before it is read.", "MSH[2]")
    return tuple(made)


@lru_cache(maxsize=1)
def _structures() -> Mapping[str, str]:
    return {trigger: row["structure"] for row in rows("structures") for trigger in row["triggers"]}


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(_structures().values())
