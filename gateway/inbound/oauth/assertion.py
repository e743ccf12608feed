"""A client's assertion of who it is: private_key_jwt of SMART Backend Services (client-confidential-asymmetric; RFC 7523).

Whatever is wrong, the caller hears the same. A client that nobody knows costs as much work as one with a wrong signature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from joserfc.jwk import ECKey

from gateway.errors import UnknownCaller
from gateway.model.agreement import Client, PublicKey
from gateway.model.base64url import encoded
from gateway.pipeline.compact import Unproven, is_signed, unproven
from gateway.site.jwks import ALGORITHMS

LIFETIME = 300  # seconds that an assertion may live, counted from now
SKEW = 60  # seconds that a client's clock may be ahead, in iat and nbf
_TYPES = ("JWT", "client-authentication+jwt")
_LONGEST_JTI = 256
_TYPE_OF = {algorithm: kty for kty, algorithm in ALGORITHMS.items()}


@dataclass(frozen=True, slots=True)
class Shown:
    """An assertion in the right form, of nobody yet: `client` is who it says it is, `expires` in seconds since 1970."""

    token: Unproven
    client: str
    jti: str
    expires: int


def shown(text: str, client_id: str, endpoint: str, at: datetime) -> Shown:
    """An assertion whose claims are in order for this endpoint now. `client_id` is that of the form, or "". Raises UnknownCaller."""
    token = unproven(text)
    client = token.said("iss")
    if token.said("sub") != client or client_id not in ("", client) or token.typ not in _TYPES:
        raise UnknownCaller
    if token.alg not in _TYPE_OF or token.said("aud") != endpoint:
        raise UnknownCaller
    return Shown(token, client, _jti(token), _expires(token, at.timestamp()))


def _jti(token: Unproven) -> str:
    jti = token.said("jti")
    if len(jti) > _LONGEST_JTI or not jti.isprintable():
        raise UnknownCaller
    return jti


def _expires(token: Unproven, now: float) -> int:
    """When it expires: within five minutes from now. Not issued, or valid, only in the future, but for the skew."""
    expires, issued, begins = (token.moment(name) for name in ("exp", "iat", "nbf"))
    if expires is None or not now < expires <= now + LIFETIME:
        raise UnknownCaller
    if any(moment is not None and moment > now + SKEW for moment in (issued, begins)):
        raise UnknownCaller
    return expires


def proven(said: Shown, client: Client | None, keys: Sequence[PublicKey]) -> PublicKey:
    """The one key of the client that signed it, by `kid` and type. Raises UnknownCaller: for none, for several, for another signature."""
    kty = _TYPE_OF[said.token.alg]
    found = [key for key in keys if key.kid == said.token.kid and key.kty == kty]
    right = client is not None and len(found) == 1 and said.token.jku in (None, client.jwks_url or None)
    signed = is_signed(said.token, found[0].jwk if right else _decoy(kty), said.token.alg)
    if not (right and signed):
        raise UnknownCaller
    return found[0]


@cache
def _decoy(kty: str) -> dict[str, str]:
    """A public key that nobody has the private one of, so that an unknown client takes as long as a known one."""
    if kty == "EC":
        return {
            name: str(value)
            for name, value in ECKey.generate_key("P-384", private=False).as_dict(private=False).items()
        }
    return {"kty": "RSA", "n": encoded(b"\xc5" * 256), "e": "AQAB"}
