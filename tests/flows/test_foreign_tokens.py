"""Tokens of an issuer that a participant names: it is asked about its own and about no other, and its answer is checked (RFC 7662)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from gateway.app import build_app
from gateway.errors import Busy, Unavailable
from gateway.model.agreement import Issuer
from gateway.model.scopes import read_scopes
from gateway.model.wire import write_json
from gateway.outbound.checked import CheckedHttp
from gateway.outbound.introspection import IntrospectionEndpoint
from gateway.pipeline.introspections import Introspections
from gateway.pipeline.node import Node
from tests.flows.callers import BASE, b64, calling, known
from tests.flows.conftest import CARE_TEAM, Clock, Flow

IDP = Issuer(
    "https://idp.example", "https://idp.example/introspect", "ieum", "file:idp.secret", ("emr",),
    read_scopes("system/Patient.rs system/Condition.r"),
)  # fmt: skip
THUMB = b64(bytes(32))


def token(claims: Any = None, **more: Any) -> str:
    """A JWT of the issuer's; nobody here looks at more than whose it is."""
    said = {"iss": IDP.issuer, **more} if claims is None else claims
    return f"{b64(b'{}')}.{b64(write_json(said))}.{b64(bytes(8))}"


@dataclass
class Idp:
    """The issuer: what it says of every token."""

    clock: Clock
    changes: dict[str, Any] = field(default_factory=dict)
    raw: bytes | None = None
    asked: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def ask(self, issuer: Issuer, token: str) -> bytes:
        self.asked.append(token)
        if self.gate is not None:
            await self.gate.wait()
        if self.raw is not None:
            if not self.raw:
                raise Unavailable
            return self.raw
        said = {
            "active": True, "iss": IDP.issuer, "aud": BASE, "client_id": "emr", "scope": "openid system/Patient.rs system/*.c",
            "exp": int(self.clock().timestamp()) + 200, "username": "kim.care", **self.changes,
        }  # fmt: skip
        return write_json({name: value for name, value in said.items() if value is not None})

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Bench:
    node: Node
    idp: Idp
    seconds: list[float]

    async def reads(self, shown: str, path: str = "/fhir/Patient?identifier=urn:x%7C1") -> int:
        transport = httpx.ASGITransport(app=build_app(self.node), client=("192.0.2.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return (await client.get(path, headers={"Authorization": f"Bearer {shown}"})).status_code


@pytest.fixture
def bench(flow: Flow) -> Bench:
    idp, seconds = Idp(flow.clock), [0.0]
    site = known(flow.node.site, issuer=IDP)
    return Bench(calling(flow.node, site, introspections=Introspections(idp, lambda: seconds[0])), idp, seconds)


async def test_a_token_that_its_issuer_vouches_for_is_heard(bench: Bench, flow: Flow) -> None:
    """The control of what is refused below."""
    assert await bench.reads(token()) == 200
    who = flow.exchanges(who_client="emr")[0].who
    assert (who.user, who.role) == ("kim.care", "system")
    assert await bench.reads(token(), "/fhir/Patient/x") == 404
    assert await bench.reads(token(), "/fhir/Condition?patient=x") == 403  # registered for r only
    for aud in ([BASE], BASE):
        bench.idp.changes["aud"] = aud
        assert await bench.reads(token(jti=str(aud))) == 200


REFUSED: list[dict[str, Any]] = [
    {"active": False}, {"active": "true"}, {"active": 1}, {"active": None}, {"iss": "https://elsewhere.example"}, {"aud": None},
    {"aud": "https://elsewhere.example"}, {"aud": [BASE, "https://elsewhere.example"]}, {"aud": BASE + "/"}, {"client_id": "other"},
    {"client_id": None}, {"client_id": ["emr"]}, {"exp": None}, {"exp": 1}, {"exp": "9999999999"}, {"exp": True}, {"exp": 1e12},
    {"nbf": 9_999_999_999}, {"nbf": "0"}, {"scope": None}, {"scope": "openid"}, {"scope": "system/*.c"}, {"scope": ["system/Patient.r"]},
    {"scope": "patient/Patient.r"}, {"scope": "system/Patient.read"}, {"token_type": "DPoP"}, {"cnf": {"jkt": THUMB}},
    {"cnf": {"x5t#S256": THUMB}}, {"cnf": {"x5t#S256": ""}}, {"cnf": {}}, {"cnf": None, "active": None}, {"cnf": "x"},
]  # fmt: skip


@pytest.mark.parametrize("changes", REFUSED, ids=str)
async def test_an_answer_that_does_not_vouch(bench: Bench, changes: dict[str, Any]) -> None:
    bench.idp.changes = changes
    assert await bench.reads(token()) == 401


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'{"active": true, "active": true}', b"[" * 10_000])
async def test_no_answer_is_a_no(bench: Bench, raw: bytes) -> None:
    bench.idp.raw = raw
    assert await bench.reads(token()) == 401
    bench.idp.raw = None
    assert await bench.reads(token()) == 401  # for a moment, so that nobody makes us ask all the time
    bench.seconds[0] = 6
    assert await bench.reads(token()) == 200


