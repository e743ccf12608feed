"""What an operator takes out of the files of a running node counts at once, for keys, tokens, ports and deliveries; nothing new does."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gateway.app import build_app
from gateway.console.journal import JournalDesk
from gateway.demo.messages import cases, discharge
from gateway.demo.run import Stage
from gateway.errors import UnknownCaller
from gateway.inbound.identity import mllp_principal
from gateway.model.wire import write_json
from gateway.pipeline.node import Node
from gateway.pipeline.standing import Standing
from gateway.site import load_site
from gateway.site.register import new_api_key, register_client, register_key
from gateway.site.withdrawn import less, stamp
from tests.flows.callers import BASE, ES384, RS384, System
from tests.flows.conftest import CARE_TEAM, HOSPITAL, REFERRAL, Flow, somebody

HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
CLIENT = "mapo-records"


class Files:
    """The files of a site under a running node, and the time between two looks."""

    def __init__(self, flow: Flow, stage: Stage, folder: Path) -> None:
        shutil.copytree(stage.site, folder)
        self.root, self.seconds, self.flow = folder, 0.0, flow
        self.key = new_api_key(CARE_TEAM)
        register_key(folder, CARE_TEAM, self.key)
        keys = write_json({"keys": [key.as_dict(private=False) for key in (ES384, RS384)]})
        register_client(folder, CARE_TEAM, CLIENT, keys, ["system/Patient.rs"])
        began = stamp(folder)
        standing = Standing(folder, began, lambda: self.seconds)
        self.node: Node = replace(flow.node, site=load_site(folder), base=BASE, standing=standing)

    def path(self, name: str) -> Path:
        return self.root / "participants" / f"{name}.yaml"

    def change(self, name: str, change: Callable[[str], str]) -> None:
        """A file as an editor saves it; the node looks a second later."""
        path = self.path(name)
        text = change(path.read_text("utf-8"))
        new = path.with_name(".new")
        new.write_text(text, "utf-8")
        new.replace(path)
        self.seconds += 1

    async def asks(self, key: object = ES384, alg: str = "ES384", scope: str = "system/Patient.rs") -> httpx.Response:
        form = System(self.flow.clock, CLIENT, key, alg).form(scope=scope)
        async with self.http() as client:
            return await client.post("/oauth/token", content=form, headers=HEADERS)

    async def reads(self, proof: str, path: str = "/fhir/Patient?identifier=urn:x%7C1") -> int:
        async with self.http() as client:
            return (await client.get(path, headers={"Authorization": f"Bearer {proof}"})).status_code

    def http(self) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=build_app(self.node))
        return httpx.AsyncClient(transport=transport, base_url="http://localhost")


@pytest.fixture
def files(flow: Flow, stage: Stage, tmp_path: Path) -> Files:
    return Files(flow, stage, tmp_path / "site")


def off(text: str) -> str:
    return f"{text.rstrip()}\nactive: false\n"


async def test_a_participant_switched_off_is_a_stranger_at_once(files: Files) -> None:
    token = (await files.asks()).json()["access_token"]
    assert (await files.reads(token), await files.reads(files.key)) == (200, 200)
    files.change(CARE_TEAM, lambda text: text.replace("name:", "name:  ", 1))  # touched, and the same
    assert (await files.reads(token), await files.reads(files.key)) == (200, 200)
    files.change(CARE_TEAM, off)
    assert (await files.reads(token), await files.reads(files.key)) == (401, 401)
    assert (await files.asks()).status_code == 401
    files.change(CARE_TEAM, lambda text: "kind: [")  # a slip of the pen switches nobody on
    assert (await files.reads(token), await files.reads(files.key)) == (401, 401)
    files.path(CARE_TEAM).unlink()
    files.seconds += 1
    assert (await files.reads(token), await files.reads(files.key)) == (401, 401)


async def test_a_file_that_cannot_be_read_takes_nothing_away(files: Files) -> None:
    for broken in (
        "kind: [",
        "id: mapo-care-team\n",
        "",
        "id: somebody-else\nname: {en: x}\nkind: x\nreferences: [Organization/x]\nsource: xxx\n",
    ):
        before = files.path(CARE_TEAM).read_text("utf-8")
        files.change(CARE_TEAM, lambda _, broken=broken: broken)
        assert await files.reads(files.key) == 200
        files.change(CARE_TEAM, lambda _, before=before: before)
        assert await files.reads(files.key) == 200


async def test_a_key_taken_away_takes_its_tokens_along(files: Files) -> None:
    one, other = (await files.asks()).json()["access_token"], (await files.asks(RS384, "RS384")).json()["access_token"]
    point = ES384.as_dict(private=False)["x"]
    files.change(
        CARE_TEAM, lambda text: text.replace(point, RS384.kid)
    )  # no key any more: the file is as good as unread
    assert (await files.reads(one), await files.reads(other)) == (200, 200)
    files.change(CARE_TEAM, lambda text: text.replace(f'"{RS384.kid}",', f'"{point}",', 1))
    assert (await files.reads(one), await files.reads(other)) == (200, 200)
    files.change(CARE_TEAM, lambda text: re.sub(r'\{"[^{}]*"ec-1"[^{}]*\},?', "", text))
    assert (await files.reads(one), await files.reads(other)) == (401, 200)
    assert ((await files.asks()).status_code, (await files.asks(RS384, "RS384")).status_code) == (401, 200)


async def test_an_api_key_and_a_scope_taken_away_are_gone(files: Files) -> None:
    token = (await files.asks()).json()["access_token"]
    files.change(CARE_TEAM, lambda text: text.replace("system/Patient.rs", "system/Patient.r"))
    assert (await files.reads(token), await files.reads(token, "/fhir/Patient/x")) == (403, 404)
    assert (await files.asks(scope="system/Patient.rs")).json()["scope"] == "system/Patient.r"
    files.change(CARE_TEAM, lambda text: re.sub(r"keys:\n( +- \{id: key.*\n)+", "", text))
    assert await files.reads(files.key) == 401


async def test_what_is_new_waits_for_the_next_start(files: Files) -> None:
    register_key(files.root, CARE_TEAM, "another key")
    files.change(CARE_TEAM, lambda text: text.replace("system/Patient.rs", "system/*.cruds"))
    assert await files.reads("another key") == 401
    assert (await files.asks(scope="system/*.cruds")).json()["scope"] == "system/Patient.rs"
    files.node = replace(files.node, site=load_site(files.root), standing=None)
    assert await files.reads("another key") == 200


async def test_a_recipient_or_a_sender_switched_off_gets_and_gives_nothing(files: Files, flow: Flow) -> None:
    flow.node = files.node
    person = somebody(70)
    await flow.consents(person)
    await flow.sends(discharge(person, flow.moment(), cases()["discharges"]["consenting"]))
    assert flow.one(REFERRAL).status == "pending"
    files.change(CARE_TEAM, off)
    await flow.drains()
    assert (flow.one(REFERRAL).status, flow.one(REFERRAL).why.reason) == ("withheld", "agreement-ended")
    hospital = files.node.site_now().participants[HOSPITAL]
    assert mllp_principal(hospital, "127.0.0.1").participant == HOSPITAL
    files.change(HOSPITAL, off)
    with pytest.raises(UnknownCaller):
        mllp_principal(files.node.site_now().participants[HOSPITAL], "127.0.0.1")


async def test_files_are_looked_at_once_a_second(files: Files) -> None:
    assert await files.reads(files.key) == 200
    files.change(CARE_TEAM, off)
    files.seconds -= 0.5
    assert await files.reads(files.key) == 200
    files.seconds += 0.5
    assert await files.reads(files.key) == 401


async def test_a_purpose_taken_away_ends_what_it_was_for(files: Files) -> None:
    token = (await files.asks()).json()["access_token"]
    assert (await files.reads(token), await files.reads(files.key)) == (200, 200)
    files.change(CARE_TEAM, lambda text: text.replace("purposes: [COC]", "purposes: [TREAT]"))
    assert (await files.reads(token), await files.reads(files.key)) == (403, 403)


async def test_what_was_to_go_for_a_purpose_stays_when_it_is_taken_away(files: Files) -> None:
    flow = replace(files.flow, node=files.node)
    person = somebody(77)
    await flow.consents(person)
    await flow.sends(discharge(person, flow.moment(), cases()["discharges"]["consenting"]))
    files.change(CARE_TEAM, lambda text: text.replace("purposes: [COC]", "purposes: [TREAT]"))
    await flow.drains()
    assert (flow.one(REFERRAL).status, flow.post.sent) == ("withheld", [])


async def test_a_key_of_staff_taken_away_ends_visits_of_the_console(files: Files) -> None:
    key = new_api_key("ieum-demo")
    register_key(files.root, "ieum-demo", key, ["auditor"])
    node = replace(
        files.node, site=load_site(files.root), standing=Standing(files.root, stamp(files.root), lambda: files.seconds)
    )
    desk = JournalDesk(node)
    found = desk.principal(key)
    assert found is not None
    assert desk.still(found.participant, found.client) is not None
    files.change("ieum-demo", lambda text: text.replace(hashlib.sha256(key.encode()).hexdigest(), "0" * 64))
    assert (desk.principal(key), desk.still(found.participant, found.client)) == (None, None)


def test_roles_of_staff_and_proof_only_become_less(files: Files) -> None:
    site = load_site(files.root)
    team = site.participants[CARE_TEAM]
    more = replace(team, staff_roles=("physician", "porter"), keys=tuple(replace(k, authn_level=3) for k in team.keys))
    files.change(CARE_TEAM, lambda text: text + "\nstaff-roles: [physician, nurse]\n")
    left = less(replace(site, participants={**site.participants, CARE_TEAM: more}), site).participants[CARE_TEAM]
    assert left.staff_roles == ("physician",)
    assert {key.authn_level for key in left.keys} == {1}
