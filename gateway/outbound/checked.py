"""HTTP to addresses that a site names for its clients: no redirect, no private address unasked, bounded, in time.

The name is resolved here and the connection goes to the address that was looked at, so that a name cannot lead elsewhere meanwhile.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from gateway.errors import Unavailable

MAX_BYTES = 65_536
Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolved(host: str, port: int) -> list[str]:
    """The addresses of a name. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(row[4][0]) for row in found]


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200: its body and its headers."""

    body: bytes
    headers: Mapping[str, str]


class CheckedHttp:
    """`loopback`: plain http to this machine is taken as well, for a demo. `deadline` in seconds for all of an answer, `most` its bytes."""

    def __init__(
        self,
        *,
        loopback: bool = False,
        deadline: float = 5.0,
        most: int = MAX_BYTES,
        resolve: Resolve = resolved,
        client: httpx.AsyncClient | None = None,
    ) -> None:
        self._loopback = loopback
        self._deadline = deadline
        self._most = most
        self._resolve = resolve
        self._client = client or httpx.AsyncClient(follow_redirects=False, trust_env=False)

    async def ask(
        self, url: str, *, private: bool, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> Answer:
        """The answer to a GET, or with `content` to a POST. Raises Unavailable for everything but a 200 of that size in time."""
        try:
            async with asyncio.timeout(self._deadline):
                return await self._answered(url, private, headers or {}, content)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, TimeoutError) as error:
            raise Unavailable from error

    async def _answered(self, url: str, private: bool, headers: Mapping[str, str], content: bytes | None) -> Answer:
        parts = urlsplit(url)
        host, plain = parts.hostname or "", parts.scheme == "http"
        if not host or parts.scheme not in ("http", "https") or (plain and not self._loopback):
            raise Unavailable
        addresses = await self._resolve(host, parts.port or (80 if plain else 443))
        if not addresses or not all(_may(address, private, plain) for address in addresses):
            raise Unavailable
        request = self._client.build_request(
            "GET" if content is None else "POST", httpx.URL(url).copy_with(host=addresses[0]), content=content,
            timeout=self._deadline, extensions={"sni_hostname": host},
            headers={"Accept": "application/json", **headers, "Host": parts.netloc, "Accept-Encoding": "identity"},
        )  # fmt: skip
        answer = await self._client.send(request, stream=True)
        try:
            return Answer(await _read(answer, self._most), answer.headers)
        finally:
            await answer.aclose()

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.aclose()


def _may(text: str, private: bool, plain: bool) -> bool:
    """Plain http leads to this machine only; everything else to addresses of the internet, and private ones where the site says so."""
    address = ipaddress.ip_address(text.partition("%")[0])
    address = getattr(address, "ipv4_mapped", None) or address
    if plain:
        return address.is_loopback
    if address.is_multicast or address.is_unspecified or address.is_link_local:
        return False
    return address.is_global or private


async def _read(answer: httpx.Response, most: int) -> bytes:
    """The body of a 200 without an encoding. Raises Unavailable."""
    if answer.status_code != 200 or answer.headers.get("content-encoding", "identity") != "identity":
        raise Unavailable
    parts, size = [], 0
    async for part in answer.aiter_raw():
        size += len(part)
        if size > most:
            raise Unavailable
        parts.append(part)
    return b"".join(parts)
