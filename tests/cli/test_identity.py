"""`gateway identity`: the worklist as an operator sees it, and what a link and an unlink do."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.app import build_node, close
from gateway.cli import app
from gateway.demo.messages import Moment, admission
from gateway.demo.people import Person, people
from gateway.demo.run import set_up
from gateway.model.document import Principal, Received
from gateway.pipeline import carry
from gateway.settings import Settings

NUMBER = "https://hanbit-hospital.example/fhir/sid/patient-number"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    return set_up(tmp_path, 1, 2).site


def gateway(*arguments: str, typed: str = "") -> Any:
    return CliRunner().invoke(app, ["identity", *arguments], input=typed)


def received(site: Path, data: Path, *persons: Person) -> list[str]:
    """The ids of one admission of each."""

    async def sent() -> list[str]:
        node = build_node(Settings(data_dir=data, site=site))
        made = []
        for number, person in enumerate(persons):
            body = admission(person, Moment(node.clock().replace(microsecond=0), number))
            who = Principal("hanbit-hospital", "test")
            document = Received(node.ids(), who, body, "x-application/hl7-v2+er7", "http", node.clock())
            made.append((await carry(node, document)).received)
        await close(node)
        return made

    return asyncio.run(sent())


def test_an_empty_worklist(site: Path) -> None:
    assert gateway("list", "--site", str(site)).output.strip() == "Nothing waits."
    assert gateway("link", "nothing", "new", "--site", str(site)).exit_code != 0


def test_what_waits_is_linked_and_goes_on(site: Path, tmp_path: Path) -> None:
    one, other = people()["consenting"], people()["silent"]
    *_, waits = received(site, tmp_path, one, other, replace(one, number=other.number))
    told = gateway("list", "--site", str(site))
    assert told.exit_code == 0
    assert "ambiguous" in told.output.replace("\n", "")
    assert one.number not in told.output
    assert one.resident_number not in told.output
    assert gateway("link", waits, "nobody", "--site", str(site)).exit_code != 0
    assert gateway("link", waits, "new", "--site", str(site)).exit_code == 0
    assert gateway("list", "--site", str(site)).output.strip() == "Nothing waits."


def test_a_number_is_taken_away_without_being_shown(site: Path, tmp_path: Path) -> None:
    person = people()["consenting"]
    received(site, tmp_path, person)
    told = gateway("unlink", NUMBER, "--site", str(site), typed=f"{person.number}\n")
    assert told.exit_code == 0, told.output
    assert person.number not in told.output
    assert gateway("unlink", NUMBER, "--site", str(site), typed=f"{person.number}\n").exit_code != 0
