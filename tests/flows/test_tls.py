"""Certificates instead of keys: over HTTPS and over MLLP, and no header ever stands for one (RFC 8705)."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from gateway.demo.messages import admission
from gateway.errors import InDoubt, TryLater
from gateway.model.agreement import Key
from gateway.outbound.mllp import send
from tests.flows.conftest import HOSPITAL, RECORD, V2, Flow, Served, serving, somebody


@dataclass(frozen=True)
class Paper:
    """A certificate and its key as files, and the digest a site knows it by."""

    certificate: Path
    key: Path
    sha256: str


class Authority:
    """Signs for this test only."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, None), critical=True)
        self.paper = self._written(name, made.sign(self._key, hashes.SHA256()), self._key)

    def signs(self, name: str) -> Paper:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        made = (
            self._builder(subject, key)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .add_extension(x509.ExtendedKeyUsage(both), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        return self._written(name, made.sign(self._key, hashes.SHA256()), key)

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
            .serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )  # fmt: skip

    def _written(self, name: str, made: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Paper:
        paper, secret = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        paper.write_bytes(made.public_bytes(serialization.Encoding.PEM))
        form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
        digest = hashlib.sha256(made.public_bytes(serialization.Encoding.DER)).hexdigest()
        return Paper(paper, secret, digest)


@dataclass
class Guarded:
    """A node that asks for certificates, and who holds which."""

    served: Served
    authority: Authority
    hospital: Paper
    other: Paper
    stranger: Paper

    def context(self, paper: Paper | None) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=str(self.authority.paper.certificate))
        if paper is not None:
            made.load_cert_chain(paper.certificate, paper.key)
        return made

    def posts(self, body: bytes, paper: Paper | None, **headers: str) -> httpx.Response:
        told = {"Content-Type": V2, **headers}
        with httpx.Client(verify=self.context(paper), trust_env=False, timeout=20) as client:
            return client.post(f"{self.served.base}/messages", content=body, headers=told)

    def over_mllp(self, body: bytes, paper: Paper | None) -> bytes:
        host, port = self.served.mllp
        return asyncio.run(send(host, port, body, timeout=20, tls=self.context(paper)))


@pytest.fixture
def guarded(flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Guarded]:
    authority, elsewhere = Authority(tmp_path, "authority"), Authority(tmp_path, "elsewhere")
    node, hospital, other = (authority.signs(name) for name in ("node", "hospital", "other"))
    site = flow.node.site
    own = replace(
        site.participants[HOSPITAL],
        keys=(*site.participants[HOSPITAL].keys, Key("paper", "certificate", hospital.sha256)),
    )
    flow.node = flow.on(replace(site, participants={**site.participants, HOSPITAL: own})).node
    settings = {"tls_certificate": node.certificate, "tls_key": node.key, "tls_clients": authority.paper.certificate}
    with serving(flow, monkeypatch, tmp_path, **settings) as served:
        yield Guarded(served, authority, hospital, other, elsewhere.signs("stranger"))


def test_a_certificate_says_who_is_calling(guarded: Guarded) -> None:
    flow = guarded.served.flow
    first, second, third = (admission(somebody(n), flow.moment()) for n in (400, 401, 402))
    assert guarded.posts(first, guarded.hospital).status_code == 200
    (exchange,) = flow.exchanges(agreement=RECORD)
    assert (exchange.who.participant, exchange.who.client) == (HOSPITAL, "paper")
    assert guarded.posts(second, guarded.other).status_code == 401  # signed by the same authority, and not known
    assert guarded.posts(second, None).status_code == 401
    with pytest.raises(httpx.TransportError):
        guarded.posts(second, guarded.stranger)
    pem = guarded.hospital.certificate.read_text().strip().replace("\n", " ")
    forged = {
        name: pem
        for name in ("X-Client-Cert", "X-SSL-Client-Cert", "X-Forwarded-Client-Cert", "Client-Cert", "SSL-Client-Cert")
    }
    assert guarded.posts(second, None, **forged, Peer_Certificate=pem).status_code == 401
    token = f"Bearer {flow.stage.tokens['hospital']}"
    assert guarded.posts(third, None, Authorization=token).status_code == 200
    digest = guarded.hospital.sha256
    assert guarded.posts(second, None, Authorization=f"Bearer {digest}").status_code == 401
    assert len(flow.exchanges(agreement=RECORD)) == 2


def test_an_mllp_port_takes_its_own_participants_certificate_only(guarded: Guarded) -> None:
    flow = guarded.served.flow
    message = admission(somebody(403), flow.moment())
    assert b"MSA|AA|" in guarded.over_mllp(message, guarded.hospital)
    (exchange,) = flow.exchanges(agreement=RECORD)
    assert exchange.who.client == "paper"
    refused = guarded.over_mllp(admission(somebody(404), flow.moment()), guarded.other)
    assert b"MSA|AR|" in refused
    for paper in (None, guarded.stranger):
        with pytest.raises((TryLater, InDoubt)):
            guarded.over_mllp(message, paper)
    assert len(flow.exchanges(agreement=RECORD)) == 1
    assert flow.node.counts[("UnknownCaller", f"mllp:{HOSPITAL}")] == 1
