"""The public keys of clients: those of the site's files, or those at the address that the site names (SMART Backend Services, RFC 7517).

What was fetched is kept as long as its cache-control says, for ten seconds at least and an hour at most, and is never used beyond. A key
nobody has seen makes one more look, not more than one in ten seconds. What cannot be fetched gives no key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.errors import GatewayError
from gateway.model.agreement import Client, PublicKey
from gateway.model.ports import KeySetSource
from gateway.model.wire import read_json
from gateway.site.jwks import public_keys

FLOOR, CAP = 10.0, 3600.0  # seconds
MAX_BYTES = 65_536
_DEPTH = 8


@dataclass(slots=True)
class _Kept:
    keys: tuple[PublicKey, ...] = ()
    until: float = float("-inf")
    asked: float = float("-inf")
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class KeySets:
    """`source` fetches, `clock` gives seconds that only grow (time.monotonic)."""

    def __init__(self, source: KeySetSource | None, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self._kept: dict[tuple[str, str], _Kept] = {}

    async def keys(self, client: Client, kid: str) -> tuple[PublicKey, ...]:
        """The client's keys, 0..*; looked for again when none of them has this `kid`."""
        if not client.jwks_url:
            return client.keys
        kept = self._kept.setdefault((client.id, client.jwks_url), _Kept())
        async with kept.asking:
            now = self._clock()
            known = now < kept.until and any(key.kid == kid for key in kept.keys)
            if not known and now - kept.asked >= FLOOR:
                kept.asked = now
                await self._asked(client, kept)
        return self._current(kept)

    def at_hand(self, client: Client) -> tuple[PublicKey, ...] | None:
        """The keys without looking anywhere; None when nothing is known of them now."""
        if not client.jwks_url:
            return client.keys
        kept = self._kept.get((client.id, client.jwks_url))
        return kept.keys if kept is not None and self._clock() < kept.until else None

    def _current(self, kept: _Kept) -> tuple[PublicKey, ...]:
        return kept.keys if self._clock() < kept.until else ()

    async def _asked(self, client: Client, kept: _Kept) -> None:
        """Looks once; without an answer, what is kept stays for as long as it may."""
        if self._source is None:
            return
        try:
            body, lasting = await self._source.fetch(client.jwks_url, private=client.private)
            keys = public_keys(read_json(body, max_bytes=MAX_BYTES, max_depth=_DEPTH))
        except GatewayError:
            return
        kept.keys, kept.until = keys, self._clock() + min(CAP, max(FLOOR, lasting))

    async def close(self) -> None:
        """Closes the connections."""
        if self._source is not None:
            await self._source.close()
