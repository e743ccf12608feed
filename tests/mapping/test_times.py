"""HL7 v2 times to FHIR: refusals first, then precision, offsets and what is flagged (ARCHITECTURE.md, promise 14)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.times import Moment, clock, moment

NO_DATES = [
    "",
    "x",
    "20261301",
    "20260230",
    "20260101250000",
    "202601011260",
    "2026010108+2500",
    "20260",
    "2026-1-1",
    "00000101",
    "２０２６",
]


@pytest.mark.parametrize("text", NO_DATES)
def test_what_is_no_date_is_none(text: str) -> None:
    assert moment(text) is None


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026", "Asia/Seoul", Moment("2026")),
        ("202601", "Asia/Seoul", Moment("2026-01")),
        ("20260105", "Asia/Seoul", Moment("2026-01-05")),
        ("20260000", "", Moment("2026")),
        ("20260105083015.123-0500", "Asia/Seoul", Moment("2026-01-05T08:30:15.123-05:00")),
        ("20260105083015+09", "", Moment("2026-01-05T08:30:15+09:00")),
        ("202601050830+0900", "", Moment("2026-01-05T08:30:00+09:00", seconds_added=True)),
        ("20260105083015", "Asia/Seoul", Moment("2026-01-05T08:30:15+09:00", zone_assumed=True)),
        ("202607051200", "Europe/London", Moment("2026-07-05T12:00:00+01:00", seconds_added=True, zone_assumed=True)),
        ("20260105083015", "", Moment("2026-01-05", cut=True)),
        ("20260105083015", "Nowhere/Land", Moment("2026-01-05", cut=True)),
        ("2026-01-05T08:30:15Z", "", Moment("2026-01-05T08:30:15Z")),
    ],
)
def test_precision_and_offset_are_kept(text: str, zone: str, expected: Moment) -> None:
    assert moment(text, zone) == expected


@given(st.datetimes(), st.integers(-14, 14))
def test_a_full_time_reads_back(at, hours: int) -> None:
    text = f"{at:%Y%m%d%H%M%S}".zfill(14) + f"{hours:+03d}00"
    made = moment(text)
    assert made is not None
    assert made.text.replace("-", "").replace(":", "").replace("T", "")[:14] == text[:14]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0815", "08:15:00"), ("081530.5", "08:15:30.5"), ("08", None), ("2460", None), ("abc", None)],
)
def test_time_of_day(text: str, expected: str | None) -> None:
    assert clock(text) == expected
