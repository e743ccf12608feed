"""Key sets by address: never elsewhere than the site says, never into a private network unasked, bounded, and not kept too long."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from gateway.errors import Unavailable
from gateway.model.agreement import Client
from gateway.model.wire import write_json
from gateway.outbound.checked import MAX_BYTES, CheckedHttp
from gateway.outbound.jwks import KeySetFetcher
from gateway.pipeline.keysets import CAP, FLOOR, KeySets

URL = "https://team.example/jwks.json"
KEYS = [ECKey.generate_key("P-384", {"kid": f"k{n}"}).as_dict(private=False) for n in range(2)]


def client(url: str = URL, private: bool = False) -> Client:
    return Client("team", frozenset({("Patient", "r")}), jwks_url=url, private=private)


# --- the fetcher


def fetcher(answer: Callable[[httpx.Request], Any], *addresses: str, **more: Any) -> KeySetFetcher:
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses or ("93.184.216.34",))

    mocked = httpx.AsyncClient(transport=httpx.MockTransport(answer), follow_redirects=False)
    return KeySetFetcher(CheckedHttp(resolve=resolve, client=mocked, **more))


def never(request: httpx.Request) -> httpx.Response:
    raise AssertionError("nobody was to be asked")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "fe80::1", "fc00::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "224.0.0.1", "198.18.0.1", "::",
    ],
)  # fmt: skip
async def test_a_name_that_leads_into_a_private_network_is_not_asked(address: str) -> None:
    for addresses in ((address,), ("93.184.216.34", address)):
        with pytest.raises(Unavailable):
            await fetcher(never, *addresses).fetch(URL)


@pytest.mark.parametrize("address", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "0.0.0.0", "224.0.0.1"])
async def test_some_addresses_are_never_asked(address: str) -> None:
    with pytest.raises(Unavailable):
        await fetcher(never, address).fetch(URL, private=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://team.example/jwks.json",
        "file:///etc/passwd",
        "ftp://team.example/x",
        "https://",
        "team.example",
        "",
        "https://[::",
    ],
)
async def test_what_is_no_address_of_a_key_set_is_not_asked(url: str) -> None:
    with pytest.raises(Unavailable):
        await fetcher(never).fetch(url)


async def test_plain_http_is_for_this_machine_and_only_when_told() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    with pytest.raises(Unavailable):
        await fetcher(never, "127.0.0.1").fetch("http://localhost/jwks.json")
    with pytest.raises(Unavailable):
        await fetcher(never, "93.184.216.34", loopback=True).fetch("http://team.example/jwks.json", private=True)
    assert await fetcher(answer, "127.0.0.1", loopback=True).fetch("http://localhost/jwks.json") == (b"{}", 300.0)


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(302, headers={"Location": "http://127.0.0.1/"}), httpx.Response(301, headers={"Location": URL}),
        httpx.Response(404, content=b"{}"), httpx.Response(500, content=b"{}"), httpx.Response(204),
        httpx.Response(200, stream=httpx.ByteStream(b"x" * (MAX_BYTES + 1))),
        httpx.Response(200, content=b"{}", headers={"Content-Encoding": "x-own"}),
    ],
    ids=str,
)  # fmt: skip
async def test_an_answer_that_is_none(answer: httpx.Response) -> None:
    with pytest.raises(Unavailable):
        await fetcher(lambda request: answer).fetch(URL)


async def test_the_address_that_was_looked_at_is_the_one_that_is_asked() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"), headers={"Cache-Control": "public, max-age=90"})

    assert await fetcher(answer, "93.184.216.34").fetch(URL) == (b"{}", 90.0)
    assert (seen[0].url.host, seen[0].headers["host"]) == ("93.184.216.34", "team.example")
    assert seen[0].extensions["sni_hostname"] == "team.example"


async def test_a_slow_server_is_given_up() -> None:
    async def slow(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        return httpx.Response(200, content=b"{}")

    with pytest.raises(Unavailable):
        await fetcher(slow, deadline=0.05).fetch(URL)


@pytest.fixture
def endless() -> Iterator[str]:
    """A server that begins to answer and never stops."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b"x" * 10_000)
            except OSError:
                return

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/jwks.json"
    server.shutdown()
    server.server_close()


