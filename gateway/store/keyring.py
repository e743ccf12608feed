"""The site's secrets: a key file with generations, data keys per owner, keyed digests, tokens and ids (ARCHITECTURE.md, "At rest").

The site key (a key-encryption key) seals everything else and can be rotated; what derives from the four inner secrets (ids,
digests, tokens, the recipients' ids) does not change with it. AES-256-GCM with the owner as associated data, HMAC-SHA-256, and
one AES block as the keyed permutation of a UUID's 128 bits.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Protocol
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.errors import Malformed, Misconfigured, NotFound
from gateway.model.records import DataKey, Sealed
from gateway.model.wire import read_json, write_json

_INNER = ("id", "digest", "token", "rekey")
_NONCE = 12
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # one spelling, so that one id has one other form
_CACHED = 20_000


class KeyShelf(Protocol):
    """Where sealed data keys are kept."""

    def data_keys(self, ids: Sequence[str]) -> Mapping[str, DataKey]: ...


@dataclass(frozen=True, slots=True)
class SiteKey:
    """Generations of the key-encryption key (1 = first; the newest seals) and the inner secrets."""

    generations: Mapping[int, bytes]
    inner: Mapping[str, bytes]

    @property
    def newest(self) -> int:
        return max(self.generations)


def create_site_key(path: Path) -> None:
    """A new site key in a file that only its owner may read. Raises Misconfigured when there is one."""
    if path.exists():
        raise Misconfigured("There is a site key already.")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    inner = {name: secrets.token_bytes(32) for name in _INNER}
    write_site_key(path, SiteKey({1: secrets.token_bytes(32)}, inner))


def write_site_key(path: Path, key: SiteKey) -> None:
    """Writes the file whole or not at all, durable before it replaces the old one."""
    newest = key.generations[key.newest]
    body = write_json(
        {
            "generations": {str(number): secret.hex() for number, secret in key.generations.items()},
            "inner": {name: _encrypt(newest, secret, name).hex() for name, secret in key.inner.items()},
        },
        pretty=True,
    )
    new = path.with_name(path.name + ".new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def read_site_key(path: Path) -> SiteKey:
    """The key of a file. Raises Misconfigured when it cannot be read, or when others may read it."""
    try:
        if path.stat().st_mode & 0o077:
            raise Misconfigured("Others may read the site key; run: chmod 600 on it.")
        data: dict[str, Any] = read_json(path.read_bytes())
        generations = {int(number): bytes.fromhex(secret) for number, secret in data["generations"].items()}
        newest = generations[max(generations)]
        return SiteKey(generations, {n: _decrypt(newest, bytes.fromhex(data["inner"][n]), n) for n in _INNER})
    except (OSError, Malformed, ValueError, TypeError, AttributeError, KeyError, InvalidTag):
        raise Misconfigured("The site key cannot be read.") from None


def _encrypt(key: bytes, data: bytes, owner: str) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, owner.encode())


def _decrypt(key: bytes, sealed: bytes, owner: str) -> bytes:
    return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], owner.encode())


@dataclass(slots=True)
class _Cached:
    key: bytes
    record: DataKey
    kept: bool  # known to be in the store; until then its record goes into every unit that uses it


class SiteKeyring:
    """The Keyring port (model/ports.py) on a site key and a shelf of data keys."""

    def __init__(self, site_key: SiteKey, shelf: KeyShelf, path: Path | None = None) -> None:
        self._site = site_key
        self._shelf = shelf
        self._path = path
        self._seen = _stamp(path)
        self._keys: OrderedDict[str, _Cached] = OrderedDict()
        self._permutations: dict[str, bytes] = {}
        self._lock = Lock()
        self.id_key = site_key.inner["id"]

    def digest(self, body: bytes) -> str:
        """See the port."""
        return hmac.new(self._site.inner["digest"], body, hashlib.sha256).hexdigest()

    def token(self, system: str, value: str) -> str:
        """See the port."""
        return hmac.new(self._site.inner["token"], f"{system}\x1f{value}".encode(), hashlib.sha256).hexdigest()

    def secret(self, use: str) -> bytes:
        """See the port. The key in between is no token: every token is made of a text with U+001F in it."""
        between = hmac.new(self._site.inner["token"], b"secrets of the gateway", hashlib.sha256).digest()
        return hmac.new(between, use.encode(), hashlib.sha256).digest()

    def rekey(self, recipient: str, id: str) -> str:
        """See the port."""
        return self._permuted(recipient, id, encrypt=True)

    def unkey(self, recipient: str, id: str) -> str:
        """See the port."""
        return self._permuted(recipient, id, encrypt=False)

    def _permuted(self, recipient: str, id: str, *, encrypt: bool) -> str:
        if not _UUID.fullmatch(id):
            raise NotFound
        block = UUID(id).bytes
        key = self._permutations.get(recipient)
        if key is None:
            key = hmac.new(self._site.inner["rekey"], recipient.encode(), hashlib.sha256).digest()
            self._permutations[recipient] = key
        cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 one block: a permutation, not a mode
        made = cipher.encryptor() if encrypt else cipher.decryptor()
        return str(UUID(bytes=made.update(block) + made.finalize()))

    def seal(self, owner: str, data: bytes) -> tuple[Sealed, tuple[DataKey, ...]]:
        """See the port."""
        with self._lock:
            cached = self._key_of(owner)
            if cached is None:
                cached = self._remember(owner, self._new(owner))
        sealed = Sealed(owner, _encrypt(cached.key, data, owner))
        return sealed, () if cached.kept else (cached.record,)

    def open(self, sealed: Sealed) -> bytes:
        """See the port."""
        with self._lock:
            cached = self._key_of(sealed.key)
        if cached is None:
            raise NotFound
        try:
            return _decrypt(cached.key, sealed.data, sealed.key)
        except InvalidTag:
            raise NotFound from None

    def _key_of(self, owner: str) -> _Cached | None:
        """The owner's data key, from the store until it is known to be there: another process may have been first."""
        cached = self._keys.get(owner)
        if cached is not None and cached.kept:
            self._keys.move_to_end(owner)
            return cached
        record = self._shelf.data_keys([owner]).get(owner)
        if record is not None:
            return self._remember(owner, _Cached(self._unsealed(record), record, kept=True))
        self._follow_rotation()
        if cached is not None and cached.record.generation != self._site.newest:
            cached.record = resealed_key(self._site, owner, cached.key)
        return cached

    def _remember(self, owner: str, cached: _Cached) -> _Cached:
        self._keys[owner] = cached
        self._keys.move_to_end(owner)
        while len(self._keys) > _CACHED:
            self._keys.popitem(last=False)
        return cached

    def _new(self, owner: str) -> _Cached:
        key = secrets.token_bytes(32)
        return _Cached(key, resealed_key(self._site, owner, key), kept=False)

    def _follow_rotation(self) -> None:
        """The site key file again, when it is not the one we read: somebody rotates it while we run."""
        if self._path is not None and (stamp := _stamp(self._path)) != self._seen:
            self._site, self._seen = read_site_key(self._path), stamp

    def _unsealed(self, record: DataKey) -> bytes:
        if record.generation not in self._site.generations:
            self._follow_rotation()
        try:
            return _decrypt(self._site.generations[record.generation], record.sealed, record.id)
        except (KeyError, InvalidTag):
            raise NotFound from None


