"""What a store keeps: one frozen class per table, and the unit of work that is committed whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from gateway.model.document import PersonKey
from gateway.model.questions import Exchange


@dataclass(frozen=True, slots=True)
class Sealed:
    """AES-256-GCM ciphertext (nonce first) and the id of the data key (of a person, or of an exchange until identified)."""

    key: str
    data: bytes


@dataclass(frozen=True, slots=True)
class DataKey:
    """A data key sealed by the site's key of that generation. `id` is `person:…`, `received:…` or `exchange:…`."""

    id: str
    generation: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class ReceivedRecord:
    """A document as it came in; (participant, digest) is unique: a second copy finds the first. `digest` is keyed (hex)."""

    id: str
    participant: str
    digest: str
    control_id: str
    content_type: str
    transport: str
    network: str
    client: str
    charset: str
    at: datetime
    size: int
    payload: Sealed


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """One decision of an exchange. `phase` says when it was asked; `request` is sealed."""

    id: str
    exchange: str
    phase: Literal["receipt", "delivery", "replay", "question", "answer"]
    at: datetime
    decision: str
    reason: str
    released: tuple[str, ...]
    redacted: tuple[tuple[str, str], ...]
    obligations: tuple[str, ...]
    consents_used: tuple[str, ...]
    epoch: int
    site_revision: str
    request: Sealed


@dataclass(frozen=True, slots=True)
class AuditFact:
    """What happened, before the writer gives it its place: the person's own sequence and previous hash, then the leaf hash.

    `facts` are JSON values in the seven questions (`who`, `whom`, …), references and labels, never content.
    """

    id: str
    exchange: str
    kind: Literal["intent", "outcome", "refusal", "admin", "read", "identity", "count"]
    at: datetime
    person: PersonKey | None
    outcome: str
    site_revision: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An audit fact in its place. `line` is the canonical JSON whose RFC 9162 leaf hash is `leaf_hash` (hex); `position` comes from the sealer."""

    id: str
    person: PersonKey | None
    sequence: int | None  # the person's own, from 1
    previous_hash: str
    line: bytes
    leaf_hash: str
    position: int | None = None


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """Something to do later, in order per lane. Keeps the mapped input and the decision's request, never rendered bytes.

    `lane` is `destination:person`; `kind` deliver = to a participant, index = into the native store. `sequence` and `token` are given
    by the store.
    """

    id: str
    exchange: str
    kind: Literal["deliver", "index"]
    destination: str
    lane: str
    payload: Sealed
    not_before: datetime
    sequence: int = 0
    attempts: int = 0
    error_class: str = ""
    token: int = 0  # fencing: grows with each lease


@dataclass(frozen=True, slots=True)
class ResourceRecord:
    """A resource in the native store; (type, id) with growing versions. Labels only grow until a privileged act removes them."""

    type: str
    id: str
    version: int
    person: PersonKey
    source: str  # participant
    labels: tuple[str, ...]
    digest: str
    at: datetime
    content: Sealed
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class IdentityLink:
    """(system, token) → person. `token` is keyed: no identifier is kept in clear."""

    system: str
    token: str
    person: PersonKey
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Merge:
    """Person `gone` is now `stays`; links and lanes follow."""

    gone: PersonKey
    stays: PersonKey
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Record:
    """Generic durable state of a plug-in or of a room: `records(kind, key, expires)`; `value` is JSON, sealed where it tells of a person.

    Put again, it is replaced; one that is put `once` fails its unit when it is there already and has not expired.
    """

    kind: str
    key: str
    value: Mapping[str, Any]
    at: datetime
    expires: datetime | None = None
    sealed: Sealed | None = None
    once: bool = False


@dataclass(frozen=True, slots=True)
class GapCount:
    """How often a sender brought, on one day (where the site is), what met no rule: a code of a table, or a field at a position.

    No values of people: codes as gateway/mapping/gaps.py lets them be shown. Put again, `count` is added to what is there.
    """

    day: str
    sender: str
    what: str
    position: str
    table: str
    code: str
    count: int


Put = (
    DataKey | ReceivedRecord | Exchange | DecisionRecord | AuditFact | OutboxEntry | ResourceRecord
    | IdentityLink | Merge | Record | GapCount
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ExchangeChange:
    """What becomes different in an exchange: column names of the journal (`status`, `when_delivered`, `what_released` …) to values."""

    exchange: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExchangeAnew:
    """An exchange that waited goes on: every column of its row is written again."""

    exchange: Exchange


@dataclass(frozen=True, slots=True)
class OutboxHeld:
    """Changes nothing; fails the unit when `token` is not the entry's last fencing token."""

    entry: str
    token: int


@dataclass(frozen=True, slots=True)
class OutboxDone:
    """An outbox entry is finished. Fails the unit when `token` is not the entry's last fencing token."""

    entry: str
    token: int


@dataclass(frozen=True, slots=True)
class OutboxRetry:
    """An outbox entry is to be tried again (or parked, with `not_before` None). Fails the unit on a stale token."""

    entry: str
    token: int
    not_before: datetime | None
    error_class: str


@dataclass(frozen=True, slots=True)
class EpochBump:
    """The person's consents changed: every decision made under an older epoch is stale."""

    person: PersonKey


@dataclass(frozen=True, slots=True)
class LinkGone:
    """An identifier no longer leads to a person; an operator took it away."""

    system: str
    token: str


@dataclass(frozen=True, slots=True)
class RecordGone:
    kind: str
    key: str


Change = ExchangeChange | ExchangeAnew | OutboxHeld | OutboxDone | OutboxRetry | EpochBump | LinkGone | RecordGone


@dataclass(frozen=True, slots=True)
class Unit:
    """Committed whole or not at all; a bad unit never fails the batch it travels in."""

    puts: tuple[Put, ...] = ()
    changes: tuple[Change, ...] = field(default=())

    def __add__(self, other: Unit) -> Unit:
        return Unit(self.puts + other.puts, self.changes + other.changes)


@dataclass(frozen=True, slots=True)
class Lease:
    """An outbox entry handed to one worker until `until`; `entry.token` fences out whoever held it before."""

    entry: OutboxEntry
    owner: str
    until: datetime
