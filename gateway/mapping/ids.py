"""Resource ids: UUID-shaped, from a keyed hash of sender, type and business identifier (ARCHITECTURE.md, "At rest"; RFC 9562, version 8)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from uuid import UUID


def keyed_id(key: bytes, sender: str, kind: str, seeds: Sequence[str]) -> str:
    """The id of the thing of this kind that the sender names by `seeds`; the same for every message about it."""
    text = "\x1f".join((sender, kind, *seeds)).encode()
    digest = bytearray(hmac.new(key, text, hashlib.sha256).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return str(UUID(bytes=bytes(digest)))
