"""Key sets of clients, from the addresses that a site names (RFC 7517)."""

from __future__ import annotations

import re

from gateway.outbound.checked import CheckedHttp

_DEFAULT = 300.0  # seconds, when an answer does not say how long it lasts
_MAX_AGE = re.compile(r"max-age=\"?(\d{1,9})\"?", re.ASCII)


class KeySetFetcher:
    """The port KeySetSource."""

    def __init__(self, http: CheckedHttp) -> None:
        self._http = http

    async def fetch(self, url: str, *, private: bool = False) -> tuple[bytes, float]:
        """The body, up to 64 KB, and how many seconds it lasts. Raises Unavailable for everything that is not such an answer in time."""
        answer = await self._http.ask(url, private=private)
        return answer.body, _lasting(answer.headers.get("cache-control", ""))

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.close()


def _lasting(cache_control: str) -> float:
    said = cache_control.lower()
    if "no-store" in said or "no-cache" in said:
        return 0.0
    found = _MAX_AGE.search(said)
    return float(found[1]) if found else _DEFAULT
