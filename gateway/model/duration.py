"""ISO 8601 durations on the calendar: `P2Y` after 29 February is 28 February (ISO 8601-1, 5.5.2; xs:duration addition)."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta

from gateway.errors import Misconfigured

_FORM = re.compile(
    r"P(?:([0-9]{1,4})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,4})W)?(?:([0-9]{1,5})D)?"
    r"(?:T(?:([0-9]{1,5})H)?(?:([0-9]{1,6})M)?(?:([0-9]{1,8})S)?)?"
)


def later(start: datetime, duration: str) -> datetime:
    """The moment a duration after `start`. Raises Misconfigured for what is no duration."""
    found = _FORM.fullmatch(duration)
    if found is None or duration.endswith(("P", "T")):
        raise Misconfigured(f"{duration!r} is not an ISO 8601 duration such as P2Y or PT24H.")
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    months += start.month - 1 + 12 * years
    year, month = start.year + months // 12, months % 12 + 1
    day = min(start.day, calendar.monthrange(year, month)[1])
    moved = start.replace(year=year, month=month, day=day)
    return moved + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
