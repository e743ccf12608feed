"""What issuers have said of tokens, for a minute at most, by the digest of the token (RFC 7662, 4): the token itself is not kept."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from gateway.errors import Busy, GatewayError
from gateway.model.agreement import Issuer
from gateway.model.ports import Introspector
from gateway.model.wire import read_json

LASTING = 60.0  # seconds that an answer is kept
PAUSE = 5.0  # seconds that no answer is
_MOST = 10_000
_AT_ONE_TIME = 16
_MAX_BYTES, _DEPTH = 65_536, 8


class Introspections:
    """`source` asks, `clock` gives seconds that only grow (time.monotonic)."""

    def __init__(self, source: Introspector | None, clock: Callable[[], float]) -> None:
        self._source = source
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Mapping[str, Any]]] = OrderedDict()
        self._asking = 0

    async def said(self, issuer: Issuer, token: str) -> Mapping[str, Any]:
        """The issuer's answer as a JSON object, empty when there is none. Raises Busy when too many are being asked about."""
        key = hashlib.sha256(f"{issuer.issuer}\x1f{issuer.url}\x1f{token}".encode()).hexdigest()
        kept = self._kept.get(key)
        if kept is not None and self._clock() < kept[0]:
            return kept[1]
        if self._asking >= _AT_ONE_TIME:
            raise Busy
        self._asking += 1
        try:
            answer = await self._asked(issuer, token)
        finally:
            self._asking -= 1
        self._kept[key] = (self._clock() + (LASTING if answer else PAUSE), answer)
        self._kept.move_to_end(key)
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return answer

    async def _asked(self, issuer: Issuer, token: str) -> Mapping[str, Any]:
        if self._source is None:
            return {}
        try:
            body = await self._source.ask(issuer, token)
            answer = read_json(body, max_bytes=_MAX_BYTES, max_depth=_DEPTH)
        except GatewayError:
            return {}
        return answer if isinstance(answer, dict) else {}

    async def close(self) -> None:
        """Closes the connections."""
        if self._source is not None:
            await self._source.close()
