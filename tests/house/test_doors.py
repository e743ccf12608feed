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
from gateway.model.questions import Question
from gateway.model.roles import PEOPLE, ROLES, held
from gateway.model.scopes import read_scopes
from gateway.pipeline.sessions import Session
from tests.house.conftest import Running

_PUBLIC = {
    ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/openapi.json"), ("POST", "/oauth/token"),
    ("GET", "/.well-known/smart-configuration"), ("GET", "/fhir/.well-known/smart-configuration"), ("GET", "/.well-known/jwks.json"),
}  # fmt: skip
_PROVES_ITSELF_IN_ITS_BODY = {
    "/oauth/token": 16_384
}  # the one door where who one is comes in the body, which is bounded
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
    open_to_all = {door.path: door.max_body for door in _doors(running.app) if door.roles == ANYONE and door.max_body}
    assert open_to_all == _PROVES_ITSELF_IN_ITS_BODY


def test_every_door_says_who_may_and_how_much(running: Running) -> None:
    for door in _doors(running.app):
        assert door.roles, door.path
        assert set(door.roles) <= {*ROLES, "admin", "anyone"}, door.path
        assert 0 <= door.max_body <= 20_000_000, door.path
        assert (door.max_body > 0) == (door.method in ("POST", "PUT")), door.path
        assert door.summary, door.path


_LETTERS = {"GET": "rs", "PUT": "u", "DELETE": "d", "POST": "cs"}


def test_a_door_to_a_type_asks_for_the_scope_of_that_type(running: Running) -> None:
    """A door that names a type names it in its scope as well; what only looks at the caller's own document needs none."""
    own = {"/fhir/{type}/$validate"}
    asked = {(door.method, door.path): door.scope for door in _doors(running.app) if "{type}" in door.path}
    assert asked
    for (method, path), scope in asked.items():
        if path in own:
            assert scope == ""
            continue
        assert scope is None or (scope.startswith("{type}.") and scope[7:] in tuple(_LETTERS[method])), path


def test_a_door_whose_scope_was_forgotten_is_closed_to_tokens(running: Running) -> None:
    """Every door that gives or takes records: with a scope, or shut. Those without one give metadata or the caller's own document."""
    free = {door.path for door in _doors(running.app) if door.scope == ""}
    assert free == {
        "/fhir/metadata", "/fhir/$validate", "/fhir/{type}/$validate", "/fhir/$convert", "/fhir/ValueSet/$expand",
        "/fhir/ValueSet/$validate-code", "/fhir/CodeSystem/$validate-code", "/fhir/CodeSystem/$lookup", "/fhir/CodeSystem/$subsumes",
        "/fhir/ConceptMap/$translate",
        "/fhir",  # each entry of a batch or transaction is asked by the line, what goes to the intake by the handler
    }  # fmt: skip


def _scoped(scopes: str) -> Principal:
    return Principal("mapo-care-team", "c", proof="token", scopes=read_scopes(scopes), purposes=("COC",))


@pytest.mark.parametrize("scopes", ["system/Condition.cruds", "system/Patient.d", "system/*.d"])
async def test_a_token_without_the_scope_opens_no_door(
    running: Running, monkeypatch: pytest.MonkeyPatch, scopes: str
) -> None:
    """Of every door in turn, with the scopes of something else; and with its own scope the same door is open."""
    from gateway.inbound import mount

    async with _client(running.app) as client:
        for door in _doors(running.app):
            if door.roles == ANYONE or door.scope == "" or "system" not in door.roles:
                continue
            path = door.path.replace("{type}", "Patient").replace("{id}", "x")
            monkeypatch.setattr(mount, "principal_of", lambda *_: _scoped(scopes))
            answer = await client.request(door.method, path)
            assert (answer.status_code, "insufficient_scope" in answer.headers["www-authenticate"]) == (403, True), path
            if door.scope is not None:
                monkeypatch.setattr(mount, "principal_of", lambda *_: _scoped("system/*.cruds"))
                answer = await client.request(door.method, path)
                assert answer.status_code not in (401, 403), path


async def test_the_line_asks_for_the_scope_again(running: Running) -> None:
    """A question may come otherwise than by the path of a door: an entry of a batch, an include."""
    from gateway.errors import OutOfScope
    from gateway.pipeline import answer

    for question, scopes in (
        (Question("Condition", patient="x"), "system/Patient.rs"), (Question("Patient", patient="x"), "system/Patient.r"),
        (Question("Patient", id="x"), "system/Patient.s"),
    ):  # fmt: skip
        with pytest.raises(OutOfScope):
            await answer(running.node, _scoped(scopes), question)
    assert await answer(running.node, _scoped("system/Patient.s"), Question("Patient", patient="x")) is None


_ASKED = (
    "Condition?patient=x",
    "Patient/x",
    "Patient/x/$everything",
    "Observation/x/_history",
    "Observation?patient=x",
)
_BEYOND = (
    "_has:Observation:patient:code=x", "_revinclude=Observation:patient", "general-practitioner:Practitioner.name=x",
)  # fmt: skip


async def test_what_a_question_reaches_needs_its_scope_as_well(running: Running) -> None:
    """A chain, `_has` or include of a type that the token does not hold is refused like a question for that type."""
    async with _client(running.app) as client:
        for beyond in _BEYOND:
            with pytest.MonkeyPatch.context() as patch:
                answers = []
                for scopes in ("system/Patient.s", "system/*.s"):
                    patch.setattr("gateway.inbound.mount.principal_of", lambda *_, s=scopes: _scoped(s))
                    answers.append(await client.get(f"/fhir/Patient?_id=x&{beyond}"))
            told = ["insufficient_scope" in answer.headers.get("www-authenticate", "") for answer in answers]
            assert told == [True, False], beyond


async def test_a_batch_is_no_way_around_a_scope(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each entry needs what its own door asks for, in a batch and in a transaction."""
    batch = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [{"request": {"method": "GET", "url": u}} for u in _ASKED],
    }
    write = {"request": {"method": "PUT", "url": "Patient/x"}, "resource": {"resourceType": "Patient", "id": "x"}}
    taken = {"resourceType": "Bundle", "type": "transaction", "entry": [write]}
    kind = {"Content-Type": "application/fhir+json"}
    async with _client(running.app) as client:
        monkeypatch.setattr("gateway.inbound.mount.principal_of", lambda *_: _scoped("system/Observation.s"))
        entries = (await client.post("/fhir", json=batch, headers=kind)).json()["entry"]
        assert [one["response"]["status"][:3] for one in entries] == ["403", "403", "403", "403", "200"]
        refused = await client.post("/fhir", json=taken, headers=kind)
        assert (refused.status_code, "insufficient_scope" in refused.headers["www-authenticate"]) == (403, True)
        monkeypatch.setattr("gateway.inbound.mount.principal_of", lambda *_: _scoped("system/*.cruds"))
        assert (await client.post("/fhir", json=taken, headers=kind)).status_code != 403


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
