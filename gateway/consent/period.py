"""Points and periods in time as half-open spans of seconds (R4 datatypes: date, dateTime, instant, Period).

A date without a time means the whole day (month, year) in the site's zone; the end of a Period includes all that its text covers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

Span = tuple[float, float]
ALWAYS: Span = (-math.inf, math.inf)
_MICROSECOND = 1e-6


def span(text: str, zone: tzinfo) -> Span:
    """A FHIR date, dateTime or instant as `[from, to)`. Raises ValueError or TypeError for anything else."""
    if len(text) <= 10:
        first, last = days(text)
        after = last + timedelta(days=1)
        return _midnight(first, zone), _midnight(after, zone)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    start = moment.timestamp()
    return start, start + (_MICROSECOND if "." in text else 1.0 if text.count(":", 0, 19) > 1 else 60.0)


def days(text: str) -> tuple[date, date]:
    """The first and last day that a FHIR date of any precision can mean. Raises ValueError."""
    if len(text) == 10 and text[4] == text[7] == "-" and (text[:4] + text[5:7] + text[8:]).isdigit() and text.isascii():
        return (day := date.fromisoformat(text)), day
    parts = text.split("-")
    if [len(part) for part in parts] != [4, 2, 2][: len(parts)] or not text.replace("-", "").isdecimal():
        raise ValueError("not a FHIR date")
    numbers = [int(part) for part in parts]
    if len(numbers) == 3:
        day = date(numbers[0], numbers[1], numbers[2])
        return day, day
    if len(numbers) == 2:
        first = date(numbers[0], numbers[1], 1)
        return first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return date(numbers[0], 1, 1), date(numbers[0], 12, 31)


def period(value: Mapping[str, Any], zone: tzinfo) -> Span:
    """A FHIR Period as `[from, to)`; a missing bound is open. Raises ValueError when it ends before it starts."""
    start = span(value["start"], zone)[0] if value.get("start") is not None else -math.inf
    end = span(value["end"], zone)[1] if value.get("end") is not None else math.inf
    if start >= end:
        raise ValueError("a period that ends before it starts")
    return start, end


def span_of(value: Any, zone: tzinfo) -> Span | None:
    """When an item was made: text or a Period; None when absent or not to be read, that is, unknown."""
    try:
        if isinstance(value, str):
            return span(value, zone)
        return period(value, zone) if isinstance(value, Mapping) and value else None
    except (TypeError, ValueError, OverflowError):
        return None


def years(birth: date, day: date) -> int:
    """Completed years of age on a day."""
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def contains(outer: Span, moment: float) -> bool:
    """Whether a moment lies in a span."""
    return outer[0] <= moment < outer[1]


def _midnight(day: date, zone: tzinfo) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=zone).timestamp()
