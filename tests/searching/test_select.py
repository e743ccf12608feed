"""Which resources a page holds, in which order, with what it includes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.model.search import Picked, Search
from gateway.searching import Terms, search_of, select
from tests.effort import bounded

ZONE = ZoneInfo("Asia/Seoul")
TERMS = Terms(ZONE, datetime(2026, 11, 2, tzinfo=UTC))


def observation(id: str, value: float | None, *members: str, code: str = "a") -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": id, "code": {"coding": [{"code": code}]}, "encounter": {"reference": "Encounter/e"},
        "hasMember": [{"reference": f"Observation/{member}"} for member in members], "subject": {"reference": "Patient/p"},
        **({} if value is None else {"valueQuantity": {"value": value}}),
    }  # fmt: skip


WORLD = (
    {"resourceType": "Patient", "id": "p", "name": [{"family": "Kim"}]},
    observation("o3", 3, "o1"), observation("o1", None), observation("o2", 5, "o3", "gone"), observation("o4", 1, "o4", code="b"),
    {"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/p"}, "status": "finished"},
)  # fmt: skip


def picked(kind: str, *pairs: tuple[str, str], start: int = 0) -> Picked:
    return select(WORLD, search_of(kind, pairs, TERMS), start, ZONE)


def names(places: tuple[int, ...]) -> list[str]:
    return [str(WORLD[place]["id"]) for place in places]


def ordered(*pairs: tuple[str, str]) -> list[str]:
    return names(picked("Observation", *pairs).matches)


def test_order() -> None:
    assert ordered() == ["o1", "o2", "o3", "o4"]
    assert ordered(("_sort", "value-quantity")) == ["o4", "o3", "o2", "o1"]  # what holds nothing comes last
    assert ordered(("_sort", "-value-quantity")) == ["o2", "o3", "o4", "o1"]
    assert ordered(("_sort", "-code,value-quantity")) == ["o4", "o3", "o2", "o1"]
    assert ordered(("_sort", "code,-_id")) == ["o3", "o2", "o1", "o4"]
    assert ordered(("_sort", "has-member")) == ["o2", "o3", "o4", "o1"]


def test_pages() -> None:
    first = picked("Observation", ("_count", "3"))
    assert (names(first.matches), first.total, first.more) == (["o1", "o2", "o3"], 4, True)
    last = picked("Observation", ("_count", "3"), start=3)
    assert (names(last.matches), last.total, last.more) == (["o4"], 4, False)
    assert not picked("Observation", ("_count", "4")).more
    assert picked("Observation", ("_count", "3"), start=9).matches == ()
    count = picked("Observation", ("_summary", "count"))
    assert (count.matches, count.total, count.more) == ((), 4, False)


def included(kind: str, *pairs: tuple[str, str]) -> list[str]:
    return sorted(names(picked(kind, *pairs).included))


def test_includes() -> None:
    two = ("_id", "o2")
    assert included("Observation", two, ("_include", "Observation:has-member")) == ["o3"]
    assert included("Observation", two, ("_include:iterate", "Observation:has-member")) == ["o1", "o3"]
    assert included("Observation", two, ("_include", "*")) == ["e", "o3", "p"]
    assert included("Observation", two, ("_include", "Observation:subject:Patient")) == ["p"]
    assert included("Observation", two, ("_include", "Observation:subject:Group")) == []
    assert included("Observation", ("_id", "o4"), ("_include", "Observation:has-member")) == []  # a match is no include
    assert included("Observation", ("_include", "Observation:encounter")) == ["e"]  # once
    assert included("Encounter", ("_revinclude", "Observation:encounter")) == ["o1", "o2", "o3", "o4"]
    assert included("Observation", ("_id", "o1"), ("_revinclude", "Observation:has-member")) == ["o3"]
    assert included("Observation", ("_id", "o1"), ("_revinclude:iterate", "Observation:has-member")) == ["o2", "o3"]
    assert included(
        "Observation", two, ("_include", "Observation:encounter"), ("_include:iterate", "Encounter:patient")
    ) == ["e", "p"]
    assert included(
        "Observation", two, ("_include", "Observation:encounter"), ("_revinclude", "Encounter:patient")
    ) == ["e"]


def test_all_of_a_person() -> None:
    found = select(WORLD, Search("", ("Encounter", "Patient", "Observation")), 0, ZONE)
    assert names(found.matches) == ["p", "e", "o1", "o2", "o3", "o4"]


def test_the_cost_grows_with_the_record_and_not_faster() -> None:
    """A thousand resources that refer to each other, asked along and against their references, with everything they name."""
    many = tuple(observation(str(number), number, str(number - 1), str(number // 2)) for number in range(1_000))
    asked = (
        ("has-member:Observation.has-member:Observation.code", "a"), ("_has:Observation:has-member:_has:Observation:has-member:code", "a"),
        ("_include:iterate", "Observation:has-member"), ("_revinclude:iterate", "Observation:has-member"), ("_sort", "value-quantity,-code"),
    )  # fmt: skip
    search = search_of("Observation", asked, TERMS)
    with bounded(400):
        assert select(many, search, 0, ZONE).total > 400
