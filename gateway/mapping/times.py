"""HL7 v2 date/time text to FHIR: precision and offset kept, never a time added to a date (v2.9 ch. 2A.3.22 DTM; invariant 14)."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_V2 = re.compile(
    r"(?P<Y>\d{4})(?:(?P<M>\d\d)(?:(?P<D>\d\d)(?:(?P<h>\d\d)(?P<m>\d\d)?(?:(?P<s>\d\d)(?P<f>\.\d{1,9})?)?)?)?)?(?P<z>[+-]\d\d(?:\d\d)?)?",
    re.ASCII,
)
_ISO = re.compile(
    r"(?P<Y>\d{4})-(?P<M>\d\d)(?:-(?P<D>\d\d)(?:[T ](?P<h>\d\d):(?P<m>\d\d)(?::(?P<s>\d\d)(?P<f>\.\d{1,9})?)?)?)?(?P<z>Z|[+-]\d\d:?\d\d)?",
    re.ASCII,
)
_TIME = re.compile(r"(?P<h>\d\d):?(?P<m>\d\d)?:?(?:(?P<s>\d\d)(?P<f>\.\d{1,9})?)?(?P<z>[+-]\d{4})?", re.ASCII)


class Moment(NamedTuple):
    """A date or time as FHIR text; `seconds_added` and `zone_assumed` are flagged, `cut` says that a time was left out."""

    text: str
    seconds_added: bool = False
    zone_assumed: bool = False
    cut: bool = False


def moment(text: str, zone: str = "") -> Moment | None:
    """`20260102[0304[05[.6]]][+0900]`, or the ISO form that some senders write, to a FHIR dateTime; None when it is no real date.

    `zone` is the IANA zone of the sender, used when the text has a time and no offset; without it the time is cut off.
    """
    found = _V2.fullmatch(text) or _ISO.fullmatch(text)
    if found is None or not _real(found):
        return None
    year, month, day, hour = found["Y"], found["M"], found["D"], found["h"]
    if month is None or (month == "00" and day in (None, "00")):
        return Moment(year, cut=False)
    if day is None or day == "00":
        return Moment(f"{year}-{month}")
    if hour is None:
        return Moment(f"{year}-{month}-{day}")
    return _timed(found, f"{year}-{month}-{day}", zone)


def _timed(found: re.Match[str], day: str, zone: str) -> Moment:
    if found["m"] is None:  # an hour alone: FHIR has no such precision, minutes are never made up
        return Moment(day, cut=True)
    clock = f"{found['h']}:{found['m']}:{found['s'] or '00'}{found['f'] or ''}"
    added = found["s"] is None
    if found["z"]:
        return Moment(f"{day}T{clock}{_offset(found['z'])}", seconds_added=added)
    local = _in_zone(f"{day}T{clock[:8]}", zone)
    if local is None:
        return Moment(day, cut=True)
    return Moment(f"{day}T{clock}{local}", seconds_added=added, zone_assumed=True)


def clock(text: str) -> str | None:
    """`HHMM[SS[.f]]` to a FHIR time; seconds are added where missing; an offset has no place in a FHIR time."""
    found = _TIME.fullmatch(text)
    if found is None or found["m"] is None or not ("00" <= found["h"] <= "23" and found["m"] <= "59"):
        return None
    seconds = found["s"] or "00"
    return f"{found['h']}:{found['m']}:{seconds}{found['f'] or ''}" if seconds <= "59" else None


def _real(found: re.Match[str]) -> bool:
    month, day = found["M"], found["D"]
    try:
        date(int(found["Y"]), int(month or 1) or 1, int(day or 1) or 1)
    except ValueError:
        return False
    whole_month = month != "00" or day in (None, "00")
    in_day = int(found["h"] or 0) <= 23 and int(found["m"] or 0) <= 59 and int(found["s"] or 0) <= 59
    return whole_month and in_day and (found["z"] is None or _sound_offset(found["z"]))


def _sound_offset(text: str) -> bool:
    digits = text[1:].replace(":", "")
    return text == "Z" or (int(digits[:2]) <= 14 and int(digits[2:] or 0) <= 59)


def _offset(text: str) -> str:
    if text == "Z":
        return "Z"
    digits = text[1:].replace(":", "").ljust(4, "0")
    return f"{text[0]}{digits[:2]}:{digits[2:]}"


def _in_zone(local: str, zone: str) -> str | None:
    """The offset of a zone at a local time, as `+09:00`; None without a zone."""
    if not zone:
        return None
    try:
        moment_there = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError):
        return None
    text = moment_there.strftime("%z")
    return f"{text[:3]}:{text[3:5]}"
