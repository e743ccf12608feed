"""A small FHIR server over HTTPS for tests: searches by patient, pages, a bearer token, a client certificate; and whatever else it is told to say."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.flows.test_tls import Authority, Paper

BASE, TOKEN = "/r4", "token-of-the-gateway"
Said = tuple[int, Mapping[str, str], bytes]


@dataclass
class Hospital:
    """What the server holds, and what it was asked. `twist` says something else for an address, None as usual."""

    resources: list[dict[str, Any]] = field(default_factory=list)
    asked: list[tuple[str, str, str]] = field(default_factory=list)  # method, path with query, body
    peers: list[Any] = field(default_factory=list)
    page: int = 200
    base: str = ""
    twist: Callable[[str, str], Said | None] = lambda *_: None

    def answer(self, method: str, target: str, body: str, headers: Any) -> Said:
        self.asked.append((method, target, body))
        if (said := self.twist(target, body)) is not None:
            return said
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            return 401, {}, b"{}"
        parts = urlsplit(target)
        kind = parts.path.removeprefix(f"{BASE}/").removesuffix("/_search")
        query = parse_qs(body if method == "POST" else parts.query)
        return bundle(self._paged(kind, self._found(kind, query), query))

    def _found(self, kind: str, query: Mapping[str, list[str]]) -> list[dict[str, Any]]:
        held = [one for one in self.resources if one["resourceType"] == kind]
        if kind == "Patient":
            return [
                p for p in held if query["identifier"][0] in [f"{i['system']}|{i['value']}" for i in p["identifier"]]
            ]
        own = f"Patient/{query['patient'][0]}"
        whose = [one.get("subject") or one.get("patient") or {} for one in held]
        return [
            one
            for one, who in zip(held, whose, strict=True)
            if who.get("reference", "").removeprefix(f"{self.base}/") == own
        ]

    def _paged(self, kind: str, found: list[dict[str, Any]], query: Mapping[str, list[str]]) -> dict[str, Any]:
        start = int(query.get("_from", ["0"])[0])
        links = [{"relation": "self", "url": f"{self.base}/{kind}"}]
        if start + self.page < len(found):
            more = f"{self.base}/{kind}?patient={query['patient'][0]}&_from={start + self.page}"
            links.append({"relation": "next", "url": more})
        entries = [{"resource": one, "search": {"mode": "match"}} for one in found[start : start + self.page]]
        return {"resourceType": "Bundle", "type": "searchset", "link": links, "entry": entries}


def bundle(body: Any, status: int = 200) -> Said:
    return status, {"Content-Type": "application/fhir+json"}, json.dumps(body).encode()


@contextmanager
def listening(hospital: Hospital, authority: Authority, paper: Paper) -> Iterator[Hospital]:
    """The server on a port of this machine; who comes without a certificate of the authority is not let in."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            hospital.peers.append(self.connection.getpeercert())  # type: ignore[attr-defined]
            status, headers, content = hospital.answer(self.command, self.path, body, self.headers)
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True  # it was waited for no longer

        do_GET = do_POST = _answer  # the names that the standard library looks for

        def log_message(self, *_: Any) -> None:
            """Quietly."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(authority.paper.certificate))
    context.load_cert_chain(paper.certificate, paper.key)
    context.verify_mode = ssl.CERT_REQUIRED
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    hospital.base = f"https://127.0.0.1:{server.server_port}{BASE}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hospital
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
