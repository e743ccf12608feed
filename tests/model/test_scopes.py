"""SMART v2 scopes of systems: what is none of ours first, then what two sets share."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed, NotAllowed
from gateway.model.base64url import decoded, encoded
from gateway.model.scopes import LETTERS, Scopes, allows, read_scopes, shared, written


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "system/Patient", "system/Patient.", "system/Patient.x", "system/Patient.sr", "system/Patient.rr", "system/*.*",
        "system/Patient.read", "system/Patient.write", "system/**.r", "patient/*.r", "user/Patient.r", "launch", "openid",
        "system/Patient.r?category=x", "system/Patient.r ", " system/Patient.r", "system/Patient.r\nsystem/Patient.s",
        "System/Patient.r", "system/patient.r", "system/Pátient.r", "system/Patient.r system/Patient.read",
        " ".join(["system/Patient.r"] * 400),
    ],
)  # fmt: skip
def test_what_is_no_scope_of_ours_is_refused_whole(text: str) -> None:
    with pytest.raises(NotAllowed):
        read_scopes(text)


@pytest.mark.parametrize(
    ("asked", "registered", "both"),
    [
        ("system/Patient.r", "system/Condition.r", ""),
        ("system/Patient.s", "system/Patient.r", ""),
        ("system/Patient.rs", "system/Patient.r system/Condition.s", "system/Patient.r"),
        ("system/*.rs", "system/Patient.rs", "system/Patient.rs"),
        ("system/Patient.rs", "system/*.r", "system/Patient.r"),
        ("system/*.cruds", "system/*.r system/Patient.s", "system/*.r system/Patient.s"),
        ("system/Patient.r system/Patient.s", "system/Patient.rs", "system/Patient.rs"),
    ],
)
def test_what_two_sets_share(asked: str, registered: str, both: str) -> None:
    assert written(shared(read_scopes(asked), read_scopes(registered))) == both


def test_every_type_is_more_than_each_type() -> None:
    some, every = read_scopes("system/Patient.r"), read_scopes("system/*.r")
    assert (allows(some, "Patient", "r"), allows(every, "Patient", "r"), allows(every, "*", "r")) == (True, True, True)
    assert (allows(some, "*", "r"), allows(some, "Condition", "r"), allows(some, "Patient", "s")) == (
        False,
        False,
        False,
    )


_ATOM = st.tuples(st.sampled_from(["*", "Patient", "Condition"]), st.sampled_from(LETTERS))
_SCOPES = st.frozensets(_ATOM, min_size=1)


@given(_SCOPES, _SCOPES, _ATOM)
def test_nothing_is_shared_that_not_both_allow(one: Scopes, other: Scopes, atom: tuple[str, str]) -> None:
    assert read_scopes(written(one)) == one
    assert allows(shared(one, other), *atom) == (allows(one, *atom) and allows(other, *atom))


@pytest.mark.parametrize("text", ["QQ==", "QQ=", "QR", "Q", "QQ\n", " QQ", "Q+==", "Q/AA", "Ä", "QQ.QQ"])
def test_what_is_not_the_one_writing_of_base64url_is_refused(text: str) -> None:
    with pytest.raises(Malformed):
        decoded(text)


@given(st.binary(max_size=40))
def test_bytes_come_back(data: bytes) -> None:
    assert decoded(encoded(data)) == data
