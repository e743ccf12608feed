"""What rows need: told from their blocks, and leaving out those that find nothing changes no output."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from gateway.mapping import MapContext
from gateway.mapping.needs import Row, Rows, needs_of
from gateway.mapping.scope import Scope
from gateway.stages.map import map_document
from gateway.standards.hl7v2 import parse

GOLDEN = Path(__file__).parents[1] / "standards" / "hl7v2" / "golden"
NEVER = (frozenset[Any](),)


def sets(*places: set[tuple[str, str]]) -> tuple[frozenset[tuple[str, str]], ...]:
    return tuple(map(frozenset, places))


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ({"from": "PID-5.1", "to": "a"}, sets({("own", "5")})),
        ({"from": "$.4", "to": "a"}, sets({("$", "4")})),
        ({"from": "PV2-3", "to": "a"}, sets({("of", "PV2")})),
        ({"from": "$", "to": "a"}, ()),
        ({"to": "a", "const": 1}, ()),
        ({"from": "PID-5", "to": "a", "const": 1}, sets({("own", "5")})),
        ({"when": "PID-6", "from": "PID-5", "to": "a"}, sets({("own", "6")}, {("own", "5")})),
        ({"when": {"not": "PID-6"}, "to": "a", "const": 1}, ()),
        ({"when": {"empty": "PID-6"}, "to": "a", "const": 1}, ()),
        ({"when": {"eq": ["PID-6", "x"]}, "to": "a", "const": 1}, sets({("own", "6")})),
        ({"when": {"any": ["PID-6", {"in": ["$.7", ["x"]]}]}, "to": "a", "const": 1}, sets({("own", "6"), ("$", "7")})),
        ({"when": {"any": ["PID-6", {"owner": "PV1"}]}, "to": "a", "const": 1}, ()),
        ({"when": {"all": ["PID-6", {"owner": "PV1"}]}, "to": "a", "const": 1}, sets({("own", "6")})),
        ({"to": "a", "first": [{"from": "PID-5"}, {"from": "PID-6"}]}, sets({("own", "5"), ("own", "6")})),
        ({"to": "a", "first": [{"from": "PID-5"}, {"const": 1}]}, ()),
        ({"to": "a", "join": ["PID-5", {"from": "PID-6"}]}, sets({("own", "5"), ("own", "6")})),
        ({"to": "a", "rows": [{"to": "x", "const": 1}, {"from": "PID-5", "to": "y"}]}, sets({("own", "5")})),
        ({"to": "a", "rows": [{"to": "x", "const": 1}, {"to": "y", "link": "M"}]}, NEVER),
        ({"rows": [{"to": "x", "const": 1}, {"from": "PID-5", "to": "y"}]}, ()),
        ({"to": "a", "extension": "u", "const": 1}, ()),
        ({"to": "a", "extension": "u", "from": "PID-5"}, sets({("own", "5")})),
        ({"make": "M", "each": "NK1", "where": "NK1-2"}, sets({("of", "NK1")})),
        ({"make": "M", "to": "a"}, ()),
        ({"use": "M", "to": "a"}, ()),
    ],
)
def test_needs_of_a_row(block: dict[str, Any], expected: Any) -> None:
    assert needs_of(block, "PID") == expected


class _Here:
    def __init__(self, *names: str) -> None:
        self.names = frozenset(names)


def _scope(top: Any, node: Any, document: Any) -> Scope:
    scope = object.__new__(Scope)
    scope.top, scope.node = top, node
    scope.run = type("run", (), {"source": document})  # type: ignore[assignment]
    return scope


def _row(number: int) -> Row:
    return lambda _: number


def test_only_rows_that_find_what_they_need_are_able() -> None:
    needs = [(), sets({("own", "5")}), sets({("$", "1"), ("of", "PV2")}), sets({("own", "5")}, {("of", "PV2")}), NEVER]
    rows = Rows([(_row(number), one) for number, one in enumerate(needs)])

    def able(top: Any, node: Any, document: Any) -> list[int]:
        scope = _scope(top, node, document)
        return [row(scope) for row in rows.able(scope)]

    assert able(_Here(), _Here(), _Here()) == [0]
    assert able(_Here("5"), _Here(), _Here()) == [0, 1]
    assert able(_Here(), _Here("1"), _Here()) == [0, 2]
    assert able(_Here("5"), _Here(), _Here("PV2")) == [0, 1, 2, 3]
    untold = _Here()
    untold.names = None  # type: ignore[assignment]
    assert able(untold, _Here(), _Here()) == [0, 1, 2, 3, 4], "what does not tell its names may have any"


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.[he][lr]7")), ids=lambda path: path.stem)
def test_the_rows_left_out_would_have_done_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    document = parse(path.read_bytes())
    planned = asdict(map_document(document, context=MapContext()))
    monkeypatch.setattr(Rows, "able", lambda rows, _: rows._rows)
    assert asdict(map_document(document, context=MapContext())) == planned
