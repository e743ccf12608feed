r"""Delimiters and escape sequences: text of a message to text for people, and back (HL7 v2.8.2, 2.5.4 and 2.7).

Undone once, after splitting, so that an escaped delimiter is never a delimiter. What is unknown, unterminated or would yield a
control character is kept as it was written; `\X0D\`, `\.br\` and `\.sp\` become a newline inside the value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from dataclasses import field as derived
from functools import lru_cache

from gateway.errors import Malformed

_SEQUENCE = r"([FSTREPHN]|X(?:[0-9A-Fa-f]{2})+|\.(?:br|sp|ce|fi|nf|in|ti|sk)[ ]?[+-]?[0-9]{0,4})"
_FEW = 32
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NEWLINES = re.compile(r"\r\n|\r|\n")
_NOT_WRITABLE = re.compile(r"[\x00\x0b\x1c]")


@dataclass(frozen=True, slots=True)
class Delimiters:
    """MSH-1 and MSH-2. `truncation` is empty before v2.7."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ""
    signs: str = derived(init=False, repr=False, compare=False)
    """MSH-1 and MSH-2 as they are written."""

    def __post_init__(self) -> None:
        encoding = self.component + self.repetition + self.escape + self.subcomponent + self.truncation
        object.__setattr__(self, "signs", self.field + encoding)

    @property
    def encoding(self) -> str:
        """MSH-2 as it is written."""
        return self.signs[len(self.field) :]


def unescape(text: str, delimiters: Delimiters, codec: str = "utf-8") -> str:
    """One value with its escapes undone; hexadecimal data are read in the character set of the message."""
    if delimiters.escape not in text:
        return text
    meant = _meanings(delimiters.signs)
    parts = text.split(delimiters.escape)
    if len(parts) % 2 and meant.keys() >= set(parts[1::2]):  # nothing but the plain ones, each with both its ends
        parts[1::2] = [meant[sequence] for sequence in parts[1::2]]
        return "".join(parts)

    def undo(match: re.Match[str]) -> str:
        sequence = match[1]
        if (plain := meant.get(sequence)) is not None:
            return plain
        if sequence[0] == "X":
            return _hexadecimal(match, codec)
        return {".br": "\n", ".sp": "\n", ".ce": "\n", ".sk": " "}.get(sequence[:3], "")

    return _pattern(delimiters.escape).sub(undo, text)


def escape(text: str, delimiters: Delimiters) -> str:
    """A value as it may stand in a message: the inverse of `unescape`; newlines become the escape for a line break.

    Raises Malformed for U+0000 and the framing characters of MLLP, which no message can carry.
    """
    if _NOT_WRITABLE.search(text):
        raise Malformed("A value holds a control character that no message can carry.")
    return _NEWLINES.sub("\n", text).translate(_replacements(delimiters.signs))


def writable(text: str, codec: str) -> bool:
    """Whether a value can stand in a message of that character set."""
    if _NOT_WRITABLE.search(text):
        return False
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def hexadecimal(body: bytes, sign: bytes) -> bool:
    """Whether an escape character has an X behind it anywhere; looking from one to the next is quick where they are few."""
    at = body.find(sign)
    for _ in range(_FEW):
        if at < 0 or body[at + 1 : at + 2] == b"X":
            return at >= 0
        at = body.find(sign, at + 1)
    return at >= 0 and sign + b"X" in body


def forbidden(text: str, delimiters: Delimiters) -> bool:
    """Whether an escape hides U+0000 (it would end texts in databases and C programs)."""
    return any(m[1][0] == "X" and 0 in bytes.fromhex(m[1][1:]) for m in _pattern(delimiters.escape).finditer(text))


def _hexadecimal(match: re.Match[str], codec: str) -> str:
    try:
        text = bytes.fromhex(match[1][1:]).decode(codec)
    except UnicodeDecodeError:
        return match[0]
    return match[0] if _CONTROL.search(text) else _NEWLINES.sub("\n", text)


@lru_cache(maxsize=64)
def _pattern(character: str) -> re.Pattern[str]:
    return re.compile(re.escape(character) + _SEQUENCE + re.escape(character))


@lru_cache(maxsize=64)
def _meanings(signs: str) -> dict[str, str]:
    return {**dict(zip("FSRET", signs, strict=False)), "P": signs[5:] or "#", "H": "", "N": ""}


@lru_cache(maxsize=64)
def _replacements(signs: str) -> dict[int, str]:
    line_break = ".br" if "." not in signs else "X0A"  # what is split at dots cannot carry the other
    letters = {"\n": line_break, **dict(zip(signs, "FSRETP", strict=False))}
    return {ord(sign): signs[3] + letter + signs[3] for sign, letter in letters.items()}
