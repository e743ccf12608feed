"""The MLLP door over real sockets: what it refuses, in which order it answers, and that it keeps serving."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import json
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.errors import GatewayError, NotAgreed, TryLater
from gateway.inbound.mllp import MllpDoor, MllpLimits, PeerInfo, serve_mllp
from gateway.outbound.mllp import frame, send
from gateway.standards.hl7v2 import acknowledge, parse

AT = datetime.datetime(2026, 11, 22, 9, tzinfo=datetime.UTC)
LIMITS = MllpLimits(idle_seconds=5, frame_seconds=5, linger_seconds=0.5)
BADINPUTS = Path(__file__).parents[2] / ".." / "shared" / "conformance" / "badinputs"


def message(control_id: str, tail: str = "PID|1||p1") -> bytes:
    return f"MSH|^~\\&|A|H1|GW|KR|20261122090000||ADT^A01|{control_id}|P|2.5.1\r{tail}\r".encode()


async def handle(payload: bytes, peer: PeerInfo) -> bytes:
    return acknowledge(parse(payload), control_id="G", at=AT)


def refuse(payload: bytes, error: GatewayError) -> bytes:
    return acknowledge(payload, control_id="G", at=AT, error=error)


class Door:
    def __init__(self, door: MllpDoor, port: int, counted: Counter[str]) -> None:
        self.door, self.port, self.counted = door, port, counted

    async def talk(self, *chunks: bytes, pause: float = 0.0, eof: bool = True) -> bytes:
        """Send, stop sending, and read everything that comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for chunk in chunks:
                writer.write(chunk)
                await writer.drain()
                await asyncio.sleep(pause)
            if eof:
                writer.write_eof()
            return await asyncio.wait_for(reader.read(), 10)
        except OSError:  # closed at the other end while we were sending
            return b""
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def serves(self) -> bool:
        answer = await send("127.0.0.1", self.port, message("alive"), timeout=5)
        return b"MSA|AA|alive" in answer


@asynccontextmanager
async def opened(handler: Callable[..., Any] = handle, **options: Any) -> AsyncIterator[Door]:
    counted: Counter[str] = Counter()
    options.setdefault("limits", LIMITS)
    door, port = await serve_mllp(
        handler, "127.0.0.1", 0, refuse=refuse, count=lambda because, peer: counted.update([because]), **options
    )
    try:
        yield Door(door, port, counted)
    finally:
        await door.stop(grace=1)


def codes(answer: bytes) -> list[str]:
    return [part.split(b"\r")[0].decode() for part in answer.split(b"MSA|")[1:]]


