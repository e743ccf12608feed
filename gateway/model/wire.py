"""JSON in and out, the only way in: strict, bounded, with decimals kept as they were written (RFC 8259).

FHIR decimals carry precision (`1.50` is not `1.5`, R4 datatypes, "decimal"), so a number with a point or exponent is read as
`Exact`, a float that remembers its text and is written as that text.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from gateway.errors import Malformed, TooLarge

MAX_BYTES = 20_000_000
MAX_DEPTH = 64
MAX_DIGITS = 60
MAX_EXPONENT = 400
_BLANKS = ((b" ", b" :"), (b"\t", b"\t:"), (b"\n", b"\n:"), (b"\r", b"\r:"))
_DOUBTFUL = (b"\\u0000", b"\\ud", b"\\uD")  # escapes of U+0000 and of surrogates


class Exact(float):
    """A decimal as written: compares and calculates as a float, is written as its own text."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Exact:
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __repr__(self) -> str:
        return self.text

    def __reduce__(self) -> tuple[type[Exact], tuple[str]]:
        return Exact, (self.text,)


def read_json(body: bytes, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH) -> Any:
    """UTF-8 JSON bytes (a BOM is allowed) to Python; decimals are `Exact`.

    Raises TooLarge over the limits, Malformed for anything else that is not one strict JSON document: duplicate keys, NaN, lone
    surrogates, U+0000, other encodings, numbers beyond 60 digits or an exponent beyond 400.
    """
    if len(body) > max_bytes:
        raise TooLarge
    body = body.removeprefix(b"\xef\xbb\xbf")
    try:
        text = body.decode("utf-8")
        value = _decoder.decode(text)
        if _bounded(value, max_depth) != body.count(b'":') or _blank_before_colon(body):
            _distinct.decode(text)  # a name may stand twice, or only be written with blanks: told by a slower reader
    except (ValueError, RecursionError) as error:
        raise Malformed("The body is not one well-formed JSON document.") from error
    if any(escape in body for escape in _DOUBTFUL):
        _sound_texts(value)
    return value


def bounded(value: Any, *, max_depth: int = MAX_DEPTH) -> Any:
    """The same value, no deeper than JSON may be. Raises TooLarge."""
    _bounded(value, max_depth)
    return value


def write_json(value: Any, *, canonical: bool = False, pretty: bool = False) -> bytes:
    """Python to UTF-8 JSON; `canonical` sorts the keys, so that equal values give equal bytes."""
    option = (orjson.OPT_SORT_KEYS if canonical else 0) | (orjson.OPT_INDENT_2 if pretty else 0)
    return orjson.dumps(value, default=_plain, option=option)


def _plain(value: Any) -> Any:
    if isinstance(value, Exact):
        return orjson.Fragment(value.text)
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return dict(value)  # a read-only Mapping


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("duplicate key")
    return made


def _decimal(text: str) -> Exact:
    digits, _, exponent = text.lower().partition("e")
    if len(digits) > MAX_DIGITS or (exponent and (len(exponent) > 5 or abs(int(exponent)) > MAX_EXPONENT)):
        raise ValueError("number out of bounds")
    return Exact(text)


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("number out of bounds")
    return int(text)


def _constant(text: str) -> Any:
    raise ValueError(text)


def _bounded(value: Any, max_depth: int) -> int:
    """How many names all objects have; level by level, without recursion. Raises TooLarge when they are nested too deeply.

    Every name in the text is followed by `":` where no blanks stand before colons, so a text with no more of them than this has no
    name twice.
    """
    names = 0
    level: list[Any] = [value]
    for _ in range(max_depth):
        level = [each for each in level if type(each) is dict or type(each) is list]
        if not level:
            return names
        names += sum([len(each) for each in level if type(each) is dict])
        level = [child for each in level for child in (each.values() if type(each) is dict else each)]
    raise TooLarge("The document is nested too deeply.")


def _blank_before_colon(body: bytes) -> bool:
    """Whether a name may be written with blanks after it, so that `":` does not count it. A single character is found much faster."""
    return any(blank in body and colon in body for blank, colon in _BLANKS)


def _sound_texts(value: Any) -> None:
    """No U+0000, which no database text takes, and no half of a surrogate pair: only an escape can have made one."""
    waiting: list[Any] = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            _sound(node)
        elif isinstance(node, dict):
            waiting += node.values()
            waiting += node.keys()
        elif isinstance(node, list):
            waiting += node


def _sound(text: str) -> None:
    if "\0" in text:
        raise Malformed("A text holds the character U+0000.")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Malformed("A text holds half of a surrogate pair.") from error


_decoder = json.JSONDecoder(parse_float=_decimal, parse_int=_integer, parse_constant=_constant)
_distinct = json.JSONDecoder(object_pairs_hook=_object)
