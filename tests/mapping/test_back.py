"""The way back by small parts: texts of types, texts taken apart, lists that rows compete for, what is tried and taken back."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from gateway.mapping.back import texts
from gateway.mapping.back.codings import source_code
from gateway.mapping.back.element import Element, agrees, reached
from gateway.mapping.back.joins import Part, _chosen
from gateway.mapping.back.journal import Journal
from gateway.mapping.codes import Code, Table
from gateway.mapping.paths import Target
from gateway.model.wire import Exact


@pytest.mark.parametrize("value", ["2026-1", "yesterday", 2026, None, True, "2026-01-02T03:04"])
def test_what_is_no_moment_is_not_written(value: Any) -> None:
    assert texts.moment(value) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("2026", "2026"), ("2026-01", "202601"), ("2026-01-02", "20260102"), ("2026-01-02T03:04:05Z", "20260102030405+0000"),
        ("2026-01-02T03:04:05.123456-05:30", "20260102030405.1234-0530"),
    ],
)  # fmt: skip
def test_moments_keep_their_precision_and_offset(value: str, text: str) -> None:
    assert texts.moment(value) == text


@pytest.mark.parametrize("value", [True, None, {}, []])
def test_what_is_no_text_is_not_written(value: Any) -> None:
    assert texts.text(value) is None


def test_decimals_are_written_as_they_were() -> None:
    assert texts.text(Exact("1.50")) == "1.50"
    assert texts.boolean(True) == "Y"
    assert texts.boolean("true") is None


@pytest.mark.parametrize("value", ["!", "gg==", base64.b64encode(b"\xff").decode()])
def test_what_is_no_base64_of_text_is_not_written(value: str) -> None:
    assert texts.decoded(value) is None


TABLE = Table(
    "t",
    {"A": Code("1", "x"), "B": Code("2", "x", back="yes"), "C": Code("3", "y", system="s")},
    "source",
    "target",
    "keep",
)


@pytest.mark.parametrize(
    ("value", "system", "code"),
    [("x", "", ("B", False)), ("y", "s", ("C", True)), ("y", "target", ("", True)), ("D", "source", ("D", True)), ("A", "", ("", True))],
    ids=["the one that is marked", "a system of its own", "another system", "kept as it is", "a code that means something else"],
)  # fmt: skip
def test_codes_of_a_meaning(value: str, system: str, code: tuple[str, bool]) -> None:
    assert source_code(TABLE, value, system) == code


def parts(*marks: str) -> list[Part]:
    return [Part(lambda _back, _many: None, mark, "", False) for mark in marks]


@pytest.mark.parametrize(
    ("pieces", "marks", "chosen"),
    [
        (["+82", "10", "1234"], ["+", "", "", "X"], {0: "+82", 1: "10", 2: "1234"}),
        (["1234"], ["+", "", "", "X"], {2: "1234"}),
        (["Ann", "Doe"], ["", "", ""], {0: "Ann", 2: "Doe"}),
        (["Ann", "Bea", "Cee", "Doe"], ["", "", ""], {0: "Ann Bea", 1: "Cee", 2: "Doe"}),
    ],
)
def test_a_text_is_taken_apart_by_its_marks_and_from_its_ends(
    pieces: list[str], marks: list[str], chosen: dict[int, str]
) -> None:
    own = parts(*marks)
    found = _chosen(pieces, own, " ")
    assert found is not None
    assert {own.index(part): piece for part, piece in found} == chosen


RESOURCE = Element(
    {"resourceType": "Patient", "name": [{"family": "Doe", "given": ["A", "B"]}, {"family": "Roe"}], "_birthDate": {"extension": []}},
    "Patient/1#",
)  # fmt: skip


def found(target: str, *taken: str) -> list[str]:
    return [one.path for one in reached(RESOURCE, Target(target, "here").parts, taken.__contains__)]


def test_targets_name_elements() -> None:
    assert found("name[+].family") == ["Patient/1#name[0].family", "Patient/1#name[1].family"]
    assert found("name[+]", "Patient/1#name[0]") == ["Patient/1#name[1]"]
    assert found("name[1].family") == ["Patient/1#name[1].family"]
    assert found("name[2].family") == []
    assert found("birthDate") == ["Patient/1#birthDate"]


def test_the_latest_of_a_list_is_the_one_that_was_taken_last() -> None:
    target = Target("name[=].family", "here").parts
    latest = {"Patient/1#name": "Patient/1#name[1]"}
    assert [one.path for one in reached(RESOURCE, target, lambda _: False, latest)] == ["Patient/1#name[1].family"]


def test_a_constant_is_in_an_element_that_says_at_least_that() -> None:
    element = Element({"coding": [{"system": "s", "code": "a"}, {"system": "s", "code": "b"}], "text": "t"}, "X/1#code")
    assert agrees(element, {"coding": [{"code": "b"}]}) == ["X/1#code.coding[1].code"]
    assert agrees(element, {"coding": [{"code": "c"}]}) is None
    assert agrees(element, {"coding": [{"code": "b"}], "version": "1"}) is None
    assert agrees(None, {}) is None


def test_what_was_tried_is_taken_back_and_done_again() -> None:
    journal, held = Journal(), list[int]()
    journal.do(lambda: held.append(1), lambda: held.remove(1))
    mark = journal.mark()
    for number in (2, 3):
        journal.do(lambda number=number: held.append(number), lambda number=number: held.remove(number))  # type: ignore[misc]
    undone = journal.undo(mark)
    assert held == [1]
    journal.redo(undone)
    assert held == [1, 2, 3]
    journal.undo(0)
    assert held == []
