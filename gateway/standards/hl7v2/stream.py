"""A stream of bytes to the messages and batch segments in it, never more of it in memory than one message (HL7 v2.8.2, 2.10.3).

A piece begins with a line of MSH, FHS, BHS, BTS or FTS and ends before the next one. Framing of MLLP, blank lines, byte order
marks and line ends of any kind may stand between pieces, so that files put together from others are read as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from gateway.standards.hl7v2.lines import BOM, FRAMING, LIMITS

_CHUNK = 65_536
_LOOK = 16  # bytes at the end that may be the beginning of a boundary
_BLANK = FRAMING + b" \t"
_NAMES = (b"MSH", b"FHS", b"BHS", b"BTS", b"FTS")
_BOUNDARY = re.compile(rb"[\r\n\x0b\x1c](?=(?:\xef\xbb\xbf)?(?:MSH[!-/:-@\[-`{-~]|[FB][HT]S[!-/:-@\[-`{-~\r\n]))")
_LAST = re.compile(rb"[\r\n\x0b\x1c](?=(?:\xef\xbb\xbf)?[FB][HT]S\Z)")


@dataclass(frozen=True, slots=True)
class Piece:
    """`name` is the segment it begins with, "" for what is none; `line` how many lines of the stream stand before it.

    Of a piece that is over the bound, `body` is the beginning: one byte more than the bound, which no reader takes.
    """

    name: str
    line: int
    body: bytes = field(repr=False)


def pieces(stream: IO[bytes], most: int = LIMITS.message_bytes) -> Iterator[Piece]:
    """1..* pieces of a stream in order, of at most `most` + 1 bytes; what holds nothing is left out, but for an empty stream."""
    cutter = _Cutter(most)
    while chunk := stream.read(_CHUNK):
        yield from cutter.cut(chunk)
    yield from cutter.rest()


class _Cutter:
    """What has been read and belongs to no finished piece."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held = b""
        self._beginning = b""  # of a piece that is over the bound
        self._seen = 0  # bytes held that hold no boundary
        self._line = 0  # lines before the piece under way
        self._passed = 0  # lines of it that are no longer held
        self._empty = True

    def cut(self, chunk: bytes, boundary: re.Pattern[bytes] = _BOUNDARY) -> Iterator[Piece]:
        """The pieces that end in it."""
        self._held += chunk
        start = 0
        for match in boundary.finditer(self._held, self._seen):
            yield from self._piece(self._held[start : match.end()])
            start = match.end()
        self._held = self._held[start:]
        if len(self._held) > (0 if self._beginning else self._most) + 2 * _LOOK:
            self._forget()
        self._seen = max(0, len(self._held) - _LOOK)

    def rest(self) -> Iterator[Piece]:
        """What ends with the stream."""
        yield from self.cut(b"", _LAST)
        yield from self._piece(self._held)
        if self._empty:
            yield Piece("", 0, b"")

    def _forget(self) -> None:
        """Of a piece over the bound only its beginning is kept, and enough of its end to see a boundary."""
        self._beginning = self._beginning or self._held[: self._most + 1]
        cut = len(self._held) - _LOOK
        cut -= self._held[cut - 1 : cut + 1] == b"\r\n"
        self._passed += _line_ends(self._held[:cut])
        self._held = self._held[cut:]

    def _piece(self, read: bytes) -> Iterator[Piece]:
        body, line = (self._beginning or read)[: self._most + 1], self._line
        self._line += self._passed + _line_ends(read)
        self._beginning, self._passed = b"", 0
        start = body.lstrip(_BLANK).removeprefix(BOM).lstrip(_BLANK)
        if start:
            self._empty = False
            yield Piece(start[:3].decode("ascii") if start.startswith(_NAMES) else "", line, body)


def _line_ends(read: bytes) -> int:
    return read.count(b"\r") + read.count(b"\n") - read.count(b"\r\n")
