"""A message in the vertical-bar encoding, read within bounds and written back (HL7 v2.1 to v2.8.2, chapter 2; ER7).

Tolerant of what is merely odd (line ends, blank and broken lines, segments nobody knows), strict about what would make two
readers disagree: delimiters, character sets, control characters. What a door needs beyond this is in `header.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from gateway.errors import Malformed, TooLarge
from gateway.model.report import Finding, Report
from gateway.standards.hl7v2.charset import declared, decode, refuse_wide
from gateway.standards.hl7v2.escapes import Delimiters, escape, forbidden, hexadecimal, unescape
from gateway.standards.hl7v2.lines import LIMITS, Limits, bare, read_lines
from gateway.standards.hl7v2.segment import NULL, Form, Path, Repetition, Segment, leaf, position, read_path
from gateway.standards.hl7v2.tables import rows

__all__ = [
    "LIMITS", "NULL", "Delimiters", "Limits", "Message", "Path", "Repetition", "Segment",
    "escape", "position", "read_message", "read_path", "unescape", "write_message",
]  # fmt: skip

_OPENING = 12  # characters of MSH that hold its delimiters, an escape character written twice included
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")
_NOTHING = Report()


class Message:
    """1..* segments, the first of them MSH. `codec` is the character set read by, `report` what was odd about the bytes.

    Made of the lines of a message by `read_message` and never changed; segments are made of them when first asked for.
    """

    __slots__ = ("_form", "_heads", "_lines", "_named", "_segments", "report")

    def __init__(self, lines: Sequence[str], heads: Sequence[str], form: Form, report: Report = _NOTHING) -> None:
        self._lines = lines
        self._heads = heads  # of each line the name and the separator, also where the separator is left out
        self._form = form
        self.report = report
        self._named: dict[str, tuple[Segment, ...]] = {}
        self._segments: tuple[Segment, ...] = ()

    @property
    def delimiters(self) -> Delimiters:
        """MSH-1 and MSH-2."""
        return self._form.delimiters

    @property
    def codec(self) -> str:
        """What the bytes were decoded by."""
        return self._form.codec

    @property
    def lines(self) -> Sequence[str]:
        """The text of each segment as it was written."""
        return self._lines

    @property
    def segments(self) -> tuple[Segment, ...]:
        """1..* segments in order."""
        if not self._segments:
            names = [head[:3] for head in self._heads]
            following = {name: iter(self.all(name)) for name in set(names)}
            self._segments = tuple([next(following[name]) for name in names])
        return self._segments

    def first(self, name: str) -> Segment | None:
        """The first segment of a name, wherever it stands."""
        found = self.all(name)
        return found[0] if found else None

    def all(self, name: str) -> tuple[Segment, ...]:
        """0..* segments of a name in the order of the message."""
        found = self._named.get(name)
        if found is None:
            form = self._form
            found = tuple([Segment(line, number, form) for number, line in enumerate(self._of(name), 1)])
            self._named[name] = found
        return found

    def value(self, path: str) -> str:
        """The leaf at a position (`PID-3.1`, `PID[2]-5[1].1.2`), empty when absent. Raises ValueError for a broken position."""
        at = read_path(path)
        if at.ordinal != 1 or at.segment == "MSH" or at.segment in self._named:
            found = self.all(at.segment)
            return found[at.ordinal - 1].value(at.field, *at.numbers) if 0 < at.ordinal <= len(found) else ""
        head = at.segment + self._form.delimiters.field
        if head not in self._heads:
            return ""
        fields = self._lines[self._heads.index(head)].split(head[3], at.field + 1)
        return leaf(fields[at.field], self._form, at.numbers) if len(fields) > at.field > 0 else ""

    def values(self, path: str) -> list[str]:
        """The leaf at a position in every segment of its name (`OBX-5`: of each OBX, in order), empty where it is absent.

        An ordinal in the position is not looked at. Raises ValueError for a broken position.
        """
        at = read_path(path)
        if at.segment == "MSH":
            return [self.all("MSH")[0].value(at.field, *at.numbers)]
        found, form, d = self._fields(at.segment, at.field), self._form, self._form.delimiters
        if at.numbers != (1, 1, 1):
            return [leaf(raw, form, at.numbers) for raw in found]
        whole = "".join(found)
        signs = [sign for sign in (d.component, d.repetition, d.subcomponent, d.escape) if sign in whole]
        if len(signs) == 1:  # as a rule only escapes
            sign = signs[0]
            return [leaf(raw, form) if sign in raw else raw for raw in found]
        return [leaf(raw, form) for raw in found] if signs else found

    def _fields(self, name: str, number: int) -> list[str]:
        """A field of every segment of a name, as it is written."""
        separator, enough = self._form.delimiters.field, number + 1
        return [
            parts[number] if len(parts := line.split(separator, enough)) > number > 0 else "" for line in self._of(name)
        ]

    def _of(self, name: str) -> list[str]:
        head = name + self._form.delimiters.field
        if head not in self._heads:
            return []
        return [line for line, own in zip(self._lines, self._heads, strict=True) if own == head]

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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and (self._form, self._lines) == (other._form, other._lines)

    def __hash__(self) -> int:
        return hash((self._form, *self._lines))

    def __repr__(self) -> str:
        return f"Message({', '.join(map(repr, self.segments))})"


def read_message(body: bytes, charset: str = "", limits: Limits = LIMITS) -> Message:
    """Bytes of one message to a Message; `charset` is what the channel says, asked when MSH-18 is empty (else UTF-8).

    What plainly is in another set than it says is read in that one, and the report says so.

    Raises TooLarge over a limit; Unsupported for a character set that is not taken; Malformed when there is no MSH, when its
    delimiters are not 4 or 5 different punctuation characters, for a second MSH, and for bytes or characters that cannot be.
    """
    if len(body) > limits.message_bytes:
        raise TooLarge("The message is larger than this gateway takes.")
    if not body.startswith(b"MSH"):
        refuse_wide(body)
    body = bare(body)
    header = _first_line(body)
    start = header[:_OPENING].decode("latin-1")
    delimiters, odd = _opening(start)
    text, codec, doubts = decode(body, declared(header, delimiters, charset), delimiters.escape)
    if b"\0" in body or b"\x0b" in body or b"\x1c" in body or _hides(body, text, delimiters):
        raise Malformed("The message holds a control character that no message may carry.")
    lines, heads, joined = read_lines(text, delimiters, limits)
    report = Report(odd + doubts + joined) if odd or doubts or joined else _NOTHING
    return Message(lines, heads, _form(start, codec), report)


def write_message(message: Message) -> bytes:
    """A message as bytes in its own delimiters and character set, segments ended by CR; breaks inside a value are escaped."""
    line_break = escape("\n", message.delimiters)
    text = "".join([line.replace("\n", line_break) + "\r" for line in message.lines])
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


def _hides(body: bytes, text: str, delimiters: Delimiters) -> bool:
    return hexadecimal(body, delimiters.escape.encode()) and forbidden(text, delimiters)


def _first_line(body: bytes) -> bytes:
    end = body.find(b"\r")
    line = body if end < 0 else body[:end]
    end = line.find(b"\n")
    return line if end < 0 else line[:end]


@lru_cache(maxsize=256)
def _opening(start: str) -> tuple[Delimiters, tuple[Finding, ...]]:
    return read_delimiters(start)


@lru_cache(maxsize=256)
def _form(start: str, codec: str) -> Form:
    return Form(_opening(start)[0], codec)


@lru_cache(maxsize=1)
def _structures() -> Mapping[str, str]:
    return {trigger: row["structure"] for row in rows("structures") for trigger in row["triggers"]}


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(_structures().values())
