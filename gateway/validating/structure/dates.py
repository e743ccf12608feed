"""Dates and times as R4 writes them, by patterns that are linear; a day must exist in the calendar (FHIR R4, Data Types, Primitive Types)."""

from __future__ import annotations

import re
from calendar import isleap

_DATE = r"(?!0000)([0-9]{4})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))"
_DATE_FORM = re.compile(_DATE + ")?)?", re.ASCII)
_DATE_TIME_FORM = re.compile(_DATE + f"(?:T{_TIME}{_ZONE})?)?)?", re.ASCII)
_TIME_FORM = re.compile(_TIME, re.ASCII)
_LONG = frozenset(("01", "03", "05", "07", "08", "10", "12"))


def is_date(text: str) -> bool:
    """`YYYY`, `YYYY-MM` or `YYYY-MM-DD`."""
    found = _DATE_FORM.fullmatch(text)
    return found is not None and _exists(found)


def is_date_time(text: str) -> bool:
    """A date, or a full date, `T`, a time with seconds, and a zone."""
    found = _DATE_TIME_FORM.fullmatch(text)
    return found is not None and _exists(found)


def is_instant(text: str) -> bool:
    """A full date with time and zone."""
    return "T" in text and is_date_time(text)


def is_time(text: str) -> bool:
    """`hh:mm:ss` with 0..* decimals of a second; no zone; 60 seconds are allowed for leap seconds, 24:00 is not."""
    return _TIME_FORM.fullmatch(text) is not None


def _exists(found: re.Match[str]) -> bool:
    """Whether the day is in the calendar; the pattern allows 31 in every month."""
    year, month, day = found.groups()
    if day is None or day <= "28" or (month != "02" and (day != "31" or month in _LONG)):
        return True
    return month == "02" and day == "29" and isleap(int(year))
