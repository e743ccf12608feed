"""Keys of clients by address, seen from the door: only the registered address is asked, rotation goes on, a key taken away counts (9, 10, 14)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from gateway.app import build_app
from gateway.errors import Unavailable
from gateway.inbound.oauth import assertion
from gateway.inbound.oauth.access import access_tokens
from gateway.model.agreement import Client
from gateway.model.wire import write_json
from gateway.pipeline.keysets import KeySets
from gateway.pipeline.node import Node
from gateway.pipeline.slowing import Slowing
from tests.flows.callers import ES384, OTHERS, READER, RS384, System, calling, known
from tests.flows.conftest import Flow

HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
URL = "https://team.example/keys/jwks.json"
FETCHED = Client("mapo-fetched", READER.scopes, jwks_url=URL)
NEXT = ECKey.generate_key("P-384", {"kid": "ec-2"})


def public(*keys: Any) -> list[dict[str, Any]]:
    return [key.as_dict(private=False) for key in keys]


@dataclass
class Source:
    """Where the registered address leads."""

    keys: list[dict[str, Any]] = field(default_factory=lambda: public(ES384))
    asked: list[str] = field(default_factory=list)
    gone: bool = False

    async def fetch(self, url: str, *, private: bool = False) -> tuple[bytes, float]:
        self.asked.append(url)
        if self.gone:
            raise Unavailable
        return write_json({"keys": self.keys}), 3600.0

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Bench:
    """A node with one client whose keys are elsewhere, its clock, and that elsewhere."""

    node: Node
    system: System
    source: Source
    seconds: list[float]

    async def asks(self, form: bytes, address: str = "192.0.2.7") -> httpx.Response:
        async with http(self.node, address) as client:
            return await client.post("/oauth/token", content=form, headers=HEADERS)

    async def gets(self, **header: Any) -> int:
        answer = await self.asks(self.system.form(self.system.assertion(header)))
        assert answer.status_code == 200 or answer.json() == {"error": "invalid_client"}
        return answer.status_code


@asynccontextmanager
async def http(node: Node, address: str = "192.0.2.7") -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=build_app(node), client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.fixture
def bench(flow: Flow) -> Bench:
    source, seconds = Source(), [0.0]
    node = calling(flow.node, known(flow.node.site, READER, FETCHED), keysets=KeySets(source, lambda: seconds[0]))
    return Bench(node, System(flow.clock, FETCHED.id), source, seconds)


@pytest.mark.parametrize(
    "jku",
    [
        "https://team.example.evil/keys/jwks.json", "https://team.example@evil.example/keys/jwks.json", "https://evil.example/?" + URL,
        "https://team.example/keys/jwks.json/", "https://team.example/keys/../keys/jwks.json", "HTTPS://team.example/keys/jwks.json",
        "http://team.example/keys/jwks.json", "https://169.254.169.254/latest", "https://team.example/redirect?to=https://evil.example",
        "file:///keys/jwks.json", URL + "#", " " + URL,
    ],
)  # fmt: skip
async def test_an_address_in_the_token_is_never_asked(bench: Bench, jku: str) -> None:
    assert await bench.gets(jku=jku) == 401
    assert await bench.gets(jku=URL) == 200
    assert await bench.gets() == 200
    assert set(bench.source.asked) == {URL}
    assert len(bench.source.asked) == 1


async def test_keys_change_at_the_client_s_own_time(bench: Bench) -> None:
    assert await bench.gets() == 200
    bench.source.keys = public(ES384, NEXT)
    bench.system.key = NEXT
    assert await bench.gets() == 401  # asked a moment ago
    bench.seconds[0] = 11
    assert await bench.gets() == 200
    assert len(bench.source.asked) == 2
    bench.source.gone = True
    bench.seconds[0] = 3000
    assert await bench.gets() == 200  # still within what the answer said
    bench.seconds[0] = 11 + 3600
    assert await bench.gets() == 401  # 404 after a rotation: nothing is left
    bench.source.gone = False
    bench.seconds[0] += 11
    assert await bench.gets() == 200


async def test_a_key_that_is_gone_takes_its_tokens_along(bench: Bench) -> None:
    from gateway.errors import UnknownCaller

    token = (await bench.asks(bench.system.form())).json()["access_token"]
    assert access_tokens(bench.node).principal(token, "", "").client == FETCHED.id
    bench.source.keys, bench.seconds[0] = public(NEXT), 11
    bench.system.key = NEXT
    assert await bench.gets() == 200  # whereupon this worker knows
    with pytest.raises(UnknownCaller):
        access_tokens(bench.node).principal(token, "", "")


async def test_two_keys_with_one_name_are_none(bench: Bench) -> None:
    bench.source.keys = [*public(ES384), {**public(NEXT)[0], "kid": "ec-1"}]
    assert await bench.gets() == 401
    bench.source.keys = [*public(ES384), {**public(RS384)[0], "kid": "ec-1"}]  # of another type: told apart
    bench.seconds[0] = 3700
    assert await bench.gets() == 200


async def test_whoever_is_unknown_costs_as_much_as_whoever_is_wrong(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One signature is verified for each, so that the time of an answer tells nothing."""
    verified: list[str] = []
    before = assertion.is_signed

    def counted(token: Any, jwk: Any, alg: str) -> bool:
        verified.append(alg)
        return before(token, jwk, alg)

    monkeypatch.setattr(assertion, "is_signed", counted)
    for made in (
        System(bench.system.clock, "nobody"), System(bench.system.clock, READER.id, OTHERS),
        System(bench.system.clock, "nobody", RS384, "RS384"),
    ):  # fmt: skip
        assert (await bench.asks(made.form())).status_code == 401
    wrong = System(bench.system.clock, READER.id)
    forged = wrong.assertion().rpartition(".")[0] + "." + wrong.assertion().rpartition(".")[2]
    assert (await bench.asks(wrong.form(forged))).status_code == 401
    assert verified == ["ES384", "ES384", "RS384", "ES384"]


