"""A signed token taken apart and verified (RFC 7515, 7519): bounded before it is read, strict in what it reads, one algorithm per key.

joserfc does the cryptography; what it leaves to its caller is here: canonical base64url, one member of a name, a closed list of headers
(so neither `crit` nor `b64`, and no key or address of one that the token itself brings), `typ`, sizes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, RSAKey

from gateway.errors import UnknownCaller, Unusable
from gateway.model.base64url import decoded
from gateway.model.wire import read_json

MAX_TOKEN, MAX_ID_TOKEN = 8_192, 16_384  # characters; what an issuer says of a person is longer
_MAX_HEADER = 2_048
_DEPTH = 6
_HEADERS = frozenset(("alg", "kid", "typ", "jku"))
_LONGEST_KID = 128


class _Registry(jws.JWSRegistry):
    max_header_length = _MAX_HEADER
    max_payload_length = MAX_ID_TOKEN
    max_signature_length = 2_048


@dataclass(frozen=True, slots=True)
class Unproven:
    """What a token says before anybody has verified it."""

    text: str = field(repr=False)
    alg: str
    kid: str
    typ: str
    jku: str | None
    claims: Mapping[str, Any] = field(repr=False)

    def said(self, name: str) -> str:
        """A claim that must be a text. Raises UnknownCaller."""
        value = self.claims.get(name)
        if not isinstance(value, str) or not value:
            raise UnknownCaller
        return value

    def moment(self, name: str) -> int | None:
        """A claim in whole seconds since 1970, None when it is not there. Raises UnknownCaller for anything else."""
        if name not in self.claims:
            return None
        value = self.claims[name]
        if type(value) is not int or not 0 <= value < 2**40:
            raise UnknownCaller
        return value


def unproven(text: str, most: int = MAX_TOKEN, default_typ: str = "") -> Unproven:
    """A token in compact form, read strictly; `default_typ` where its header may leave that out.

    Raises UnknownCaller, in one wording, for everything that is not one.
    """
    parts = text.split(".") if 0 < len(text) <= most and text.isascii() else []
    if len(parts) != 3 or not all(parts):
        raise UnknownCaller
    try:
        header, claims = _object(parts[0], _MAX_HEADER), _object(parts[1], most)
        decoded(parts[2])
    except Unusable:
        raise UnknownCaller from None
    if set(header) - _HEADERS or not all(isinstance(value, str) and value for value in header.values()):
        raise UnknownCaller
    alg, kid, typ = header.get("alg", ""), header.get("kid", ""), header.get("typ", default_typ)
    if not (alg and kid and typ) or len(kid) > _LONGEST_KID:
        raise UnknownCaller
    return Unproven(text, alg, kid, typ, header.get("jku"), claims)


def _object(part: str, most: int) -> dict[str, Any]:
    value = read_json(decoded(part), max_bytes=most, max_depth=_DEPTH)
    if not isinstance(value, dict):
        raise UnknownCaller
    return value


def is_signed(token: Unproven, jwk: Mapping[str, str], alg: str) -> bool:
    """Whether the token was signed with the private key of this public one, by this algorithm and no other."""
    if token.alg != alg:
        return False
    try:
        jws.deserialize_compact(token.text, _key(tuple(sorted(jwk.items()))), registry=_Registry(algorithms=[alg]))
    except (JoseError, ValueError, TypeError):
        return False
    return True


@lru_cache(maxsize=256)
def _key(members: tuple[tuple[str, str], ...]) -> Key:
    jwk: dict[str, str | list[str]] = dict(members)
    return RSAKey.import_key(jwk) if jwk["kty"] == "RSA" else ECKey.import_key(jwk)
