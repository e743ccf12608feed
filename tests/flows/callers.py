"""Systems that call with tokens: their keys, what they say of themselves, and a site that knows them."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any
from urllib.parse import urlencode

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from gateway.model.agreement import Client, Participant, Site
from gateway.model.scopes import read_scopes
from gateway.model.wire import write_json
from gateway.pipeline.node import Node
from gateway.pipeline.slowing import Slowing
from gateway.site.jwks import public_key
from tests.flows.conftest import CARE_TEAM, HOSPITAL, Clock

BASE = "https://gateway.example"
ENDPOINT = f"{BASE}/oauth/token"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ORGANIZATION = "https://mapo.example"
ES384 = ECKey.generate_key("P-384", {"kid": "ec-1"})
RS384 = RSAKey.generate_key(2048, {"kid": "rsa-1"})
OTHERS = ECKey.generate_key("P-384", {"kid": "other-1"})


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def registered(id: str, scopes: str, *keys: Any, **more: Any) -> Client:
    public = tuple(public_key(key.as_dict(private=False)) for key in keys)
    return Client(id, read_scopes(scopes), public, **more)


_NUMBERS = count(1)
READER = registered("mapo-records", "system/Patient.rs system/Condition.rs", ES384, RS384)
OTHER = registered("hanbit-emr", "system/*.c", OTHERS)


def known(site: Site, *clients: Client, to: str = CARE_TEAM, **changes: Any) -> Site:
    """The site with these clients of one participant (and the hospital's)."""
    team: Participant = replace(
        site.participants[to], clients=clients, organization=ORGANIZATION, purposes=("COC", "HOPERAT"), **changes
    )
    hospital = replace(site.participants[HOSPITAL], clients=(OTHER,))
    return replace(site, participants={**site.participants, HOSPITAL: hospital, to: team})


async def at_once(_: float) -> None:
    """No pause."""


def calling(node: Node, site: Site | None = None, **more: Any) -> Node:
    """A node whose clients are known, which answers failures at once."""
    quick = Slowing(lambda: 0.0, pauses=at_once)
    return replace(node, site=site or known(node.site, READER), base=BASE, slowing=quick, **more)


@dataclass
class System:
    """A client, its private key and its clock."""

    clock: Clock
    id: str = READER.id
    key: Any = field(default_factory=lambda: ES384)
    alg: str = "ES384"

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What it says of itself; a value None takes a claim away."""
        now = int(self.clock().timestamp())
        made = {
            "iss": self.id, "sub": self.id, "aud": ENDPOINT, "exp": now + 240, "iat": now, "jti": f"{next(_NUMBERS)}",
            **changes,
        }  # fmt: skip
        return {name: value for name, value in made.items() if value is not None}

    def header(self, **changes: Any) -> dict[str, Any]:
        made = {"alg": self.alg, "kid": self.key.kid, "typ": "JWT", **changes}
        return {name: value for name, value in made.items() if value is not None}

    def assertion(self, header: Mapping[str, Any] | None = None, **claims: Any) -> str:
        return self.signs(write_json(self.header(**(header or {}))), write_json(self.claims(**claims)))

    def signs(self, header: bytes, payload: bytes) -> str:
        """Any bytes, signed: a library that asks no questions."""
        signing = f"{b64(header)}.{b64(payload)}".encode()
        model = jws.JWSRegistry.algorithms[self.alg]
        return f"{signing.decode()}.{b64(model.sign(signing, self.key))}"

    def form(self, assertion: str | None = None, **changes: Any) -> bytes:
        made = {
            "grant_type": "client_credentials", "scope": "system/Patient.rs", "client_assertion_type": ASSERTION,
            "client_assertion": self.assertion() if assertion is None else assertion, **changes,
        }  # fmt: skip
        return urlencode({name: value for name, value in made.items() if value is not None}).encode()
