"""Batches: the messages of a file one after the other, each with its verdict, and whether the trailers count right (HL7 v2.8.2, 2.10.3).

`[FHS] { [BHS] { message } [BTS] } [FTS]`, every segment of it optional, so that a file of one message is a batch as well. A message
that cannot be read stops no other. Memory does not grow with the file: who keeps no entry keeps nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO

from gateway.errors import Unusable
from gateway.model.report import Finding, Report, Severity
from gateway.standards.hl7v2.lines import BOM, FRAMING, LIMITS, Limits
from gateway.standards.hl7v2.message import Message, read_message
from gateway.standards.hl7v2.stream import Piece, pieces

_HEADER = re.compile(rb"[FB]HS[!-/:-@\[-`{-~]")
_COUNT = re.compile(r"[0-9]{1,9}")
_AROUND = FRAMING + b" \t"
_NOTHING = Report()


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a batch; with `number` 0 what was found about the batch itself, which has no `body` and no `message`.

    `number` counts the messages of the stream and `batch` its batches from 1; `line` is how many lines of the stream stand before
    it, and lines of findings count from there. Without a `message`, `error` says why there is none, and `report` has it as fatal.
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


def headers(body: bytes) -> Iterator[str]:
    """The 0..* headers of files and batches (FHS, BHS) as they are written, in order."""
    for piece in pieces(BytesIO(body)):
        if piece.name in ("FHS", "BHS"):
            yield _lines(piece.body)[0]


def messages_in(stream: IO[bytes], charset: str = "", limits: Limits = LIMITS) -> Iterator[Entry]:
    """A binary stream, of a batch or of one message, to 0..* entries in order; raises nothing for what is in it.

    `charset` is what the channel says, for messages that name none. The bounds are those of each message (`read_message`).
    """
    envelope = _Envelope()
    number = 0
    for piece in pieces(stream, limits.message_bytes):
        if piece.name not in ("MSH", ""):
            yield from envelope.segment(piece)
            continue
        number += 1
        if piece.name:
            envelope.message()
        message, report, error = _read(piece.body, charset, limits)
        yield Entry(number, envelope.batches, piece.line, piece.body, message, report, error)
    yield from envelope.end()


def _read(body: bytes, charset: str, limits: Limits) -> tuple[Message | None, Report, Unusable | None]:
    try:
        message = read_message(body, charset, limits)
    except Unusable as error:
        places = error.positions or ("",)
        found = tuple(Finding("fatal", error.issue, place, error.text, "readable") for place in places)
        return None, Report(found), error
    return message, message.report, None


class _Envelope:
    """Where in a file the reading is, and what its headers and trailers have said so far."""

    def __init__(self) -> None:
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
        """What a header or trailer shows to be odd: at most one entry."""
        lines = _lines(piece.body)
        if any(lines[1:]):
            self._note("error", piece.name, "A line behind this segment belongs to no message.", "hl7v2-batch-line")
        {"FHS": self._fhs, "BHS": self._bhs, "BTS": self._bts, "FTS": self._fts}[piece.name](lines[0])
        yield from self._said(piece.line)

    def end(self) -> Iterator[Entry]:
        """What only the end of the stream shows."""
        self._end_batch()
        self._end_file()
        yield from self._said(0)

    def _fhs(self, _: str) -> None:
        self._end_batch()
        self._end_file()
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
        self._batch, self._messages = name, 0
        self.batches += 1

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
        if self._found:
            yield Entry(0, self.batches, line, report=Report(tuple(self._found)))
            self._found = []


def _lines(body: bytes) -> list[str]:
    """The lines of a header or trailer, the first without framing and mark."""
    text = body.strip(FRAMING).removeprefix(BOM).decode("latin-1")
    return [line.strip("\x0b\x1c ") for line in re.split(r"\r\n|\r|\n", text)]