async def test_ten_megabytes_are_not_read(endless: str) -> None:
    made = KeySetFetcher(CheckedHttp(loopback=True))
    with pytest.raises(Unavailable):
        await made.fetch(endless)
    await made.close()


# --- what is kept


@dataclass
class Source:
    """The other side, and how often it was asked."""

    keys: list[dict[str, Any]] = field(default_factory=lambda: KEYS[:1])
    lasting: float = 600.0
    asked: list[tuple[str, bool]] = field(default_factory=list)
    gone: bool = False
    body: bytes | None = None

    async def fetch(self, url: str, *, private: bool = False) -> tuple[bytes, float]:
        self.asked.append((url, private))
        await asyncio.sleep(0)
        if self.gone:
            raise Unavailable
        return (write_json({"keys": self.keys}) if self.body is None else self.body), self.lasting

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Seconds:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def keysets(source: Source, seconds: Seconds) -> KeySets:
    return KeySets(source, seconds)


def kids(keys: Any) -> list[str]:
    return [key.kid for key in keys]


async def test_keys_are_kept_as_long_as_they_last(keysets: KeySets, source: Source, seconds: Seconds) -> None:
    assert keysets.at_hand(client()) is None
    assert kids(await keysets.keys(client(), "k0")) == ["k0"]
    seconds.now = 599
    assert kids(await keysets.keys(client(), "k0")) == ["k0"]
    assert len(source.asked) == 1
    seconds.now = 601
    assert keysets.at_hand(client()) is None
    source.gone = True
    assert await keysets.keys(client(), "k0") == ()  # 404 after a rotation: what ran out is not used
    assert len(source.asked) == 2


async def test_nothing_lasts_longer_than_an_hour(keysets: KeySets, source: Source, seconds: Seconds) -> None:
    source.lasting = 1e9
    await keysets.keys(client(), "k0")
    seconds.now = CAP - 1
    assert kids(keysets.at_hand(client()) or ()) == ["k0"]
    seconds.now = CAP
    assert keysets.at_hand(client()) is None


async def test_an_unknown_key_makes_one_more_look_and_no_more(
    keysets: KeySets, source: Source, seconds: Seconds
) -> None:
    await keysets.keys(client(), "k0")
    for _ in range(20):
        assert kids(await keysets.keys(client(), "forged")) == ["k0"]
    assert len(source.asked) == 1
    seconds.now = FLOOR
    source.keys = KEYS
    assert kids(await keysets.keys(client(), "k1")) == ["k0", "k1"]
    await asyncio.gather(*(keysets.keys(client(), "forged") for _ in range(50)))
    assert len(source.asked) == 2


async def test_a_set_that_may_not_be_kept_is_asked_for_again_but_not_at_once(
    keysets: KeySets, source: Source, seconds: Seconds
) -> None:
    source.lasting = 0
    for _ in range(5):
        assert kids(await keysets.keys(client(), "k0")) == ["k0"]
    assert len(source.asked) == 1
    seconds.now = FLOOR
    await keysets.keys(client(), "k0")
    assert len(source.asked) == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"keys": {}}', b'{"keys": [], "keys": []}', b"[" * 10_000])
async def test_what_is_no_key_set_gives_no_key(keysets: KeySets, source: Source, body: bytes) -> None:
    source.body = body
    assert await keysets.keys(client(), "k0") == ()


async def test_a_key_that_is_not_sound_is_not_taken(keysets: KeySets, source: Source) -> None:
    source.keys = [{**ECKey.generate_key("P-256").as_dict(private=False), "kid": "k0"}, KEYS[1]]
    assert kids(await keysets.keys(client(), "k0")) == ["k1"]


async def test_clients_do_not_share_what_is_kept(keysets: KeySets, source: Source) -> None:
    await keysets.keys(client(), "k0")
    assert keysets.at_hand(replace(client(), id="other")) is None
    await keysets.keys(replace(client(), id="other", private=True), "k0")
    assert source.asked == [(URL, False), (URL, True)]


async def test_keys_of_the_site_are_there_without_looking(source: Source, keysets: KeySets) -> None:
    inline = replace(client(""), keys=(await keysets.keys(client(), "k0")))
    source.asked.clear()
    assert kids(await keysets.keys(inline, "anything")) == ["k0"]
    assert keysets.at_hand(inline) == inline.keys
    assert source.asked == []
    assert await KeySets(None, Seconds()).keys(client(), "k0") == ()
