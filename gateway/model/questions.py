"""The seven questions (6W1H): who, whom, when, where, what, why, how. Every exchange, agreement, rule, audit row and search speaks them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from gateway.model.document import PersonKey
from gateway.model.search import Search

Json = Mapping[str, Any]

Status = Literal[
    "refused",  # no: unknown, unagreed, unreadable, or nothing may leave
    "parked",  # waits for a person to act: identity, loss budget
    "pending",  # decided, in the outbox
    "delivered",
    "withheld",  # decided yes at receipt, no at delivery
    "failed",  # given up, for a technical reason
    "kept",  # the gateway itself is the recipient
    "shadowed",  # the agreement is in shadow: all but the delivery
    "answered",  # a pull
    "dry",  # a dry run: only the fact is kept
]


@dataclass(frozen=True, slots=True)
class Who:
    """The participant, its client (key or certificate), the user and role acting (EVN-5, token, header of the protocol)."""

    participant: str = ""
    client: str = ""
    user: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Whom:
    """The person concerned, and the recipient."""

    person: PersonKey | None = None
    recipient: str = ""


@dataclass(frozen=True, slots=True)
class When:
    """Aware datetimes; the period of the data as R4 dates; `due` is a deadline in law or agreement; `keep_until` a duty."""

    received: datetime
    decided: datetime | None = None
    released: datetime | None = None
    delivered: datetime | None = None
    due: datetime | None = None
    keep_until: str = ""
    data_from: str = ""
    data_to: str = ""


@dataclass(frozen=True, slots=True)
class Where:
    jurisdiction: str = ""
    network: str = ""
    endpoint: str = ""
    device: str = ""


@dataclass(frozen=True, slots=True)
class What:
    """Released references with version and digest; how many were withheld and under which labels (auditors only).

    `lost` is how many values of the document were lost on the way, `lost_at` where, the first few places (`ZPI-3.1`, never a value).
    """

    trigger: str = ""
    released: tuple[Json, ...] = ()  # {reference, version, digest}
    withheld: int = 0
    withheld_labels: tuple[str, ...] = ()
    lost: int = 0
    lost_at: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Why:
    """Purpose of use (v3-ActReason), the kind of basis (`consent`, `statute`, `policy`) and its name, the reason of the decision."""

    purpose: str = ""
    basis: str = ""
    legal: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class How:
    standard: str = ""
    transport: str = ""
    interaction: str = ""
    map: str = ""
    profile: str = ""
    obligations: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of the line for one exchange: its name, when, how it ended (`ok`, `refused`, `parked`, `failed`, `begun`), a constant note."""

    stage: str
    at: datetime
    outcome: str = "ok"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The journal entry that keeps all of it; one per matching agreement, or one refused. `id` is random, that of another
    try keyed by the one that was tried and the reason."""

    id: str
    received_id: str
    agreement: str
    status: Status
    site_revision: str
    who: Who
    whom: Whom
    when: When
    where: Where = field(default_factory=Where)
    what: What = field(default_factory=What)
    why: Why = field(default_factory=Why)
    how: How = field(default_factory=How)
    steps: tuple[Step, ...] = ()
    replay_of: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """A question in the seven questions, in the JSON form of the consent vectors: what `decide` decides."""

    who: Json
    whom: Json
    when: str
    where: Json
    what: tuple[Json, ...]
    why: Json
    how: Json

    def as_json(self) -> dict[str, Any]:
        """The plain form that `decide()` takes and the outbox keeps."""
        return {
            "who": self.who, "whom": self.whom, "when": self.when, "where": self.where,
            "what": list(self.what), "why": self.why, "how": self.how,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """What a reader asks of the façade: about one person, named by reference (the reader's own id), identifier or a resource's id.

    `id` without a search reads one resource (`shown` says how much of it), `version` one version of it, `history` all of them. `page` is a
    link that was given before, and says everything else. Without a person and without an id nobody is named, and nothing is found.
    """

    type: str
    id: str = ""
    patient: str = ""
    identifier: tuple[str, str] | None = None  # (system, value)
    search: Search | None = None
    version: str = ""
    history: bool = False
    page: str = ""
    shown: Search | None = None

    @property
    def interaction(self) -> str:
        """read | vread | history | search | everything."""
        if self.search is not None or not self.id:
            return "everything" if self.search is not None and not self.search.type else "search"
        return "history" if self.history else "vread" if self.version else "read"

    @property
    def letter(self) -> str:
        """The SMART v2 permission that it needs on each of its types: `s` to search, `r` for a resource, its versions, everything of one."""
        return "s" if self.interaction == "search" else "r"

    @property
    def wanted(self) -> Search:
        """The search, or the one that a question without parameters is."""
        return self.search or self.shown or Search(self.type)

    @property
    def types(self) -> frozenset[str]:
        """Every resource type the question touches: an agreement has to cover all of them before it runs."""
        return frozenset({self.type}) | self.wanted.touched


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one Request. There is no default: every field is given by whoever decided."""

    decision: Literal["permit", "permit-with-redaction", "deny"]
    reason: str
    released: tuple[str, ...]
    redacted: tuple[tuple[str, str], ...]  # (reference, because)
    obligations: tuple[str, ...]
    consents_used: tuple[str, ...]
    labels: Mapping[str, tuple[str, ...]]  # of each item of the document, by reference
    answer: Json  # as `gateway.consent.decide` gave it
    epoch: int  # of the person's consents when it was decided
    request: Request
    due: datetime | None = None
