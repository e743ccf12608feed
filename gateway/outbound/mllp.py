"""MLLP: blocks of bytes over a stream, and sending one (HL7 Transport Specification: MLLP, Release 2, 2.2 and 2.4).

A block is 0x0B, the message, 0x1C 0x0D. None of the first two may occur inside; a reader that forgives this takes forged
messages for true ones, so anything else ends the conversation.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from gateway.errors import InDoubt, Malformed, Misconfigured, TooLarge, TryLater
from gateway.model.agreement import Endpoint

START, END, RETURN = b"\x0b", b"\x1c", b"\r"
MAX_FRAME_BYTES = 5_000_000
MAX_ANSWER_BYTES = 1_000_000
_CHUNK = 65_536


class NotFramed(Malformed):
    """The first byte is not a start block: whoever is there does not speak MLLP."""


def frame(payload: bytes) -> bytes:
    """A message as a block. Raises Malformed when it holds a framing character."""
    if START in payload or END in payload:
        raise Malformed("The message holds a framing character of MLLP.")
    return START + payload + END + RETURN


class Frames:
    """Chunks of a stream to whole messages, wherever the chunks are cut. `pending` is the message that is still incomplete."""

    __slots__ = ("_ending", "_limit", "open", "pending")

    def __init__(self, limit: int = MAX_FRAME_BYTES) -> None:
        self._limit = limit
        self._ending = False
        self.open = False
        self.pending = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """0..* messages completed by this chunk, in order; CR and LF between blocks are skipped.

        Raises NotFramed for anything else between blocks; Malformed for a start block inside a block, for an end block that is
        not followed by a carriage return, and for a block after which the same chunk goes on with something else; TooLarge
        over the limit.
        """
        rest = memoryview(chunk).tobytes()
        while rest:
            if self._ending:
                rest = self._finish(rest)
                yield bytes(self.pending)
                self.pending.clear()
            elif not self.open:
                rest = self._start(rest)
            else:
                rest = self._collect(rest)

    def _start(self, rest: bytes) -> bytes:
        rest = rest.lstrip(b"\r\n")
        if rest and not rest.startswith(START):
            raise NotFramed("The bytes do not start a block of MLLP.")
        self.open = bool(rest)
        return rest[1:]

    def _collect(self, rest: bytes) -> bytes:
        part, end, rest = rest.partition(END)
        before, start, _ = part.partition(START)
        if start:
            self.pending += before[: self._limit]
            raise Malformed("A block starts inside a block.")
        if len(self.pending) + len(part) > self._limit:
            raise TooLarge("The message is larger than this gateway takes.")
        self.pending += part
        self._ending = bool(end)
        return rest

    def _finish(self, rest: bytes) -> bytes:
        if not rest.startswith(RETURN):
            raise Malformed("An end of block is not followed by a carriage return.")
        rest = rest[1:].lstrip(b"\r\n")
        if rest and not rest.startswith(START):
            raise Malformed("What follows a block is no block; the end may have been forged inside a field.")
        self._ending = self.open = False
        return rest


async def send(host: str, port: int, payload: bytes, *, timeout: float, tls: ssl.SSLContext | None = None) -> bytes:
    """One message out, its acknowledgement back (bytes; the caller compares MSA-2 with the MSH-10 it sent).

    `timeout` is in seconds, for connecting and again for the answer. Raises TryLater when nothing was sent (refused, no route,
    TLS not agreed), InDoubt when it was and no whole answer came, Malformed when the payload cannot be framed.
    """
    block = frame(payload)
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls)
    except (OSError, TimeoutError) as error:
        raise TryLater("The connection could not be made.") from error
    try:
        async with asyncio.timeout(timeout):
            writer.write(block)
            await writer.drain()
            return await _answer(reader)
    except (OSError, TimeoutError, Malformed, TooLarge) as error:
        raise InDoubt("The message was sent and no whole acknowledgement came back.") from error
    finally:
        await _closed(writer)


async def _answer(reader: asyncio.StreamReader) -> bytes:
    frames = Frames(MAX_ANSWER_BYTES)
    while chunk := await reader.read(_CHUNK):
        for answer in frames.feed(chunk):
            return answer
    raise Malformed("The connection ended before the acknowledgement.")


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            await writer.wait_closed()


class MllpTransport:
    """Sends one block to an endpoint's `mllp://host:port` (`mllps:` with TLS, by the authorities that this machine trusts)."""

    async def send(self, endpoint: Endpoint, payload: bytes, headers: Mapping[str, str]) -> bytes:  # noqa: ARG002 the port's
        """The acknowledgement. Raises TryLater or InDoubt, Malformed for what cannot be framed, Misconfigured for an address that is none."""
        address = urlsplit(endpoint.url)
        if address.scheme not in ("mllp", "mllps") or not address.hostname or not address.port:
            raise Misconfigured(f"The address of endpoint {endpoint.id} is no mllp://host:port.")
        tls = ssl.create_default_context() if address.scheme == "mllps" else None
        return await send(address.hostname, address.port, payload, timeout=endpoint.timeout, tls=tls)

    async def close(self) -> None:
        """Nothing is kept open."""
