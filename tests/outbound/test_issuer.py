"""The issuer over HTTP: what it must say of itself, and answers that are too long, too late, from elsewhere or no answers."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from gateway.errors import GatewayError, Misconfigured, Unavailable, UnknownCaller
from gateway.model.signin import RoleRow, SignIn
from gateway.outbound import issuer as module
from gateway.outbound.issuer import Issuer

Reply = Callable[[str], tuple[int, dict[str, str], bytes]]


class Said:
    """What the other end got, and how it answers."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, bytes, dict[str, str]]] = []
        self.changes: dict[str, Any] = {}
        self.reply: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.drip = 0.0
        self.base = ""

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        if path in self.reply:
            return self.reply[path]
        said = {
            "/.well-known/openid-configuration": {
                "issuer": self.base, "authorization_endpoint": f"{self.base}/a", "token_endpoint": f"{self.base}/t",
                "jwks_uri": f"{self.base}/k", **self.changes,
            },
            "/k": {"keys": [{"kid": "one", "kty": "EC"}]},
            "/t": {"id_token": "a.b.c", "access_token": "x"},
        }  # fmt: skip
        return 200, {"Content-Type": "application/json"}, json.dumps(said[path]).encode()


@pytest.fixture
def said() -> Iterator[Said]:
    state = Said()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            state.got.append((self.command, self.path, body, dict(self.headers)))
            status, headers, content = state.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            for byte in content if state.drip else ():
                self.wfile.write(bytes([byte]))
                time.sleep(state.drip)
            if not state.drip:
                self.wfile.write(content)

        do_GET = do_POST = _answer

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    state.base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


def asked(said: Said, folder: Path, **changes: Any) -> Issuer:
    (folder / "x.secret").write_text("s3cret\n")
    rows = (RoleRow("a", ("auditor",)),)
    terms = {
        "issuer": said.base,
        "client_id": "ieum",
        "secret": "file:x.secret",
        "roles_claim": "groups",
        "roles": rows,
    }
    return Issuer(SignIn(**{**terms, **changes}), folder)


def test_where_a_browser_is_sent(said: Said, tmp_path: Path) -> None:
    made = asked(said, tmp_path).address("https://here.example/login/callback", "s", "n", "v" * 43)
    address, _, query = made.partition("?")
    assert address == f"{said.base}/a"
    assert dict(parse_qsl(query)) == {
        "response_type": "code", "client_id": "ieum", "redirect_uri": "https://here.example/login/callback", "scope": "openid",
        "state": "s", "nonce": "n", "code_challenge_method": "S256", "code_challenge": "7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM",
    }  # fmt: skip
    assert "v" * 43 not in made


def test_a_code_goes_with_its_verifier_and_the_secret_apart(said: Said, tmp_path: Path) -> None:
    assert asked(said, tmp_path).redeem("c&d", "https://here.example/cb", "v") == "a.b.c"
    method, path, body, headers = said.got[-1]
    assert (method, path) == ("POST", "/t")
    assert dict(parse_qsl(body.decode())) == {
        "grant_type": "authorization_code", "code": "c&d", "redirect_uri": "https://here.example/cb", "code_verifier": "v",
    }  # fmt: skip
    assert headers["Authorization"] == "Basic aWV1bTpzM2NyZXQ="
    assert headers["Accept-Encoding"] == "identity"
    assert b"s3cret" not in body


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, UnknownCaller), (401, UnknownCaller), (403, Unavailable), (500, Unavailable), (302, Unavailable)],
)
def test_a_code_that_is_refused(said: Said, tmp_path: Path, status: int, error: type[GatewayError]) -> None:
    said.reply["/t"] = (status, {"Location": f"{said.base}/k"}, b'{"error": "invalid_grant", "id_token": "a.b.c"}')
    with pytest.raises(error):
        asked(said, tmp_path).redeem("c", "https://here.example/cb", "v")
    assert [path for _, path, *_ in said.got] == ["/.well-known/openid-configuration", "/t"]


@pytest.mark.parametrize("body", [b"{}", b'{"id_token": 1}', b'{"id_token": null}'])
def test_an_answer_without_a_token_is_none(said: Said, tmp_path: Path, body: bytes) -> None:
    said.reply["/t"] = (200, {}, body)
    with pytest.raises(UnknownCaller):
        asked(said, tmp_path).redeem("c", "https://here.example/cb", "v")


