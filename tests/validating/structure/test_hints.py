"""Near misses of names."""

import pytest

from gateway.validating.structure.hints import Hints

NAMES = ("birthDate", "gender", "_gender", "multipleBirthBoolean", "id", "text")


@pytest.mark.parametrize("wrong", ["", "colour", "x" * 100, "idx_", "zz"])
def test_nothing_near(wrong):
    assert Hints().near(wrong, NAMES) == ""


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("birthdate", "birthDate"),
        ("birthDat", "birthDate"),
        ("genders", "gender"),
        ("gendre", "gender"),
        ("tezt", "text"),
    ],
)
def test_near(wrong, right):
    assert Hints().near(wrong, NAMES) == right
