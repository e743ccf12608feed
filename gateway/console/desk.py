"""What the console needs from the gateway behind it, as a port that app.py fills (README.md, "Interfaces")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from gateway.model.document import PersonKey, Principal
from gateway.model.questions import Exchange
from gateway.model.records import AuditRow, DecisionRecord, GapCount


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody is about to be shown: goes into the audit row of looking. `asked` are the filters, names and values."""

    page: str  # exchanges | exchange | person | identities | link | sessions | gaps | received | me | emergencies
    exchange: str = ""
    person: PersonKey | None = None
    asked: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One person a waiting document may be about, by position only: which kinds of identifier agree or differ, never their values."""

    position: int  # 1-based, the order of the list
    person: PersonKey
    agrees: tuple[str, ...] = ()  # birth-date, family-name, given-name, sex, identifier, phone, address
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Emergency:
    """A record that was opened with a reason and waits for a review, due at `review`. `person` is None for somebody unknown here."""

    id: str
    participant: str
    user: str
    role: str
    person: PersonKey | None
    at: datetime
    until: datetime
    review: datetime
    justification: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A document whose person nobody could name yet. `because`: unknown | ambiguous | absent."""

    exchange: str
    received: datetime
    participant: str
    trigger: str
    because: str
    candidates: tuple[Candidate, ...] = ()


class Desk(Protocol):
    """Reads see what is committed. Every method may raise a GatewayError, which becomes a page in the reader's language.

    The methods block (a database read, a durable commit); the console calls them outside the event loop, one page at a time.
    """

    zone: str  # IANA time zone of the site: times are shown in it, and dates in filters are its days

    def principal(self, secret: str) -> Principal | None:
        """Whose API key this is, or None."""

    def still(self, participant: str, client: str) -> Principal | None:
        """The same principal as he is now (roles, key not withdrawn), for a cookie made earlier; None when no more."""

    def note_view(self, principal: Principal, what: Look) -> None:
        """Writes the fact of looking and returns when it is durable. Raises NotDurable, and then nothing is shown."""

    def note_refused(self, network: str, why: str) -> None:
        """Counts a refused visit (`caller`, `role`, `host`, `form`, `defect`): these are summarised, so a flood costs no commit each."""

    def names(self, language: str) -> Mapping[str, str]:
        """Participant id → its name in a language; and the operator's own."""

    def site(self) -> str:
        """The operator's own participant id."""

    def exchanges(self, where: Mapping[str, str], limit: int, before: str = "") -> Sequence[Exchange]:
        """Newest first, by the columns of `Store.exchanges`."""

    def exchange(self, exchange_id: str) -> Exchange | None: ...
    def decisions(self, exchange_id: str) -> Sequence[DecisionRecord]: ...
    def rows(self, person: PersonKey, limit: int, after: str = "") -> Sequence[AuditRow]:
        """Audit rows of one person in the order of the chain; `after` is a row id to page from."""

    def daily_counts(self, day: str) -> Sequence[Mapping[str, Any]]:
        """Per agreement `{agreement, received, <status>: n}` of an ISO date."""

    def gaps(self) -> Sequence[GapCount]:
        """What met no rule, by sender."""

    def waiting(self, limit: int) -> Sequence[Waiting]:
        """The worklist of identities, oldest first."""

    def replay(self, principal: Principal, exchange_id: str, reason: str, allow: Sequence[str]) -> str:
        """Lets a parked exchange go on, or tries one again that has ended; the id of the one that goes on.

        Raises NotFound, Conflict, and Invalid without a reason; its audit row is in the same unit.
        """

    def give_up(self, principal: Principal, exchange_id: str, reason: str) -> None:
        """Ends a parked exchange. Raises as `replay` does."""

    def link(self, principal: Principal, exchange_id: str, position: int) -> None:
        """Says that the waiting exchange is about the candidate at that position; writes its audit row in the same unit.

        Raises NotFound when the exchange does not wait (any more) or has no such candidate.
        """

    def emergencies(self) -> Sequence[Emergency]:
        """Openings whose review is not closed, oldest first."""

    def review(self, principal: Principal, opening: str, finding: str, note: str) -> None:
        """Closes a review. Raises NotFound, Invalid, and Conflict for one's own opening; its audit row is in the same unit."""
