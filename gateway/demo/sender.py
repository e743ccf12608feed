"""The hospital of the demo: sends what it is told to, over MLLP and HTTP, and says what came back."""

from __future__ import annotations

import socket
from typing import Any, TextIO

from gateway.model.wire import read_json, write_json
from gateway.outbound.mllp import Frames, frame

_TIMEOUT = 30.0


def hospital(lines: TextIO, answers: TextIO, mllp: tuple[str, int], base: str, token: str) -> None:
    """Sends each line's document and writes what came back, until the lines end."""
    import httpx

    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}
    with httpx.Client(base_url=base, headers=headers, timeout=_TIMEOUT, trust_env=False) as client:
        for line in lines:
            told = read_json(line.encode())
            if "mllp" in told:
                answer: dict[str, Any] = {"mllp": over_mllp(mllp, told["mllp"].encode()).decode()}
            else:
                got = client.post("/messages", content=write_json(told["fhir"]))
                answer = {"status": got.status_code, "fhir": read_json(got.content)}
            answers.write(write_json(answer).decode() + "\n")
            answers.flush()


def over_mllp(address: tuple[str, int], message: bytes) -> bytes:
    """The acknowledgement of one message on a connection of its own. Raises OSError."""
    with socket.create_connection(address, timeout=_TIMEOUT) as connection:
        connection.sendall(frame(message))
        frames = Frames()
        while chunk := connection.recv(65_536):
            for payload in frames.feed(chunk):
                return payload
    raise ConnectionError("The connection ended before the acknowledgement.")
