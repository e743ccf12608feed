"""Bytes as the text people see in an editor, and places in it: lines and columns from 1, columns in characters, no byte order mark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_BARE = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))  # UTF-16 without a mark (XML 1.0, appendix F)


def is_xml(body: bytes) -> bool:
    """Whether the first character is `<`, whatever the encoding."""
    return body[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1] == b"<"


def decoded(body: bytes) -> str:
    """UTF-8, or UTF-16 by its mark or its first character, as text. Raises UnicodeDecodeError."""
    for mark, encoding in _MARKS:
        if body.startswith(mark):
            return body[len(mark) :].decode(encoding)
    return body.decode(next((encoding for start, encoding in _BARE if body.startswith(start)), "utf-8"))


def lines(text: str, offsets: Iterable[int]) -> Mapping[int, tuple[int, int]]:
    """Offsets to (line, column), in one pass over the text."""
    made: dict[int, tuple[int, int]] = {}
    line, start, seen = 1, 0, 0
    for offset in sorted(set(offsets)):
        breaks = text.count("\n", seen, offset)
        if breaks:
            line += breaks
            start = text.rfind("\n", seen, offset) + 1
        seen = offset
        made[offset] = (line, offset - start + 1)
    return made


def line_of(text: str, offset: int) -> tuple[int, int]:
    """One offset to (line, column)."""
    return lines(text, (offset,))[offset]


def offset_of(text: str, line: int, column: int) -> int:
    """(line, column) to an offset, never beyond the text."""
    start = 0
    for _ in range(line - 1):
        following = text.find("\n", start)
        if following < 0:
            break
        start = following + 1
    return min(start + column - 1, len(text))
