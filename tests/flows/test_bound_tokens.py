"""Tokens bound to a client certificate over real TLS (RFC 8705): the certificate of the connection counts, and no header (38)."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.flows.callers import READER, System, calling, known
from tests.flows.conftest import Flow, Served, serving
from tests.flows.test_tls import Authority, Paper

HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
FORGED = ("X-Client-Cert", "X-SSL-Client-Cert", "X-Forwarded-Client-Cert", "Client-Cert", "SSL-Client-Cert")
BOUND = replace(READER, id="mapo-bound", bound=True)


class Papers:
    """A node that asks for certificates, one client that has to have one, one that need not."""

    def __init__(self, served: Served, authority: Authority) -> None:
        self.served, self.authority = served, authority
        self.own, self.other = authority.signs("team"), authority.signs("other")

    def client(self, paper: Paper | None) -> httpx.Client:
        context = ssl.create_default_context(cafile=str(self.authority.paper.certificate))
        if paper is not None:
            context.load_cert_chain(paper.certificate, paper.key)
        return httpx.Client(base_url=self.served.base, verify=context, trust_env=False, timeout=20)

    def asks(self, id: str, paper: Paper | None, **headers: str) -> httpx.Response:
        form = System(self.served.flow.clock, id).form()
        with self.client(paper) as client:
            return client.post("/oauth/token", content=form, headers={**HEADERS, **headers})

    def reads(self, token: str, paper: Paper | None, **headers: str) -> int:
        with self.client(paper) as client:
            told = {"Authorization": f"Bearer {token}", **headers}
            return client.get("/fhir/Patient?identifier=urn:x%7C1", headers=told).status_code


@pytest.fixture
def papers(flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Papers]:
    authority = Authority(tmp_path, "authority")
    own = authority.signs("node")
    keys = READER.keys
    flow.node = calling(flow.node, known(flow.node.site, replace(READER, keys=keys[:1]), replace(BOUND, keys=keys[:1])))
    settings = {"tls_certificate": own.certificate, "tls_key": own.key, "tls_clients": authority.paper.certificate}
    with serving(flow, monkeypatch, tmp_path, **settings) as served:
        yield Papers(served, authority)


def test_a_bound_token_belongs_to_its_certificate(papers: Papers) -> None:
    pem = papers.own.certificate.read_text().strip().replace("\n", " ")
    forged = dict.fromkeys(FORGED, pem)
    for refused in (papers.asks(BOUND.id, None), papers.asks(BOUND.id, None, **forged)):
        assert (refused.status_code, refused.json()) == (401, {"error": "invalid_client"})
    for id in (BOUND.id, READER.id):  # one that must, and one that happened to have a certificate
        token = papers.asks(id, papers.own).json()["access_token"]
        assert papers.reads(token, papers.own) == 200
        assert papers.reads(token, papers.other) == 401
        assert papers.reads(token, None) == 401
        assert papers.reads(token, None, **forged) == 401
        assert papers.reads(token, papers.other, **forged) == 401
    free = papers.asks(READER.id, None).json()["access_token"]
    assert (papers.reads(free, None), papers.reads(free, papers.own)) == (200, 200)