@pytest.mark.parametrize(
    "shown",
    [
        token({"iss": "https://elsewhere.example"}), token({"iss": IDP.issuer + "/"}), token({"iss": [IDP.issuer]}), token({"sub": "x"}),
        token([]), "opaque", "a.b", "a.b.c.d.e", token() + ".", token(more="x" * 9000), f"{b64(b'{}')}.{b64(b'{')}.x",
    ],
)  # fmt: skip
async def test_a_token_goes_to_the_issuer_that_it_names_and_to_no_other(bench: Bench, shown: str) -> None:
    assert await bench.reads(shown) == 401
    assert bench.idp.asked == []


async def test_an_answer_is_kept_a_minute_and_read_anew(bench: Bench) -> None:
    for _ in range(5):
        assert await bench.reads(token()) == 200
    assert len(bench.idp.asked) == 1
    bench.idp.changes = {"active": False}
    bench.seconds[0] = 59
    assert await bench.reads(token()) == 200
    bench.seconds[0] = 60
    assert await bench.reads(token()) == 401
    assert len(bench.idp.asked) == 2


async def test_what_the_site_takes_away_counts_at_once(bench: Bench) -> None:
    assert await bench.reads(token()) == 200
    site = bench.node.site
    for gone in (
        known(site, issuer=IDP, active=False),
        known(site, issuer=None),
        known(site, issuer=replace(IDP, clients=("other",))),
        known(site, issuer=replace(IDP, scopes=read_scopes("system/Condition.r"))),
    ):
        assert await replace(bench, node=replace(bench.node, site=gone)).reads(token()) == 401
    assert len(bench.idp.asked) == 1
    assert site.participants[CARE_TEAM].active


async def test_a_token_ends_when_it_says_although_the_answer_is_kept(bench: Bench, flow: Flow) -> None:
    bench.idp.changes = {"exp": int(flow.clock().timestamp()) + 10}
    assert await bench.reads(token()) == 200
    flow.clock.pass_by(seconds=11)
    assert await bench.reads(token()) == 401


async def test_not_many_are_asked_about_at_one_time() -> None:
    gate = asyncio.Event()
    idp = Idp(Clock(), gate=gate)
    made = Introspections(idp, lambda: 0.0)
    tasks = [asyncio.create_task(made.said(IDP, token(jti=str(n)))) for n in range(40)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gate.set()
    told = await asyncio.gather(*tasks, return_exceptions=True)
    assert (len(idp.asked), sum(isinstance(one, Busy) for one in told)) == (16, 24)
    assert await made.said(IDP, token(jti="40"))


async def test_how_an_issuer_is_asked(tmp_path: Path) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b'{"active": false}'))

    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.216.34"]

    client = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    made = IntrospectionEndpoint(CheckedHttp(resolve=resolve, client=client), tmp_path)
    with pytest.raises(Unavailable):
        await made.ask(IDP, token())  # without its secret nobody is asked
    assert seen == []
    (tmp_path / "idp.secret").write_text("a:b\n")
    assert await made.ask(IDP, "a token") == b'{"active": false}'
    request = seen[0]
    assert (request.method, request.headers["host"], request.url.host) == ("POST", "idp.example", "93.184.216.34")
    assert parse_qs(request.content.decode()) == {"token": ["a token"], "token_type_hint": ["access_token"]}
    assert httpx.BasicAuth("ieum", "a%3Ab")._auth_header == request.headers["authorization"]
    await made.close()
