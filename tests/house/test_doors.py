"""The egress walk over the running application: every route is a door or a page of the console, and a door gives only what may leave."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import Mount, Route

from gateway.inbound.mount import respond, router
from gateway.model.door import ANYONE, Call, Door
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
        if isinstance(route, Route) and (route.path == "/console" or route.path.startswith("/console/")):
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
        assert set(door.roles) <= {"system", "auditor", "admin", "anyone"}, door.path
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


async def test_the_wrong_role_gets_nowhere(running: Running) -> None:
    async with _client(running.app) as client:
        for door in _doors(running.app):
            for name, role in (("hospital", "system"), ("auditor", "auditor"), ("admin", "admin")):
                if door.roles == ANYONE or role in door.roles:
                    continue
                path = door.path.replace("{type}", "Patient").replace("{id}", "x")
                answer = await client.request(
                    door.method, path, headers={"Authorization": f"Bearer {running.tokens[name]}"}
                )
                assert answer.status_code == 403, (path, name)


async def test_pages_of_the_console_ask_who_is_there(running: Running) -> None:
    async with _client(running.app) as client:
        for route in _routes(running.app):
            if (
                isinstance(route, Route)
                and "GET" in (route.methods or ())
                and route.path != "/console/enter"
                and route.path.startswith("/console")
            ):
                path = route.path.replace("{exchange}", "x").replace("{person}", "x")
                assert (await client.get(path)).status_code == 401, path


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
