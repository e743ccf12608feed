"""Access tokens: short, signed by the gateway, and asked about anew at each use (RFC 9068 at+jwt, RFC 8705 cnf).

A token says who got it, for which scopes and purposes and with which key; whether that still holds is looked up in the site each time.
So a participant or client that is switched off, and a key that is taken away, counts at once; what was narrowed is narrow for old tokens.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from datetime import datetime

from gateway.errors import GatewayError, UnknownCaller
from gateway.inbound.oauth.signing import ALGORITHM, own_key, signed
from gateway.model.agreement import Client, Participant, Site
from gateway.model.document import Principal
from gateway.model.ports import Clock, Keyring
from gateway.model.scopes import Scopes, read_scopes, shared, written
from gateway.pipeline.compact import Unproven, is_signed, unproven
from gateway.pipeline.keysets import KeySets
from gateway.pipeline.node import Node
from gateway.site import client_of

LASTING = 300  # seconds
TYPE = "at+jwt"
_SKEW = 60  # between the clocks of two workers


@dataclass(frozen=True, slots=True)
class Grant:
    """What a client was given. `key` is the thumbprint of the key it signed with, `certificate` x5t#S256 of a bound token or ""."""

    participant: str
    client: str
    key: str
    scopes: Scopes
    purposes: tuple[str, ...]
    user: str = ""
    certificate: str = ""


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Makes and reads the access tokens of one gateway; `base` is their issuer and their audience."""

    site: Site
    keyring: Keyring = field(repr=False)
    clock: Clock
    keysets: KeySets
    base: str

    def issued(self, grant: Grant, id: str) -> str:
        """A token for LASTING seconds from now."""
        at = self.clock()
        now = int(at.timestamp())
        claims: dict[str, object] = {
            "iss": self.base, "aud": self.base, "sub": grant.client, "client_id": grant.client, "jti": id,
            "iat": now, "exp": now + LASTING, "participant": grant.participant, "scope": written(grant.scopes),
            "purpose": " ".join(grant.purposes), "key": grant.key,
        }  # fmt: skip
        if grant.user:
            claims["user"] = grant.user
        if grant.certificate:
            claims["cnf"] = {"x5t#S256": grant.certificate}
        return signed(self.keyring, TYPE, claims, at)

    def principal(self, text: str, certificate: str, network: str) -> Principal:
        """Who calls with this token over a connection with this certificate (x5t#S256, or ""). Raises UnknownCaller."""
        token = unproven(text)
        at = self.clock()
        key = own_key(self.keyring, at, token.kid)
        if key is None or token.typ != TYPE or not is_signed(token, key, ALGORITHM):
            raise UnknownCaller
        self._ours_and_now(token, at)
        participant, client = self._still_there(token)
        _bound(token, client, certificate)
        try:
            scopes = shared(read_scopes(token.said("scope")), client.scopes)
        except GatewayError:
            raise UnknownCaller from None
        purposes = tuple(one for one in _listed(token, "purpose") if one in participant.purposes)
        user = token.said("user") if "user" in token.claims else ""
        return Principal(
            participant.id, client.id, user=user, proof="token", authn_level=client.authn_level, network=network,
            scopes=scopes, purposes=purposes,
        )  # fmt: skip

    def _ours_and_now(self, token: Unproven, at: datetime) -> None:
        now = at.timestamp()
        expires, issued = token.moment("exp"), token.moment("iat")
        if token.said("iss") != self.base or token.said("aud") != self.base or expires is None or issued is None:
            raise UnknownCaller
        if not (issued - _SKEW <= now < expires <= issued + LASTING):
            raise UnknownCaller

    def _still_there(self, token: Unproven) -> tuple[Participant, Client]:
        """The participant and client as the site has them now, with the key that the client proved itself with."""
        found = client_of(self.site, token.said("client_id"))
        if found is None or found[0].id != token.said("participant") or found[1].id != token.said("sub"):
            raise UnknownCaller
        keys, used = self.keysets.at_hand(found[1]), token.said("key")
        if keys is not None and not any(key.thumbprint == used for key in keys):
            raise UnknownCaller
        return found


def _bound(token: Unproven, client: Client, certificate: str) -> None:
    """A bound token belongs to the connection with its certificate, and to no other."""
    said = token.claims.get("cnf")
    if said is None and not client.bound:
        return
    wanted = said.get("x5t#S256") if isinstance(said, dict) else None
    if not (isinstance(wanted, str) and wanted and hmac.compare_digest(wanted.encode(), certificate.encode())):
        raise UnknownCaller


def _listed(token: Unproven, name: str) -> tuple[str, ...]:
    value = token.claims.get(name)
    return tuple(value.split()) if isinstance(value, str) else ()


def access_tokens(node: Node) -> AccessTokens:
    """Those of a node, under its site of now."""
    return AccessTokens(node.site_now(), node.keyring, node.clock, node.keysets, node.base)
