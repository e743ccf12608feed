"""ISO 8601 durations on the calendar."""

from datetime import UTC, datetime

import pytest

from gateway.errors import Misconfigured
from gateway.model.duration import later

LEAP = datetime(2028, 2, 29, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "24H", "P1.5D", "-P1D", "P1Y\n", "P１D"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured):
        later(LEAP, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT0S", "2028-02-29T12:00:00+00:00"),
        ("PT24H", "2028-03-01T12:00:00+00:00"),
        ("P1W", "2028-03-07T12:00:00+00:00"),
        ("P1Y", "2029-02-28T12:00:00+00:00"),
        ("P2Y", "2030-02-28T12:00:00+00:00"),
        ("P4Y", "2032-02-29T12:00:00+00:00"),
        ("P11M", "2029-01-29T12:00:00+00:00"),
        ("P1DT1H30M5S", "2028-03-01T13:30:05+00:00"),
    ],
)
def test_a_duration_runs_on_the_calendar(text: str, expected: str) -> None:
    assert later(LEAP, text).isoformat() == expected
