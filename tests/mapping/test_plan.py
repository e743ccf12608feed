"""Rows by the shape of what is there: what is left of them, and that what is left does just what all of it would do."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from gateway.mapping import MapContext
from gateway.mapping.plan import Asks, Row, Rows
from gateway.mapping.predicates import predicate
from gateway.mapping.scope import Run, Scope
from gateway.stages.map import library_of, map_document
from gateway.standards.hl7v2 import parse
from gateway.standards.hl7v2.source import MAPPABLE, Hl7Source

GOLDEN = Path(__file__).parents[1] / "standards" / "hl7v2" / "golden"
TEXT = 'PID|1||12^^^A&1.2&ISO~~34||Doe^Ann||||""'


def _scope(text: str = TEXT, own: str = "PID", place: str = "") -> Scope:
    source, top = MAPPABLE.trial(text, own, {})
    scope = Scope(Run(source, MapContext(), str), top, {})
    return scope.at(top.step(place)[0], {}) if place else scope


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("PID-3", True),
        ("PID-4", False),
        ("PID-5.3", False),
        ("PID-9", False),
        ({"empty": "PID-9"}, True),
        ({"count": ["PID-3", 2]}, True),
        ({"count": ["PID-3", ">2"]}, False),
        ({"count": ["PV1", 0]}, True),
        ({"not": "PID-4"}, True),
        ({"eq": ["PID-4", "x"]}, False),
        ({"in": ["PID-9", ["x"]]}, False),
        ({"is": ["PV1-2", "code"]}, False),
        ({"all": ["PID-3", {"empty": "PID-4"}]}, True),
        ({"all": ["PID-3", {"eq": ["PID-5.1", "Doe"]}]}, None),
        ({"any": ["PID-3", {"eq": ["PID-5.1", "Doe"]}]}, True),
        ({"any": ["PID-4", {"prefix": ["PID-5.1", "D"]}]}, None),
        ({"any": ["PID-4", "PV1-2"]}, False),
        ("MSH-9", None),
        ({"owner": "PV1"}, None),
        ({"context": "zone"}, None),
    ],
)
def test_what_a_shape_answers(question: Any, expected: bool | None) -> None:
    scope = _scope()
    asked = predicate(question, "PID", "")
    left = asked.left(scope)
    if expected is None:
        assert not isinstance(left, bool)
        assert left.holds(scope) is asked.holds(scope)
    else:
        assert left is expected is asked.holds(scope)


def _shape(text: str) -> str:
    return _scope(text).top.shape or ""


def test_shapes_tell_where_something_is_and_never_what() -> None:
    assert _shape("PID|1||12^^^A") == _shape("PID|2||Kim^^^B")
    different = ["PID|1", "PID|1||12", "PID|1||12^^^A", "PID|1||12^^^A&B", "PID|1||12~34", 'PID|1||""', "PID|1||^12"]
    assert len({_shape(text) for text in different}) == len(different)
    assert "Doe" not in _shape(TEXT)


def test_a_field_and_a_component_of_the_same_parts_are_of_different_shapes() -> None:
    field = _scope("PID|A^B").top.step("1")[0]
    component = _scope("PID|A&B").top.step("1")[0].step("1")[0]
    assert field.shape != component.shape


def _row(number: int, left: Any = True, asks: Asks = Asks.NOBODY) -> Row:
    made = Row(lambda _: number, lambda scope: made if left is True or left(scope) else None, asks)
    return made


def test_plans_are_made_once_for_each_shape() -> None:
    asked: list[str] = []

    def left(scope: Scope) -> bool:
        asked.append(str(scope.node.shape))
        return bool(scope.node.step("2"))

    rows = Rows([_row(1), _row(2, left, Asks.HERE)])
    with_two, without = _scope("PID|a^b", place="1"), _scope("PID|a", place="1")
    assert [row.run(without) for row in rows.able(without)] == [1]
    assert [row.run(with_two) for row in rows.able(with_two)] == [1, 2]
    assert rows.able(_scope("PID|x^y", place="1")) is rows.able(with_two)
    assert len(asked) == 2


def test_plans_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.mapping.plan._MOST", 4)
    rows = Rows([_row(1, lambda scope: scope.node.step("1"), Asks.HERE)])
    for number in range(1, 30):
        rows.able(_scope("PID|" + "^" * number + "x", place="1"))
    assert len(rows._plans) <= 4


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.[he][lr]7")), ids=lambda path: path.stem)
def test_what_is_left_of_rows_does_what_all_of_them_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = parse(path.read_bytes())
    planned = asdict(map_document(document, context=MapContext()))
    monkeypatch.setattr(Rows, "able", lambda rows, _: rows.rows)
    assert asdict(map_document(document, context=MapContext())) == planned


def test_a_source_that_was_closed_holds_no_segment() -> None:
    parsed = parse((GOLDEN / "adt_a60_allergies.hl7").read_bytes())
    assert library_of("hl7v2", MapContext()).has("message")
    source = Hl7Source(parsed.tree, {})
    node = source.every("PID")[0]
    assert node.step("3")
    source.close()
    assert not vars(node)
