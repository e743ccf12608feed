"""The console's desk over a node: reads the journal, writes the fact of looking, links identities, lets exchanges go on (desk.py is the port)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.audit.search import asked_as
from gateway.console.desk import Candidate, Emergency, Look, Waiting
from gateway.errors import NotFound
from gateway.model.agreement import Key, Participant
from gateway.model.document import PersonKey, Principal
from gateway.model.questions import Exchange
from gateway.model.records import AuditRow, DecisionRecord, GapCount, Record, Unit
from gateway.pipeline.acts import act
from gateway.pipeline.emergency import reviewed, reviews
from gateway.pipeline.node import Node
from gateway.pipeline.person import WORKLIST
from gateway.pipeline.replay import given_up, replayed, wish_of
from gateway.pipeline.resume import linked
from gateway.site import participant_of_key


class JournalDesk:
    """The Desk port (desk.py)."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.zone = node.site.zone

    def principal(self, secret: str) -> Principal | None:
        """See the port."""
        found = participant_of_key(self._node.site_now(), hashlib.sha256(secret.encode()).hexdigest())
        return _principal(*found) if found is not None and found[0].active else None

    def still(self, participant: str, client: str) -> Principal | None:
        """See the port."""
        found = self._node.site_now().participants.get(participant)
        keys = [key for key in found.keys if key.id == client] if found is not None and found.active else []
        return _principal(found, keys[0]) if found is not None and keys else None

    def note_view(self, principal: Principal, what: Look) -> None:
        """See the port."""
        node = self._node
        looked = {"looked": what.page, **asked_as(what.asked.items())}
        fact = act(
            node, principal, "read", looked, person=what.person, exchange=what.exchange, how={"transport": "console"}
        )
        node.store.commit(Unit((fact,))).result()

    def note_refused(self, network: str, why: str) -> None:  # noqa: ARG002 addresses of strangers are not kept
        """See the port."""
        self._node.counted(f"console-{why}", "/console")

    def names(self, language: str) -> Mapping[str, str]:
        """See the port."""
        people = self._node.site.participants.values()
        return {one.id: one.name.get(language) or next(iter(one.name.values()), one.id) for one in people}

    def site(self) -> str:
        """See the port."""
        return self._node.site.id

    def exchanges(self, where: Mapping[str, str], limit: int, before: str = "") -> Sequence[Exchange]:
        """See the port."""
        return self._node.store.exchanges(where, limit, before)

    def exchange(self, exchange_id: str) -> Exchange | None:
        """See the port."""
        return self._node.store.exchange(exchange_id)

    def decisions(self, exchange_id: str) -> Sequence[DecisionRecord]:
        """See the port."""
        return self._node.store.decisions(exchange_id)

    def rows(self, person: PersonKey, limit: int, after: str = "") -> Sequence[AuditRow]:
        """See the port."""
        return self._node.store.audit_rows({"person": person}, limit, after)

    def daily_counts(self, day: str) -> Sequence[Mapping[str, Any]]:
        """See the port."""
        return self._node.store.daily_counts(day, self.zone)

    def gaps(self) -> Sequence[GapCount]:
        """See the port."""
        return self._node.store.gaps()

    def waiting(self, limit: int) -> Sequence[Waiting]:
        """See the port."""
        rows = self._node.store.records(WORKLIST, limit)
        return [self._waiting(row) for row in rows]

    def link(self, principal: Principal, exchange_id: str, position: int) -> None:
        """See the port. The exchange is the document's newest; linking it lets every exchange of the document go on."""
        exchange = self._node.store.exchange(exchange_id)
        row = self._node.store.record(WORKLIST, exchange.received_id) if exchange is not None else None
        candidates = row.value["candidates"] if row is not None else []
        if row is None or not 1 <= position <= len(candidates):
            raise NotFound
        by = "/".join(part for part in (principal.participant, principal.client, principal.user) if part)
        person = PersonKey(candidates[position - 1])
        unit = self._node.cpu.run_blocking(linked, self._node, row.key, person, by)
        self._node.store.commit(unit).result()

    def replay(self, principal: Principal, exchange_id: str, reason: str, allow: Sequence[str]) -> str:
        """See the port."""
        wish = wish_of(principal, reason, list(allow))
        made, unit = self._node.cpu.run_blocking(replayed, self._node, exchange_id, wish)
        self._node.store.commit(unit).result()
        return made.id

    def give_up(self, principal: Principal, exchange_id: str, reason: str) -> None:
        """See the port."""
        wish = wish_of(principal, reason, [])
        _, unit = self._node.cpu.run_blocking(given_up, self._node, exchange_id, wish)
        self._node.store.commit(unit).result()

    def emergencies(self) -> Sequence[Emergency]:
        """See the port."""
        names = ("id", "participant", "named", "role", "person", "at", "until", "review", "justification")
        return [Emergency(*(getattr(one, name) for name in names)) for one in reviews(self._node)]

    def review(self, principal: Principal, opening: str, finding: str, note: str) -> None:
        """See the port."""
        self._node.store.commit(reviewed(self._node, principal, opening, finding, note)).result()

    def _waiting(self, row: Record) -> Waiting:
        value = row.value
        candidates = tuple(
            Candidate(number, PersonKey(person), ("identifier",))
            for number, person in enumerate(value["candidates"], 1)
        )
        newest = self._node.store.exchanges({"received_id": row.key}, 1)
        exchange = newest[0].id if newest else row.key
        return Waiting(exchange, row.at, value["sender"], value["trigger"], value["because"], candidates)


def _principal(participant: Participant, key: Key) -> Principal:
    return Principal(participant.id, key.id, key.roles, authn_level=key.authn_level)
