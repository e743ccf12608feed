"""Verification: each way a log can be wrong is found, and a sound log is sound in a file too."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.export import row_line, rows_of
from gateway.audit.row import leaf_hash
from gateway.audit.verify import verify
from gateway.errors import Malformed
from gateway.model.records import AuditRow
from tests.audit.conftest import exchange, fact, placed


def rules(rows: list[AuditRow], **how: Any) -> set[str]:
    return {finding.rule for finding in verify(rows, **how).findings}


def test_a_changed_line_is_found(log: list[AuditRow]) -> None:
    log[1] = replace(log[1], line=log[1].line.replace(b"delivered", b"refused"))
    assert "audit-leaf" in rules(log)


def test_a_changed_line_with_its_hash_made_to_fit_breaks_the_chain(log: list[AuditRow]) -> None:
    line = log[1].line.replace(b'"outcome":"delivered"', b'"outcome":"failed"')
    log[1] = replace(log[1], line=line, leaf_hash=leaf_hash(line))
    assert rules(log) == {"audit-chain"}


def test_a_removed_row_is_found(log: list[AuditRow]) -> None:
    assert "audit-gap" in rules(log[:1] + log[2:])


def test_a_removed_first_row_is_found(log: list[AuditRow]) -> None:
    assert "audit-gap" in rules(log[1:])


def test_two_rows_in_each_others_place_are_found(log: list[AuditRow]) -> None:
    assert "audit-gap" in rules([log[1], log[0], *log[2:]])


def test_a_copy_of_a_row_is_found(log: list[AuditRow]) -> None:
    assert rules([*log, log[2]]) == {"audit-duplicate", "audit-sequence"}


@pytest.mark.parametrize(
    ("column", "value"), [("id", "other"), ("person", None), ("sequence", 7), ("previous_hash", "00ff")]
)
def test_a_column_that_contradicts_the_line_is_found(log: list[AuditRow], column: str, value: Any) -> None:
    log[-1] = replace(log[-1], **{column: value})
    assert "audit-column" in rules(log)


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"id": 1}', b"\xff"])
def test_a_line_that_is_no_row_is_found(log: list[AuditRow], line: bytes) -> None:
    log[-1] = replace(log[-1], line=line, leaf_hash=leaf_hash(line))
    assert rules(log) == {"audit-line"}


def test_a_line_in_another_form_is_found(log: list[AuditRow]) -> None:
    line = log[-1].line.replace(b'":', b'" :', 1)
    log[-1] = replace(log[-1], line=line, leaf_hash=leaf_hash(line))
    assert rules(log) == {"audit-canonical"}


def test_a_release_without_an_intent_before_it_is_found() -> None:
    sent = exchange(1)
    assert rules(placed([fact("outcome", sent, "delivered")])) == {"audit-intent"}
    assert rules(placed([fact("outcome", sent, "delivered"), fact("intent", sent)])) == {"audit-intent"}


def test_an_intent_without_outcome_is_listed_and_no_error(log: list[AuditRow]) -> None:
    verified = verify(log)
    assert verified.ok
    assert (verified.rows, verified.chains, verified.open_count) == (4, 1, 1)
    assert verified.open_intents == (exchange(2).id,)


@pytest.mark.parametrize(("outcome", "status"), [("shadowed", "shadowed"), ("dry-run", "pending")])
def test_a_trial_waits_for_no_outcome(outcome: str, status: Any) -> None:
    assert verify(placed([fact("intent", exchange(1, status=status), outcome)])).open_count == 0


def test_findings_name_places_and_no_person(log: list[AuditRow]) -> None:
    log[1] = replace(log[1], leaf_hash="00")
    said = " ".join(f"{f.expression} {f.text}" for f in verify(log).findings)
    assert "row[2].leaf_hash" in said
    assert str(log[1].person) not in said


def test_rows_of_nobody_have_no_chain() -> None:
    nobody = [replace(fact("count", exchange(n), "refused"), id=str(n), person=None) for n in range(3)]
    assert verify(placed(nobody)).ok


def test_an_excerpt_may_begin_later(log: list[AuditRow]) -> None:
    assert verify(log[1:], whole=False).ok
    assert rules([log[1], log[3]], whole=False) == {"audit-gap"}


def test_people_may_be_mixed_in_any_order() -> None:
    facts = [replace(fact("read", exchange(n)), id=str(n), person=f"p{n % 5}") for n in range(200)]
    rows = placed(facts)
    by_person = sorted(rows, key=lambda one: (str(one.person), one.sequence))
    assert verify(rows).ok
    assert verify(by_person).ok
    random.Random(1).shuffle(by_person)
    assert not verify(by_person).ok


def test_findings_are_bounded() -> None:
    rows = [
        replace(one, leaf_hash="00")
        for one in placed([replace(fact("count", exchange(1)), id=str(n), person=None) for n in range(1500)])
    ]
    verified = verify(rows)
    assert (len(verified.findings), verified.more) == (1000, 500)


def test_an_export_verifies_offline(log: list[AuditRow], tmp_path: Path) -> None:
    file = tmp_path / "log.ndjson"
    file.write_bytes(b"\n".join(map(row_line, log)) + b"\n\n")
    with file.open("rb") as lines:
        back = list(rows_of(lines))
    assert back == log
    assert verify(back).ok


@pytest.mark.parametrize(
    "line", [b"{}", b"[1]", b'{"id": "a", "line": 3, "leaf_hash": "", "previous_hash": ""}', b"nonsense"]
)
def test_a_file_line_that_is_no_row_is_refused(line: bytes) -> None:
    with pytest.raises(Malformed):
        list(rows_of([line]))
