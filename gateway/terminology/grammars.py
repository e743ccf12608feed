"""Code systems known by their form only: the content is not at hand, but what cannot be a code can be told (profiles/fhir/grammars.json)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from gateway.data import data_path
from gateway.model.wire import read_json

Check = Callable[[str], bool]

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


def may_be(system: str, code: str) -> bool:
    """False when the system's grammar rules the code out; True when it may be one, or the system has no grammar here."""
    check = grammars().get(system)
    return check is None or check(code)


@cache
def grammars() -> Mapping[str, Check]:
    """Code system address → check of a code's form."""
    rows = read_json(data_path("profiles", "fhir", "grammars.json").read_bytes())
    return {row["system"]: _CHECKS[row["check"]] for row in rows}


def media_type(code: str) -> bool:
    """`type/subtype` with 0..* parameters after `;`; `text` alone passes too, as R4 examples abbreviate (`image`)."""
    name, _, _ = code.partition(";")
    parts = name.strip().split("/")
    return len(parts) <= 2 and all(part and _TOKEN.issuperset(part) for part in parts)


def language_tag(code: str) -> bool:
    """Subtags of 1 to 8 letters or digits between hyphens; the first of 2 to 8 letters, or `x` / `i`."""
    first, *others = code.split("-")
    if not (first.isascii() and first.isalpha() and (2 <= len(first) <= 8 or (first.lower() in "xi" and others))):
        return False
    return all(part.isascii() and part.isalnum() and len(part) <= 8 for part in others)


def three_capitals(code: str) -> bool:
    """`KRW`."""
    return len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()


def visible_ascii(code: str) -> bool:
    """Characters 33 to 126 only."""
    return bool(code) and all("!" <= character <= "~" for character in code)


def snomed_identifier(code: str) -> bool:
    """An SCTID of 6 to 18 digits with its Verhoeff check digit, or an expression that starts with one."""
    digits = code.split("|", 1)[0].strip()
    if not digits.isascii() or not digits.isdigit():
        return any(mark in code for mark in ":+=")
    return 6 <= len(digits) <= 18 and digits[0] != "0" and _verhoeff(digits)


def loinc_number(code: str) -> bool:
    """`8480-6`: digits, hyphen, check digit (mod 10, Luhn); parts and answers (`LP…`, `LA…`, `LL…`, `LG…`, `MTHU…`) as they are."""
    number, hyphen, check = code.rpartition("-")
    letters = number.rstrip("0123456789")
    if letters in ("LP", "LA", "LL", "LG") or code.startswith("MTHU"):
        return True
    return bool(hyphen) and number.isascii() and number.isdigit() and len(number) <= 7 and check == str(_luhn(number))


def _luhn(number: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10


_PERMUTE = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _verhoeff(digits: str) -> bool:
    """The dihedral check of order 5 (Verhoeff 1969)."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _times(check, _permuted(int(digit), place))
    return check == 0


def _permuted(digit: int, place: int) -> int:
    for _ in range(place % 8):
        digit = _PERMUTE[digit]
    return digit


def _times(left: int, right: int) -> int:
    """The product in the dihedral group D5: 0-4 are rotations, 5-9 reflections."""
    turn = left % 5 + right % 5 if left < 5 else left % 5 - right % 5
    return turn % 5 + (5 if (left < 5) != (right < 5) else 0)


_CHECKS: Mapping[str, Check] = {
    "media-type": media_type,
    "language-tag": language_tag,
    "three-capitals": three_capitals,
    "visible-ascii": visible_ascii,
    "snomed-identifier": snomed_identifier,
    "loinc-number": loinc_number,
}
