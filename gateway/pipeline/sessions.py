"""Sessions of people who signed in: kept here and ended here, at once; a browser holds nothing but a random secret.

A session keeps what the issuer said (values of the claim of roles) and not what followed from it, so that a site that takes a role away
takes it from those who are signed in as well.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gateway.errors import Conflict, NotAllowed
from gateway.model.document import PersonKey, Principal
from gateway.model.records import AuditFact, Record, RecordGone, Unit
from gateway.model.roles import held
from gateway.model.signin import SignIn
from gateway.pipeline.acts import act
from gateway.pipeline.node import Node

SESSION = "session"  # kind of the generic records of sessions, by the digest of the secret
SEEN = "session-seen"  # kind of those that say when a session was last used; one of these alone is no session
PROOF = "session"
_TOUCH = 10  # parts of the idle time after which being seen is written down again
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class Subject:
    """Who signed in: `token` names issuer and subject and is keyed, `user` is the account as it may be shown ("" = only by the token),
    `values` are those of the claim of roles, `identifier` is (system, value) of a citizen."""

    token: str
    user: str
    values: tuple[str, ...]
    identifier: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Session:
    """A session that holds now. `identifier` is (system, keyed token); `key` names it in the records and is no secret."""

    key: str
    principal: Principal
    subject: str
    started: datetime
    identifier: tuple[str, str] = ("", "")


def token_of(node: Node, issuer: str, subject: str) -> str:
    """The keyed token by which somebody is known here: neither the issuer's name for him nor his account is kept."""
    return node.keyring.token("user", f"{issuer}|{subject}")


def roles_of(terms: SignIn, values: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """The roles that values of the claim mean here, and the participant they are held for ("" = the operator). Raises NotAllowed for none,
    for two participants at once, and for a citizen with another role."""
    rows = [row for row in terms.roles if row.value in values]
    roles = tuple(dict.fromkeys(role for row in rows for role in row.roles))
    participants = {row.participant for row in rows}
    if not held(roles) or len(participants) > 1 or ("citizen" in roles and len(roles) > 1):
        raise NotAllowed
    return roles, participants.pop()


def begin(node: Node, terms: SignIn, subject: Subject, network: str) -> str:
    """The secret of a new session, once it is durable. Raises NotAllowed for somebody without a role, NotDurable."""
    roles, participant = roles_of(terms, subject.values)
    secret, at = secrets.token_urlsafe(32), node.clock()
    key, (system, value) = _key(secret), subject.identifier
    kept: dict[str, Any] = {
        "subject": subject.token, "user": subject.user or f"token:{subject.token[:16]}", "values": list(subject.values),
        "identifier": [system, node.keyring.token(system, value)] if system and value else ["", ""],
    }  # fmt: skip
    sealed, keys = node.keyring.seal(f"session:{subject.token}", value.encode())
    record = Record(SESSION, key, kept, at, at + timedelta(seconds=terms.longest), sealed)
    principal = _principal(participant or node.site.id, key, roles, kept["user"], network)
    node.store.commit(Unit((*keys, record, _fact(node, principal, "signed-in", principal.user)))).result()
    return secret


def found(node: Node, terms: SignIn, secret: str, network: str) -> Session | None:
    """The session of a secret as it holds now; None when it ended, was ended, or gives no role here any more."""
    key, now = _key(secret), node.clock()
    record = node.store.record(SESSION, key) if 0 < len(secret) <= 128 else None
    return _held(node, terms, record, now, network, touch=True) if record is not None else None


def _held(node: Node, terms: SignIn, record: Record, now: datetime, network: str, *, touch: bool) -> Session | None:
    """A session by its row, when it still holds: in its time, used not long ago, with a role, of a participant that is switched on."""
    if record.expires is None or record.expires <= now or now >= record.at + timedelta(seconds=terms.longest):
        return None
    try:
        roles, participant = roles_of(terms, record.value["values"])
    except NotAllowed:
        return None
    acting = participant or node.site.id
    there = node.site_now().participants.get(acting)
    if there is None or not there.active or not _awake(node, terms, record, now, touch=touch):
        return None
    system, token = record.value["identifier"]
    principal = _principal(acting, record.key, roles, record.value["user"], network)
    return Session(record.key, principal, record.value["subject"], record.at, (system, token))


def identifier_of(node: Node, session: Session) -> tuple[str, str]:
    """The identifier (system, value) by which a citizen's own statements name him or her. Raises NotAllowed when there is none."""
    record = node.store.record(SESSION, session.key)
    system, token = session.identifier
    value = node.keyring.open(record.sealed).decode() if record is not None and record.sealed is not None else ""
    if not system or node.keyring.token(system, value) != token:
        raise NotAllowed
    return system, value


def person_of(node: Node, session: Session) -> PersonKey | None:
    """The person a citizen is today, merges followed; None when nobody here is known by that identifier."""
    return node.store.persons([session.identifier]).get(session.identifier) if session.identifier[0] else None


def all_now(node: Node, terms: SignIn) -> tuple[Session, ...]:
    """Every session that holds now, newest first."""
    now = node.clock()
    found = (_held(node, terms, row, now, "", touch=False) for row in node.store.records(SESSION, _MOST))
    return tuple(sorted((one for one in found if one is not None), key=lambda one: one.started, reverse=True))


def end(node: Node, key: str, by: Principal) -> bool:
    """Ends a session at once, on record; False when there is none (any more)."""
    record = node.store.record(SESSION, key)
    if record is None:
        return False
    try:
        fact = _fact(node, by, "signed-out", str(record.value["user"]))
        node.store.commit(Unit((fact,), (RecordGone(SESSION, key),))).result()
    except Conflict:
        return False
    return True


def _awake(node: Node, terms: SignIn, record: Record, now: datetime, *, touch: bool = True) -> bool:
    """Whether it was used not long ago; being used is written down now and then."""
    seen = node.store.record(SEEN, record.key)
    last = max(record.at, seen.at) if seen is not None else record.at
    if now >= last + timedelta(seconds=terms.idle):
        return False
    if touch and now >= last + timedelta(seconds=terms.idle / _TOUCH):
        node.store.commit(Unit((Record(SEEN, record.key, {}, now, record.expires),))).result()
    return True


def _principal(participant: str, key: str, roles: tuple[str, ...], user: str, network: str) -> Principal:
    return Principal(participant, f"session-{key[:12]}", roles, user, PROOF, 1, network)


def _fact(node: Node, by: Principal, what: str, whose: str) -> AuditFact:
    """`what` became of the session of `whose` account, by whom."""
    return act(node, by, what, {"session": what, "of": whose})


def _key(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
