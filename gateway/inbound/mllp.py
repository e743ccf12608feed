"""The MLLP door: framing, limits and peers; what is inside a block is for the handler (HL7 MLLP Release 2, 2.3).

Messages of one connection are answered in their order, one at a time, so that a sender that does not read its answers stops
itself. Whatever is wrong with one connection ends that connection and no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Literal

from gateway.errors import Busy, Defect, GatewayError, Malformed
from gateway.outbound.mllp import MAX_FRAME_BYTES, Frames, NotFramed, frame

Because = Literal["peer", "connections", "unframed", "framing", "slow", "handler"]


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """Who is at the other end: address, port, and with mutual TLS the certificate (DER, verified by the context)."""

    host: str
    port: int
    certificate: bytes = b""


@dataclass(frozen=True, slots=True)
class MllpLimits:
    """Bounds of one door; times in seconds. `frame_seconds` is for a whole block from its first byte to its last."""

    frame_bytes: int = MAX_FRAME_BYTES
    connections: int = 256
    idle_seconds: float = 300.0
    frame_seconds: float = 30.0
    write_seconds: float = 30.0
    linger_seconds: float = 1.0


Handler = Callable[[bytes, PeerInfo], Awaitable[bytes]]
Refuse = Callable[[bytes, GatewayError], bytes]
Count = Callable[[Because, PeerInfo], None]


class MllpDoor:
    """One listening port.

    `handler` turns one message into its acknowledgement; `refuse` makes the acknowledgement for bytes that did not reach the
    handler or made it fail (the bytes so far, and why); `count` hears of every refusal (nothing is written per refusal, so
    that a flood costs nothing). `allowed_peers` are addresses or networks; None lets everyone in.
    """

    def __init__(
        self,
        handler: Handler,
        refuse: Refuse,
        *,
        limits: MllpLimits | None = None,
        allowed_peers: Collection[str] | None = None,
        count: Count | None = None,
    ) -> None:
        self._handler = handler
        self._refuse = refuse
        self._limits = limits or MllpLimits()
        self._allowed = None if allowed_peers is None else [ip_network(peer) for peer in allowed_peers]
        self._told = count
        self._connections: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._stopping = False

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Listen; gives the port (useful when asked for port 0)."""
        self._server = await asyncio.start_server(self._accept, host, port, ssl=tls)
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def stop(self, grace: float = 10.0) -> None:
        """No new connections; idle ones end now, busy ones after the answer they owe or after `grace` seconds."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for task in self._connections - self._busy:
            task.cancel()
        if self._connections:
            _, late = await asyncio.wait(self._connections, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            raise Defect
        peer = _peer_of(writer)
        self._connections.add(task)
        try:
            if self._welcome(peer):
                await self._converse(reader, writer, peer)
        except (OSError, asyncio.CancelledError):
            pass  # the other end left, or the door is closing
        finally:
            self._connections.discard(task)
            self._busy.discard(task)
            await _closed(writer)

    def _count(self, because: Because, peer: PeerInfo) -> None:
        if self._told is not None:
            self._told(because, peer)

    def _welcome(self, peer: PeerInfo) -> bool:
        if self._allowed is not None and not _within(peer.host, self._allowed):
            self._count("peer", peer)
            return False
        if len(self._connections) > self._limits.connections or self._stopping:
            self._count("connections", peer)
            return False
        return True

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: PeerInfo) -> None:
        frames = Frames(self._limits.frame_bytes)
        try:
            async for payload in self._payloads(reader, frames):
                await self._write(writer, await self._answer(payload, peer))
                if self._stopping:
                    return
        except NotFramed:
            self._count("unframed", peer)
        except GatewayError as error:
            self._count("slow" if isinstance(error, Busy) else "framing", peer)
            await self._write(writer, self._refuse(bytes(frames.pending), error))
            await self._linger(reader, writer)

    async def _payloads(self, reader: asyncio.StreamReader, frames: Frames) -> AsyncIterator[bytes]:
        """Whole messages until the other end has said all it will; it may stop sending and still wait for answers."""
        clock = asyncio.get_running_loop().time
        deadline = 0.0
        while True:
            if not frames.open:
                chunk = await _read(reader, self._limits.idle_seconds)
                deadline = clock() + self._limits.frame_seconds
            else:
                chunk = await _read(reader, deadline - clock())
            if chunk is None and frames.open:
                raise Busy("The message did not arrive in time.")
            if not chunk:
                break
            for payload in frames.feed(chunk):
                deadline = clock() + self._limits.frame_seconds
                yield payload
        if frames.open:
            raise Malformed("The connection ended inside a block.")

    async def _answer(self, payload: bytes, peer: PeerInfo) -> bytes:
        task = asyncio.current_task()
        if task is not None:
            self._busy.add(task)
        try:
            return await self._handler(payload, peer)
        except GatewayError as error:
            self._count("handler", peer)
            return self._refuse(payload, error)
        except Exception:  # a door: whatever went wrong inside, the sender is told that nothing was taken
            self._count("handler", peer)
            return self._refuse(payload, Defect())
        finally:
            if task is not None and not self._stopping:
                self._busy.discard(task)

    async def _write(self, writer: asyncio.StreamWriter, answer: bytes) -> None:
        writer.write(frame(answer))
        async with asyncio.timeout(self._limits.write_seconds):
            await writer.drain()

    async def _linger(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let the refusal arrive: closing with unread bytes would reset the connection and take the answer with it."""
        with contextlib.suppress(OSError, TimeoutError):
            if writer.can_write_eof():
                writer.write_eof()
            async with asyncio.timeout(self._limits.linger_seconds):
                while await reader.read(65_536):
                    pass


async def serve_mllp(
    handler: Handler,
    host: str,
    port: int,
    *,
    refuse: Refuse,
    limits: MllpLimits | None = None,
    tls: ssl.SSLContext | None = None,
    allowed_peers: Collection[str] | None = None,
    count: Count | None = None,
) -> tuple[MllpDoor, int]:
    """A door that listens, and the port it got (useful when asked for port 0)."""
    door = MllpDoor(handler, refuse, limits=limits, allowed_peers=allowed_peers, count=count)
    return door, await door.start(host, port, tls)


async def _read(reader: asyncio.StreamReader, seconds: float) -> bytes | None:
    """A chunk; empty at the end; None when nothing came in time."""
    try:
        async with asyncio.timeout(max(seconds, 0.0)):
            return await reader.read(65_536)
    except TimeoutError:
        return None


def _peer_of(writer: asyncio.StreamWriter) -> PeerInfo:
    host, port, *_ = writer.get_extra_info("peername") or ("", 0)
    tls = writer.get_extra_info("ssl_object")
    return PeerInfo(str(host), int(port), (tls.getpeercert(binary_form=True) or b"") if tls else b"")


def _within(host: str, networks: Collection[IPv4Network | IPv6Network]) -> bool:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    plain = getattr(address, "ipv4_mapped", None) or address
    return any(plain in network for network in networks)


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
        async with asyncio.timeout(1):
            await writer.wait_closed()
