"""Dates and moments as spans: whole days, months and years in the site's zone, seconds and fractions as exact as they are said."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.consent.period import days, period, span, span_of, years

SEOUL = ZoneInfo("Asia/Seoul")
NO_DATES = [
    "", "26", "2026-", "2026-1", "2026-13", "2026-00", "2026-1-01", "2026-01-1", "2026/01/01", "2026-01/01", "2026/01-01", "2026-02-29",
    "20260101", "2026-W01-1", "2026-0101", "202601-01", "２０２６-01-01", "２０２６", "２０２６-01", "2026.01", " 026-01-01", "2026-01- 1",
    "2026-01-001", "02026-01-1", "+026", "2026-+1", "2026- 1", "2026-1 ", "2026-0１", "2026-01-+1", "2026-+1-01", "2026-01-0１",
]  # fmt: skip
NO_MOMENTS = [
    "20260101T09", "20260101T0900", "2026-01-01T09", "2026-01-01 09:00", "2026-01-01T0900", "2026-01-01T09:00:00,5", "2026-01-01T09:00+09",
    "2026-W01-4T09:00:00", "2026-01-01T24:00:00", "2026-01-01T09:00:00.", "2026-01-01T09:00:00 Z", "２０２６-01-01T09:00:00", "2026-01-01T",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_DATES)
def test_what_is_no_date_is_not_guessed(text):
    with pytest.raises(ValueError):
        days(text)
    with pytest.raises(ValueError):
        span(text, SEOUL)


@pytest.mark.parametrize("text", NO_MOMENTS)
def test_what_is_no_date_time_is_not_guessed(text):
    with pytest.raises(ValueError):
        span(text, SEOUL)


def test_what_is_said_of_them_does_not_repeat_them():
    with pytest.raises(ValueError, match=r"^not a FHIR date$"):
        days("2026-1")
    with pytest.raises(ValueError, match=r"^not a FHIR dateTime$"):
        span("2026-01-01T9:00:00", SEOUL)


DAYS = [
    ("2026", date(2026, 1, 1), date(2026, 12, 31)), ("2026-01", date(2026, 1, 1), date(2026, 1, 31)),
    ("2026-02", date(2026, 2, 1), date(2026, 2, 28)), ("2028-02", date(2028, 2, 1), date(2028, 2, 29)),
    ("2026-04", date(2026, 4, 1), date(2026, 4, 30)), ("2026-12", date(2026, 12, 1), date(2026, 12, 31)),
    ("9999-12", date(9999, 12, 1), date.max), ("2026-11-22", date(2026, 11, 22), date(2026, 11, 22)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "first", "last"), DAYS)
def test_the_days_of_a_date(text, first, last):
    assert days(text) == (first, last)
    start, end = span(text, SEOUL)
    assert start == datetime(first.year, first.month, first.day, tzinfo=SEOUL).timestamp()
    assert end == math.inf if last == date.max else end == start + ((last - first).days + 1) * 86400


AT = datetime(2026, 11, 22, 9, tzinfo=SEOUL).timestamp()
MOMENTS = [
    ("2026-11-22T09:00", 0, 60), ("2026-11-22T09:00Z", 9 * 3600, 60), ("2026-11-22T09:00:00", 0, 1),
    ("2026-11-22T09:00:00+09:00", 0, 1), ("2026-11-22T09:00:01+09:00", 1, 1), ("2026-11-22T09:00+09:00", 0, 60),
    ("2026-11-22T00:00:00Z", 0, 1), ("2026-11-22T09:00:00.250+09:00", 0.25, 1e-6),
]  # fmt: skip


@pytest.mark.parametrize(("text", "after", "long"), MOMENTS)
def test_a_moment_lasts_as_long_as_it_is_exact(text, after, long):
    start, end = span(text, SEOUL)
    assert start - AT == after
    assert end - start == pytest.approx(long, abs=1e-7)


def test_a_period_without_bounds_is_open_and_one_that_ends_before_it_starts_is_none():
    assert period({}, UTC) == (-math.inf, math.inf)
    assert period({"end": "9999-12-31"}, UTC) == (-math.inf, math.inf)
    assert period({"start": "2026"}, UTC) == (datetime(2026, 1, 1, tzinfo=UTC).timestamp(), math.inf)
    with pytest.raises(ValueError, match=r"^a period that ends before it starts$"):
        period({"start": "2026-01-02", "end": "2026-01-01"}, UTC)


@pytest.mark.parametrize(
    "value", [None, "", {}, [], 7, "soon", {"start": "soon"}, {"start": 7}, {"start": "2027", "end": "2026"}]
)
def test_when_something_was_that_cannot_be_read_is_unknown(value):
    assert span_of(value, UTC) is None


def test_when_something_was():
    assert span_of("2026-11-22T00:00:00Z", SEOUL) == (AT, AT + 1)
    assert span_of({"start": "2026-11-22T00:00:00Z", "end": "2026-11-22T00:00:59Z"}, SEOUL) == (AT, AT + 60)


def test_an_age_is_completed_on_the_birthday():
    born = date(2012, 11, 22)
    assert [years(born, date(2026, 11, day)) for day in (21, 22, 23)] == [13, 14, 14]
    assert years(date(2012, 2, 29), date(2026, 2, 28)) == 13
