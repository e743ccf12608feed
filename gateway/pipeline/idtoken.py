"""An ID token judged: who issued it, for whom, when, for which sign-in (OpenID Connect Core 1.0, 3.1.3.7; RFC 8725). Pure.

It is verified with the issuer's keys and nothing that the token itself brings. Every refusal is the same UnknownCaller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Any

from gateway.errors import Malformed, UnknownCaller
from gateway.model.base64url import decoded
from gateway.pipeline.compact import MAX_ID_TOKEN, Unproven, is_signed, unproven

_KINDS = {"ES256": ("EC", "P-256"), "ES384": ("EC", "P-384"), "PS256": ("RSA", ""), "RS256": ("RSA", "")}
_PUBLIC = ("kty", "crv", "x", "y", "n", "e")
_SKEW, _OLDEST = 60, 600  # seconds
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
    return _read(token).kid


def claims_of(token: str, keys: Sequence[Json], expected: Expected) -> Json:
    """The claims of a token that is the issuer's answer to this sign-in. Raises UnknownCaller."""
    said = _read(token)
    _prove(said, keys)
    claims, now = said.claims, expected.now.timestamp()
    issued, ends, starts = said.moment("iat"), said.moment("exp"), said.moment("nbf") or 0
    if issued is None or ends is None:
        raise UnknownCaller
    fine = (
        claims.get("iss") == expected.issuer,
        claims.get("aud") in (expected.client, [expected.client]),
        claims.get("azp", expected.client) == expected.client,
        compare_digest(said.said("nonce").encode(), expected.nonce.encode()),
        now < ends + _SKEW and issued < ends,
        now - _OLDEST <= issued <= now + _SKEW,
        starts <= now + _SKEW,
        len(said.said("sub")) <= 255,
    )
    if not all(fine):
        raise UnknownCaller
    return claims


def _read(token: str) -> Unproven:
    """What it says; it names no address of a key."""
    said = unproven(token, MAX_ID_TOKEN)
    if said.typ not in ("", "JWT") or said.jku is not None:
        raise UnknownCaller
    return said


def _prove(said: Unproven, keys: Sequence[Json]) -> None:
    """Signed with the one key of that id and kind."""
    if said.alg not in _KINDS:
        raise UnknownCaller
    kind, curve = _KINDS[said.alg]
    fitting = [
        key for key in keys if key.get("kid") == said.kid and key.get("kty") == kind and key.get("use", "sig") == "sig"
    ]
    if len(fitting) != 1:
        raise UnknownCaller
    public = {name: value for name, value in fitting[0].items() if name in _PUBLIC}
    _check_strength(public, curve)
    if not is_signed(said, public, said.alg):
        raise UnknownCaller


def _check_strength(key: Json, curve: str) -> None:
    """The curve of the algorithm; RSA of 2 048 bits or more with an exponent that is not small."""
    if curve and key.get("crv") != curve:
        raise UnknownCaller
    if not curve and (_number(key.get("n")).bit_length() < _LEAST_RSA or _number(key.get("e")) < _LEAST_EXPONENT):
        raise UnknownCaller


def _number(value: Any) -> int:
    try:
        return int.from_bytes(decoded(value if isinstance(value, str) else ""), "big")
    except Malformed:
        raise UnknownCaller from None
