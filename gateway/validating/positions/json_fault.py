"""What is wrong with a text that is not one strict JSON document, and where: one pass, without recursion (RFC 8259, and `read_json`'s limits).

A fault names its kind; the words for people are in `faults.json`. No value of the text is ever part of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import isfinite

from gateway.model.wire import MAX_DEPTH, MAX_DIGITS, MAX_EXPONENT, read_json

_SPACE = re.compile(r"[ \t\r\n]*+")
_STRING = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+"')
_STARTED = re.compile(r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*+)*+')
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+")
_LIKE_NUMBER = re.compile(r"[0-9A-Za-z_.+-]++")
_WORD = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*+")
_ESCAPED = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)")
_WORDS = ("true", "false", "null")
_CLOSED = {"{": "}", "[": "]"}
_NO_NUMBER = ("NaN", "Infinity")
_MOST = 1_000_000  # members and items that are looked at; a fault behind them is said without its place
_QUOTES = ("'", "`", "\N{LEFT DOUBLE QUOTATION MARK}", "\N{RIGHT DOUBLE QUOTATION MARK}")


class Fault(Exception):
    """A kind of fault and its offset in the text; raised and caught in this file."""

    def __init__(self, kind: str, at: int) -> None:
        super().__init__(kind)
        self.kind = kind
        self.at = at


@dataclass(slots=True)
class _Open:
    """An object or a list whose end has not come."""

    sign: str
    at: int
    names: set[str] = field(default_factory=set)
    empty: bool = True


@dataclass(slots=True)
class _Reading:
    """How far a text has been read. `end` is behind the last thing that was sound."""

    text: str
    opened: list[_Open] = field(default_factory=list)
    at: int = 0
    end: int = 0

    def sign(self) -> str:
        """The next character that is no white space, or nothing at the end."""
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text[self.at : self.at + 1]

    def took(self, end: int) -> None:
        """Everything before `end` is sound."""
        self.at = self.end = end


def json_fault(text: str) -> Fault | None:
    """The first fault of a text, or None for one that `read_json` takes."""
    reading = _Reading(text)
    try:
        _value(reading)
        for _ in range(_MOST):
            if not reading.opened:
                break
            _next(reading)
        else:
            return Fault("json-broken", len(text))
        if reading.sign():
            raise _refused(reading, "json-after")
    except Fault as fault:
        return fault
    return None


def _refused(reading: _Reading, kind: str, at: int | None = None) -> Fault:
    """A fault here; at the end of the text everything is the same fault, and a comment is one wherever it stands."""
    at = reading.at if at is None else at
    if reading.at >= len(reading.text):
        return Fault("json-empty-text" if reading.end == 0 else "json-end", len(reading.text))
    if reading.text[reading.at : reading.at + 2] in ("//", "/*") or reading.text[reading.at] == "#":
        return Fault("json-comment", reading.at)
    return Fault(kind, at)


def _next(reading: _Reading) -> None:
    """One member, one item, or the end of what is open."""
    inner = reading.opened[-1]
    sign = reading.sign()
    if sign == _CLOSED[inner.sign]:
        reading.opened.pop()
        reading.took(reading.at + 1)
        return
    if not inner.empty:
        sign = _comma(reading, inner, sign)
    if sign in ("}", "]"):
        raise Fault("json-bracket", reading.at)
    inner.empty = False
    if inner.sign == "{":
        _name(reading, inner, sign)
    _value(reading)


def _comma(reading: _Reading, inner: _Open, sign: str) -> str:
    """The comma between two, and what stands behind it."""
    if sign in ("}", "]"):
        raise Fault("json-bracket", reading.at)
    if sign != ",":
        raise _refused(reading, "json-colon-twice" if sign == ":" else "json-comma-missing", reading.end)
    comma = reading.at
    reading.took(comma + 1)
    sign = reading.sign()
    if sign in (",", _CLOSED[inner.sign]):
        raise Fault("json-comma-extra", comma)
    return sign


def _name(reading: _Reading, inner: _Open, sign: str) -> None:
    start = reading.at
    if sign != '"':
        raise _refused(reading, "json-quotes" if sign in _QUOTES or _WORD.match(sign) else "json-name")
    raw = _string(reading)
    name = str(read_json(raw.encode())) if "\\" in raw else raw[1:-1]
    if name in inner.names:
        raise Fault("json-duplicate", start)
    inner.names.add(name)
    if reading.sign() != ":":
        raise _refused(reading, "json-colon", reading.end)
    reading.took(reading.at + 1)


def _value(reading: _Reading) -> None:
    """One value; of an object or a list only its beginning."""
    sign = reading.sign()
    if len(reading.opened) >= MAX_DEPTH:
        raise _refused(reading, "json-deep")
    if sign in _CLOSED:
        reading.opened.append(_Open(sign, reading.at))
        reading.took(reading.at + 1)
    elif sign == '"':
        _string(reading)
    elif sign == "-" or sign.isdigit():
        _number(reading)
    else:
        _word(reading, sign)


def _word(reading: _Reading, sign: str) -> None:
    found = _WORD.match(reading.text, reading.at)
    word = found.group() if found else ""
    if word in _WORDS:
        reading.took(reading.at + len(word))
        return
    if word in _NO_NUMBER or sign in ("+", "."):
        raise _refused(reading, "json-number")
    if sign in _QUOTES:
        raise _refused(reading, "json-quotes")
    kinds = {",": "json-comma-extra", ":": "json-colon-twice", "}": "json-value", "]": "json-value"}
    raise _refused(reading, kinds.get(sign, "json-word" if word else "json-sign"))


def _number(reading: _Reading) -> None:
    like = _LIKE_NUMBER.match(reading.text, reading.at)
    found = _NUMBER.match(reading.text, reading.at)
    if found is None or like is None or found.end() != like.end():
        raise Fault("json-number", reading.at)
    if not _bounded(found.group()):
        raise Fault("json-number-size", reading.at)
    reading.took(found.end())


def _bounded(text: str) -> bool:
    """The limits of `read_json`."""
    digits, _, exponent = text.lower().partition("e")
    if len(digits) > MAX_DIGITS or len(exponent) > 5 or abs(int(exponent or "0")) > MAX_EXPONENT:
        return False
    return isfinite(float(text))


def _string(reading: _Reading) -> str:
    """The literal of a text, with its quotes."""
    found = _STRING.match(reading.text, reading.at)
    if found is None:
        raise _broken(reading)
    raw = found.group()
    if "\\u" in raw:
        _escapes(raw, reading.at)
    reading.took(found.end())
    return raw


def _broken(reading: _Reading) -> Fault:
    """Why a text that began does not end."""
    found = _STARTED.match(reading.text, reading.at)
    stop = found.end() if found else reading.at
    sign = reading.text[stop : stop + 1]
    if not sign:
        return Fault("json-end-text", reading.at)
    if sign == "\\":
        return Fault("json-escape", stop)
    return Fault("json-line" if sign in "\r\n" else "json-control", stop)


def _escapes(raw: str, start: int) -> None:
    r"""Halves of pairs (`\ud83d` alone) and U+0000."""
    high = -1
    for found in _ESCAPED.finditer(raw):
        code = int(found[1], 16) if found[1] else 0x20
        paired = high == found.start() - 6 and high >= 0
        if 0xDC00 <= code < 0xE000 and paired:
            high = -1
            continue
        if high >= 0 or 0xDC00 <= code < 0xE000:
            raise Fault("json-surrogate", start + (high if high >= 0 else found.start()))
        if code == 0:
            raise Fault("json-null-sign", start + found.start())
        high = found.start() if 0xD800 <= code < 0xDC00 else -1
    if high >= 0:
        raise Fault("json-surrogate", start + high)
