"""Dates, date-times and times that know how precisely they were given (FHIRPath 2.0, 4.1.6 to 4.1.8, 6.1 and 6.2; ISO 8601).

A second and its fraction are one precision. A time zone is taken into account where both sides have one.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

_DAY = r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2}))?)?"
_CLOCK = r"(?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,20}))?)?)?"
_DATE = re.compile(_DAY)
_TIME = re.compile(_CLOCK)
_DATE_TIME = re.compile(_DAY + r"(?:T(?:" + _CLOCK + r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?)?)?")
_UNITS = ("year", "month", "day", "hour", "minute", "second")
_BILLION = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Moment:
    """`parts` are year, month, day, hour, minute, second as far as given (a Time starts at the hour); `nanos` is the fraction.

    `digits` counts the digits of the fraction, `offset` is minutes east of UTC or None; `text` is how it is written.
    """

    parts: tuple[int, ...]
    text: str = field(compare=False)
    nanos: int = 0
    digits: int = 0
    offset: int | None = None

    def __str__(self) -> str:
        return self.text

    @property
    def key(self) -> tuple[int, ...]:
        """The parts with the fraction in the last, in UTC where the zone is known: equal keys are equal moments."""
        parts = utc(self) if self.offset and len(self.parts) > 3 else self.parts
        return (*parts[:-1], parts[-1] * _BILLION + self.nanos) if self.nanos else _scaled(parts, self)


class Date(Moment):
    """A day, month or year."""

    __slots__ = ()


class DateTime(Moment):
    """A day with 0..1 time of day."""

    __slots__ = ()


class Time(Moment):
    """A time of day."""

    __slots__ = ()


def _scaled(parts: tuple[int, ...], moment: Moment) -> tuple[int, ...]:
    seconds = len(parts) == (3 if isinstance(moment, Time) else 6)
    return (*parts[:-1], parts[-1] * _BILLION) if seconds else parts


def utc(moment: Moment) -> tuple[int, ...]:
    """The parts of a date-time of at least hour precision, moved to UTC; as they are where that year does not exist."""
    year, month, day, hour, minute, second = (*moment.parts, 0, 0)[:6]
    try:
        moved = datetime(year, month, day, hour, minute, second) - timedelta(minutes=moment.offset or 0)  # noqa: DTZ001 the offset is applied here
    except (ValueError, OverflowError):
        return moment.parts
    return (moved.year, moved.month, moved.day, moved.hour, moved.minute, moved.second)[: len(moment.parts)]


def compare(left: Moment, right: Moment) -> int | None:
    """-1, 0 or 1; None when one is given more precisely and they do not differ before."""
    if left.offset is None or right.offset is None:
        left, right = local(left), local(right)
    mine, other = left.key, right.key
    for a, b in zip(mine, other, strict=False):
        if a != b:
            return -1 if a < b else 1
    return 0 if len(mine) == len(other) else None


def local(moment: Moment) -> Moment:
    """A moment without its zone: against one that has none, the clock as written counts."""
    if not moment.offset:
        return moment
    return type(moment)(moment.parts, moment.text, moment.nanos, moment.digits)


def read_date(text: str) -> Date | None:
    """`2014`, `2014-01`, `2014-01-25`; None for anything else."""
    made = _read(_DATE, text, Date)
    return made if isinstance(made, Date) else None


def read_time(text: str) -> Time | None:
    """`14:30`, `14:30:15.25`; None for anything else."""
    made = _read(_TIME, text, Time)
    return made if isinstance(made, Time) else None


def read_date_time(text: str) -> DateTime | None:
    """`2014-01-25T14:30:00.5+09:00`, or less of it; None for anything else."""
    made = _read(_DATE_TIME, text, DateTime)
    return made if isinstance(made, DateTime) else None


def read_literal(text: str) -> Moment | None:
    """A literal without its `@`: `T14:30` is a time, a `T` further on makes a date-time."""
    if text.startswith("T"):
        return read_time(text[1:])
    return read_date_time(text) if "T" in text else read_date(text)


def _read(form: re.Pattern[str], text: str, kind: type[Moment]) -> Moment | None:
    found = form.fullmatch(text)
    if found is None:
        return None
    given = found.groupdict()
    parts = tuple(int(given[unit]) for unit in _UNITS if given.get(unit) is not None)
    fraction = given.get("fraction") or ""
    if not _exists(parts if kind is not Time else (2000, 1, 1, *parts)):
        return None
    offset = _offset(given.get("zone"))
    if offset is not None and abs(offset) > 14 * 60:
        return None
    return kind(parts, text.removesuffix("T"), int(fraction[:9].ljust(9, "0")), len(fraction), offset)


def _exists(parts: tuple[int, ...]) -> bool:
    year, month, day, hour, minute, second = (*parts, *(0, 1, 1, 0, 0, 0)[len(parts) :])
    if not (year >= 1 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]):
        return False
    return hour <= 23 and minute <= 59 and second <= 60


def _offset(zone: str | None) -> int | None:
    if not zone:
        return None
    if zone == "Z":
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return -minutes if zone[0] == "-" else minutes


def written(kind: type[Moment], parts: tuple[int, ...], digits: int, nanos: int, offset: int | None) -> Moment:
    """A moment from its parts, with its text."""
    date = "-".join(f"{part:0{4 if i == 0 else 2}d}" for i, part in enumerate(parts[:3]))
    clock = parts if kind is Time else parts[3:]
    text = ":".join(f"{part:02d}" for part in clock)
    if digits:
        text += "." + f"{nanos:09d}"[:digits].ljust(digits, "0")
    if kind is not Time:
        text = f"{date}T{text}{_zone(offset)}" if clock else date
    return kind(parts, text, nanos, digits, offset if clock else None)


def _zone(offset: int | None) -> str:
    if offset is None:
        return ""
    if offset == 0:
        return "Z"
    hours, minutes = divmod(abs(offset), 60)
    return f"{'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"
