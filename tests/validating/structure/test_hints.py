"""Near misses of names and codes."""

import pytest

from gateway.validating.structure.hints import Hints, near_code
from tests.effort import bounded

NAMES = ("birthDate", "gender", "_gender", "multipleBirthBoolean", "id", "text", "address", "managingOrganization")
STATUS = frozenset(("registered", "preliminary", "final", "amended", "corrected", "entered-in-error", "unknown"))
GENDER = frozenset(("male", "female", "other", "unknown"))


@pytest.mark.parametrize("wrong", ["", "colour", "x" * 100, "idx_", "zz", "_", "of", "firstName", "\U0001f600"])
def test_nothing_near(wrong):
    assert Hints().near(wrong, NAMES) == ""


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("birthdate", "birthDate"),
        ("birthDat", "birthDate"),
        ("brithDate", "birthDate"),
        ("dateOfBirth", "birthDate"),
        ("birth_date", "birthDate"),
        ("genders", "gender"),
        ("gendre", "gender"),
        ("tezt", "text"),
        ("addresses", "address"),
        ("organizationManaging", "managingOrganization"),
    ],
)
def test_near(wrong, right):
    assert Hints().near(wrong, NAMES) == right


@pytest.mark.parametrize(
    ("wrong", "codes"),
    [
        ("", GENDER), ("x", GENDER), ("woman", GENDER), ("여", GENDER), ("male", GENDER), ("f" * 100, GENDER), ("fin", frozenset()),
        ("e", frozenset(("ear", "eye"))), ("code1", frozenset(f"code{i}x" for i in range(1000))),
    ],
)  # fmt: skip
def test_no_code_is_near(wrong, codes):
    assert near_code(wrong, codes) == ""


@pytest.mark.parametrize(
    ("wrong", "right", "codes"),
    [
        ("finale", "final", STATUS),
        ("FINAL", "final", STATUS),
        ("fin", "final", STATUS),
        ("finalised", "final", STATUS),
        ("fianl", "final", STATUS),
        ("entered in error", "entered-in-error", STATUS),
        ("enteredInError", "entered-in-error", STATUS),
        ("F", "female", GENDER),
        ("M", "male", GENDER),
        (" Female", "female", GENDER),
        ("li", "LI", frozenset(("LI", "OL"))),
    ],
)
def test_a_code_is_near(wrong, right, codes):
    assert near_code(wrong, codes) == right


def test_the_time_does_not_grow_with_the_codes():
    codes = frozenset(f"code-{i}" for i in range(499))
    near_code("code_7", codes)
    with bounded(100):
        for _ in range(1000):
            near_code("kode-77", codes)