def resealed_key(site_key: SiteKey, owner: str, key: bytes) -> DataKey:
    """A data key under the newest generation."""
    return DataKey(owner, site_key.newest, _encrypt(site_key.generations[site_key.newest], key, owner))


def opened_key(site_key: SiteKey, record: DataKey) -> bytes:
    """A data key in clear. Raises KeyError for a generation that is gone, InvalidTag when it was tampered with."""
    return _decrypt(site_key.generations[record.generation], record.sealed, record.id)


def open_keyring(path: Path, shelf: KeyShelf) -> SiteKeyring:
    """The keyring of a site key file. Raises Misconfigured."""
    return SiteKeyring(read_site_key(path), shelf, path)


class _NoShelf:
    def data_keys(self, ids: Sequence[str]) -> Mapping[str, DataKey]:  # noqa: ARG002 nothing is kept
        return {}


def development_keyring() -> SiteKeyring:
    """A keyring with fixed secrets, for conversions without a site: equal documents get equal ids everywhere. It protects nothing,
    and its data keys live only as long as it does."""
    inner = {name: hashlib.sha256(f"ieum development {name}".encode()).digest() for name in _INNER}
    return SiteKeyring(SiteKey({1: hashlib.sha256(b"ieum development").digest()}, inner), _NoShelf())


def _stamp(path: Path | None) -> tuple[int, int]:
    """Tells one file from the next: the file is replaced, never written in place."""
    if path is None:
        return (0, 0)
    try:
        said = path.stat()
    except OSError:
        raise Misconfigured("The site key cannot be read.") from None
    return said.st_ino, said.st_mtime_ns
