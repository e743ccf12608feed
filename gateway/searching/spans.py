"""Dates and numbers as spans, and what the prefixes mean between two of them (FHIR R4, search.html#prefix, #date, #number).

A date without a time zone is a day of the site's own zone. All spans are half open, `[low, high)`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal, InvalidOperation

from gateway.fhirpath.times import Moment, read_date_time

Bounds = tuple[float, float]
PREFIXES = ("eq", "ne", "gt", "ge", "lt", "le", "sa", "eb", "ap")
_STEPS = {3: timedelta(days=1), 4: timedelta(hours=1), 5: timedelta(minutes=1), 6: timedelta(seconds=1)}
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_NEAR = 0.1  # `ap`: ten per cent of the number, or of the time between then and now


def prefixed(text: str) -> tuple[str, str]:
    """(`eq` or the prefix, the rest)."""
    return (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)


def dates(text: str, zone: tzinfo) -> Bounds | None:
    """The seconds since 1970 that a date of any precision stands for; None for what is no date."""
    moment = read_date_time(text)
    return None if moment is None else _seconds(moment, zone)


def _seconds(moment: Moment, zone: tzinfo) -> Bounds | None:
    parts = moment.parts
    year, month, day, hour, minute, second = (*parts, *(0, 1, 1, 0, 0, 0)[len(parts) :])
    at = zone if moment.offset is None else timezone(timedelta(minutes=moment.offset))
    try:
        start = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=at)
        low = start.astimezone(UTC).timestamp() + moment.nanos / 1e9
        return low, low + 10.0**-moment.digits if moment.digits else _end(start, len(parts))
    except (ValueError, OverflowError):
        return None


def _end(start: datetime, given: int) -> float:
    try:
        if given == 1:
            end = start.replace(year=start.year + 1)
        elif given == 2:
            end = start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)
        else:
            end = start + _STEPS[given]
        return end.astimezone(UTC).timestamp()
    except (ValueError, OverflowError):
        return math.inf


def numbers(text: str) -> Bounds | None:
    """The numbers that one of this precision stands for (`100` is 99.5 to 100.5, `1e2` is 95 to 105); None for what is no number."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    exponent = number.as_tuple().exponent
    half = Decimal(5).scaleb(int(exponent) - 1)
    return float(number - half), float(number + half)


def exactly(text: str) -> Bounds | None:
    """A number as a span of no width: as a resource holds it, and as the prefixes other than eq and ne take it."""
    return (float(text), float(text)) if _NUMBER.fullmatch(text) else None


def widened(span: Bounds, now: float | None) -> Bounds:
    """The span that `ap` stands for."""
    much = _NEAR * (abs((span[0] + span[1]) / 2) if now is None else abs(now - span[0]))
    return span[0] - much, span[1] + much


def meets(prefix: str, asked: Bounds, held: Bounds) -> bool:
    """Whether what a resource holds is what is asked for."""
    return _RELATIONS[prefix](asked, held)


def touches(prefix: str, asked: Bounds, held: Bounds) -> bool:
    """The same for numbers, whose ranges hold both their ends."""
    ends = (prefix == "ge" and held[1] == asked[0]) or (prefix == "le" and held[0] == asked[1])
    return ends or meets(prefix, asked, held)


def _inside(asked: Bounds, held: Bounds) -> bool:
    whole = held[1] <= asked[1] if held[0] < held[1] else held[1] < asked[1]
    return asked == held or (asked[0] <= held[0] and whole)


def _above(asked: Bounds, held: Bounds) -> bool:
    return held[1] > asked[1]


def _below(asked: Bounds, held: Bounds) -> bool:
    return held[0] < asked[0]


_RELATIONS: dict[str, Callable[[Bounds, Bounds], bool]] = {
    "eq": _inside,
    "ne": lambda asked, held: not _inside(asked, held),
    "gt": _above,
    "lt": _below,
    "ge": lambda asked, held: held[1] > asked[0] or _inside(asked, held),
    "le": lambda asked, held: held[0] < asked[1] or _inside(asked, held),
    "sa": lambda asked, held: held[0] >= asked[1] and held[0] > asked[0],
    "eb": lambda asked, held: held[1] <= asked[0] and held[0] < asked[0],
    "ap": lambda asked, held: held[0] <= asked[1] and asked[0] <= held[1],
}
