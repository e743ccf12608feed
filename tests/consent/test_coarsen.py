"""Values said less exactly, one by one."""

from __future__ import annotations

from decimal import Decimal

import pytest

from gateway.consent.coarsen import GONE, OLDEST, capped, coarse, is_day, is_old, masked, moved

ADDRESS = {
    "use": "home", "type": "both", "text": "all of it", "line": ["12"], "city": "Seoul", "district": "Mapo-gu", "state": "KR-11",
    "postalCode": "04001", "country": "KR", "period": {"start": "2026-01-01"},
}  # fmt: skip
ABSENT = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}

COARSE = [
    ("2026-11-22", "year", "2026"), ("2026-11-22T09:00:00+09:00", "year", "2026"), ("2026", "year", "2026"), ("2026-11-22", "month", "2026-11"),
    ("2026", "month", "2026"), ("2026-11", "month", "2026-11"), (["2026-11-22", "soon"], "year", ["2026"]), (("2026-11-22",), "year", ["2026"]),
    ({"start": "2026-11-22", "end": "soon", "x": 7}, "month", {"start": "2026-11"}),
    (ADDRESS, "district", {n: ADDRESS[n] for n in ("use", "type", "city", "district", "state", "country")}),
    ([ADDRESS, {"line": ["12"]}], "district", [{n: ADDRESS[n] for n in ("use", "type", "city", "district", "state", "country")}]),
]  # fmt: skip
NOTHING_LEFT = [
    ("2026", "drop"), ([], "drop"), ("soon", "year"), ("20261122", "year"), ("2026-11-22 x", "year"), ("２０２６", "year"),
    (2026, "year"), (True, "month"),
    (None, "year"), ([], "year"), (["soon"], "year"), ({"start": "soon"}, "year"), ({}, "year"), ("Mapo-gu", "district"),
    ({"line": ["12"]}, "district"),
    ({"text": "all"}, "district"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "how"), NOTHING_LEFT)
def test_what_cannot_be_said_less_exactly_goes(value, how):
    assert coarse(value, how) is GONE
    assert repr(GONE) == "GONE"


@pytest.mark.parametrize(("value", "how", "left"), COARSE)
def test_a_value_said_less_exactly(value, how, left):
    assert coarse(value, how) == left


def test_a_mask_says_that_something_is_withheld():
    assert masked(False) == ABSENT
    assert masked(True) == [ABSENT]


NAMES = (
    "code",
    "system",
    "version",
    "id",
    "url",
    "uri",
    "reference",
    "value",
    "unit",
    "display",
    "versionId",
    "fullUrl",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_code_that_looks_like_a_day_is_none(name):
    assert not is_day(name, "2026-11-22")
    assert is_day("birthDate", "2026-11-22")


@pytest.mark.parametrize(
    "value", ["2026", "2026-1", "2026-11-2", "2026-11-22 09:00", "x2026-11-22", 20261122, None, ["2026-11-22"]]
)
def test_what_tells_no_day(value):
    assert not is_day("birthDate", value)


@pytest.mark.parametrize(
    ("text", "days", "then"),
    [
        ("2026-11-22", 22, "2026-10-31"), ("2026-11-22T09:00:00+09:00", 1, "2026-11-21T09:00:00+09:00"), ("2026-11", 10, "2026-11"),
        ("2026-11", 15, "2026-10"), ("2026-11", 14, "2026-11"), ("2026-02-30", 1, GONE), ("2026-13", 1, GONE), ("0001-01-01", 1, GONE),
    ],
)  # fmt: skip
def test_a_day_is_moved_and_is_as_exact_as_before(text, days, then):
    assert moved(text, days) == then


OLD = {"unit": "a", "system": "http://unitsofmeasure.org", "code": "a", "value": 90, "comparator": ">="}
UNITS = [("a", 1), ("mo", 12), ("wk", 52.1775), ("d", 365.2425)]


@pytest.mark.parametrize(("unit", "each"), UNITS)
def test_an_age_over_eighty_nine_is_ninety_or_more_in_whatever_unit(unit, each):
    for value, old in ((OLDEST * each * 1.001, True), (OLDEST * each * 0.999, False)):
        node = {"value": value, "code": unit}
        assert is_old("onsetAge", node) is old
        assert capped("onsetAge", node) == (OLD if old else node)
    assert is_old("onsetAge", {"value": OLDEST * each * 1.001, "unit": unit})


@pytest.mark.parametrize(
    ("name", "node", "old"),
    [
        ("onsetAge", {"value": 89, "code": "a"}, False), ("onsetAge", {"value": Decimal("89.1"), "code": "a"}, True),
        ("onsetAge", {"value": 5, "code": "century"}, True), ("onsetAge", {"value": 5}, True), ("onsetAge", {"value": True}, False),
        ("onsetAge", {"value": "95", "code": "a"}, False), ("onsetAge", {"code": "a"}, False), ("valueQuantity", {"value": 95, "code": "a"}, True),
        ("valueQuantity", {"value": 95, "unit": "a"}, True), ("valueQuantity", {"value": 95, "unit": "kg"}, False),
        ("onsetAge", {"value": 95, "code": "a", "comparator": ">="}, False), ("onsetAge", {"value": 95, "code": "a", "comparator": ">"}, True),
    ],
)  # fmt: skip
def test_which_ages_single_somebody_out(name, node, old):
    assert is_old(name, node) is old
