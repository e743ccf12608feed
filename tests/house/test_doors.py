"""The egress walk over the running application: every route is a door or a page of the console, and a door gives only what may leave."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Mount, Route

from gateway.console.description import PATHS
from gateway.console.pages import CITIZEN, PAGES, Row
from gateway.console.signed import People
from gateway.inbound.mount import respond, router
from gateway.model.agreement import Key, Site
from gateway.model.document import Principal
from gateway.model.door import ANYONE, Call, Door
from gateway.model.roles import PEOPLE, ROLES, held
from gateway.pipeline.sessions import Session
from tests.house.conftest import Running

_PUBLIC = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/openapi.json")}
_STATIC = "/console/static"
_WORD = "word-of-a-record"


def _routes(app: FastAPI) -> list[Any]:
    """Every route, those of included routers as well."""
    found: list[Any] = []
    left = list(app.router.routes)
    while left:
        route = left.pop()
        inner = getattr(route, "original_router", None)
        if inner is not None:
            left.extend(inner.routes)
        else:
            found.append(route)
    return found


def _doors(app: FastAPI) -> list[Door]:
    return [route.endpoint.door for route in _routes(app) if hasattr(getattr(route, "endpoint", None), "door")]


def test_every_route_is_a_door_or_of_the_console(running: Running) -> None:
    strange = []
    for route in _routes(running.app):
        if isinstance(getattr(getattr(route, "endpoint", None), "door", None), Door):
            continue
        if isinstance(route, Route) and isinstance(getattr(route.endpoint, "row", None), Row):
            assert route.endpoint.__module__ == "gateway.console.pages"
            continue
        if isinstance(route, Mount) and route.path == _STATIC:
            continue
        strange.append(route)
    assert strange == []


def test_every_door_is_mounted_once(running: Running) -> None:
    from gateway.app import all_doors

    named = [(door.method, door.path) for door in _doors(running.app)]
    assert len(named) == len(set(named))
    assert set(named) == {(door.method, door.path) for door in all_doors(running.app)}


def test_what_is_open_to_anyone_is_pinned(running: Running) -> None:
    assert {(door.method, door.path) for door in _doors(running.app) if set(door.roles) & set(ANYONE)} == _PUBLIC


def test_a_door_open_to_anyone_takes_no_body(running: Running) -> None:
    assert [door.path for door in _doors(running.app) if door.roles == ANYONE and door.max_body] == []


def test_every_door_says_who_may_and_how_much(running: Running) -> None:
    for door in _doors(running.app):
        assert door.roles, door.path
        assert set(door.roles) <= {*ROLES, "admin", "anyone"}, door.path
        assert 0 <= door.max_body <= 20_000_000, door.path
        assert (door.max_body > 0) == (door.method in ("POST", "PUT")), door.path
        assert door.summary, door.path


def _client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, client=("192.0.2.1", 1)), base_url="http://localhost"
    )


async def test_nobody_gets_in_without_proof(running: Running) -> None:
    async with _client(running.app) as client:
        for door in _doors(running.app):
            if door.roles == ANYONE:
                continue
            path = door.path.replace("{type}", "Patient").replace("{id}", "x")
            answer = await client.request(door.method, path)
            assert answer.status_code == 401, path


_KEYS = (*ROLES, "admin", "made-up")


def _with_keys(site: Site) -> Site:
    """The site, its operator with one more key for each role, and one for a role that there is not."""
    operator = site.participants[site.id]
    keys = tuple(Key(f"of-{role}", "api-key", sha256(f"key-{role}".encode()).hexdigest(), (role,)) for role in _KEYS)
    return replace(site, participants={**site.participants, site.id: replace(operator, keys=(*operator.keys, *keys))})


@pytest.fixture(scope="module")
def everybody(running: Running) -> Any:
    """The application of a node where every role has a key."""
    from gateway.app import build_app

    return build_app(replace(running.node, site=_with_keys(running.node.site)))


@pytest.mark.parametrize("role", _KEYS)
async def test_every_door_for_every_role(everybody: Any, role: str) -> None:
    async with _client(everybody) as client:
        for door in _doors(everybody):
            if door.roles == ANYONE:
                continue
            path = door.path.replace("{type}", "Patient").replace("{id}", "x")
            answer = await client.request(door.method, path, headers={"Authorization": f"Bearer key-{role}"})
            may = not held([role]).isdisjoint(door.roles)
            assert (answer.status_code == 403) != may or (may and role == "system"), (path, role)


@pytest.mark.parametrize("role", _KEYS)
async def test_every_page_for_every_role(everybody: Any, role: str) -> None:
    """A key opens the pages of its role; those of people who sign in are opened by no key at all."""
    async with _client(everybody) as client:
        for row in PAGES:
            path = row.path
            for name in ("exchange", "person", "offer", "consent"):
                path = path.replace("{" + name + "}", "x")
            answer = await client.request(row.method, path, headers={
                "Authorization": f"Bearer key-{role}", "Content-Type": "application/x-www-form-urlencoded",
            })  # fmt: skip
            if row.roles == ANYONE:
                assert answer.status_code != 200 or row.method == "GET", path
            elif row.roles == CITIZEN:
                assert answer.status_code == 401, (path, role)
            elif held([role]).isdisjoint(row.roles):
                assert answer.status_code == 403, (path, role)
            else:
                assert answer.status_code == (403 if row.method == "POST" else answer.status_code), path
                assert row.method == "POST" or answer.status_code in (200, 404), (path, role)


@pytest.mark.parametrize("role", [*PEOPLE, "made-up"])
async def test_every_page_for_everybody_who_signed_in(
    running: Running, role: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    principal = Principal(running.node.site.id, "session-test", (role,), "somebody", "session")
    session = Session("test", principal, "token", running.node.clock())
    monkeypatch.setattr(People, "session", lambda self, request: session)
    async with _client(running.app) as client:
        for row in PAGES:
            if row.roles == ANYONE:
                continue
            path = row.path
            for name in ("exchange", "person", "offer", "consent"):
                path = path.replace("{" + name + "}", "x")
            answer = await client.request(
                row.method, path, headers={"Content-Type": "application/x-www-form-urlencoded"}
            )
            if held([role]).isdisjoint(row.roles):
                assert answer.status_code == 403, (path, role)
            elif row.method == "GET":
                assert answer.status_code in (200, 404), (path, role)
            else:
                assert answer.status_code in (403, 404), (path, role)  # no token, or nobody known


def test_what_is_open_to_everybody_of_the_pages_is_pinned() -> None:
    assert {(row.method, row.path) for row in PAGES if row.roles == ANYONE} == {
        ("GET", "/login"), ("GET", "/login/callback"), ("POST", "/logout"), ("GET", "/console/enter"), ("POST", "/console/enter"),
    }  # fmt: skip
    assert all(set(row.roles) <= {*ROLES, *ANYONE} for row in PAGES)


def test_what_is_described_of_the_pages_is_there() -> None:
    described = {(method.upper(), path) for path, said in PATHS.items() for method in said}
    assert described <= {(row.method, row.path) for row in PAGES if row.roles == CITIZEN}
    assert len(described) == 5


async def test_pages_ask_who_is_there(running: Running) -> None:
    async with _client(running.app) as client:
        for row in PAGES:
            if row.roles != ANYONE:
                path = row.path.partition("{")[0] + "x" * ("{" in row.path)
                if not row.path.endswith("}"):
                    path = row.path.replace("{consent}", "x")
                answer = await client.request(
                    row.method, path, headers={"Content-Type": "application/x-www-form-urlencoded"}
                )
                assert answer.status_code == 401, path


class _Dressed(dict[str, Any]):
    """A dict with the looks of something that may leave."""

    resources = ({"resourceType": "Patient", "id": _WORD},)
    content = _WORD
    status = 200


@pytest.mark.parametrize(
    "given", [{"resourceType": "Patient", "id": _WORD}, [_WORD], _WORD, _WORD.encode(), None, _Dressed()]
)
async def test_what_may_not_leave_becomes_500_without_a_word_of_it(running: Running, given: Any) -> None:
    async def handler(node: Any, call: Call) -> Any:
        return given

    app = FastAPI()
    app.include_router(router(running.node, (Door("GET", "/wrong", handler, "A defect", ANYONE),)))
    async with _client(app) as client:
        answer = await client.get("/wrong")
    assert answer.status_code == 500
    assert _WORD not in answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"


async def test_a_crash_becomes_500_without_a_word_of_it(running: Running) -> None:
    async def handler(node: Any, call: Call) -> Any:
        raise ValueError(_WORD)

    app = FastAPI()
    app.include_router(router(running.node, (Door("GET", "/wrong", handler, "A defect", ANYONE),)))
    async with _client(app) as client:
        answer = await client.get("/wrong")
    assert answer.status_code == 500
    assert _WORD not in answer.text


@pytest.mark.parametrize("given", [{"a": 1}, None, "text", b"bytes", object()])
def test_the_one_way_out_knows_three_kinds(given: Any) -> None:
    with pytest.raises(TypeError):
        respond(given, "resource")
