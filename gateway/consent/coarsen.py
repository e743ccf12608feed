"""Values said less exactly: a date as its year, an address as its district, an age over 89 as 90 or more, a day moved with all others.

Pure functions of one value; GONE is what nothing may stay of. Sources: R4 datatypes; 45 CFR 164.514(b)(2)(i)(B, C) for ages and places.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from gateway.consent.codes import codes


class _Gone:
    """Nothing, where None is a value."""

    def __repr__(self) -> str:
        return "GONE"


GONE: Final = _Gone()
HOWS = ("drop", "mask", "year", "month", "district")
OLDEST = 89  # years that are said exactly
_DAY = re.compile(r"(\d{4}-\d{2})(-\d{2})?(T.*)?", re.ASCII)
_DATE = re.compile(r"\d{4}(-\d{2}(-\d{2}(T.*)?)?)?", re.ASCII)
_LENGTH = {"year": 4, "month": 7}
_DISTRICT = ("use", "type", "city", "district", "state", "country")
_NO_DATES = frozenset(
    {"code", "system", "version", "id", "url", "uri", "reference", "value", "unit", "display", "versionId", "fullUrl"}
)
_IN_YEARS = {"a": 1.0, "mo": 12.0, "wk": 52.1775, "d": 365.2425}


def coarse(value: Any, how: str) -> Any:
    """A value of any datatype as `how` of HOWS says (but `mask`, which changes its place); GONE when that cannot be done."""
    if how == "drop":
        return GONE
    if isinstance(value, list | tuple):
        left = [one for one in (coarse(one, how) for one in value) if one is not GONE]
        return left or GONE
    if how == "district":
        kept = {name: value[name] for name in _DISTRICT if name in value} if isinstance(value, Mapping) else {}
        return kept or GONE
    if isinstance(value, Mapping):
        made = {name: one for name, child in value.items() if (one := coarse(child, how)) is not GONE}
        return made or GONE
    return value[: _LENGTH[how]] if isinstance(value, str) and _DATE.fullmatch(value) else GONE


def masked(many: bool) -> Any:
    """What stands for a value that is withheld (R4 data-absent-reason)."""
    said = {"extension": [{"url": codes().systems["absentReason"], "valueCode": "masked"}]}
    return [said] if many else said


def is_day(name: str, value: Any) -> bool:
    """Whether an element holds a date of at least a month, and so can tell when something was."""
    return name not in _NO_DATES and isinstance(value, str) and _DAY.fullmatch(value) is not None


def moved(text: str, days: int) -> Any:
    """A date so many days earlier, as exact as before; the time of day stays. GONE for what is no day of the calendar."""
    month, day, time = _DAY.fullmatch(text).groups()  # type: ignore[union-attr]  # is_day has seen to it
    try:
        then = (date.fromisoformat(month + (day or "-15")) - timedelta(days=days)).isoformat()
    except (ValueError, OverflowError):
        return GONE
    return then + (time or "") if day else then[:7]


def capped(name: str, node: Mapping[str, Any]) -> Mapping[str, Any]:
    """A quantity that is an age over OLDEST years as 90 or more; every other one as it is."""
    return {"value": OLDEST + 1, "comparator": ">=", **_YEARS} if is_old(name, node) else node


def is_old(name: str, node: Mapping[str, Any]) -> bool:
    """An age (by its element, or a quantity in years) over OLDEST."""
    value, unit = node.get("value"), node.get("code") or node.get("unit")
    if (
        not isinstance(value, int | float | Decimal)
        or isinstance(value, bool)
        or not (name.endswith("Age") or unit == "a")
        or node.get("comparator") == ">="
    ):
        return False
    return unit not in _IN_YEARS or float(str(value)) / _IN_YEARS[str(unit)] > OLDEST


_YEARS = {"unit": "a", "system": "http://unitsofmeasure.org", "code": "a"}
