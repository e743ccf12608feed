"""Batches: the messages of a file one after the other, each with its verdict, and whether the trailers count right (HL7 v2.8.2, 2.10.3).

`[FHS] { [BHS] { message } [BTS] } [FTS]`, every segment of it optional, so that a file of one message is a batch as well. A message
that cannot be read stops no other. Memory does not grow with the file: who keeps no entry keeps nothing. At a door more is asked of a
batch (`taken_apart`): a text that holds a message must not become one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from itertools import islice
from typing import IO

from gateway.errors import Invalid, Malformed, TooLarge, Unusable
from gateway.model.report import Finding, Report, Severity
from gateway.standards.hl7v2.lines import BOM, FRAMING, LIMITS, Limits, bare
from gateway.standards.hl7v2.message import Message, read_message
from gateway.standards.hl7v2.stream import Piece, pieces

_HEADER = re.compile(rb"[FB]HS[!-/:-@\[-`{-~]")
_BATCH = re.compile(rb"BHS(?:(?<=[\r\n]BHS)|(?<=[\r\n]\xef\xbb\xbfBHS))(?=[!-/:-@\[-`{-~])")  # its letters first: quick
_FRAMED = re.compile(rb"[\x0b\x1c]")
_COUNT = re.compile(r"[0-9]{1,9}")
_AROUND = FRAMING + b" \t"
_MOST_AROUND = 1_000  # headers and trailers of a batch at a door
_NOTHING = Report()


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a batch; with `number` 0 what was found about the batch itself, which has no `body` and no `message`.

    `number` counts the messages of the stream and `batch` its batches from 1; `line` is how many lines of the stream stand before
    it, and lines of findings count from there. `error` says why a message that was read is none, and `report` has it as fatal; with
    `number` 0 it is why a door refuses the batch whole.
    """

    number: int
    batch: int
    line: int
    body: bytes = field(default=b"", repr=False)
    message: Message | None = field(default=None, repr=False)
    report: Report = _NOTHING
    error: Unusable | None = None


def is_batch(body: bytes) -> bool:
    """Whether bytes begin with the header of a file or batch, behind nothing but framing, blanks and a byte order mark.

    Messages without a header around them are none: a second MSH may be in a text that somebody forgot to escape.
    """
    return _HEADER.match(body[:64].lstrip(_AROUND).removeprefix(BOM).lstrip(_AROUND)) is not None


def head_of(body: bytes, most: int) -> str:
    """The header that the sender will know a batch by, as it is written, at most so many bytes: of one batch its BHS, of several the FHS."""
    batches = list(islice(_BATCH.finditer(body), 2))
    first = batches[0] if len(batches) == 1 else _HEADER.search(body)
    return _line(body[first.start() : first.start() + most])[0] if first else ""


def messages_in(stream: IO[bytes], charset: str = "", limits: Limits = LIMITS) -> Iterator[Entry]:
    """A binary stream, of a batch or of one message, to 0..* entries in order; raises nothing for what is in it.

    `charset` is what the channel says, for messages that name none. The bounds are those of each message (`read_message`).
    """
    for entry in _entries(stream, limits.message_bytes, _Envelope()):
        yield _read(entry, charset, limits) if entry.number else entry


def taken_apart(body: bytes) -> Iterator[Entry]:
    """A batch that came in through a door to 0..* entries in order, its messages not read; raises nothing.

    It is refused whole (an `error` with number 0) when a trailer counts wrong, a line belongs to no message, a second batch is in no file
    with the first, it has too many headers and trailers, or a sign of framing is in it: whoever can write a text could hide a message there.
    """
    try:
        if _FRAMED.search(bare(body)):
            raise Malformed("The batch holds a control character that no message may carry.")
        yield from _entries(BytesIO(body), LIMITS.message_bytes, _Envelope(door=True))
    except Unusable as error:
        yield Entry(0, 0, 0, report=_fatal(error), error=error)


def _entries(stream: IO[bytes], most: int, envelope: _Envelope) -> Iterator[Entry]:
    number = 0
    for piece in pieces(stream, most):
        if piece.name not in ("MSH", ""):
            yield from envelope.segment(piece)
            continue
        number += 1
        if piece.name:
            envelope.message()
        yield Entry(number, envelope.batches, piece.line, piece.body)
    yield from envelope.end()


def _read(entry: Entry, charset: str, limits: Limits) -> Entry:
    try:
        message = read_message(entry.body, charset, limits)
    except Unusable as error:
        return replace(entry, report=_fatal(error), error=error)
    return replace(entry, message=message, report=message.report)


