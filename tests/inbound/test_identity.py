"""Who is calling: one wording for everybody who is not known, and a port that believes its peers only. Refusals first."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import UnknownCaller
from gateway.inbound.identity import mllp_principal, principal_of
from gateway.model.agreement import Key, MllpListener, Participant, Site

SECRET, PAPER = "ieum_hospital_secret", b"\x30\x82certificate"


def digest(proof: bytes) -> str:
    return hashlib.sha256(proof).hexdigest()


KEYS = (
    Key("key-1", "api-key", digest(SECRET.encode()), ("system", "auditor"), 2),
    Key("paper-1", "certificate", digest(PAPER).upper()),
)
HOSPITAL = Participant(
    "hospital",
    {"en": "Hospital"},
    "hospital",
    ("Organization/hospital",),
    keys=KEYS,
    mllp=MllpListener(2575, ("10.1.0.0/16", "127.0.0.1", "::1")),
)


def site(participant: Participant = HOSPITAL) -> Site:
    return Site(
        Path("site"), "node", {}, "r1", "KR", "Asia/Seoul", {"hospital": participant}, {}, {}, "deny", (), (), ()
    )


@pytest.mark.parametrize(
    ("headers", "certificate"),
    [
        ({}, None),
        ({"authorization": ""}, None),
        ({"authorization": SECRET}, None),
        ({"authorization": f"Basic {SECRET}"}, None),
        ({"authorization": f"Bearer {SECRET}x"}, None),
        ({"authorization": "Bearer " + "x" * 513}, None),
        ({"authorization": f"Bearer {digest(SECRET.encode())}"}, None),
        ({"authorization": f"Bearer {digest(PAPER)}"}, None),
        ({}, b"another certificate"),
        ({}, SECRET.encode()),  # the bytes of a key are no certificate
        ({"x-client-cert": "anything"}, None),
        ({"authorization": "Bearer wrong"}, PAPER),  # a wrong key is not made good by a certificate
    ],
)
def test_strangers(headers: dict[str, str], certificate: bytes | None) -> None:
    with pytest.raises(UnknownCaller) as refused:
        principal_of(site(), headers, certificate, "10.1.2.3")
    assert refused.value.text == UnknownCaller.said


def test_a_certificate_is_no_bearer_token() -> None:
    with pytest.raises(UnknownCaller):
        principal_of(site(), {"authorization": "Bearer " + PAPER.decode("latin-1")}, None, "10.1.2.3")


@pytest.mark.parametrize("proof", [({"authorization": f"Bearer {SECRET}"}, None), ({}, PAPER)])
def test_whoever_is_switched_off_is_a_stranger(proof: tuple[dict[str, str], bytes | None]) -> None:
    with pytest.raises(UnknownCaller):
        principal_of(site(replace(HOSPITAL, active=False)), *proof, "10.1.2.3")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_key(scheme: str) -> None:
    found = principal_of(site(), {"authorization": f"{scheme}  {SECRET} "}, None, "10.1.2.3")
    assert (found.participant, found.client, found.roles, found.proof) == (
        "hospital",
        "key-1",
        ("system", "auditor"),
        "api-key",
    )
    assert (found.authn_level, found.network) == (2, "10.1.2.3")


@pytest.mark.parametrize(
    ("changes", "network", "certificate"),
    [
        ({"active": False}, "127.0.0.1", b""),
        ({"mllp": None}, "127.0.0.1", b""),
        ({}, "10.2.0.1", b""),
        ({}, "::2", b""),
        ({}, "127.0.0.1", b"another certificate"),
        ({"keys": ()}, "127.0.0.1", PAPER),
        ({}, "127.0.0.1", SECRET.encode()),
    ],
)
def test_a_port_that_believes_nobody_else(changes: dict[str, Any], network: str, certificate: bytes) -> None:
    with pytest.raises(UnknownCaller):
        mllp_principal(replace(HOSPITAL, **changes), network, certificate)


@pytest.mark.parametrize("network", ["127.0.0.1", "10.1.255.1", "::1", "::ffff:10.1.0.9", "::1%lo"])
def test_a_port_and_its_peers(network: str) -> None:
    found = mllp_principal(HOSPITAL, network)
    assert (found.participant, found.client, found.proof) == ("hospital", "mllp:2575", "mllp-peer")


def test_a_port_and_its_participants_certificate() -> None:
    found = mllp_principal(HOSPITAL, "127.0.0.1", PAPER)
    assert (found.client, found.proof) == ("paper-1", "certificate")
