"""What stands behind `=` as typed values, read before anything is looked at: what is no value of its type is refused (R4, search.html)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo

from gateway.errors import Unanswerable
from gateway.model.search import Flag, Span, Target, Text, Token, Value
from gateway.searching.spans import Bounds, dates, exactly, numbers, prefixed, widened

_MOST_VALUES = 100
_LOCAL = re.compile(r"(?:([A-Z][A-Za-z]{1,63})/)?([A-Za-z0-9\-.]{1,64})", re.ASCII)
_ESCAPED = re.compile(r"\\([\\,|$])")


@dataclass(frozen=True, slots=True)
class Terms:
    """What values are read by: the site's zone for dates without one, and the time of the question for `ap`."""

    zone: tzinfo
    now: datetime


def values_of(kind: str, modifier: str, text: str, terms: Terms, name: str) -> tuple[Value, ...]:
    """1..100 values separated by commas. Raises Unanswerable, naming the parameter and never its value."""
    parts = split(text, ",")
    if len(parts) > _MOST_VALUES:
        raise Unanswerable("There are too many values.", name)
    if modifier == "missing":
        kind = "missing"
    elif modifier == "identifier":
        kind = "token"
    read = _READ[kind]
    made = [read(part, terms) for part in parts]
    if any(one is None for one in made):
        raise Unanswerable("The value is none of this parameter.", name)
    return tuple(one for one in made if one is not None)


def split(text: str, by: str) -> list[str]:
    """The parts between separators that are not escaped by a backslash; escapes stay."""
    made, start, place = [], 0, 0
    while place < len(text):
        if text[place] == "\\":
            place += 2
            continue
        if text[place] == by:
            made.append(text[start:place])
            start = place + 1
        place += 1
    return [*made, text[start:]]


def plain(text: str) -> str:
    """The text without its escapes (R4, search.html#escaping)."""
    return _ESCAPED.sub(r"\1", text)


def _token(text: str, _: Terms) -> Token | None:
    system, *rest = split(text, "|")
    if not rest:
        return Token(None, plain(system)) if system else None
    if len(rest) > 1 or not (system or rest[0]):
        return None
    return Token(plain(system), plain(rest[0]) or None)


def _text(text: str, _: Terms) -> Text | None:
    return Text(plain(text)) if text.strip() else None


def _date(text: str, terms: Terms) -> Span | None:
    prefix, rest = prefixed(text)
    found = dates(rest, terms.zone)
    if found is not None and prefix == "ap":
        found = widened(found, terms.now.timestamp())
    return None if found is None else Span(prefix, *found)


def _number(text: str, _: Terms) -> Span | None:
    prefix, rest = prefixed(text)
    found = _asked(prefix, rest)
    return None if found is None else Span(prefix, *found)


def _asked(prefix: str, text: str) -> Bounds | None:
    """Precision counts for eq and ne only (R4, search.html#number)."""
    found = numbers(text) if prefix in ("eq", "ne") else exactly(text)
    return widened(found, None) if found is not None and prefix == "ap" else found


def _quantity(text: str, _: Terms) -> Span | None:
    number, *unit = split(text, "|")
    prefix, rest = prefixed(number)
    found = _asked(prefix, rest)
    if found is None or len(unit) not in (0, 2):
        return None
    system, code = (plain(part) or None for part in unit) if unit else (None, None)
    return Span(prefix, *found, system, code)


def _reference(text: str, _: Terms) -> Target | None:
    local = _LOCAL.fullmatch(text)
    if local is not None:
        return Target(local[1] or "", local[2])
    return Target("", "", plain(text)) if "://" in text or text.startswith("urn:") else None


def _missing(text: str, _: Terms) -> Flag | None:
    return Flag(text == "true") if text in ("true", "false") else None


_READ: Mapping[str, Callable[[str, Terms], Value | None]] = {
    "token": _token, "string": _text, "uri": _text, "date": _date, "number": _number, "quantity": _quantity,
    "reference": _reference, "missing": _missing,
}  # fmt: skip
