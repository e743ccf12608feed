"""MLLP blocks wherever a stream is cut, and sending one over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GatewayError, InDoubt, Malformed, Misconfigured, TooLarge, TryLater
from gateway.model.agreement import Endpoint
from gateway.outbound.mllp import Frames, MllpTransport, NotFramed, frame, send


def feed(*chunks: bytes, limit: int = 100) -> list[bytes]:
    frames = Frames(limit)
    return [payload for chunk in chunks for payload in frames.feed(chunk)]


REFUSED: list[tuple[bytes, type[GatewayError]]] = [
    (b"MSH|", NotFramed),
    (b"\x0ba\x1c\rMSH", Malformed),
    (b"\x1c\r", NotFramed),
    (b"\x0ba\x0bb\x1c\r", Malformed),
    (b"\x0b\x0ba\x1c\r", Malformed),
    (b"\x0ba\x1cb\x1c\r", Malformed),
    (b"\x0ba\x1c\n", Malformed),
    (b"\x0ba\x1c\x1c\r", Malformed),
    (b"\x0b" + b"a" * 101, TooLarge),
]


@pytest.mark.parametrize(("stream", "error"), REFUSED)
def test_refuses_however_it_is_cut(stream: bytes, error: type[GatewayError]) -> None:
    for cut in range(len(stream) + 1):
        with pytest.raises(error):
            feed(stream[:cut], stream[cut:])


def test_two_messages_split_at_every_byte() -> None:
    stream = b"\r\n" + frame(b"one\r") + b"\n" + frame(b"two\xff") + frame(b"")
    for cut in range(len(stream) + 1):
        assert feed(stream[:cut], stream[cut:]) == [b"one\r", b"two\xff", b""]
    assert feed(*(stream[i : i + 1] for i in range(len(stream)))) == [b"one\r", b"two\xff", b""]


def test_what_is_still_open_is_known() -> None:
    frames = Frames()
    assert list(frames.feed(b"\x0bpart")) == []
    assert (frames.open, bytes(frames.pending)) == (True, b"part")
    assert list(frames.feed(b"\x1c")) == []
    assert frames.open


@given(
    st.lists(st.binary(max_size=40).filter(lambda b: b"\x0b" not in b and b"\x1c" not in b), max_size=5),
    st.integers(1, 9),
)
def test_frame_and_feed_are_inverse(payloads: list[bytes], size: int) -> None:
    stream = b"".join(map(frame, payloads))
    assert feed(*(stream[i : i + size] for i in range(0, len(stream), size))) == payloads


@pytest.mark.parametrize("payload", [b"a\x0bb", b"a\x1cb"])
def test_what_cannot_be_framed_is_not_sent(payload: bytes) -> None:
    with pytest.raises(Malformed):
        frame(payload)


Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def sent_to(peer: Peer, timeout: float = 5) -> bytes:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await peer(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    try:
        address = f"mllp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return await MllpTransport().send(Endpoint("lab", "mllp", address, timeout=timeout), b"MSH|x", {})
    finally:
        server.close()
        await asyncio.sleep(0.01)


async def test_an_answer_in_pieces() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\x1c\r") == frame(b"MSH|x")
        for piece in (b"\x0bMSA", b"|AA|1", b"\x1c", b"\r"):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    assert await sent_to(peer) == b"MSA|AA|1"


@pytest.mark.parametrize("answer", [b"", b"\x0bhalf", b"HTTP/1.1 400 Bad", b"\x0ba\x0b", b"\x0b" + b"a" * 1_000_001])
async def test_without_a_whole_answer_it_is_in_doubt(answer: bytes) -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\x1c\r")
        writer.write(answer)
        await writer.drain()

    with pytest.raises(InDoubt):
        await sent_to(peer)


async def test_a_silent_recipient_leaves_it_in_doubt() -> None:
    closed = asyncio.Event()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\x1c\r")
        await reader.read()
        closed.set()

    with pytest.raises(InDoubt):
        await sent_to(peer, timeout=0.1)
    await asyncio.wait_for(closed.wait(), 2)


async def test_a_refused_connection_is_tried_later() -> None:
    server = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    with pytest.raises(TryLater):
        await send("127.0.0.1", port, b"MSH", timeout=1)


@pytest.mark.parametrize("address", ["127.0.0.1:2575", "mllp://127.0.0.1", "http://127.0.0.1:2575", "mllp://:2575", ""])
async def test_what_is_no_address_of_mllp_is_never_called(address: str) -> None:
    with pytest.raises(Misconfigured):
        await MllpTransport().send(Endpoint("lab", "mllp", address), b"MSH|x", {})


async def test_tls_is_not_given_up_for_a_peer_without_it() -> None:
    got = asyncio.get_running_loop().create_future()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.set_result(await reader.read(1_000))
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    address = f"mllps://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    with pytest.raises(TryLater):
        await MllpTransport().send(Endpoint("lab", "mllp", address, timeout=5), b"MSH|secret", {})
    server.close()
    await asyncio.sleep(0.01)
    assert b"secret" not in await got
