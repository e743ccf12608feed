"""A terminology server over HTTP: whatever fails is no answer, a no counts only of a server that has the code system."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.outbound.terminology import TerminologyServer
from gateway.terminology.codes import Membership

SNOMED, SET = "http://snomed.info/sct", "http://example.org/vs"
Reply = Callable[[str, Any], tuple[int, bytes]]


class Said:
    """What the server at the other end got, and how it answers."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, Any, dict[str, str]]] = []
        self.reply: Reply = lambda path, body: (500, b"")
        self.pause = 0.0


@pytest.fixture
def said() -> Iterator[tuple[Said, str]]:
    state = Said()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            asked = json.loads(body) if body else None
            state.got.append((self.command, self.path, asked, dict(self.headers)))
            time.sleep(state.pause)
            status, content = state.reply(self.path, asked)
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield state, f"http://127.0.0.1:{server.server_address[1]}/r4/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def parameters(result: Any, *more: dict[str, Any]) -> bytes:
    return json.dumps(
        {"resourceType": "Parameters", "parameter": [{"name": "result", "valueBoolean": result}, *more]}
    ).encode()


def holding(content: str) -> bytes:
    entry = [{"resource": {"resourceType": "CodeSystem", "url": SNOMED, "content": content}}]
    return json.dumps({"resourceType": "Bundle", "entry": entry if content else []}).encode()


def answer(said: tuple[Said, str], reply: Reply, value_set: str = SET, **more: Any) -> Membership | None:
    said[0].reply = reply
    server = TerminologyServer(said[1], **more)
    try:
        return server.validate_code(SNOMED, "22298006", value_set)
    finally:
        server.close()


@pytest.mark.parametrize(
    "reply",
    [
        (500, b""),
        (302, b""),
        (401, b"{}"),
        (200, b""),
        (200, b"not json"),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"resourceType": "Parameters", "parameter": {}}'),
        (200, parameters("true")),
        (200, parameters(1)),
        (200, parameters(True, {"name": "result", "valueBoolean": False})),
        (200, b'{"a": "' + b"x" * 1_100_000 + b'"}'),
        (200, b'{"a": NaN}'),
    ],
)
def test_what_is_no_answer(said: tuple[Said, str], reply: tuple[int, bytes]) -> None:
    assert answer(said, lambda path, body: reply) is None
    assert len(said[0].got) == 1


def test_nobody_there() -> None:
    assert TerminologyServer("http://127.0.0.1:9", 0.5).validate_code(SNOMED, "22298006", SET) is None
    assert TerminologyServer("no address", 0.5).validate_code(SNOMED, "22298006", SET) is None


def test_too_late_is_no_answer(said: tuple[Said, str]) -> None:
    said[0].pause = 1.0
    started = time.monotonic()
    assert answer(said, lambda path, body: (200, parameters(True)), deadline=0.2) is None
    assert time.monotonic() - started < 0.9


def test_a_secret_that_is_not_there_asks_nobody(said: tuple[Said, str], tmp_path: Path) -> None:
    assert answer(said, lambda path, body: (200, parameters(True)), secret=tmp_path / "none") is None
    assert said[0].got == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", Membership.UNKNOWN),
        ("not-present", Membership.UNKNOWN),
        ("fragment", Membership.UNKNOWN),
        ("complete", Membership.OUT),
    ],
)
def test_a_no_counts_only_where_the_code_system_is(said: tuple[Said, str], content: str, expected: Membership) -> None:
    def reply(path: str, body: Any) -> tuple[int, bytes]:
        return (200, parameters(False)) if body else (200, holding(content))

    assert answer(said, reply) is expected


@pytest.mark.parametrize("status", [404, 422])
def test_a_server_without_the_system_or_set_cannot_say(said: tuple[Said, str], status: int) -> None:
    assert answer(said, lambda path, body: (status, b'{"resourceType": "OperationOutcome"}')) is Membership.UNKNOWN


def test_a_no_because_of_an_unknown_system_is_none(said: tuple[Said, str]) -> None:
    more = {"name": "x-caused-by-unknown-system", "valueCanonical": SNOMED}
    assert answer(said, lambda path, body: (200, parameters(False, more))) is Membership.UNKNOWN


def test_a_yes_and_what_was_sent_for_it(said: tuple[Said, str], tmp_path: Path) -> None:
    (tmp_path / "token").write_text("key\n")
    assert answer(said, lambda path, body: (200, parameters(True)), secret=tmp_path / "token") is Membership.IN
    method, path, body, headers = said[0].got[0]
    assert (method, path) == ("POST", "/r4/ValueSet/$validate-code")
    assert body == {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "code", "valueCode": "22298006"},
            {"name": "url", "valueUri": SET},
            {"name": "system", "valueUri": SNOMED},
        ],
    }
    assert headers["Authorization"] == "Bearer key"


def test_a_code_system_alone_is_asked_by_its_own_operation(said: tuple[Said, str]) -> None:
    assert answer(said, lambda path, body: (200, parameters(True)), value_set="") is Membership.IN
    assert said[0].got[0][1] == "/r4/CodeSystem/$validate-code"
