"""Code systems known by their form or as a published list: what can be no code can be told, and often what is one (profiles/fhir/grammars.json)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import Any

from gateway.data import data_path
from gateway.model.wire import read_json

Check = Callable[[str], "bool | None"]

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_TOP_LEVEL = frozenset(
    "application audio example font haptics image message model multipart text video".split()  # noqa: SIM905 one line
)
_SHORT = ("xml", "json", "ttl")  # what R4 lets a CapabilityStatement say instead (CapabilityStatement.format)
_LONGEST = 18  # digits of an SCTID


def judged(system: str, code: str) -> bool | None:
    """True when the code is surely one of the system, False when it is surely none, None when its form cannot tell or is unknown."""
    check = grammars().get(system)
    return None if check is None else check(code)


@cache
def grammars() -> Mapping[str, Check]:
    """Code system address → check of a code's form."""
    return {row["system"]: _CHECKS.get(row["check"]) or _MADE[row["check"]](row) for row in _rows()}


@lru_cache(maxsize=512)
def published(system: str) -> frozenset[str] | None:
    """Every code in force of a system that is a published list (countries, currencies), or None when it is none."""
    from gateway.terminology.listed import listed

    names = (row["list"] for row in _rows() if row["system"] == system and row["check"] == "listed")
    return next((listed(name).codes for name in names), None)


@lru_cache(maxsize=512)
def kind_of(system: str) -> str:
    """The name of the check of a system (`unit`, `language-tag`), empty when it has none."""
    return next((row["check"] for row in _rows() if row["system"] == system), "")


@cache
def _rows() -> Sequence[Mapping[str, Any]]:
    rows: Sequence[Mapping[str, Any]] = read_json(data_path("profiles", "fhir", "grammars.json").read_bytes())
    return rows


def media_type(code: str) -> bool | None:
    """`type/subtype` with 0..* parameters after `;`. A top-level type that is not registered, or a registered one alone, may be one."""
    name, _, _ = code.partition(";")
    parts = name.strip().split("/")
    if len(parts) > 2 or not all(part and _TOKEN.issuperset(part) for part in parts):
        return False
    registered = parts[0].lower() in _TOP_LEVEL
    if len(parts) == 1:
        return None if registered or parts[0] in _SHORT else False
    return True if registered else None


def subdivision(countries: Check, code: str) -> bool | None:
    """`KR-11`: a country of the list, a hyphen, 1 to 3 letters or digits; the subdivisions themselves are not at hand."""
    country, hyphen, rest = code.partition("-")
    if not hyphen or len(country) != 2 or not (1 <= len(rest) <= 3 and rest.isascii() and rest.isalnum()):
        return False
    return False if countries(country) is False else None


def digits(most: int, code: str) -> bool | None:
    """1 to `most` digits."""
    return None if 1 <= len(code) <= most and code.isascii() and code.isdigit() else False


def snomed_identifier(code: str) -> bool | None:
    """An SCTID of 6 to 18 digits with its Verhoeff check digit, or an expression that starts with one; not a description's or a
    relationship's (the two digits before the last are 00 or 10)."""
    number = code.split("|", 1)[0].strip()
    if not number.isascii() or not number.isdigit():
        return None if any(mark in code for mark in ":+=") else False
    sound = 6 <= len(number) <= _LONGEST and number[0] != "0" and number[-3:-1] in ("00", "10")
    return None if sound and _verhoeff(number) else False


def loinc_number(code: str) -> bool | None:
    """`8480-6`: digits, hyphen, check digit (mod 10, Luhn); parts and answers (`LP…`, `LA…`, `LL…`, `LG…`, `MTHU…`) as they are."""
    number, hyphen, check = code.rpartition("-")
    letters = number.rstrip("0123456789")
    if letters in ("LP", "LA", "LL", "LG") or code.startswith("MTHU"):
        return None
    sound = bool(hyphen) and number.isascii() and number.isdigit() and len(number) <= 7
    return None if sound and check == str(_luhn(number)) else False


def _luhn(number: str) -> int:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return -total % 10


_PERMUTE = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def _verhoeff(number: str) -> bool:
    """The dihedral check of order 5 (Verhoeff 1969)."""
    check = 0
    for place, digit in enumerate(reversed(number)):
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


def _unit(code: str) -> bool | None:
    from gateway.terminology.ucum import valid

    return valid(code)


def _language_tag(code: str) -> bool | None:
    from gateway.terminology.languages import registered

    return registered(code)


def _list(name: str) -> Check:
    from gateway.terminology.listed import listed

    return listed(name).judged


_CHECKS: Mapping[str, Check] = {
    "media-type": media_type,
    "language-tag": _language_tag,
    "unit": _unit,
    "snomed-identifier": snomed_identifier,
    "loinc-number": loinc_number,
}
_MADE: Mapping[str, Callable[[Mapping[str, Any]], Check]] = {
    "listed": lambda row: _list(row["list"]),
    "subdivision": lambda row: partial(subdivision, _list(row["list"])),
    "digits": lambda row: partial(digits, row["most"]),
}
