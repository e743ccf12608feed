"""An ID token judged: who issued it, for whom, when, for which sign-in (OpenID Connect Core 1.0, 3.1.3.7; RFC 8725). Pure.

Signatures are checked (gateway/pipeline/compact.py) with the issuer's keys and nothing that the token itself brings.
Every refusal is the same UnknownCaller.
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
_PUBLIC = frozenset({"kty", "crv", "x", "y", "n", "e"})
_SKEW, _OLDEST = 60, 600  # seconds
_LEAST_RSA, _LEAST_EXPONENT = 2_048, 65_537
_LONGEST_SUBJECT = 255
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
    return _said(token).kid


def claims_of(token: str, keys: Sequence[Json], expected: Expected) -> Json:
    """The claims of a token that is the issuer's answer to this sign-in. Raises UnknownCaller."""
    said = _said(token)
    if not is_signed(said, _key_of(said, keys), said.alg):
        raise UnknownCaller
    now, claims = expected.now.timestamp(), said.claims
    issued, ends, starts = said.moment("iat"), said.moment("exp"), said.moment("nbf") or 0
    if issued is None or ends is None:
        raise UnknownCaller
    fine = (
        said.said("iss") == expected.issuer,
        claims.get("aud") in (expected.client, [expected.client]),
        claims.get("azp", expected.client) == expected.client,
        compare_digest(said.said("nonce").encode(), expected.nonce.encode()),
        now < ends + _SKEW and issued < ends,
        now - _OLDEST <= issued <= now + _SKEW,
        starts <= now + _SKEW,
        len(said.said("sub")) <= _LONGEST_SUBJECT,
    )
    if not all(fine):
        raise UnknownCaller
    return claims


def _said(token: str) -> Unproven:
    """What the token says; its header brings neither a key nor the address of one."""
    said = unproven(token, MAX_ID_TOKEN, default_typ="JWT")
    if said.typ != "JWT" or said.jku is not None or said.alg not in _KINDS:
        raise UnknownCaller
    return said


def _key_of(said: Unproven, keys: Sequence[Json]) -> dict[str, str]:
    """The members of the issuer's one public key of that id, and of the kind and strength that the algorithm asks for."""
    kind, curve = _KINDS[said.alg]
    fitting = [k for k in keys if k.get("kid") == said.kid and k.get("kty") == kind and k.get("use", "sig") == "sig"]
    if len(fitting) != 1:
        raise UnknownCaller
    public = {name: value for name, value in fitting[0].items() if name in _PUBLIC}
    if not all(isinstance(value, str) for value in public.values()):
        raise UnknownCaller
    strong = public.get("crv") == curve if curve else _is_strong(public)
    if not strong:
        raise UnknownCaller
    return public


def _is_strong(key: Mapping[str, str]) -> bool:
    """RSA of 2 048 bits or more with an exponent that is not small."""
    try:
        modulus, exponent = (int.from_bytes(decoded(key.get(name, "")), "big") for name in ("n", "e"))
    except Malformed:
        return False
    return modulus.bit_length() >= _LEAST_RSA and exponent >= _LEAST_EXPONENT
