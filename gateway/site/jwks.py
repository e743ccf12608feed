"""Public keys of clients as JWK (RFC 7517): which are sound enough to believe a signature of, and what is wrong with the others.

ES384 with P-384 and RS384 with RSA of 2048 to 8192 bits, as SMART Backend Services names them; everything else is refused here, at
registration and whenever a key set is fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from math import gcd
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry

from gateway.errors import Malformed
from gateway.model.agreement import PublicKey
from gateway.model.base64url import decoded

ALGORITHMS: Mapping[str, str] = {"EC": "ES384", "RSA": "RS384"}
MOST_KEYS = 20
_MEMBERS = {"EC": ("crv", "x", "y"), "RSA": ("n", "e")}
_PRIVATE = frozenset(("d", "p", "q", "dp", "dq", "qi", "oth", "k"))
_SIZES = range(2048, 8193)
_EXPONENTS = range(65_537, 2**32)
_LONGEST_KID = 128
_PRODUCT = 614889782588491410  # 2 · 3 · 5 · … · 47
_ROCA = (11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157)  # CVE-2017-15361
_GENERATOR = 65_537


def public_keys(jwks: Any) -> tuple[PublicKey, ...]:
    """The sound keys of a JWK set, 0..20; those that are not sound are left out. Raises Malformed for what is no such set."""
    rows = jwks.get("keys") if isinstance(jwks, Mapping) else None
    if not isinstance(rows, list) or len(rows) > MOST_KEYS:
        raise Malformed
    return tuple(public_key(row) for row in rows if not key_problem(row))


def public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """A sound JWK as a key, without its other members."""
    bare = _bare(jwk)
    return PublicKey(jwk["kid"], jwk["kty"], JWKRegistry.import_key({**bare}).thumbprint(), bare)


def _bare(jwk: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(jwk.get(name, "")) for name in ("kty", *_MEMBERS[jwk["kty"]])}


def key_problem(jwk: Any) -> str:
    """What is wrong with a JWK, in words of ours; "" when it is sound."""
    return next(_problems(jwk), "")


def _problems(jwk: Any) -> Iterator[str]:
    if not isinstance(jwk, Mapping) or jwk.get("kty") not in ALGORITHMS:
        yield "the type (kty) must be EC or RSA"
        return
    if _PRIVATE & set(jwk):
        yield "a private key stands here: it is known now and must be replaced, and only the public one belongs here"
        return
    for check in (_kid, _use, _algorithm, _ec if jwk["kty"] == "EC" else _rsa):
        if said := check(jwk):
            yield said
            return


def _kid(jwk: Mapping[str, Any]) -> str:
    kid = jwk.get("kid")
    sound = isinstance(kid, str) and 0 < len(kid) <= _LONGEST_KID and kid.isprintable()
    return "" if sound else f"the name (kid) must be a text of 1 to {_LONGEST_KID} characters"


def _use(jwk: Mapping[str, Any]) -> str:
    sound = jwk.get("use", "sig") == "sig" and jwk.get("key_ops", ["verify"]) == ["verify"]
    return "" if sound else "the use must be sig (key_ops: verify)"


def _algorithm(jwk: Mapping[str, Any]) -> str:
    wanted = ALGORITHMS[jwk["kty"]]
    return "" if jwk.get("alg", wanted) == wanted else f"the algorithm (alg) of this type is {wanted}"


def _ec(jwk: Mapping[str, Any]) -> str:
    if jwk.get("crv") != "P-384":
        return "ES384 needs the curve P-384"
    return _imported(jwk)


def _rsa(jwk: Mapping[str, Any]) -> str:
    n, e = _number(jwk.get("n")), _number(jwk.get("e"))
    checks: tuple[tuple[Callable[[], bool], str], ...] = (
        (lambda: n.bit_length() in _SIZES, "RSA must have 2048 to 8192 bits"),
        (lambda: e in _EXPONENTS and e % 2 == 1, "the exponent (e) must be odd and at least 65537"),
        (lambda: gcd(n, _PRODUCT) == 1, "the modulus (n) has a small factor"),
        (lambda: not _is_roca(n), "the modulus (n) is one of a chip that makes weak keys (ROCA)"),
    )
    return next((said for sound, said in checks if not sound()), "") or _imported(jwk)


def _is_roca(n: int) -> bool:
    """Whether the modulus is a power of 65537 modulo each of the primes: that of a sound key is so once in some 2^27."""
    return all(n % prime in _powers(prime) for prime in _ROCA)


def _powers(prime: int) -> frozenset[int]:
    return frozenset(pow(_GENERATOR, k, prime) for k in range(prime - 1))


def _number(text: Any) -> int:
    try:
        return int.from_bytes(decoded(text), "big") if isinstance(text, str) and len(text) <= 2_000 else 0
    except Malformed:
        return 0


def _imported(jwk: Mapping[str, Any]) -> str:
    bare = _bare(jwk)
    try:
        for name in {"x", "y", "n", "e"} & set(bare):
            decoded(bare[name])
        JWKRegistry.import_key({**bare})
    except (JoseError, Malformed, ValueError, TypeError, KeyError):
        return "this is no public key"
    return ""
