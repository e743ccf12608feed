"""Dates and times as R4 writes them, by hand and linear; a day must exist in the calendar (FHIR R4, Data Types, Primitive Types)."""

from __future__ import annotations

from calendar import monthrange


def is_date(text: str) -> bool:
    """`YYYY`, `YYYY-MM` or `YYYY-MM-DD`."""
    size = len(text)
    if size not in (4, 7, 10) or not _digits(text[:4]) or text[:4] == "0000":
        return False
    if size == 4:
        return True
    if text[4] != "-" or not _digits(text[5:7]) or not 1 <= int(text[5:7]) <= 12:
        return False
    return size == 7 or (text[7] == "-" and _digits(text[8:]) and 1 <= int(text[8:]) <= _days(text))


def is_date_time(text: str) -> bool:
    """A date, or a full date, `T`, a time with seconds, and a zone."""
    day, mark, rest = text.partition("T")
    if not mark:
        return is_date(text)
    return len(day) == 10 and is_date(day) and _zoned(rest)


def is_instant(text: str) -> bool:
    """A full date with time and zone."""
    return "T" in text and is_date_time(text)


def is_time(text: str) -> bool:
    """`hh:mm:ss` with 0..* decimals of a second; no zone; 60 seconds are allowed for leap seconds, 24:00 is not."""
    clock, mark, fraction = text.partition(".")
    if mark and not _digits(fraction):
        return False
    if len(clock) != 8 or clock[2] != ":" or clock[5] != ":":
        return False
    hour, minute, second = clock[:2], clock[3:5], clock[6:]
    return _below(hour, 24) and _below(minute, 60) and _below(second, 61)


def _zoned(text: str) -> bool:
    if text.endswith("Z"):
        return is_time(text[:-1])
    zone = text[-6:]
    return len(zone) == 6 and zone[0] in "+-" and zone[3] == ":" and _offset(zone) and is_time(text[:-6])


def _offset(zone: str) -> bool:
    hours, minutes = zone[1:3], zone[4:]
    return _below(hours, 15) and _below(minutes, 60) and (hours != "14" or minutes == "00")


def _below(text: str, limit: int) -> bool:
    return _digits(text) and len(text) == 2 and int(text) < limit


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _days(text: str) -> int:
    return monthrange(int(text[:4]), int(text[5:7]))[1]