METADATA = {
    "another issuer": {"issuer": "https://evil.example"},
    "an issuer with a slash": {"issuer": "SLASH"},
    "no token endpoint": {"token_endpoint": None},
    "plain http elsewhere": {"token_endpoint": "http://issuer.example/t"},
    "keys in plain elsewhere": {"jwks_uri": "http://192.0.2.1/k"},
    "keys in a file": {"jwks_uri": "file:///etc/passwd"},
    "a page that is no address": {"authorization_endpoint": "javascript:alert(1)"},
    "a machine that only begins like this one": {"authorization_endpoint": "http://127.0.0.1.evil.example/a"},
}


@pytest.mark.parametrize("name", METADATA)
def test_an_issuer_that_says_something_else_is_not_asked(said: Said, tmp_path: Path, name: str) -> None:
    said.changes = {key: f"{said.base}/" if value == "SLASH" else value for key, value in METADATA[name].items()}
    for ask in (
        lambda one: one.address("https://here.example/cb", "s", "n", "v"),
        lambda one: one.redeem("c", "https://here.example/cb", "v"),
        lambda one: one.keys("one"),
    ):
        with pytest.raises(Unavailable):
            ask(asked(said, tmp_path))
    assert {path for _, path, *_ in said.got} == {"/.well-known/openid-configuration"}


ANSWERS = {
    "too long": (200, {}, b'{"keys": [], "more": "' + b"a" * 250_000 + b'"}'),
    "compressed": (200, {"Content-Encoding": "gzip"}, gzip.compress(b'{"keys": []}')),
    "no JSON": (200, {}, b"<html>"),
    "a name twice": (200, {}, b'{"keys": [], "keys": []}'),
    "a list": (200, {}, b"[]"),
    "elsewhere": (302, {"Location": "/t"}, b""),
    "gone": (404, {}, b"{}"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_none(said: Said, tmp_path: Path, name: str) -> None:
    said.reply["/k"] = ANSWERS[name]
    with pytest.raises(Unavailable):
        asked(said, tmp_path).keys("one")
    del said.reply["/k"]
    assert asked(said, tmp_path).keys("one")


def test_an_answer_that_drips_is_given_up(said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_DEADLINE", 0.5)
    said.drip = 0.05
    with pytest.raises(Unavailable):
        asked(said, tmp_path).keys("one")


def test_nobody_there(said: Said, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        asked(said, tmp_path, issuer="http://127.0.0.1:1").keys("one")


def test_keys_are_kept_and_read_again_for_a_key_that_is_new(
    said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issuer = asked(said, tmp_path)
    for _ in range(5):
        assert [key["kid"] for key in issuer.keys("one")] == ["one"]
    assert [path for _, path, *_ in said.got].count("/k") == 1
    said.reply["/k"] = (200, {}, b'{"keys": [{"kid": "two", "kty": "EC"}, "odd"]}')
    for _ in range(5):  # unknown key ids do not make us ask again and again
        issuer.keys("two")
    assert [path for _, path, *_ in said.got].count("/k") == 1
    monkeypatch.setattr(module, "_AGAIN", 0.0)
    assert [key["kid"] for key in issuer.keys("two")] == ["two"]


def test_whose_answer_it_is(said: Said, tmp_path: Path) -> None:
    plain = asked(said, tmp_path)
    assert plain.named("")
    assert plain.named(said.base)
    assert not plain.named("https://evil.example")
    said.changes = {"authorization_response_iss_parameter_supported": True}
    assert not asked(said, tmp_path).named("")
    assert asked(said, tmp_path).named(said.base)


def test_without_the_secret_nothing_is_asked(said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for secret in ("file:missing", "NO_SUCH_VARIABLE"):
        with pytest.raises(Misconfigured):
            asked(said, tmp_path, secret=secret).redeem("c", "https://here.example/cb", "v")
    monkeypatch.setenv("A_SECRET", "s3cret")
    assert asked(said, tmp_path, secret="A_SECRET").redeem("c", "https://here.example/cb", "v") == "a.b.c"
