"""A 6W1H request as the engine reads it: who asks, about whom, when, where, why and how, each read once per call."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from gateway.consent.codes import Codes, codes
from gateway.consent.period import days, span, years

UNREADABLE = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError)
"""What reading somebody else's broken JSON can raise; it always ends in a no."""
_LISTS = (list, tuple, frozenset)


@dataclass(frozen=True, slots=True)
class Question:
    """One request. `purposes` pairs each purpose with everything it lies within; `now` is request.when in seconds."""

    codes: Codes
    register: Mapping[str, Any]
    purposes: tuple[frozenset[str], ...]
    asked: frozenset[str]
    who: Mapping[str, Any]
    asking: frozenset[str]
    whom: str
    birth: tuple[date, date] | None
    district: str | None
    where: Mapping[str, Any]
    why: Mapping[str, Any]
    how: Mapping[str, Any]
    now: float
    today: date
    zone: tzinfo

    def all_within(self, wanted: Iterable[str]) -> bool:
        """Every purpose asked lies within one of the wanted (a permit's reading)."""
        names = frozenset(wanted)
        return all(not above.isdisjoint(names) for above in self.purposes)

    def any_within(self, wanted: Iterable[str]) -> bool:
        """Some purpose asked lies within one of the wanted (a deny's reading)."""
        names = frozenset(wanted)
        return any(not above.isdisjoint(names) for above in self.purposes)

    def all_of(self, kind: str) -> bool:
        """Every purpose asked is of a kind, e.g. `research`."""
        return bool(self.purposes) and self.all_within(self.codes.purpose_classes[kind])

    @property
    def breaks_glass(self) -> bool:
        """Break-glass is among the purposes asked."""
        return not self.asked.isdisjoint(self.codes.purpose_classes["break-glass"])

    def ages(self, day: date) -> tuple[float, float]:
        """The youngest and oldest that the person can be on a day; 0 to infinity when the birth date is unknown."""
        if self.birth is None:
            return 0, float("inf")
        return years(self.birth[1], day), years(self.birth[0], day)

    def age_limit(self, name: str) -> float:
        """An age of the register (`ownConsentFrom`, `majority`); one that is not set is never reached."""
        return float(self.register.get("ages", {}).get(name, float("inf")))

    def day_of(self, moment: float) -> date:
        """The local day of a moment."""
        return datetime.fromtimestamp(moment, self.zone).date()


def question(request: Mapping[str, Any], register: Mapping[str, Any]) -> Question:
    """Read a request against a register. Raises one of UNREADABLE when it cannot be read."""
    known = codes()
    zone = ZoneInfo(register.get("timeZone", known.defaults["timeZone"]))
    now = span(request["when"], zone)[0]
    who, whom, why = request["who"], request.get("whom") or {}, request.get("why") or {}
    purposes = listed(why.get("purposeOfUse"))
    return Question(
        codes=known,
        register=register,
        purposes=tuple(known.purposes.get(p, frozenset()) for p in purposes),
        asked=frozenset(purposes),
        who=who,
        asking=frozenset(listed(who.get("references"))),
        whom=whom.get("reference") or "",
        birth=_birth(whom.get("birthDate")),
        district=whom.get("district"),
        where=request.get("where") or {},
        why=why,
        how=request.get("how") or {},
        now=now,
        today=datetime.fromtimestamp(now, zone).date(),
        zone=zone,
    )


def listed(value: Any) -> tuple[Any, ...]:
    """A value that may be absent, single or a list, as a tuple."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, _LISTS) else (value,)


def _birth(text: Any) -> tuple[date, date] | None:
    try:
        return days(text)
    except (AttributeError, TypeError, ValueError):
        return None
