"""Resource ids: UUID-shaped, from a keyed hash of sender, type and business identifier (ARCHITECTURE.md, "At rest"; RFC 9562, version 8)."""

from __future__ import annotations

import hmac
from collections.abc import Sequence


def keyed_id(key: bytes, sender: str, kind: str, seeds: Sequence[str]) -> str:
    """The id of the thing of this kind that the sender names by `seeds`; the same for every message about it."""
    named = "\x1f".join((sender, kind, *seeds)).encode()
    digest = bytearray(hmac.digest(key, named, "sha256")[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
