"""The seven questions as parameters; exports that are safe and complete; the search itself on record before its answer."""

from __future__ import annotations

import csv
import io
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from gateway.audit.export import COLUMNS, FORMULA, csv_lines, rows_of, safe
from gateway.audit.facts import entry_of
from gateway.audit.row import row_of
from gateway.audit.search import audit_query, exchange_query, found, matches_exchange
from gateway.audit.verify import verify
from gateway.cli.audit import app
from gateway.errors import Unanswerable
from gateway.model.questions import Who
from gateway.model.records import Unit
from gateway.model.wire import read_json
from gateway.store import open_store
from tests.audit.conftest import PERSON, Shelf, exchange, fact, placed

ASKED = {
    "who.participant": "hanbit-hospital", "who.client": "key-1", "who.user": "nurse-7", "who.role": "nurse", "whom.person": PERSON,
    "whom.recipient": "mapo-care-team", "where.jurisdiction": "KR-11440", "where.network": "10.0.0.7", "what.trigger": "ADT^A03",
    "why.purpose": "COC", "why.basis": "consent", "why.reason": "consent-permits", "how.standard": "hl7v2", "how.transport": "mllp",
    "how.interaction": "transaction", "when.from": "2026-03-04", "when.to": "2026-03-04", "status": "delivered",
    "agreement": "discharge-to-community-care",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("who.name", "x"), ("_count", "3"), ("status", "fine"), ("kind", "all"), ("when.from", "yesterday"),
        ("when.from", "2026-13-01"), ("when.to", "2026-01-01T00:00:00"), ("what.type", "condition'"), ("who.user", "a b"),
        ("who.user", "x" * 300), ("why.purpose", "' OR 1=1"), ("when.to", "9999-12-31"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_refused(name: str, value: str) -> None:
    with pytest.raises(Unanswerable):
        exchange_query([(name, value)])


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(Unanswerable):
        exchange_query([("status", "parked"), ("status", "failed")])


def test_the_name_of_an_unknown_parameter_is_not_repeated() -> None:
    with pytest.raises(Unanswerable) as refused:
        audit_query([("<script>", "x")])
    assert refused.value.positions == ("parameter",)


def test_questions_become_columns() -> None:
    asked = [
        ("who.participant", "hanbit-hospital"),
        ("whom.person", PERSON),
        ("why.purpose", "COC"),
        ("status", "delivered"),
        ("who.user", ""),
    ]
    query = exchange_query([*asked, ("when.from", "2026-10-01"), ("when.to", "2026-10-31")], ZoneInfo("Asia/Seoul"))
    assert query.where == {
        "who_participant": "hanbit-hospital",
        "whom_person": PERSON,
        "why_purpose": "COC",
        "status": "delivered",
        "when_received_from": "2026-09-30T15:00:00+00:00",
        "when_received_to": "2026-10-31T15:00:00+00:00",
    }


def test_types_are_asked_of_each_exchange() -> None:
    query = exchange_query([("what.type", "Condition")])
    assert matches_exchange(query, exchange())
    assert not matches_exchange(exchange_query([("what.type", "Observation")]), exchange())


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ([("whom.person", PERSON)], 4), ([("why.purpose", "HRESCH")], 1), ([("what.type", "Condition")], 3),
        ([("status", "refused")], 1), ([("who.user", "nurse-7")], 4), ([("who.user", "nurse-8")], 0),
        ([("agreement", "discharge-to-community-care")], 4),
    ],
)  # fmt: skip
def test_rows_are_found(log: list[Any], asked: list[tuple[str, str]], count: int) -> None:
    assert len(list(found(Shelf(log), audit_query(asked)))) == count


@given(st.text())
def test_no_cell_begins_a_formula(text: str) -> None:
    assert not safe(text).lstrip(" ").startswith(FORMULA)


