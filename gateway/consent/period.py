"""Points and periods in time as half-open spans of seconds (R4 datatypes: date, dateTime, instant, Period).

A date without a time means the whole day (month, year) in the site's zone; the end of a Period includes all that its text covers.
"""

from __future__ import annotations

import math
import re
from calendar import monthrange
from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

Span = tuple[float, float]
ALWAYS: Span = (-math.inf, math.inf)
_MICROSECOND = 1e-6
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?P<seconds>:\d{2}(?P<fraction>\.\d+)?)?(?:Z|[+-]\d{2}:\d{2})?", re.ASCII
)


def span(text: str, zone: tzinfo) -> Span:
    """A FHIR date, dateTime or instant as `[from, to)`; seconds and zone may be left out. Raises ValueError or TypeError for anything else."""
    if len(text) <= 10:
        first, last = days(text)
        return _midnight(first, zone), _midnight(last + timedelta(days=1), zone) if last < date.max else math.inf
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError("not a FHIR dateTime")
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    start = moment.timestamp()
    return start, start + (_MICROSECOND if found["fraction"] else 1.0 if found["seconds"] else 60.0)


def days(text: str) -> tuple[date, date]:
    """The first and last day that a FHIR date of any precision can mean. Raises ValueError."""
    if len(text) == 10 and text[4] == text[7] == "-":  # no week
        return (day := date.fromisoformat(text)), day
    if len(text) == 7 and text[4] == "-" and _is_number(text[:4] + text[5:]):
        year, month = int(text[:4]), int(text[5:])
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])
    if len(text) == 4 and _is_number(text):
        return date(int(text), 1, 1), date(int(text), 12, 31)
    raise ValueError("not a FHIR date")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


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
