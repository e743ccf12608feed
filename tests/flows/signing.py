"""The demo's identity provider in a thread, straight or bent, and a browser without a screen that signs in at a served node."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
import uvicorn

from gateway.demo.provider import Provider
from tests.flows.conftest import Flow, Served, hold, let_go, serving

Bend = Callable[[dict[str, Any]], dict[str, Any]]
Sign = Callable[["Bent", dict[str, Any]], str]


class Bent(Provider):
    """The demo's provider; a test changes the claims it makes or how it signs them."""

    bend: Bend = staticmethod(lambda claims: claims)  # type: ignore[assignment]
    sign: Sign | None = None

    def claims(self, account: str, nonce: str) -> dict[str, Any]:
        return self.bend(super().claims(account, nonce))

    def signed(self, claims: Mapping[str, Any]) -> str:
        return self.sign(self, dict(claims)) if self.sign is not None else super().signed(claims)


@contextmanager
def registered(flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    """A served node that knows its secret at the provider."""
    (tmp_path / "secrets").mkdir()
    secret = (flow.stage.data_dir / "secrets" / "sign-in.secret").read_text()
    (tmp_path / "secrets" / "sign-in.secret").write_text(secret)
    with serving(flow, monkeypatch, tmp_path) as made:
        yield made


@contextmanager
def providing(served: Served) -> Iterator[Bent]:
    """The provider that the demo's site names, for a served node."""
    stage = served.flow.stage
    secret = (stage.data_dir / "secrets" / "sign-in.secret").read_text()
    address = f"http://127.0.0.1:{stage.issuer_port}"
    made = Bent(address, secret, [f"{served.base}/login/callback"], lambda: served.flow.clock().timestamp())
    config = uvicorn.Config(made.app(), host="127.0.0.1", port=stage.issuer_port, log_level="error", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    let_go(stage.issuer_port)
    thread.start()
    try:
        while not server.started:
            thread.join(0.02)
            assert thread.is_alive()
        yield made
    finally:
        server.should_exit = True
        thread.join(10)
        hold(stage.issuer_port)


class Visitor:
    """A browser without a screen: keeps cookies, follows what a test tells it to follow."""

    def __init__(self, served: Served) -> None:
        self.base = served.base
        self.http = httpx.Client(trust_env=False, timeout=20, headers={"Accept-Language": "en", "Accept": "text/html"})

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.http.get(f"{self.base}{path}" if path.startswith("/") else path, **more)

    def post(self, path: str, fields: Mapping[str, str], **more: Any) -> httpx.Response:
        return self.http.post(f"{self.base}{path}", data=dict(fields), **more)

    def begins(self) -> str:
        """Where the gateway sends the browser to sign in."""
        answer = self.get("/login")
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def picks(self, account: str, at: str) -> str:
        """The address that the provider sends the browser back to."""
        page = self.get(at).text
        found = re.search(rf'id="{account}" href="([^"]+)"', page)
        assert found, page
        parts = urlsplit(at)
        answer = self.get(f"{parts.scheme}://{parts.netloc}{found[1].replace('&amp;', '&')}")
        assert answer.status_code == 303
        return answer.headers["location"]

    def signs_in(self, account: str) -> httpx.Response:
        """The gateway's answer to the whole of it."""
        return self.get(self.picks(account, self.begins()))

    def token(self, path: str) -> str:
        """The hidden field of a form on a page."""
        found = re.search(r'name="token" value="([^"]+)"', self.get(path).text)
        assert found, path
        return found[1]

    def session(self) -> str:
        return self.http.cookies.get("session", "")

    def close(self) -> None:
        self.http.close()


def query_of(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query))
