"""Deliveries over HTTP to the endpoints a site names; what the answer means for trying again (RFC 9110, 15).

No redirect is followed and no address outside the site's files is ever called, so nothing a document says can steer a request.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import httpx

from gateway.errors import GiveUp, InDoubt, TryLater
from gateway.model.agreement import Endpoint
from gateway.outbound.secret import secret_of

_MAX_ANSWER = 1_000_000
_LATER = frozenset({300, 301, 302, 303, 307, 308, 401, 403, 404, 405, 407, 408, 425, 429, 500, 502, 503, 504})


class HttpTransport:
    """POSTs to an endpoint's url. `secrets` is the folder of token files that endpoints name as `file:NAME`."""

    def __init__(self, secrets: Path, client: httpx.AsyncClient | None = None) -> None:
        self._secrets = secrets
        self._client = client or httpx.AsyncClient(follow_redirects=False, trust_env=False)

    async def send(self, endpoint: Endpoint, payload: bytes, headers: Mapping[str, str]) -> bytes:
        """The body of a 2xx answer, asked for in the dialect of what is sent. Raises TryLater, GiveUp or InDoubt."""
        sent = {**headers, "Accept": headers["Content-Type"], **self._authorization(endpoint)}
        request = self._client.build_request(
            "POST", endpoint.url, content=payload, headers=sent, timeout=endpoint.timeout
        )
        try:
            answer = await self._client.send(request, stream=True)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise TryLater from error
        except httpx.TransportError as error:
            raise InDoubt from error
        try:
            return _judged(answer.status_code, await _read(answer))
        finally:
            await answer.aclose()

    def _authorization(self, endpoint: Endpoint) -> dict[str, str]:
        """The endpoint's bearer token."""
        if not endpoint.secret:
            return {}
        return {"Authorization": f"Bearer {secret_of(self._secrets, endpoint.secret)}"}

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()


async def _read(answer: httpx.Response) -> bytes:
    parts, size = [], 0
    try:
        async for part in answer.aiter_bytes():
            size += len(part)
            if size > _MAX_ANSWER:
                break
            parts.append(part)
    except httpx.TransportError as error:
        raise InDoubt from error
    return b"".join(parts)


def _judged(status: int, body: bytes) -> bytes:
    if 200 <= status < 300:
        return body
    if status in _LATER:  # a token that ran out or an address that moved is not the document's fault
        raise TryLater
    raise GiveUp(f"The recipient answered {status}.")
