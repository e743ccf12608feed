"""`gateway consent import`: papers become Consents through the line, all of a file or none of it; refusals first."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.app import build_node, close
from gateway.audit.search import stream
from gateway.cli import app
from gateway.cli.paper import _all_words
from gateway.consent import paper
from gateway.consent.paper import COLUMNS, papers
from gateway.demo.messages import Moment, admission, cases, discharge
from gateway.demo.people import Person, people
from gateway.demo.run import set_up
from gateway.model.document import Principal, Received
from gateway.model.wire import read_json, write_json
from gateway.pipeline import carry, drain
from gateway.pipeline.node import Node
from gateway.settings import Settings
from gateway.site import load_site

NUMBER = "https://hanbit-hospital.example/fhir/sid/patient-number"
HOSPITAL, REFERRAL = "hanbit-hospital", "discharge-to-community-care"
GUARDED = (
    "Permits signed by guardians: 1. They are kept, and have effect only while a participant that may attest it "
    "says that these guardians hold.\n"
)
FORM = "https://ieum-gateway.example/policies/community-care/v1"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C")
    return set_up(tmp_path, 1, 2).site


def row(someone: Person | None = None, **over: str) -> dict[str, str]:
    made = {
        "person": f"{NUMBER}|{(someone or people()['consenting']).number}", "decision": "permit", "purposes": "COC",
        "recipient": "Organization/mapo-care-team", "from": "2026-01-01", "to": "2035-12-31", "signed-on": "2026-01-01", "signed-by": "person",
        "authority": "", "form": FORM, "scan-sha256": "ab" * 32,
    }  # fmt: skip
    return made | {name.replace("_", "-").rstrip("-"): value for name, value in over.items()}


def text(*rows: dict[str, str], columns: tuple[str, ...] = COLUMNS) -> str:
    made = io.StringIO()
    writer = csv.DictWriter(made, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return made.getvalue()


@contextmanager
def opened(site: Path) -> Iterator[Node]:
    node = build_node(Settings(site=site))
    try:
        yield node
    finally:
        asyncio.run(close(node))


async def _carried(site: Path, *bodies: bytes) -> None:
    node = build_node(Settings(site=site))
    for body in bodies:
        document = Received(
            node.ids(), Principal(HOSPITAL, "test"), body, "x-application/hl7-v2+er7", "http", node.clock()
        )
        assert (await carry(node, document)).error is None
    await close(node)


def carried(site: Path, *bodies: bytes) -> None:
    asyncio.run(_carried(site, *bodies))


def admitted(site: Path, *persons: Person) -> None:
    with opened(site) as node:
        at = node.clock().replace(microsecond=0)
    carried(site, *(admission(person, Moment(at, number)) for number, person in enumerate(persons)))


def run(site: Path, content: str, *more: str, who: str = HOSPITAL) -> Any:
    file = site.parent / "papers.csv"
    file.write_text(content, "utf-8")
    return CliRunner().invoke(app, ["consent", "import", str(file), "--site", str(site), "--participant", who, *more])


def consents(node: Node, person: Person) -> list[Any]:
    token = (NUMBER, node.keyring.token(NUMBER, person.number))
    key = node.store.persons([token])[token]
    return [read_json(node.keyring.open(one.content)) for one in node.store.consents(key)[1]]


BROKEN = [
    ({"person": "12345"}, "person", "identifier"),
    ({"person": f"{NUMBER}|=1+1"}, "person", "identifier"),
    ({"person": "https://elsewhere.example/n|1"}, "person", "identifier-system"),
    ({"decision": "yes"}, "decision", "decision"),
    ({"decision": "=cmd|' /C calc'!A0"}, "decision", "decision"),
    ({"purposes": "COC,TREAT"}, "purposes", "purpose"),
    ({"purposes": ""}, "purposes", "missing"),
    ({"recipient": ""}, "recipient", "missing"),
    ({"recipient": "mapo"}, "recipient", "reference"),
    ({"recipient": "Organization/elsewhere"}, "recipient", "recipient"),
    ({"from_": ""}, "from", "missing"),
    ({"from_": "2026-02-30"}, "from", "day"),
    ({"from_": "2026"}, "from", "day"),
    ({"to": "@SUM(1)"}, "to", "day"),
    ({"to": "2025-12-31"}, "to", "order"),
    ({"signed_on": ""}, "signed-on", "missing"),
    ({"signed_on": "2031-01-01"}, "signed-on", "future"),
    ({"signed_by": "mother"}, "signed-by", "signed-by"),
    ({"signed_by": f"{NUMBER}|77"}, "authority", "authority"),
    ({"authority": "parent"}, "authority", "authority-own"),
    ({"form": ""}, "form", "form"),
    ({"form": "https://ieum-gateway.example/policies/community-care"}, "form", "form"),
    ({"scan_sha256": ""}, "scan-sha256", "digest"),
    ({"scan_sha256": "ab" * 20}, "scan-sha256", "digest"),
    ({"form": "x" * 301}, "", "cell-too-long"),
]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return load_site(set_up(tmp_path_factory.mktemp("site"), 1, 2).site)


@pytest.mark.parametrize(("over", "column", "code"), BROKEN, ids=[f"{c}-{e}-{n}" for n, (_, c, e) in enumerate(BROKEN)])
def test_a_row_with_a_fault_takes_the_file_with_it(loaded, over, column, code):
    made, faults = papers(text(row(), row(**over)).encode(), loaded, HOSPITAL, date(2026, 11, 1))
    assert [(one.line, one.column, one.code) for one in faults if one.code == code] == [(3, column, code)]
    assert len(made) == 1
    assert papers(text(row(), row(to="")).encode(), loaded, HOSPITAL, date(2026, 11, 1))[1] == ()  # the control


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "columns"), (b"person,decision\n", "columns"), (text(row()).replace("signed-on", "signed").encode(), "columns"),
        (text().encode(), "empty"), (b"\xff\xfe", "unreadable"), ((text() + '"open').encode(), "unreadable"), ((text() + "a,b\n").encode(), "cells"),
        (b"x" * (paper.MOST_BYTES + 1), "too-large"), ((text() + "a\n" * (paper.MOST_ROWS + 1)).encode(), "too-large"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read(loaded, body, code):
    made, faults = papers(body, loaded, HOSPITAL, date(2026, 11, 1))
    assert (made, {one.code for one in faults}) == ((), {code})


def test_lines_are_those_of_the_file(loaded):
    """Columns in another order, a byte order mark, CRLF, blank lines, and a cell of two lines."""
    content = "\ufeff" + text(row(), row(form="a\nb"), row(decision="x"), columns=COLUMNS[::-1]).replace("\n", "\r\n")
    _, faults = papers(content.encode(), loaded, HOSPITAL, date(2026, 11, 1))
    assert [(one.line, one.column) for one in faults] == [(3, "form"), (5, "decision")]


def test_every_fault_has_words_in_both_languages():
    words = _all_words()
    assert words["en"].keys() == words["ko"].keys()
    told = {code for _, _, code in BROKEN} | {"columns", "unreadable", "empty", "cells", "too-large"}
    assert told | {"person", "not-agreed", "not-kept", "invalid", "conflict", "refused"} <= words["en"].keys()


def test_nothing_of_a_file_with_a_fault_is_kept(site: Path) -> None:
    one, other = people()["consenting"], people()["silent"]
    admitted(site, one)
    with opened(site) as node:
        before = len(list(stream(node.store, {})))
    told = run(site, text(row(one), row(other), row(one, decision="no")))
    assert (told.exit_code, "papers.csv:4: decision: " in told.output) == (1, True)
    told = run(site, text(row(one), row(other)))  # nobody knows the other one
    assert (told.exit_code, "papers.csv:3: person: Nobody is on file" in told.output) == (1, True)
    assert other.number not in told.output
    told = run(site, text(row(one)), who="mapo-care-team")
    assert (told.exit_code, "No agreement of the site takes" in told.output) == (1, True)
    assert run(site, text(row(one)), who="nobody").exit_code == 2
    assert "한 번에" not in run(site, text(row(one, decision="no")), "--lang", "en").output
    assert "아무것도 등록하지 않았습니다" in run(site, text(row(one, decision="no")), "--lang", "ko").output
    assert "Nothing was kept" in run(site, text(row(one)), "--dry-run").output
    with opened(site) as node:
        assert consents(node, one) == []
        assert len(list(stream(node.store, {}))) == before


def test_a_paper_takes_effect_like_any_other_consent_and_once(site: Path) -> None:
    one, other = people()["consenting"], people()["silent"]
    admitted(site, one, other)
    guardian = f"{NUMBER}|G77"
    content = text(row(one), row(one), row(other, signed_by=guardian, authority="parent"))
    told = run(site, content)
    assert (told.exit_code, told.output) == (0, f"Consents recorded: 2. On file already: 1.\n{GUARDED}")
    again = run(site, content)
    assert (again.exit_code, again.output) == (0, "Consents recorded: 0. On file already: 3.\n")
    with opened(site) as node:
        (kept,) = consents(node, one)
        assert kept["policy"] == [{"uri": FORM}]
        assert kept["sourceAttachment"] == {"url": "ni:///sha-256;q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"}
        assert kept["provision"]["period"] == {"start": "2026-01-01", "end": "2035-12-31"}
        (by_guardian,) = consents(node, other)
        assert by_guardian["performer"][0]["extension"][0]["valueCode"] == "parent"
        facts = [read_json(one.line) for one in stream(node.store, {}) if b'"consent-registration"' in one.line]
        assert [(fact["kind"], fact["outcome"]) for fact in facts] == [("outcome", "kept")] * 2
        at = node.clock().replace(microsecond=0)
    case = cases()["discharges"]["consenting"]
    carried(site, *(discharge(person, Moment(at, number), case) for number, person in enumerate((one, other))))
    with opened(site) as node:
        found = {e.whom.person: e.status for e in node.store.exchanges({"agreement": REFERRAL}, 10)}
        statuses = [
            found[node.store.persons([t])[t]]
            for p in (one, other)
            for t in [(NUMBER, node.keyring.token(NUMBER, p.number))]
        ]
    assert statuses == ["pending", "refused"]  # a guardian without authority on file permits nothing


async def _attested(site: Path, guardian: str, person: Person) -> None:
    role = {"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "GUARD"}
    said = {
        "resourceType": "RelatedPerson", "id": "g77", "patient": {"identifier": {"system": NUMBER, "value": person.number}},
        "identifier": [{"system": NUMBER, "value": guardian}], "relationship": [{"coding": [role]}],
    }  # fmt: skip
    node = build_node(Settings(site=site))
    team = Principal("mapo-care-team", "test")
    body = write_json(said)
    document = Received(node.ids(), team, body, "application/fhir+json", "http", node.clock())
    assert (await carry(node, document)).error is None
    while await drain(node, "test"):
        pass
    await close(node)


def test_a_paper_that_a_guardian_signed_counts_while_the_power_is_on_file(site: Path) -> None:
    one = people()["silent"]
    admitted(site, one)
    assert (
        run(
            site, text(row(one, signed_by=f"{NUMBER}|G77", authority="legal-guardian", signed_on="2026-11-30"))
        ).exit_code
        == 0
    )
    asyncio.run(_attested(site, "G77", one))
    with opened(site) as node:
        at = node.clock().replace(microsecond=0)
    carried(site, discharge(one, Moment(at, 50), cases()["discharges"]["silent"]))
    with opened(site) as node:
        (found,) = node.store.exchanges({"agreement": REFERRAL}, 10)
    assert (found.status, found.why.reason) == ("pending", "consent-permit")
