"""The primitive types of R4: JSON kind and form of each, every check linear in the length of the value (FHIR R4, Primitive Types)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any, ClassVar

from gateway.model.wire import Exact
from gateway.validating.structure.dates import is_date, is_date_time, is_instant, is_time
from gateway.validating.structure.finding import NONE, Findings, error
from gateway.validating.structure.scope import Scope

Kind = type  # of a JSON value
_ADDRESSES = ("uri", "url", "canonical", "oid")
_MOST_KEPT = 5_000
_LONGEST_KEPT = 200

_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_HEX = frozenset("0123456789abcdef")
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")
_BLANK = re.compile(r"[ \t\n\r\x0b\x0c]")  # what `\s` of the specification means
_LONGEST_STRING = 1024 * 1024
_LONGEST_INTEGER = 2**31 - 1


def is_string(text: str) -> bool:
    """Not empty and not only blanks, up to 1 MB, without control characters."""
    if 0 < len(text) <= _LONGEST_STRING and text.isprintable() and text[0] != " ":
        return True
    return 0 < len(text) <= _LONGEST_STRING and not _CONTROLS.search(text) and text.strip() != ""


def is_markdown(text: str) -> bool:
    """Not empty; the limit of `string` does not hold for embedded content in practice."""
    return text != ""


def is_uri(text: str) -> bool:
    """No white space; a `urn:oid:` or `urn:uuid:` must be one, and `oid:` or `uuid:` alone is no scheme."""
    if not text or " " in text or not (text.isprintable() or not _BLANK.search(text)):
        return False
    if text[0] not in "uo":
        return True
    if text.startswith("urn:oid:"):
        return is_oid(text)
    if text.startswith(("oid:", "uuid:")):
        return False
    return not text.startswith("urn:uuid:") or is_uuid(text.lower())


def is_oid(text: str) -> bool:
    """`urn:oid:` and arcs of digits without leading zeros, the first 0, 1 or 2."""
    first, *arcs = text.removeprefix("urn:oid:").split(".")
    return text.startswith("urn:oid:") and first in ("0", "1", "2") and bool(arcs) and all(map(_arc, arcs))


def is_uuid(text: str) -> bool:
    """`urn:uuid:` and 32 lower-case hexadecimal digits as 8-4-4-4-12."""
    parts = text.removeprefix("urn:uuid:").split("-")
    return (
        text.startswith("urn:uuid:") and [len(p) for p in parts] == [8, 4, 4, 4, 12] and _HEX.issuperset("".join(parts))
    )


def is_id(text: str) -> bool:
    """1 to 64 letters, digits, `-`, `.`."""
    return _ID.fullmatch(text) is not None


def is_code(text: str) -> bool:
    """No white space at the ends, single spaces inside."""
    if text and " " not in text and text.isprintable():
        return True
    plain = text.replace(" ", "")
    return text != "" and not _BLANK.search(plain) and text.strip(" ") == text and "  " not in text


def is_base64(text: str) -> bool:
    """Groups of four with padding only at the end; white space may stand between."""
    packed = "".join(text.split())
    return packed != "" and len(packed) % 4 == 0 and _BASE64.issuperset(packed[:-2] + packed[-2:].rstrip("="))


def quoted(node: Any) -> Any:
    """A text in quotation marks, where what is wrong is that it is a text."""
    return f'"{node}"' if isinstance(node, str) else node


def _arc(text: str) -> bool:
    return text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")


TEXT: Mapping[str, Callable[[str], bool]] = {
    "string": is_string,
    "markdown": is_markdown,
    "uri": is_uri,
    "url": is_uri,
    "canonical": is_uri,
    "oid": is_oid,
    "uuid": is_uuid,
    "id": is_id,
    "code": is_code,
    "base64Binary": is_base64,
    "date": is_date,
    "dateTime": is_date_time,
    "instant": is_instant,
    "time": is_time,
}
WHOLE: Mapping[str, int] = {"integer": -_LONGEST_INTEGER - 1, "unsignedInt": 0, "positiveInt": 1}


@dataclass(frozen=True, slots=True)
class TextRule:
    """A primitive that JSON writes as a string."""

    type: str
    fits: Callable[[str], bool]
    kind: ClassVar[Kind] = str

    def check(self, node: Any, _scope: Scope) -> Findings:
        """A string of the form of the type."""
        if isinstance(node, str):
            return NONE if self.fits(node) else _not_fitting(self.type, node)
        return error(
            "structure", f"type-{self.type}", "The value must be a JSON string.", expected=self.type, found=node
        )


@dataclass(frozen=True, slots=True)
class WholeRule:
    """integer, unsignedInt, positiveInt: 32 bits."""

    type: str
    least: int
    kind: ClassVar[Kind] = int

    def fits(self, number: int) -> bool:
        """In range."""
        return self.least <= number <= _LONGEST_INTEGER

    def check(self, node: Any, _scope: Scope) -> Findings:
        """A JSON number without point, in range."""
        if type(node) is not int:
            text = "The value must be a whole JSON number."
            return error("structure", f"type-{self.type}", text, expected=self.type, found=quoted(node))
        if self.fits(node):
            return NONE
        expected = f"{self.least} to {_LONGEST_INTEGER}"
        return error(
            "value", f"format-{self.type}", "The number is out of the range of its type.", expected=expected, found=node
        )


@dataclass(frozen=True, slots=True)
class DecimalRule:
    """decimal."""

    type: str = "decimal"
    kind: ClassVar[Kind] = Exact

    def fits(self, _number: float) -> bool:
        """Any number."""
        return True

    def check(self, node: Any, _scope: Scope) -> Findings:
        """A JSON number."""
        if isinstance(node, int | float | Decimal) and not isinstance(node, bool) and isfinite(node):
            return NONE
        return error(
            "structure", "type-decimal", "The value must be a JSON number.", expected="decimal", found=quoted(node)
        )


@dataclass(frozen=True, slots=True)
class BooleanRule:
    """boolean."""

    type: str = "boolean"
    kind: ClassVar[Kind] = bool

    def fits(self, _value: bool) -> bool:
        """true or false."""
        return True

    def check(self, node: Any, _scope: Scope) -> Findings:
        """true or false."""
        if isinstance(node, bool):
            return NONE
        return error(
            "structure", "type-boolean", "The value must be true or false.", expected="boolean", found=quoted(node)
        )


class UriRule:
    """uri, url and their kind: the addresses of systems and profiles come again and again, so sound ones are remembered."""

    __slots__ = ("_sound", "fits", "type")
    kind: ClassVar[Kind] = str

    def __init__(self, type_name: str) -> None:
        self.type = type_name
        self._sound: set[str] = set()
        self.fits = self._sound.__contains__

    def check(self, node: Any, _scope: Scope) -> Findings:
        """A string of the form of a URI."""
        if type(node) is not str:
            text = "The value must be a JSON string."
            return error("structure", f"type-{self.type}", text, expected=self.type, found=node)
        if not TEXT[self.type](node):
            return _not_fitting(self.type, node)
        if len(node) < _LONGEST_KEPT:
            if len(self._sound) >= _MOST_KEPT:
                self._sound.clear()
            self._sound.add(node)
        return NONE


PrimitiveRule = UriRule | TextRule | WholeRule | DecimalRule | BooleanRule


def primitive(type_name: str) -> PrimitiveRule | None:
    """The rule of a primitive type, or None when it is none (xhtml has a rule of its own)."""
    if type_name in _ADDRESSES:
        return UriRule(type_name)
    if type_name in TEXT:
        return TextRule(type_name, TEXT[type_name])
    if type_name in WHOLE:
        return WholeRule(type_name, WHOLE[type_name])
    if type_name == "decimal":
        return DecimalRule()
    return BooleanRule() if type_name == "boolean" else None


def _not_fitting(type_name: str, value: str) -> Findings:
    if not value:
        return error(
            "value", f"format-{type_name}", "The value is empty; leave the element out instead.", expected=type_name
        )
    return error("value", f"format-{type_name}", _SAID.get(type_name, _OTHERWISE), expected=type_name, found=value)


_OTHERWISE = "The value does not have the form of its type."
_SAID: Mapping[str, str] = {
    "date": "This is not a date as FHIR writes it (YYYY, YYYY-MM or YYYY-MM-DD), or the day does not exist.",
    "dateTime": "This is not a date and time as FHIR writes it: with a time come seconds and a zone, and the day must exist.",
    "instant": "This is not an instant: a full date, a time with seconds, and a zone.",
    "time": "This is not a time as FHIR writes it (hh:mm:ss).",
    "id": "An id has 1 to 64 letters, digits, hyphens and points.",
    "code": "A code has no white space at its ends and only single spaces inside.",
    "uri": "A URI holds no white space; an OID or UUID inside must be well-formed.",
    "base64Binary": "This is not base64.",
    "string": "A string is not empty, not only blanks, not over 1 MB, and holds no control characters.",
}