async def test_failures_are_slowed_by_client_wherever_they_come_from(bench: Bench) -> None:
    """And the client itself is not held up by what is tried in its name."""
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    bench = replace(bench, node=replace(bench.node, slowing=Slowing(lambda: 0.0, first=0.1, most=2.0, pauses=pause)))
    wrong = System(bench.system.clock, READER.id, OTHERS)
    for number in range(8):
        assert (await bench.asks(wrong.form(), f"198.51.100.{number}")).status_code == 401
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1.6]
    assert (await bench.asks(System(bench.system.clock, READER.id).form())).status_code == 200
    assert await bench.gets() == 200
    assert len(pauses) == 5
    assert bench.node.counts["UnknownCaller", f"client:{READER.id}"] == 8


async def test_a_flood_of_failures_is_put_off_before_it_costs_anything(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = asyncio.Event()

    async def pause(_: float) -> None:
        await gate.wait()

    slowing = Slowing(lambda: 0.0, pauses=pause, places=2)
    bench = replace(bench, node=replace(bench.node, slowing=slowing))
    wrong = System(bench.system.clock, READER.id, OTHERS)
    held = [asyncio.create_task(bench.asks(wrong.form())) for _ in range(5)]
    while slowing.waiting < 2:
        await asyncio.sleep(0.01)
    monkeypatch.setattr(assertion, "is_signed", None)  # nobody is to verify anything
    answer = await bench.asks(wrong.form())
    assert (answer.status_code, answer.json()) == (503, {"error": "temporarily_unavailable"})
    monkeypatch.undo()
    assert await bench.gets() == 200  # another name goes on
    gate.set()
    assert [one.status_code for one in await asyncio.gather(*held)] == [401] * 5


@pytest.mark.parametrize("scheme", ["DPoP", "MAC", "Basic", "Bearer Bearer", "bearer,"])
async def test_a_token_is_shown_as_a_bearer_token_only(bench: Bench, scheme: str) -> None:
    """39: tokens bound by DPoP are not offered, and one of ours is not taken as such."""
    token = (await bench.asks(bench.system.form())).json()["access_token"]
    async with http(bench.node) as client:
        path = "/fhir/Patient?identifier=urn:x%7C1"
        assert (await client.get(path, headers={"Authorization": f"{scheme} {token}"})).status_code == 401
        assert (await client.get(path, headers={"Authorization": f"Bearer {token}"})).status_code == 200
