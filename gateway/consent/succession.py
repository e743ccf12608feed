"""Whether a version of a Consent may take over from those on file: what comes late gives nothing back (R4 Consent.status, dateTime, provision).

A dateTime says when a Consent was given, not when it was withdrawn, so taking back counts at any time; everything else is a question of dates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

_REFUSES, _SILENT, _PERMITS = range(3)


def may_follow(new: Mapping[str, Any], versions: Sequence[Mapping[str, Any]]) -> bool:
    """`versions`: 1..* Consents of the same id, the one in force first.

    Yes to what is in force already, to what gives less than it, and to what is dated later than every version. What gives as much may be
    of the same date when it was not on file before. What cannot be compared is not later: the stricter stays.
    """
    gives, now = _gives(new), _gives(versions[0])
    if new == versions[0] or gives < now or gives == now == _SILENT:
        return True
    orders = {_compared(new, old) for old in versions}
    return orders == {1} or (gives == now and orders <= {0, 1} and new not in versions)


def _gives(consent: Mapping[str, Any]) -> int:
    """Whether something of it permits; one that is not active neither permits nor refuses."""
    if consent.get("status") != "active":
        return _SILENT
    root = consent.get("provision") or {}
    nested = any(one.get("type") != "deny" for one in _nested(root))
    return _PERMITS if root.get("type") != "deny" or nested else _REFUSES


def _nested(provision: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    waiting = [*(provision.get("provision") or ())]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += one.get("provision") or ()


def _compared(new: Mapping[str, Any], old: Mapping[str, Any]) -> int | None:
    """1 dated later, 0 at the same time, -1 earlier; None for a year or a month, a date beside a time, or no date."""
    try:
        one, other = (datetime.fromisoformat(consent["dateTime"]) for consent in (new, old))
        return (one > other) - (one < other)
    except (KeyError, ValueError, TypeError):
        return None


__all__ = ["may_follow"]