def test_csv_cells_are_safe_and_complete(log: list[Any]) -> None:
    evil = fact("read", exchange(9, who=Who("p", "c", '=HYPERLINK("http://x","y")', "\t@role")))
    rows = list(csv.DictReader(io.StringIO("".join(csv_lines(map(entry_of, [*log, *placed([evil])]))), newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert rows[-1]["who.user"] == '\'=HYPERLINK("http://x","y")'
    assert rows[-1]["who.role"] == "'\t@role"
    assert rows[0]["why.consents"] == "Consent/c1"


@pytest.fixture
def shelf(log: list[Any], monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """The command line over an in-memory log."""
    made = Shelf(log, [exchange(n) for n in (1, 2, 3)])
    monkeypatch.setattr("gateway.store.open_store", lambda url, place: made, raising=False)
    monkeypatch.setenv("GATEWAY_DATABASE_URL", "sqlite:///behind-the-fake")
    return made


def test_a_question_that_cannot_be_asked_leaves_no_row(shelf: Shelf) -> None:
    result = CliRunner().invoke(app, ["search", "colour=red"])
    assert result.exit_code == 2
    assert shelf.committed == []


def test_nothing_is_shown_when_the_search_cannot_be_recorded(shelf: Shelf) -> None:
    shelf.durable = False
    result = CliRunner().invoke(app, ["export", "--format", "csv"])
    assert (result.exit_code, result.stdout) == (2, "")


def test_a_search_is_on_record_before_its_answer(shelf: Shelf) -> None:
    result = CliRunner().invoke(app, ["search", f"whom.person={PERSON}", "kind=outcome"])
    assert result.exit_code == 0
    (asked,) = shelf.committed
    assert (asked.kind, asked.person, asked.facts["how"]["interaction"]) == ("admin", PERSON, "audit-search")


@pytest.mark.parametrize("form", ["csv", "ndjson", "auditevent"])
def test_exports(shelf: Shelf, form: str, log: list[Any]) -> None:
    result = CliRunner().invoke(app, ["export", "--format", form])
    assert result.exit_code == 0
    lines = result.stdout_bytes.splitlines()
    assert len(lines) == {"csv": 5, "ndjson": 4, "auditevent": 4}[form]
    if form == "ndjson":
        assert verify(rows_of(lines)).ok
    if form == "auditevent":
        assert {read_json(line)["resourceType"] for line in lines} == {"AuditEvent"}


def test_verify_says_what_is_wrong(shelf: Shelf, log: list[Any], tmp_path: Any) -> None:
    assert CliRunner().invoke(app, ["verify"]).exit_code == 0
    exported = CliRunner().invoke(app, ["export"]).stdout_bytes
    file = tmp_path / "log.ndjson"
    file.write_bytes(exported.replace(b"nurse-7", b"nurse-8", 1))
    result = CliRunner().invoke(app, ["verify", "--file", str(file)])
    assert result.exit_code == 1
    assert "audit-leaf" in result.stdout
    file.write_bytes(b"{}\n")
    assert CliRunner().invoke(app, ["verify", "--file", str(file)]).exit_code == 1
    assert CliRunner().invoke(app, ["verify", "--person", "nobody", "--file", str(file)]).exit_code == 1


def test_a_real_store_is_searched_exported_and_verified(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path / 'gateway.db'}"
    store = open_store(url, place=row_of)
    sent, refused = exchange(1), exchange(2)
    store.commit(Unit((sent, refused, fact("intent", sent), fact("refusal", refused, "refused")))).result(30)
    store.commit(Unit((fact("outcome", sent, "delivered"),))).result(30)
    store.close()
    runner, where = CliRunner(), ["--database-url", url]
    found = runner.invoke(
        app,
        ["search", *where, f"whom.person={PERSON}", "status=delivered", "when.from=2026-03-04", "when.to=2026-03-04"],
    )
    assert [read_json(line)["kind"] for line in found.stdout_bytes.splitlines()] == ["outcome"]
    exported = runner.invoke(app, ["export", *where])
    kinds = [entry_of(row).kind for row in rows_of(exported.stdout_bytes.splitlines())]
    assert kinds == ["intent", "refusal", "outcome", "admin"]
    assert runner.invoke(app, ["verify", *where]).exit_code == 0
    journal = open_store(url, place=row_of)
    columns = exchange_query([(name, value) for name, value in ASKED.items()]).where
    assert [one.id for one in journal.exchanges(columns, 10)] == [sent.id, refused.id][::-1]
    journal.close()
