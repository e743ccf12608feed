"""The group tree of any grammar: one parent for each, nothing dropped, what is missing said once."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.validating.grammar import Group, build, compile_structure


def segment(name: str, low: int = 1, high: int | str = 1) -> dict[str, Any]:
    return {"id": name.lower(), "segment": name, "min": low, "max": high}


def group(name: str, *children: dict[str, Any], low: int = 1, high: int | str = 1) -> dict[str, Any]:
    return {"id": name, "group": name, "min": low, "max": high, "children": list(children)}


ORDERS = group(
    "ORDER",
    segment("AAA", 0),
    segment("BBB"),
    group("RESULT", segment("CCC"), segment("NNN", 0, "*"), low=0, high="*"),
    high="*",
)
ROOT = compile_structure(
    {"structure": "ROOT", "children": [segment("HHH"), segment("PPP"), segment("NNN", 0, 2), ORDERS]}
)

CASES: list[tuple[str, Any, list[tuple[str, str]]]] = [
    ("", [], [("error", "HHH"), ("error", "PPP"), ("error", "BBB")]),
    ("HHH PPP", [0, 1], [("error", "BBB")]),
    ("HHH PPP BBB", [0, 1, [2]], []),
    ("HHH PPP NNN AAA BBB CCC NNN CCC BBB", [0, 1, 2, [3, 4, [5, 6], [7]], [8]], []),
    ("PPP HHH BBB", [0, 1, [2]], [("warning", "HHH[1]")]),
    ("HHH PPP CCC", [0, 1, [[2]]], [("error", "BBB")]),
    ("HHH PPP BBB PPP", [0, 1, [2], 3], [("warning", "PPP[2]")]),
    ("HHH PPP BBB CCC QQQ ZZZ", [0, 1, [2, [3, 4, 5]]], [("warning", "QQQ[1]"), ("information", "ZZZ[1]")]),
    ("HHH PPP NNN NNN NNN BBB", [0, 1, 2, 3, 4, [5]], [("warning", "NNN[3]")]),
    ("HHH PPP AAA AAA BBB", [0, 1, [2], [3, 4]], [("error", "BBB")]),
]


def shape(group: Group) -> list[Any]:
    return [c if isinstance(c, int) else shape(c) for c in group.children]


@pytest.mark.parametrize(("names", "expected", "findings"), CASES)
def test_trees(names: str, expected: Any, findings: list[tuple[str, str]]) -> None:
    found, report = build(ROOT, names.split())
    assert shape(found) == expected
    assert [(f.severity, f.expression) for f in report.findings] == findings
    assert list(found.indexes()) == list(range(len(names.split())))


def test_without_a_structure_the_tree_is_flat() -> None:
    found, report = build(None, ["HHH", "PPP"], "ROOT")
    assert found == Group("ROOT", (0, 1))
    assert [f.severity for f in report.findings] == ["information"]


def test_ten_thousand_segments_take_one_pass() -> None:
    names = ["HHH", "PPP", *["BBB", "CCC", "NNN"] * 3_333]
    found, report = build(ROOT, names)
    assert (report.findings, len(list(found.indexes()))) == ((), len(names))
