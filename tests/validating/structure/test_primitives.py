"""Primitive types: refusals first, then what passes; and time linear in length (FHIR R4, Primitive Types)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model.wire import Exact
from gateway.validating.structure.compiled import quick
from gateway.validating.structure.content.markdown import MarkdownRule
from gateway.validating.structure.primitives import TEXT, WHOLE, UriRule, primitive
from tests.effort import bounded

REFUSED = {
    "date": ["", "23", "2023-2-1", "2023-02-30", "2023-13", "2023-00", "0000", "2023-01-01\n", "２０２３", "2023-01-01T", "2023-1", "1900-02-29"],
    "dateTime": ["2023-01-01T10:00:00", "2023-01-01T10:00Z", "2023-01T10:00:00Z", "2023-01-01T24:00:00Z", "2023-01-01T10:00:00+0900",
                 "2023-01-01T10:00:00+15:00", "2023-01-01T10:00:00.Z", "2023-01-01 10:00:00Z", "2023-01-01T10:00:00z", "2023-02-30T10:00:00Z"],
    "instant": ["2023-01-01", "2023-01-01T10:00:00", "2023", ""],
    "time": ["10:00", "24:00:00", "10:60:00", "10:00:00Z", "10:00:00.", "1:00:00"],
    "id": ["", "a b", "a_b", "x" * 65, "ä", "a\n", "a/b"],
    "code": ["", " a", "a ", "a  b", "a\tb", "a\n"],
    "uri": ["", "a b", "urn:oid:3.1", "urn:uuid:x", "http://x\n"],
    "oid": ["urn:oid:1", "urn:oid:1.02", "1.2.3", "urn:oid:3.1", "urn:oid:1..2", "urn:oid:1.２"],
    "uuid": ["urn:uuid:C757873D-EC9A-4326-A141-556F43239520", "c757873d-ec9a-4326-a141-556f43239520", "urn:uuid:c757873dec9a4326a141556f43239520"],
    "base64Binary": ["", "A", "AAA", "AAA=A", "A===", "AA!=", "AAAA=", "===="],
    "string": ["", "x" * 1_048_577],
    "markdown": [""],
}  # fmt: skip
TAKEN = {
    "date": ["2023", "2023-12", "2024-02-29", "2000-02-29"],
    "dateTime": ["2023", "2023-01-01T10:00:00Z", "2023-01-01T23:59:60.123456789+09:00", "2023-01-01T00:00:00-14:00"],
    "instant": ["2015-02-07T13:28:17.239+02:00"],
    "time": ["10:00:00", "23:59:60.5"],
    "id": ["a", "A-1.b", "x" * 64],
    "code": ["a", "a b c"],
    "uri": [
        "http://example.org/x",
        "urn:oid:1.2.3",
        "urn:uuid:c757873d-ec9a-4326-a141-556f43239520",
        "#a",
        "urn:iso:std:iso:4217",
    ],
    "oid": ["urn:oid:1.2.840.0"],
    "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "base64Binary": ["AAAA", "AA==", "AAA=", "AAAA\r\n AAA="],
    "string": ["x", " x ", "한글"],
    "markdown": ["# x"],
}


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, texts in REFUSED.items() for t in texts])
def test_refused(kind, text):
    assert not TEXT[kind](text)


@pytest.mark.parametrize(("kind", "text"), [(k, t) for k, texts in TAKEN.items() for t in texts])
def test_taken(kind, text):
    assert TEXT[kind](text)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("boolean", "true"), ("boolean", 1), ("integer", True), ("integer", 1.0), ("integer", "1"), ("integer", 2**31), ("positiveInt", 0),
     ("unsignedInt", -1), ("decimal", "1.0"), ("decimal", True), ("string", 1), ("string", None), ("date", 2023)],
)  # fmt: skip
def test_wrong_json_kind_or_range(kind, value, scope):
    rule = primitive(kind)
    assert rule is not None
    assert rule.check(value, scope)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("boolean", False),
        ("integer", -(2**31)),
        ("positiveInt", 1),
        ("unsignedInt", 0),
        ("decimal", 1),
        ("decimal", Exact("1.50")),
    ],
)
def test_right_json_kind(kind, value, scope):
    rule = primitive(kind)
    assert rule is not None
    assert rule.check(value, scope) == ()


@pytest.mark.parametrize("kind", sorted(TEXT))
@pytest.mark.parametrize("unit", ["AAAA  ", "a ", "1.", "0-", ":", "\n"])
def test_long_values_take_linear_time(kind, unit):
    with bounded(100):
        TEXT[kind](unit * 100_000 + "!")


KINDS = sorted({*TEXT, *WHOLE, "decimal", "boolean", "narrowed markdown"})
SIGNS = st.text("aZ09-.:+/ =\t\n\x00<>`urnoidhtpTé２\u2028\U0001f600", max_size=24)
SOUND = st.sampled_from([text for texts in (*TAKEN.values(), *REFUSED.values()) for text in texts if len(text) < 100])
VALUES = (
    SIGNS
    | SOUND
    | st.text(max_size=12)
    | st.integers(-(2**32), 2**32)
    | st.booleans()
    | st.none()
    | st.decimals(allow_nan=False, allow_infinity=False).map(lambda number: Exact(str(number)))
    | st.sampled_from([[], {}, "", " ", 0, 1, -1, 2**31 - 1, 2**31, -(2**31), 1.0])
)


def _rule(kind):
    return MarkdownRule() if kind == "narrowed markdown" else primitive(kind)


@pytest.mark.parametrize("kind", KINDS)
@given(value=VALUES)
def test_a_quick_yes_is_one_that_a_closer_look_gives(kind, value, scope):
    rule = _rule(kind)
    json_kind, fits = quick(rule)
    assert json_kind is not None
    for _ in range(2):  # some remember what they have seen
        if type(value) is json_kind and fits(value):
            assert rule.check(value, scope) == ()
        rule.check(value, scope)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind in TAKEN])
def test_what_is_sound_has_a_quick_yes(kind, scope):
    rule = primitive(kind)
    for text in TAKEN[kind]:
        rule.check(text, scope)
        assert rule.fits(text)


@pytest.mark.parametrize("kind", ["uri", "url", "canonical", "oid"])
def test_addresses_that_are_remembered_are_bounded_and_sound(kind, scope):
    rule = primitive(kind)
    assert isinstance(rule, UriRule)
    for number in range(6_000):
        rule.check(f"urn:oid:1.2.{number}", scope)
    late, long, wrong = "urn:oid:1.3", "urn:oid:1." + "2" * 300, "urn:oid:01"
    for text in (late, long, wrong):
        rule.check(text, scope)
    # when there are too many, all are forgotten, so that one document cannot fill the memory for good
    assert [bool(rule.fits(text)) for text in ("urn:oid:1.2.0", late, long, wrong)] == [False, True, False, False]


@given(number=st.decimals(allow_nan=False, allow_infinity=False))
def test_every_decimal_has_its_quick_yes(number, scope):
    json_kind, fits = quick(primitive("decimal"))
    exact = Exact(str(number))
    assert type(exact) is json_kind
    assert fits(exact)
    assert primitive("decimal").check(exact, scope) == ()


def test_what_has_no_rule_of_a_primitive_has_no_quick_yes():
    assert primitive("xhtml") is None
    assert primitive("HumanName") is None
    assert quick(primitive) == (None, quick(primitive)[1])
    assert not quick(primitive)[1]("anything")
