"""The stories when the world does not play along, and the whole demo as a user starts it."""

from __future__ import annotations

import io
import json
import stat
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gateway.demo.processes import free_port
from gateway.demo.run import run, set_up
from gateway.demo.stories import Story, played
from gateway.demo.telling import seven_questions, show_counts, show_story
from gateway.demo.world import Caller, World
from gateway.site import load_site

EXCHANGE: dict[str, Any] = {
    "id": "e1", "agreement": "a1", "status": "delivered", "who": {"participant": "h1", "user": "n1"},
    "whom": {"person": "0123456789", "recipient": "w1"}, "when": {"received": "2026-11-22T05:00:00+00:00"}, "where": {},
    "what": {"trigger": "ADT^A03", "released": [{"reference": "Condition/1"}, {"reference": "Condition/2"}], "withheld": 1,
             "withheld_labels": ["PSY", "R"]},
    "why": {"purpose": "COC", "basis": "consent", "reason": "consent-permit"}, "how": {"standard": "hl7v2"},
    "decisions": [{"redacted": [{"reference": "Condition/3", "because": "agreement-label"}]}],
}  # fmt: skip


def test_a_world_that_does_not_answer_is_a_failed_check_of_every_story() -> None:
    nobody = Caller(f"http://127.0.0.1:{free_port()}", "x")

    class Deaf:
        def sends_v2(self, message: bytes) -> str:
            return "AE"

        def sends_fhir(self, resource: object) -> int:
            return 503

    world = World(Deaf(), nobody, nobody, nobody, nobody, lambda: datetime.now(UTC))  # type: ignore[arg-type]
    stories = list(played(world))
    assert len(stories) == 5
    assert not any(story.ok for story in stories)


def test_a_story_without_checks_is_not_told() -> None:
    assert not Story("x", "x").ok


def test_an_exchange_is_told_in_the_seven_questions() -> None:
    told = dict(seven_questions(EXCHANGE))
    assert [label.partition(" · ")[2] for label in told] == [
        "who", "whom", "when", "where", "what", "why", "how", "released", "withheld",
    ]  # fmt: skip
    assert told["나간 것 · released"] == "Condition 2"
    assert "Condition 1: 협약이 다루지 않는 민감한 정보" in told["보류한 것 · withheld"]
    assert "정신건강" in told["보류한 것 · withheld"]
    assert "0123456789" not in " ".join(told.values())


def test_what_is_shown_says_which_check_failed() -> None:
    console = Console(file=io.StringIO(), width=140)
    story = Story("x", "[title]", exchanges=[EXCHANGE])
    story.check("first [a]", True)
    story.check("second", False)
    show_story(console, story)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "ok  first [a]" in text
    assert "NOT second" in text


@pytest.mark.parametrize(("received", "even"), [(2, True), (3, False)])
def test_counts_that_do_not_sum_up_are_noticed(received: int, even: bool) -> None:
    console = Console(file=io.StringIO(), width=140)
    rows = [{"agreement": "a1", "received": received, "delivered": 1, "refused": 1}]
    assert show_counts(console, "2026-11-22", rows) is even


def test_the_stage_has_its_own_ports_and_keys(tmp_path: Path) -> None:
    stage = set_up(tmp_path, 1, 2)
    told = json.loads((tmp_path / "demo.json").read_text())
    site = load_site(stage.site)
    hospital = site.participants["hanbit-hospital"]
    assert hospital.mllp is not None
    assert hospital.mllp.port == 2
    assert told["base"] == "http://127.0.0.1:1"
    assert told["mllp"] == "127.0.0.1:2"
    assert set(told["tokens"]) == {"hospital", "public-health", "welfare", "admin", "auditor"}
    assert {k.roles for k in site.participants["ieum-demo"].keys} == {("admin",), ("auditor",)}
    urls = [e.url for p in site.participants.values() for e in p.endpoints.values()]
    assert sorted(urls) == sorted(f"http://127.0.0.1:{port}/fhir" for port in stage.ports.values())
    for secret in (tmp_path / "demo.json", *(tmp_path / "secrets").iterdir()):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_setting_up_again_gives_new_keys(tmp_path: Path) -> None:
    first, second = set_up(tmp_path, 1, 2), set_up(tmp_path, 1, 2)
    assert not set(first.tokens.values()) & set(second.tokens.values())
    assert len(load_site(second.site).participants["hanbit-hospital"].keys) == 1


@pytest.mark.long
def test_the_demo_comes_out_as_told_and_again_on_the_same_data(tmp_path: Path) -> None:
    assert run(once=True, port=0, mllp_port=0, data_dir=tmp_path) == 0
    assert run(once=True, port=0, mllp_port=0, data_dir=tmp_path) == 0
