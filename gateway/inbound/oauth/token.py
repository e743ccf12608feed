"""`POST /oauth/token`: a client's assertion for an access token (SMART Backend Services; RFC 6749, 4.4 and 5; RFC 7523).

The assertion is used up in the commit that puts the grant, or the refusal, on record: two workers cannot both take it, and neither can
one of them after a restart. Errors are those of OAuth in constant words; which check failed is never said.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from gateway.errors import (
    Busy,
    Conflict,
    GatewayError,
    Malformed,
    NotAllowed,
    Unanswerable,
    Unavailable,
    UnknownCaller,
    Unusable,
)
from gateway.inbound.dialect import media_type
from gateway.inbound.oauth.access import LASTING, Grant, access_tokens
from gateway.inbound.oauth.assertion import SKEW, Shown, proven, shown
from gateway.inbound.oauth.business import business_of
from gateway.model.agreement import Client, Participant, PublicKey
from gateway.model.door import ANYONE, Call, Door
from gateway.model.records import AuditFact, Record, Unit
from gateway.model.released import Egress, Notice
from gateway.model.scopes import Scopes, read_scopes, shared, written
from gateway.pipeline.node import Node
from gateway.site import client_of

PATH = "/oauth/token"
USED = "assertion"  # kind of the generic records that an assertion was used
JSON = "application/json"
_FORM = "application/x-www-form-urlencoded"
_MAX_BODY = 16_384
_MAX_FIELDS = 20
_GRANT = "client_credentials"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_UNCACHED = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_TOLD: tuple[tuple[tuple[type[GatewayError], ...], str, int], ...] = (
    ((UnknownCaller,), "invalid_client", 401),
    ((NotAllowed,), "invalid_scope", 400),
    ((Unusable, Unanswerable), "invalid_request", 400),
    ((Unavailable,), "temporarily_unavailable", 503),
    ((GatewayError,), "server_error", 500),
)


@dataclass(frozen=True, slots=True)
class _Proven:
    """A client that has proven who it is."""

    said: Shown
    participant: Participant
    client: Client
    key: PublicKey


async def token(node: Node, call: Call) -> Egress:
    """An access token, or an error of OAuth. Raises UnknownCaller, NotAllowed, Unanswerable, Malformed, Unavailable."""
    form = _form(call)
    said: Shown | None = None
    try:
        said = shown(form["client_assertion"], form.get("client_id", ""), node.base + PATH, node.clock())
        if node.slowing.crowded(said.client):
            raise Busy
        caller = await _proven(node, said)
        return await _granted(node, call, caller, form.get("scope", ""))
    except UnknownCaller:
        known = said is not None and client_of(node.site_now(), said.client) is not None
        if said is not None and known:
            node.counted(UnknownCaller.__name__, f"client:{said.client}")
        await node.slowing.failed(said.client if said is not None else "")
        raise


def _form(call: Call) -> dict[str, str]:
    """The parameters, each once (RFC 6749, 3.2); one way to prove who one is (2.3). Raises Malformed, Unanswerable."""
    if call.query or "authorization" in call.headers or media_type(call.headers.get("content-type", "")) != _FORM:
        raise Unanswerable
    try:
        pairs = parse_qsl(
            call.body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS
        )
    except ValueError as error:
        raise Malformed from error
    form = {name: value for name, value in pairs if value}  # one without a value is not there (RFC 6749, 3.1)
    if len({name for name, _ in pairs}) != len(pairs):
        raise Malformed
    if form.get("grant_type", _GRANT) != _GRANT:
        raise Unanswerable(None, "grant_type")
    if "grant_type" not in form:
        raise Malformed
    if form.get("client_assertion_type") != _ASSERTION or "client_assertion" not in form or "client_secret" in form:
        raise UnknownCaller
    return form


async def _proven(node: Node, said: Shown) -> _Proven:
    """Whose assertion it is. Raises UnknownCaller."""
    found = client_of(node.site_now(), said.client)
    keys = await node.keysets.keys(found[1], said.token.kid) if found else ()
    key = await node.cpu.run(proven, said, found[1] if found else None, keys)
    if found is None:
        raise UnknownCaller
    return _Proven(said, *found, key)


async def _granted(node: Node, call: Call, caller: _Proven, asked: str) -> Egress:
    """The token, or why there is none for this client, on record either way."""
    try:
        grant = _grant(call, caller, asked)
    except (UnknownCaller, NotAllowed) as error:
        await _used(node, call, caller, type(error).__name__, {})
        raise
    issued = access_tokens(node).issued(grant, node.ids())
    await _used(node, call, caller, "issued", {"scope": written(grant.scopes), "purposes": list(grant.purposes)}, grant)
    said: dict[str, Any] = {
        "access_token": issued,
        "token_type": "Bearer",
        "expires_in": LASTING,
        "scope": written(grant.scopes),
    }
    return Notice(said, 200, JSON, _UNCACHED)


def _grant(call: Call, caller: _Proven, asked: str) -> Grant:
    """What this client gets. Raises UnknownCaller where it needs a certificate or claims what is not registered, NotAllowed for scopes."""
    participant, client = caller.participant, caller.client
    if client.bound and not call.certificate:
        raise UnknownCaller
    business = business_of(caller.said.token.claims, participant)
    scopes: Scopes = shared(read_scopes(asked), client.scopes)
    if not scopes:
        raise NotAllowed
    return Grant(
        participant.id, client.id, caller.key.thumbprint, scopes, business.purposes, business.user, call.certificate
    )


async def _used(
    node: Node, call: Call, caller: _Proven, outcome: str, what: Mapping[str, Any], grant: Grant | None = None
) -> None:
    """The assertion is used up, and what became of it on record. Raises UnknownCaller when it was used before, Unavailable."""
    at = node.clock()
    digest = hashlib.sha256(f"{caller.client.id}\x1f{caller.said.jti}".encode()).hexdigest()
    gone = datetime.fromtimestamp(caller.said.expires, UTC) + timedelta(seconds=SKEW)
    used = Record(USED, digest, {"client": caller.client.id}, at, gone, once=True)
    who = {
        "participant": caller.participant.id,
        "client": caller.client.id,
        "user": node.account(grant.user if grant else ""),
    }
    facts = {
        "who": {name: value for name, value in who.items() if value},
        "what": {"asked": "token", **what},
        "where": {"network": call.network},
        "how": {"proof": "private_key_jwt", "key": caller.key.thumbprint, "bound": bool(call.certificate)},
    }
    fact = AuditFact(node.ids(), "", "admin", at, None, outcome, node.site.revision, facts)
    try:
        await asyncio.wrap_future(node.store.commit(Unit((used, fact))))
    except Conflict:
        raise UnknownCaller from None


def told(error: GatewayError) -> Notice:
    """A refusal as OAuth says it (RFC 6749, 5.2)."""
    code, status = next((code, status) for kinds, code, status in _TOLD if isinstance(error, kinds))
    if error.positions == ("grant_type",):
        code = "unsupported_grant_type"
    return Notice({"error": code}, status, JSON, _UNCACHED)


DOORS = (
    Door("POST", PATH, token, "An access token for a client's assertion", ANYONE, _MAX_BODY, told=told),
)  # fmt: skip
