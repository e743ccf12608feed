"""Dates and times moved by a duration (FHIRPath 2.0, 6.7): by the calendar, at the precision they have."""

from __future__ import annotations

from calendar import monthrange
from datetime import datetime, timedelta
from decimal import Decimal

from gateway.fhirpath.failures import NotEvaluated
from gateway.fhirpath.quantity import AS_CALENDAR, Quantity
from gateway.fhirpath.times import Date, Moment, Time, written

_PARTS = {"year": 1, "month": 2, "day": 3, "hour": 4, "minute": 5, "second": 6}
_IN_NEXT = {"second": 60, "minute": 60, "hour": 24, "day": 30, "month": 12}
_DAY = 86_400 * 1_000_000_000
_NANOS = {
    "week": 7 * _DAY, "day": _DAY, "hour": 3600 * 1_000_000_000, "minute": 60 * 1_000_000_000, "second": 1_000_000_000,
    "millisecond": 1_000_000,
}  # fmt: skip
_LONGEST = Decimal(10) ** 14


def moved(moment: Moment, by: Quantity) -> Moment | None:
    """A moment later (or earlier); None when that is outside the years 1 to 9999. Raises NotEvaluated for what is no duration."""
    unit = by.unit if by.calendar else AS_CALENDAR.get(by.unit, "")
    if not unit or (unit in ("year", "month") and not (by.calendar or by.system)):
        raise NotEvaluated("A date is moved by a duration of the calendar only.")
    if abs(by.value) > _LONGEST:
        return None
    try:
        return _time(moment, by.value, unit) if isinstance(moment, Time) else _date(moment, by.value, unit)
    except (OverflowError, ValueError):
        return None


def _time(moment: Moment, value: Decimal, unit: str) -> Moment | None:
    """A time of day stays within the day."""
    if unit not in ("hour", "minute", "second", "millisecond"):
        raise NotEvaluated("A time is moved by hours, minutes and seconds only.")
    hour, minute, second = (*moment.parts, 0, 0)[:3]
    start = ((hour * 60 + minute) * 60 + second) * 1_000_000_000 + moment.nanos
    total = (start + _nanos(value, unit)) % _DAY
    seconds, nanos = divmod(total, 1_000_000_000)
    parts = (seconds // 3600, seconds // 60 % 60, seconds % 60)[: len(moment.parts)]
    return _same_precision(moment, parts, nanos)


def _date(moment: Moment, value: Decimal, unit: str) -> Moment | None:
    value, unit = _at_precision(moment, value, unit)
    if unit in ("year", "month"):
        return _by_months(moment, int(value) * (12 if unit == "year" else 1))
    year, month, day, hour, minute, second = (*moment.parts, *(0, 1, 1, 0, 0, 0)[len(moment.parts) :])
    if isinstance(moment, Date) or len(moment.parts) < 4:
        value = Decimal(int(value))
    micros, rest = divmod(moment.nanos + _nanos(value, unit), 1000)
    start = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 the clock as written; its zone stays with it
    later = start + timedelta(microseconds=micros)
    parts = (later.year, later.month, later.day, later.hour, later.minute, later.second)[: len(moment.parts)]
    return _same_precision(moment, parts, later.microsecond * 1000 + rest)


def _at_precision(moment: Moment, value: Decimal, unit: str) -> tuple[Decimal, str]:
    """A duration finer than the moment is turned into its units, and what is left over is dropped: 30 days are a month."""
    if unit == "millisecond" and len(moment.parts) < 6:
        value, unit = value / 1000, "second"
    if unit == "week":
        value, unit = value * 7, "day"
    units = list(_PARTS)
    while unit in _PARTS and _PARTS[unit] > len(moment.parts):
        value, unit = Decimal(int(value / _IN_NEXT[unit])), units[_PARTS[unit] - 2]
    return value, unit


def _by_months(moment: Moment, months: int) -> Moment | None:
    """The day stays, or becomes the last of a shorter month."""
    year, month, day = (*moment.parts, 1, 1)[:3]
    total = year * 12 + month - 1 + months
    year, month = total // 12, total % 12 + 1
    if not 1 <= year <= 9999:
        return None
    start = (year, month, min(day, monthrange(year, month)[1]))
    return _same_precision(moment, (*start, *moment.parts[3:])[: len(moment.parts)], moment.nanos)


def _nanos(value: Decimal, unit: str) -> int:
    """A part of anything longer than a second does not count."""
    return int(value * _NANOS[unit]) if unit in ("second", "millisecond") else int(value) * _NANOS[unit]


def _same_precision(moment: Moment, parts: tuple[int, ...], nanos: int) -> Moment:
    digits = moment.digits
    if nanos and digits < 9 and nanos % 10 ** (9 - digits):
        digits = 3 if not nanos % 1_000_000 else 9
    return written(type(moment), parts, digits, nanos if digits else 0, moment.offset)
