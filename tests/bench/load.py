"""A load generator: so many senders over raw HTTP/1.1 connections on the loopback address, bounded in requests and in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_PATIENCE = 20.0  # seconds; then the round counts what was answered


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did: requests answered as expected, others, and seconds."""

    fine: int
    others: int
    seconds: float

    @property
    def rate(self) -> float:
        """Expected answers per second."""
        return self.fine / self.seconds


def request(method: str, path: str, token: str = "", body: bytes = b"", content_type: str = "") -> bytes:
    """The bytes of one request on a connection that stays open."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"Authorization: Bearer {token}"] if token else []
    lines += [f"Content-Type: {content_type}"] if content_type else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def send(port: int, requests: Sequence[bytes], senders: int) -> Round:
    """All requests by that many concurrent senders, each waiting for its answer before its next one."""
    return asyncio.run(_send(port, iter(requests), senders))


async def _send(port: int, requests: Iterator[bytes], senders: int) -> Round:
    connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(senders)]
    statuses: list[int] = []
    start = time.perf_counter()
    tasks = [asyncio.create_task(_sender(*connection, requests, statuses)) for connection in connections]
    done, late = await asyncio.wait(tasks, timeout=_PATIENCE)
    seconds = time.perf_counter() - start
    for task in late:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for _, writer in connections:
        writer.close()
    for task in done:
        task.result()
    fine = sum(200 <= status < 300 for status in statuses)
    return Round(fine, len(statuses) - fine, seconds)


async def _sender(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, requests: Iterator[bytes], statuses: list[int]
) -> None:
    for one in requests:
        writer.write(one)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        statuses.append(int(head[9:12]))
