"""An ID token judged: who issued it, for whom, when, for which sign-in (OpenID Connect Core 1.0, 3.1.3.7; RFC 8725). Pure.

Signatures are checked by joserfc with the issuer's keys and nothing that the token itself brings. Every refusal is the same UnknownCaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from joserfc.util import urlsafe_b64decode

from gateway.errors import GatewayError, UnknownCaller
from gateway.model.wire import read_json

_KINDS = {"ES256": ("EC", "P-256"), "ES384": ("EC", "P-384"), "PS256": ("RSA", ""), "RS256": ("RSA", "")}
_HEADER = frozenset({"alg", "kid", "typ"})
_MOST, _SKEW, _OLDEST = 16_384, 60, 600  # characters, seconds, seconds
_LEAST_RSA, _LEAST_EXPONENT = 2_048, 65_537
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must say to be the answer to one sign-in."""

    issuer: str
    client: str
    nonce: str
    now: datetime


def key_id(token: str) -> str:
    """The `kid` of the header, unproven: which key to look for. Raises UnknownCaller."""
    return _text(_header(token).get("kid"))


def claims_of(token: str, keys: Sequence[Json], expected: Expected) -> Json:
    """The claims of a token that is the issuer's answer to this sign-in. Raises UnknownCaller."""
    header = _header(token)
    claims = _proven(token, header, keys)
    now = expected.now.timestamp()
    issued, ends = _whole(claims.get("iat")), _whole(claims.get("exp"))
    starts = _whole(claims.get("nbf", 0))
    fine = (
        claims.get("iss") == expected.issuer,
        claims.get("aud") in (expected.client, [expected.client]),
        claims.get("azp", expected.client) == expected.client,
        compare_digest(_text(claims.get("nonce")).encode(), expected.nonce.encode()),
        now < ends + _SKEW and issued < ends,
        now - _OLDEST <= issued <= now + _SKEW,
        starts <= now + _SKEW,
        len(_text(claims.get("sub"))) <= 255,
    )
    if not all(fine):
        raise UnknownCaller
    return claims


def _header(token: str) -> Json:
    """The protected header: only names that we know, so nothing in it can bring a key or change what is signed."""
    try:
        if len(token) > _MOST or token.count(".") != 2:
            raise UnknownCaller
        header = read_json(urlsafe_b64decode(token.partition(".")[0].encode()))
    except (ValueError, GatewayError) as error:
        raise UnknownCaller from error
    if not isinstance(header, Mapping) or set(header) - _HEADER or header.get("typ", "JWT") != "JWT":
        raise UnknownCaller
    return header


def _proven(token: str, header: Json, keys: Sequence[Json]) -> Json:
    """The payload, once the one key of that id and kind has proven it."""
    algorithm, kid = _text(header.get("alg")), _text(header.get("kid"))
    if algorithm not in _KINDS:
        raise UnknownCaller
    kind, curve = _KINDS[algorithm]
    fitting = [
        key for key in keys if key.get("kid") == kid and key.get("kty") == kind and key.get("use", "sig") == "sig"
    ]
    if len(fitting) != 1:
        raise UnknownCaller
    public = {name: value for name, value in fitting[0].items() if name in ("kty", "crv", "x", "y", "n", "e")}
    try:
        _check_strength(public, curve)
        key = (ECKey if kind == "EC" else RSAKey).import_key(public)
        payload = read_json(jws.deserialize_compact(token, key, algorithms=[algorithm]).payload)
    except (JoseError, ValueError, TypeError, GatewayError) as error:
        raise UnknownCaller from error
    if not isinstance(payload, Mapping):
        raise UnknownCaller
    return payload


def _check_strength(key: Json, curve: str) -> None:
    """The curve of the algorithm; RSA of 2 048 bits or more with an exponent that is not small."""
    if curve and key.get("crv") != curve:
        raise UnknownCaller
    if not curve and (_number(key.get("n")).bit_length() < _LEAST_RSA or _number(key.get("e")) < _LEAST_EXPONENT):
        raise UnknownCaller


def _number(value: Any) -> int:
    return int.from_bytes(urlsafe_b64decode(_text(value).encode()), "big")


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise UnknownCaller
    return value


def _whole(value: Any) -> int:
    """Seconds since 1970 as a whole number; a text, a truth value or what has no end is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 40:
        raise UnknownCaller
    return value
