"""The gateway's own signing keys: ES256, a new one each thirty days, derived from the site's secrets (RFC 7517, 7518, 7638).

Every worker has the same one without asking anybody, after a restart too. `gateway keys rotate` changes what seals and nothing that
is derived, so tokens stay good through it. The next key is published before it is used, the last one until nothing of it is left.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from joserfc import jws
from joserfc.jwk import ECKey

from gateway.model.ports import Keyring
from gateway.model.wire import write_json

ALGORITHM = "ES256"
PERIOD = 30 * 86_400  # seconds


@lru_cache(maxsize=16)
def _key(secret: bytes) -> ECKey:
    return ECKey.derive_key(secret, "P-256", kdf_options={"salt": b"ieum oauth signing"})


def _secret(keyring: Keyring, period: int) -> bytes:
    return keyring.secret(f"signing of tokens {period}")


def signed(keyring: Keyring, typ: str, claims: dict[str, object], at: datetime) -> str:
    """A token in compact form, signed with the key of now."""
    key = _key(_secret(keyring, int(at.timestamp()) // PERIOD))
    header = {"alg": ALGORITHM, "kid": key.thumbprint(), "typ": typ}
    return jws.serialize_compact(header, write_json(claims), key, algorithms=[ALGORITHM])


def own_keys(keyring: Keyring, at: datetime) -> tuple[dict[str, str], ...]:
    """The public keys of the last, this and the next period, as JWK."""
    now = int(at.timestamp()) // PERIOD
    return tuple(_published(_secret(keyring, period)) for period in (now, now + 1, now - 1))


@lru_cache(maxsize=16)
def _published(secret: bytes) -> dict[str, str]:
    key = _key(secret)
    public = {name: str(value) for name, value in key.as_dict(private=False).items()}
    return {**public, "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}


def own_key(keyring: Keyring, at: datetime, kid: str) -> dict[str, str] | None:
    """The public key of ours with that name."""
    return next((key for key in own_keys(keyring, at) if key["kid"] == kid), None)
