"""What is lost and what is ignored, by position or by a whole that it is a part of (gateway/mapping/losses.py)."""

import pytest

from gateway.mapping.losses import losses
from gateway.model.report import Loss


@pytest.mark.parametrize(
    ("position", "ignored"),
    [
        ("PID[1]-5[1].1", "PID[1]-5[1].1"),
        ("PID[1]-5[1].1", "PID[1]-5[1]"),
        ("PID[1]-5[1].1.2", "PID[1]-5[1].1"),
        ("PID[1]-5[1].1", "PID[1]"),
        ("Patient/3f-a#name[0].family", "Patient/3f-a#name[0]"),
        ("Patient/3f-a#name[0].family", "Patient/3f-a#name"),
        ("Patient/3f-a#name[0].family", "Patient/3f-a#"),
        ("Patient/3f-a#id", "Patient/3f-a#"),
    ],
)
def test_what_is_ignored_is_with_all_its_parts(position: str, ignored: str) -> None:
    assert losses([position], (), {ignored: "ignored: so"}) == (Loss(position, "ignored: so"),)


@pytest.mark.parametrize(
    ("position", "other"),
    [
        ("PID[1]-5[1].1", "PID[1]-5[2]"),
        ("Patient/3f-a#id", "Patient/3f"),
        ("Patient/3f-a#name.family", "Patient/3f-b#"),
    ],
)
def test_what_is_no_part_of_it_is_lost(position: str, other: str) -> None:
    assert losses([position], (), {other: "ignored: so"}) == (Loss(position, "no rule"),)


def test_what_is_cited_is_not_lost() -> None:
    assert losses(["PID[1]-8[1].1"], ["PID[1]-8[1].1"], {"PID[1]-8[1]": "ignored: so"}) == ()


@pytest.mark.parametrize(
    ("reason", "counts"),
    [("no rule", True), ("no row in the table sex", True), ("ignored: so", False), ("explicit null", False)],
)
def test_what_counts(reason: str, counts: bool) -> None:
    assert Loss("PID[1]-8[1].1", reason).counts is counts