BROKEN = [
    (b"\x0b" + message("1"), ["AR|1"], "framing"),
    (b"\x0b" + message("1", "PID|1||a\x1c\rOBX|forged") + b"\x1c\r", ["AR|1"], "framing"),
    (message("1") + b"\x1c\r", [], "unframed"),
    (b"\x0b" + message("1") + frame(b"PID|1"), ["AR|1"], "framing"),
    (b"\x0b" + message("1", "OBX|\x1cforged") + b"\x1c\r", ["AR|1"], "framing"),
    (frame(message("1")) + b"\x0b" + message("2") + b"\x0b", ["AA|1", "AR|2"], "framing"),
    (frame(message("1")) + b"GET / HTTP/1.1\r\n\r\n", ["AR|1"], "framing"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", [], "unframed"),
    (b"\x16\x03\x01\x02\x00\x01\x00", [], "unframed"),
    (frame(b"PID|1"), ["AR|"], "handler"),
    (frame(b""), ["AR|"], "handler"),
]


@pytest.mark.parametrize(("stream", "expected", "because"), BROKEN)
async def test_what_is_broken_is_refused_and_the_next_sender_is_served(
    stream: bytes, expected: list[str], because: str
) -> None:
    async with opened() as door:
        answer = await door.talk(stream)
        assert [code.rstrip("|") for code in codes(answer)] == [code.rstrip("|") for code in expected]
        assert door.counted == {because: 1}
        assert await door.serves()


async def test_two_in_one_packet_are_answered_in_order() -> None:
    async with opened() as door:
        assert codes(await door.talk(frame(message("1")) + frame(message("2")))) == ["AA|1", "AA|2"]


async def test_a_message_split_at_every_byte() -> None:
    stream = frame(message("1", "")) + frame(message("2", ""))
    async with opened() as door:
        answers = await asyncio.gather(
            *(door.talk(stream[:cut], stream[cut:], pause=0.01) for cut in range(1, len(stream), 3))
        )
        assert all(codes(answer) == ["AA|1", "AA|2"] for answer in answers)


async def test_a_client_that_has_finished_sending_still_gets_its_answers() -> None:
    async def slow(payload: bytes, peer: PeerInfo) -> bytes:
        await asyncio.sleep(0.1)
        return await handle(payload, peer)

    async with opened(slow) as door:
        assert codes(await door.talk(*(frame(message(str(i))) for i in range(3)))) == ["AA|0", "AA|1", "AA|2"]


async def test_a_slow_sender_is_cut_off() -> None:
    async with opened(limits=MllpLimits(idle_seconds=5, frame_seconds=0.3, linger_seconds=3)) as door:
        answer = await door.talk(b"\x0b", *(bytes([b]) for b in message("1")[:20]), pause=0.05, eof=False)
        assert codes(answer) == ["AE"]
        assert door.counted == {"slow": 1}
        assert await door.serves()


async def test_an_idle_connection_ends_in_silence() -> None:
    async with opened(limits=MllpLimits(idle_seconds=0.1)) as door:
        assert await door.talk(eof=False) == b""
        assert not door.counted


async def test_a_big_message_passes_and_a_bigger_one_is_cut_off() -> None:
    async with opened() as door:
        big = frame(message("1", "\r".join("NTE|1||" + "x" * 900_000 for _ in range(5))))
        assert codes(await door.talk(big)) == ["AA|1"]
        assert codes(await door.talk(b"\x0b" + message("1") + b"A" * 6_000_000)) in (["AR|1"], [])
        assert await door.serves()


async def test_a_handler_that_refuses_or_breaks_is_answered() -> None:
    async def broken(payload: bytes, peer: PeerInfo) -> bytes:
        if b"|1|P|" in payload:
            raise NotAgreed
        raise RuntimeError("PID-5 says Kim")

    async with opened(broken) as door:
        answer = await door.talk(frame(message("1")) + frame(message("2")))
        assert codes(answer) == ["AR|1", "AE|2"]
        assert b"Kim" not in answer


async def test_peers_that_are_not_allowed_are_closed_and_counted() -> None:
    async with opened(allowed_peers=["10.0.0.0/8", "::1"]) as door:
        assert await door.talk(frame(message("1"))) == b""
        assert door.counted == {"peer": 1}
    async with opened(allowed_peers=["127.0.0.1"]) as door:
        assert await door.serves()


async def test_no_more_connections_than_stated() -> None:
    async with opened(limits=MllpLimits(connections=1)) as door:
        _, writer = await asyncio.open_connection("127.0.0.1", door.port)
        await asyncio.sleep(0.05)
        assert await door.talk(frame(message("1"))) == b""
        assert door.counted == {"connections": 1}
        writer.close()
        await writer.wait_closed()
        await asyncio.sleep(0.05)
        assert await door.serves()


async def test_stopping_waits_for_the_answer_it_owes() -> None:
    started = asyncio.Event()

    async def slow(payload: bytes, peer: PeerInfo) -> bytes:
        started.set()
        await asyncio.sleep(0.2)
        return await handle(payload, peer)

    async with opened(slow) as door:
        owed = asyncio.create_task(door.talk(frame(message("1")) + frame(message("2")), eof=False))
        idle = asyncio.create_task(door.talk(eof=False))
        await started.wait()
        await door.door.stop(grace=2)
        assert codes(await owed) == ["AA|1"]
        assert await idle == b""
        with pytest.raises(TryLater):
            await send("127.0.0.1", door.port, message("3"), timeout=1)


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, in one PEM file."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + secret)
    return path


async def test_tls_names_the_certificate_of_the_peer(tmp_path: Path) -> None:
    server_pem, client_pem = certificate(tmp_path, "server"), certificate(tmp_path, "client")
    theirs = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(client_pem))
    theirs.load_cert_chain(server_pem)
    theirs.verify_mode = ssl.CERT_REQUIRED
    ours = ssl.create_default_context(cafile=str(server_pem))
    seen: list[PeerInfo] = []

    async def look(payload: bytes, peer: PeerInfo) -> bytes:
        seen.append(peer)
        return await handle(payload, peer)

    async with opened(look, tls=theirs) as door:
        with pytest.raises(GatewayError):
            await send("127.0.0.1", door.port, message("0"), timeout=2)  # no TLS
        with pytest.raises(GatewayError):
            await send("127.0.0.1", door.port, message("0"), timeout=2, tls=ours)  # no certificate
        assert seen == []
        ours.load_cert_chain(client_pem)
        assert b"MSA|AA|1" in await send("127.0.0.1", door.port, message("1"), timeout=5, tls=ours)
        assert x509.load_der_x509_certificate(seen[0].certificate).subject.rfc4514_string() == "CN=client"


def cases() -> list[dict[str, Any]]:
    manifest = BADINPUTS / "manifest.json"
    if not manifest.exists():
        return []
    entries: list[dict[str, Any]] = json.loads(manifest.read_text())["entries"]
    return [entry for entry in entries if entry["endpoint"] == "mllp"]


@pytest.mark.parametrize("case", cases(), ids=lambda case: str(case["file"]))
async def test_hostile_frames(case: dict[str, Any]) -> None:
    path = BADINPUTS / case["file"]
    body = path.read_bytes()
    if path.suffix == ".json":
        recipe = json.loads(body)
        body = (
            bytes.fromhex(recipe["prefixHex"]) + recipe["prefix"].encode() + recipe["repeat"].encode() * recipe["count"]
        )
    async with opened() as door:
        found = codes(await door.talk(body))
        if case["mode"] == "reject":
            assert not any(code.startswith("AA") for code in found)
        else:
            assert found == ["AA|1", "AA|2"]
        assert await door.serves()
