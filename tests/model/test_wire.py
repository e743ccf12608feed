"""JSON in and out: refusals first, then that decimals keep their digits."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed, TooLarge
from gateway.model.wire import Exact, read_json, write_json


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b'{"a":1,}', b'{"a":1,"a":2}', b'{"a":NaN}', b"[Infinity]", b'"\\ud800"', b'"\\u0000"', b'{"\\u0000":1}',
        b"{}{}", b'"\xff"', '{"a":1}'.encode("utf-16"), b"1e99999", b"9" * 5000, b"[1." + b"0" * 100 + b"]", b"'a'",
    ],
)  # fmt: skip
def test_what_is_not_one_strict_document_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_json(body)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [65, 900, 100_000])
def test_depth_is_bounded(opening: bytes, depth: int) -> None:
    body = opening * depth + b"1" + (b"]" if opening == b"[" else b"}") * depth
    with pytest.raises((TooLarge, Malformed)):
        read_json(body)


def test_size_is_bounded_before_reading() -> None:
    with pytest.raises(TooLarge):
        read_json(b'"' + b"a" * 100 + b'"', max_bytes=50)


@pytest.mark.parametrize("text", ["1.50", "0.10", "-0.0", "5.10e3", "1E-7", "100.000"])
def test_a_decimal_keeps_its_digits(text: str) -> None:
    assert write_json(read_json(text.encode())) == text.encode()


def test_a_byte_order_mark_is_no_content() -> None:
    assert read_json(b'\xef\xbb\xbf{"a":1}') == {"a": 1}


def test_exact_is_a_float_for_everybody_else() -> None:
    assert Exact("1.5") == 1.5
    assert json.dumps({"a": Exact("1.50")}) == '{"a": 1.5}'


def test_canonical_bytes_do_not_depend_on_order() -> None:
    assert write_json({"b": 1, "a": {"d": 2, "c": 3}}, canonical=True) == b'{"a":{"c":3,"d":2},"b":1}'


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda children: (
        st.lists(children, max_size=4) | st.dictionaries(st.text("abc가", min_size=1), children, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_written_and_read_is_the_same(value: object) -> None:
    assert read_json(write_json(value)) == value