def _fatal(error: Unusable) -> Report:
    places = error.positions or ("",)
    return Report(tuple(Finding("fatal", error.issue, place, error.text, "readable") for place in places))


class _Envelope:
    """Where in a file the reading is, and what its headers and trailers have said so far; at a `door` it is one file or one batch."""

    def __init__(self, *, door: bool = False) -> None:
        self._door = door
        self._around = 0  # headers and trailers
        self._begun = 0  # files, and batches that are in none
        self.batches = 0
        self._messages = 0  # of this batch
        self._batch = ""  # "BHS" inside a batch that has a header, "MSH" inside one that has none
        self._file = False  # inside a file that has a header
        self._trailers = {"BTS": 0, "FTS": 0}
        self._found: list[Finding] = []

    def message(self) -> None:
        """Another message."""
        if not self._batch:
            self._begin("MSH")
        self._messages += 1

    def segment(self, piece: Piece) -> Iterator[Entry]:
        """What a header or trailer shows to be odd: at most one entry. Raises TooLarge for too many of them at a door."""
        self._around += 1
        if self._door and self._around > _MOST_AROUND:
            raise TooLarge("The batch has more headers and trailers than this gateway takes.")
        line, more = _line(piece.body)
        if more:
            self._note("error", piece.name, "A line behind this segment belongs to no message.", "hl7v2-batch-line")
        {"FHS": self._fhs, "BHS": self._bhs, "BTS": self._bts, "FTS": self._fts}[piece.name](line)
        yield from self._said(piece.line)

    def end(self) -> Iterator[Entry]:
        """What only the end of the stream shows."""
        self._end_batch()
        self._end_file()
        yield from self._said(0)

    def _fhs(self, _: str) -> None:
        self._end_batch()
        self._end_file()
        self._begins("FHS")
        self.batches, self._file = 0, True

    def _bhs(self, _: str) -> None:
        self._end_batch()
        self._begin("BHS")

    def _bts(self, line: str) -> None:
        if not self._batch:
            self._begin("MSH")
        self._count(line, self._messages, "The batch does not hold as many messages as its trailer says.")
        self._batch = ""

    def _fts(self, line: str) -> None:
        self._end_batch()
        self._count(line, self.batches, "The file does not hold as many batches as its trailer says.")
        self._file, self.batches = False, 0

    def _begin(self, name: str) -> None:
        if not self._file:
            self._begins("BHS")
        self._batch, self._messages = name, 0
        self.batches += 1

    def _begins(self, name: str) -> None:
        self._begun += 1
        if self._door and self._begun == 2:
            text = "A second batch begins, and it is in no file (FHS) with the first."
            self._note("error", name, text, "hl7v2-batch-second")

    def _end_batch(self) -> None:
        if self._batch == "BHS":
            self._note("warning", "BTS", "The batch has no trailer; it may be cut off.", "hl7v2-batch-trailer")
        self._batch = ""

    def _end_file(self) -> None:
        if self._file:
            self._note("warning", "FTS", "The file has no trailer; it may be cut off.", "hl7v2-file-trailer")
        self._file = False

    def _count(self, line: str, found: int, text: str) -> None:
        """BTS-1 and FTS-1, both optional, against what was there (2.14.3.1, 2.14.7.1)."""
        name = line[:3]
        self._trailers[name] += 1
        where = f"{name}[{self._trailers[name]}]-1"
        said = (line.split(line[3], 2)[1] if len(line) > 3 else "").strip()
        if not said:
            return
        if not _COUNT.fullmatch(said):
            self._note("warning", where, "The count is not a number.", "hl7v2-batch-count")
        elif int(said) != found:
            counts = str(int(said)), str(found)
            self._found.append(Finding("error", "business-rule", where, text, "hl7v2-batch-count", *counts, 1, 1))

    def _note(self, severity: Severity, where: str, text: str, rule: str) -> None:
        self._found.append(Finding(severity, "business-rule", where, text, rule))

    def _said(self, line: int) -> Iterator[Entry]:
        if not self._found:
            return
        found, self._found = Report(tuple(self._found)), []
        wrong = [finding for finding in found.findings if finding.severity == "error"]
        error = Invalid(wrong[0].text, wrong[0].expression) if wrong else None
        yield Entry(0, self.batches, line, report=found, error=error)


def _line(body: bytes) -> tuple[str, bool]:
    """A header or trailer without framing and mark, and whether more than blanks stands behind its line."""
    line, *behind = re.split(rb"[\r\n]", body.strip(FRAMING).removeprefix(BOM), maxsplit=1)
    return line.decode("latin-1").strip("\x0b\x1c "), any(rest.strip(FRAMING + b" ") for rest in behind)
