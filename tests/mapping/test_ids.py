"""Ids: the same thing the same id, anything else another one, and never readable (RFC 9562, version 8)."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.ids import keyed_id


@given(st.binary(min_size=1), st.text(), st.text(), st.lists(st.text()))
def test_is_a_uuid_and_the_same_again(key: bytes, sender: str, kind: str, seeds: list[str]) -> None:
    made = keyed_id(key, sender, kind, seeds)
    assert str(UUID(made)) == made
    assert UUID(made).version == 8
    assert made == keyed_id(key, sender, kind, seeds)


def test_every_part_counts() -> None:
    ids = {
        keyed_id(b"k", "s", "Patient", ["1", "A"]),
        keyed_id(b"l", "s", "Patient", ["1", "A"]),
        keyed_id(b"k", "t", "Patient", ["1", "A"]),
        keyed_id(b"k", "s", "Person", ["1", "A"]),
        keyed_id(b"k", "s", "Patient", ["1", "B"]),
        keyed_id(b"k", "s", "Patient", ["1A"]),
    }
    assert len(ids) == 6
