"""Tokens of other issuers: the issuer that a participant names is asked about them, and its answer is checked (RFC 7662).

A token goes to the issuer that it names itself, and only when the site knows that one: so it must be a JWT. Its signature is the
issuer's to verify; what it says is not believed, but what the issuer says.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.errors import Busy, NotAllowed, UnknownCaller, Unusable
from gateway.model.agreement import Issuer, Participant, Site
from gateway.model.base64url import decoded
from gateway.model.document import Principal
from gateway.model.scopes import Scopes, scopes_of, shared
from gateway.model.wire import read_json
from gateway.pipeline.compact import MAX_TOKEN
from gateway.pipeline.node import Node

_DEPTH = 8
_SKEW = 60
_LONGEST_USER = 128


@dataclass(frozen=True, slots=True)
class _Whose:
    """An issuer and the participant whose callers come with its tokens."""

    participant: Participant
    issuer: Issuer


async def foreign_principal(node: Node, token: str, certificate: str, network: str) -> Principal | None:
    """Who calls with a token of an issuer that the site knows; None for a token that is none of those.

    `certificate` is x5t#S256 of the connection's, or "". Raises UnknownCaller in one wording, Busy.
    """
    whose = _issuer_of(node.site_now(), token)
    if whose is None:
        return None
    if node.slowing.crowded(whose.issuer.issuer):
        raise Busy
    said = await node.introspections.said(whose.issuer, token)
    try:
        return _principal(node, whose, said, certificate, network)
    except UnknownCaller:
        await node.slowing.failed(whose.issuer.issuer)
        raise


def _issuer_of(site: Site, token: str) -> _Whose | None:
    """Whose token it says it is."""
    known = [_Whose(p, p.issuer) for p in site.participants.values() if p.issuer is not None and p.active]
    parts = token.split(".") if known and len(token) <= MAX_TOKEN and token.isascii() else []
    if len(parts) != 3:
        return None
    try:
        claims = read_json(decoded(parts[1]), max_bytes=MAX_TOKEN, max_depth=_DEPTH)
    except Unusable:
        return None
    name = claims.get("iss") if isinstance(claims, dict) else None
    return next((one for one in known if one.issuer.issuer == name), None)


def _principal(node: Node, whose: _Whose, said: Mapping[str, Any], certificate: str, network: str) -> Principal:
    """The caller of an answer. Raises UnknownCaller."""
    issuer = whose.issuer
    if said.get("active") is not True or said.get("iss", issuer.issuer) != issuer.issuer:
        raise UnknownCaller
    if said.get("aud") not in (node.base, [node.base]) or said.get("client_id") not in issuer.clients:
        raise UnknownCaller
    if str(said.get("token_type", "Bearer")).lower() != "bearer":
        raise UnknownCaller
    _now(said, node.clock())
    _bound(said, certificate)
    scopes = shared(_scopes(said.get("scope")), issuer.scopes)
    if not scopes:
        raise UnknownCaller
    return Principal(
        whose.participant.id, str(said["client_id"]), user=_user(said), proof="introspection", network=network, scopes=scopes,
        purposes=whose.participant.purposes,
    )  # fmt: skip


def _now(said: Mapping[str, Any], at: datetime) -> None:
    expires, begins = said.get("exp"), said.get("nbf", 0)
    if type(expires) is not int or type(begins) is not int:
        raise UnknownCaller
    if not begins - _SKEW <= at.timestamp() < expires:
        raise UnknownCaller


def _bound(said: Mapping[str, Any], certificate: str) -> None:
    """One that is bound belongs to its certificate; one that is bound in another way is not taken."""
    if "cnf" not in said:
        return
    wanted = said["cnf"].get("x5t#S256") if isinstance(said["cnf"], dict) and len(said["cnf"]) == 1 else None
    if not (isinstance(wanted, str) and wanted and hmac.compare_digest(wanted.encode(), certificate.encode())):
        raise UnknownCaller


def _scopes(said: Any) -> Scopes:
    """Those of its scopes that are ours; an issuer gives others for others."""
    found: Scopes = frozenset()
    for one in said.split(" ") if isinstance(said, str) else ():
        try:
            found |= scopes_of((one,))
        except NotAllowed:
            continue
    return found


def _user(said: Mapping[str, Any]) -> str:
    user = said.get("username", "")
    return user if isinstance(user, str) and len(user) <= _LONGEST_USER and user.isprintable() else ""
