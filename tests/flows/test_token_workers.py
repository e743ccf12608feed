"""An assertion is used once: by one of several workers, also when they are asked at once, and not again after a restart."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.app import build_app, build_node, close
from gateway.demo.run import Stage
from gateway.model.wire import read_json
from gateway.pipeline.node import Node
from gateway.settings import Settings
from gateway.site import load_site
from gateway.site.register import register_client
from tests.flows.callers import BASE, OTHERS, READER, System, calling, known, registered
from tests.flows.conftest import Clock, Flow, serving

HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


def worker(url: str, stage: Stage, folder: Path, clock: Clock) -> Node:
    """One more process's worth of gateway on the same database and key file."""
    built = build_node(Settings(data_dir=folder, database_url=url), load_site(stage.site))
    return replace(calling(built), clock=clock)


async def asked(node: Node, form: bytes) -> int:
    transport = httpx.ASGITransport(app=build_app(node), client=("192.0.2.7", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post("/oauth/token", content=form, headers=HEADERS)
    assert answer.status_code in (200, 401)
    assert answer.status_code == 200 or answer.json() == {"error": "invalid_client"}
    return answer.status_code


async def test_an_assertion_is_used_once(store_url: str, stage: Stage, tmp_path: Path) -> None:
    """29, 30, 31: again at the same worker, at two workers at the same time, after a restart; one that is new is always taken."""
    clock = Clock()
    system = System(clock)
    first, second = (worker(store_url, stage, tmp_path, clock) for _ in range(2))
    form = system.form()
    assert [await asked(first, form) for _ in range(2)] == [200, 401]
    assert await asked(second, form) == 401
    for _ in range(5):
        form = system.form()
        told = await asyncio.gather(*(asked(node, form) for node in (first, second) * 4))
        assert Counter(told) == {200: 1, 401: 7}
    told = await asyncio.gather(*(asked(node, system.form()) for node in (first, second) * 4))
    assert Counter(told) == {200: 8}
    await close(first)
    await close(second)
    again = worker(store_url, stage, tmp_path, clock)
    assert await asked(again, form) == 401
    assert await asked(again, system.form()) == 200
    await close(again)


async def test_a_jti_is_one_client_s_own(flow: Flow) -> None:
    """32: another client may use the same one, and so may the same one when the first has run out."""
    team = (READER, registered("mapo-forms", "system/Patient.r", OTHERS))
    node = calling(flow.node, known(flow.node.site, *team))
    site = node.site.participants["hanbit-hospital"]
    node = replace(
        node, site=replace(node.site, participants={**node.site.participants, site.id: replace(site, clients=())})
    )
    one, other = System(flow.clock), System(flow.clock, "mapo-forms", OTHERS)
    assert await asked(node, one.form(one.assertion(jti="the same"))) == 200
    assert await asked(node, other.form(other.assertion(jti="the same"))) == 200
    assert await asked(node, one.form(one.assertion(jti="the same"))) == 401
    flow.clock.pass_by(seconds=290)
    assert await asked(node, one.form(one.assertion(jti="the same"))) == 401  # a minute is left for other clocks
    flow.clock.pass_by(seconds=12)
    assert await asked(node, one.form(one.assertion(jti="the same"))) == 200
    assert len(flow.node.store.records("assertion")) == 1


async def test_a_token_of_one_worker_is_good_at_the_other(store_url: str, stage: Stage, tmp_path: Path) -> None:
    """And it stays good when the site key is rotated."""
    from gateway.store.rotation import rotate

    clock = Clock()
    first, second = (worker(store_url, stage, tmp_path, clock) for _ in range(2))
    transport = httpx.ASGITransport(app=build_app(first))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        token = (await client.post("/oauth/token", content=System(clock).form(), headers=HEADERS)).json()[
            "access_token"
        ]
    await asyncio.to_thread(rotate, Settings(data_dir=tmp_path).site_key, first.store)
    third = worker(store_url, stage, tmp_path, clock)
    for node in (second, third):
        transport = httpx.ASGITransport(app=build_app(node))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            answer = await client.get(
                "/fhir/Patient?identifier=urn:x%7C1", headers={"Authorization": f"Bearer {token}"}
            )
        assert (answer.status_code, read_json(answer.content)["type"]) == (200, "searchset")
    for node in (first, second, third):
        await close(node)


async def test_without_a_durable_commit_there_is_no_token(flow: Flow) -> None:
    node = calling(flow.node)
    system = System(flow.clock)
    form = system.form()
    await asyncio.to_thread(flow.node.store.close)
    transport = httpx.ASGITransport(app=build_app(node))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        answer = await client.post("/oauth/token", content=form, headers=HEADERS)
    assert (answer.status_code, answer.json()) == (503, {"error": "temporarily_unavailable"})
    assert answer.headers["retry-after"]


def test_the_example_of_the_readme_gets_a_token(
    flow: Flow, stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is written: the key it makes is registered as the command does, and the token it gets reads."""
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    example, use = (part for part in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "access_token(" in part)
    names: dict[str, Any] = {}
    monkeypatch.chdir(tmp_path)
    exec(example, names)
    folder = tmp_path / "site"
    shutil.copytree(stage.site, folder)
    scopes = ["system/Patient.rs", "system/Condition.rs"]
    register_client(folder, "mapo-care-team", "care-records", (tmp_path / "public.json").read_bytes(), scopes)
    flow.node = calling(flow.node, load_site(folder))
    with serving(flow, monkeypatch, tmp_path) as served, served.client() as client:
        behind = lambda url, data: client.post(url.removeprefix(BASE), data=data)  # noqa: E731 the proxy before the node
        monkeypatch.setattr(names["httpx"], "post", behind)
        monkeypatch.setattr(names["time"], "time", lambda: flow.clock().timestamp())
        monkeypatch.setattr(names["httpx"], "get", lambda url, **more: client.get(url.removeprefix(BASE), **more))
        exec(use.replace("http://127.0.0.1:8090", BASE), names)
    answer = names["answer"]
    assert (answer.status_code, read_json(answer.content)["resourceType"]) == (200, "Bundle")
