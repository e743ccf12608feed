"""The seams: what the line needs from outside, joined in app.py, replaced in tests to inject faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, Protocol

from gateway.model.agreement import Issuer, Upstream
from gateway.model.document import PersonKey
from gateway.model.questions import Exchange
from gateway.model.records import (
    AuditRow,
    DataKey,
    DecisionRecord,
    GapCount,
    IdentityLink,
    Lease,
    OutboxEntry,
    ReceivedRecord,
    Record,
    ResourceRecord,
    Sealed,
    Unit,
)


class Clock(Protocol):
    def __call__(self) -> datetime:
        """Now, aware, in UTC."""


class Ids(Protocol):
    def __call__(self) -> str:
        """A new random id (UUID text)."""


class Store(Protocol):
    """One contract for SQLite and PostgreSQL. Reads see what is committed; `commit` never blocks the caller."""

    def commit(self, unit: Unit) -> Future[None]:
        """Hands the unit to the group-committing writer; the future is done when it is durable.

        Its exceptions: Conflict for a unit that contradicts what is kept (a duplicate digest, a stale token), NotDurable when the
        store did not take it, Busy when the queue is full.
        """

    def received(self, received_id: str) -> ReceivedRecord | None: ...
    def seen(self, participant: str, digest: str) -> ReceivedRecord | None:
        """The first copy of the same bytes from the same participant."""

    def exchange(self, exchange_id: str) -> Exchange | None: ...
    def exchanges(self, where: Mapping[str, str], limit: int, before: str = "") -> Sequence[Exchange]:
        """Newest first, by column (`who_participant`, `whom_person`, `status`, `received_id`, `agreement`, `when_received_from/_to` …).

        Unknown columns raise Unanswerable; `before` is an exchange id to page from.
        """

    def decisions(self, exchange_id: str) -> Sequence[DecisionRecord]: ...
    def daily_counts(self, day: str, zone: str = "UTC") -> Sequence[Mapping[str, Any]]:
        """Per agreement: received = delivered + withheld + parked + pending + refused + …, `{agreement, received, <status>: n}`."""

    def overdue(self, before: datetime, limit: int) -> Sequence[Exchange]:
        """Exchanges still pending or parked whose `due` is before the given time."""

    def persons(self, tokens: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], PersonKey]:
        """(system, keyed token) → person, merges followed."""

    def survivor(self, person: PersonKey) -> PersonKey:
        """The person this one was merged into, or itself."""

    def links(self, person: PersonKey) -> Sequence[IdentityLink]: ...
    def consents(self, person: PersonKey) -> tuple[int, Sequence[ResourceRecord]]:
        """The consent epoch and every current Consent of the person (and of those merged into it), in one read."""

    def file(self, person: PersonKey, limit: int) -> tuple[int, Sequence[ResourceRecord], Sequence[ResourceRecord]]:
        """The consent epoch, every current Consent, and what `resources` gives of the person, in one read."""

    def resources(self, person: PersonKey, type: str = "", limit: int = 1000) -> Sequence[ResourceRecord]:
        """Current versions, not deleted, of a person (and of those merged into it)."""

    def resource(self, type: str, id: str) -> ResourceRecord | None: ...
    def versions(self, type: str, id: str) -> Sequence[ResourceRecord]:
        """All that is kept of a resource, newest first."""

    def labels(self, references: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        """The labels of the current versions of `Type/id` references that are kept; labels stick (ARCHITECTURE.md, "Labels")."""

    def lease(self, owner: str, now: datetime, until: datetime, limit: int) -> Sequence[Lease]:
        """The first due entry of each lane that nobody holds; a stuck lane parks only itself."""

    def outbox(self, exchange_id: str) -> Sequence[OutboxEntry]: ...
    def audit_rows(self, where: Mapping[str, str], limit: int, after: str = "") -> Sequence[AuditRow]:
        """In order of the person's sequence (or of time), by `person`, `exchange`, `kind`, `at_from`, `at_to`."""

    def record(self, kind: str, key: str) -> Record | None: ...
    def records(self, kind: str, limit: int = 1000) -> Sequence[Record]: ...
    def gaps(self, since: str = "") -> Sequence[GapCount]:
        """What met no rule on that ISO day or later, by sender, added up over the days (`day` is the last one of each)."""

    def data_keys(self, ids: Sequence[str]) -> Mapping[str, DataKey]: ...
    def close(self) -> None: ...


class Keyring(Protocol):
    """The site's secrets in use; nobody else holds key bytes. Rotation re-seals data keys and changes none of the derived values."""

    id_key: bytes  # resource ids (mapping/ids.py)

    def digest(self, body: bytes) -> str:
        """Keyed digest (hex) of a document, for recognising duplicates."""

    def token(self, system: str, value: str) -> str:
        """Keyed token (hex) of an identifier; the identifier itself is not kept."""

    def secret(self, use: str) -> bytes:
        """32 bytes of the gateway's own for one use; nothing that is kept or told comes from the same key."""

    def rekey(self, recipient: str, id: str) -> str:
        """The recipient's own form of a UUID: a keyed permutation of its 128 bits."""

    def unkey(self, recipient: str, id: str) -> str:
        """Back from the recipient's form. Raises NotFound when `id` is no UUID."""

    def seal(self, owner: str, data: bytes) -> tuple[Sealed, tuple[DataKey, ...]]:
        """Encrypts under the owner's data key (`person:…`, `received:…`); a new data key is given to be put in the same unit."""

    def open(self, sealed: Sealed) -> bytes:
        """Decrypts. Raises NotFound when the data key is gone (erased)."""


class KeySetSource(Protocol):
    """Fetches a client's key set (JWK set) from the address that the site names."""

    async def fetch(self, url: str, *, private: bool = False) -> tuple[bytes, float]:
        """Its bytes, up to 64 KB, and how many seconds they last. `private`: the address may be a private one. Raises Unavailable."""

    async def close(self) -> None: ...


class Introspector(Protocol):
    """Asks an issuer about a token of its own (RFC 7662)."""

    async def ask(self, issuer: Issuer, token: str) -> bytes:
        """The JSON of its answer, up to 64 KB. Raises Unavailable."""

    async def close(self) -> None: ...


class Upstreams(Protocol):
    """Asks the FHIR servers that a site names."""

    async def ask(self, upstream: Upstream, url: str, form: bytes | None = None) -> bytes:
        """The body of the answer to a GET of that address, or to a form posted there. Raises Elsewhere."""

    async def close(self) -> None: ...


class Transport(Protocol):
    """Sends bytes; raises TryLater, GiveUp or InDoubt. Takes only what a Released was rendered to."""

    async def send(self, endpoint: Any, payload: bytes, headers: Mapping[str, str]) -> bytes: ...
    async def close(self) -> None: ...
