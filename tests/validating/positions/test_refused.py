"""Why a body was refused: the place, the kind, and never a word of the body."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import Unusable
from gateway.model.wire import read_json
from gateway.validating.positions import why
from gateway.validating.positions.json_fault import json_fault
from tests.effort import bounded

JSON = [  # body, kind, line, column
    (b"", "empty", 1, 1),
    (b" \n", "json-empty-text", 2, 1),
    (b"hello", "neither", 1, 1),
    (b"{", "json-end", 1, 2),
    (b'{"a":\n', "json-end", 2, 1),
    (b'{"a', "json-end-text", 1, 2),
    (b'{"a" 1}', "json-colon", 1, 5),
    (b'{"a"::1}', "json-colon-twice", 1, 6),
    (b'{"a":1:2}', "json-colon-twice", 1, 7),
    (b'{"a":}', "json-value", 1, 6),
    (b'{\n"a":1,\n}', "json-comma-extra", 2, 6),
    (b"[1,,2]", "json-comma-extra", 1, 3),
    (b"[,1]", "json-comma-extra", 1, 2),
    (b'{"a":1\n "b":2}', "json-comma-missing", 1, 7),
    ('{"이":"음" "b":2}'.encode(), "json-comma-missing", 1, 9),
    (b"[1}", "json-bracket", 1, 3),
    (b'{"a":[1}', "json-bracket", 1, 8),
    (b"{]", "json-bracket", 1, 2),
    (b"{a:1}", "json-quotes", 1, 2),
    (b"{'a':1}", "json-quotes", 1, 2),
    (b"{\"a\":'x'}", "json-quotes", 1, 6),
    (b"{1:1}", "json-name", 1, 2),
    (b'{"a":NaN}', "json-number", 1, 6),
    (b'{"a":-Infinity}', "json-number", 1, 6),
    (b'{"a":01}', "json-number", 1, 6),
    (b'{"a":1.}', "json-number", 1, 6),
    (b'{"a":.5}', "json-number", 1, 6),
    (b'{"a":+1}', "json-number", 1, 6),
    (b'{"a":1e999}', "json-number-size", 1, 6),
    (b'{"a":1e350}', "json-number-size", 1, 6),
    (b'{"a":' + b"1" * 61 + b"}", "json-number-size", 1, 6),
    (b'{"a":True}', "json-word", 1, 6),
    (b'{"a":@}', "json-sign", 1, 6),
    (b'{"a":"x\ny"}', "json-line", 1, 8),
    (b'{"a":"\t"}', "json-control", 1, 7),
    (b'{"a":"\\x"}', "json-escape", 1, 7),
    (b'{"a":"x\\ud83d"}', "json-surrogate", 1, 8),
    (b'{"a":"\\ude00"}', "json-surrogate", 1, 7),
    (b'{"a":"\\ud83d\\ud83d\\ude00"}', "json-surrogate", 1, 7),
    (b'{"a":"\\u0000"}', "json-null-sign", 1, 7),
    (b'{"a":1,\n"a":2}', "json-duplicate", 2, 1),
    (b'{"a":1,"\\u0061":2}', "json-duplicate", 1, 8),
    (b'{"a":1}}', "json-after", 1, 8),
    (b'{"a":1} x', "json-after", 1, 9),
    (b'{"a": // c\n 1}', "json-comment", 1, 7),
    (b"[" * 64 + b"1", "json-deep", 1, 65),
    (b'{"a":"\xff"}', "encoding", 1, 7),
    ('{"a":1}'.encode("utf-16"), "encoding-json", 1, 1),
    ('{"a":1}'.encode("utf-16-le"), "encoding-json", 1, 1),
    (b"\xff", "encoding-json", 1, 1),
]
XML = [
    (b"<a>", "xml-end", 1, 4),
    (b"<a>\n<b>\n</a>", "xml-tag", 3, 1),
    (b"<a/><b/>", "xml-after", 1, 5),
    (b"<a b=c/>", "xml-quotes", 1, 6),
    (b'<a b="c/>', "xml-attribute", 1, 10),
    (b'<a b="1" b="2"/>', "xml-twice", 1, 15),
    (b"<a>&x;</a>", "xml-entity", 1, 7),
    (b"<a>x < y</a>", "xml-name", 1, 7),
    (b"<a>\x01</a>", "xml-character", 1, 4),
    (b"<x:a/>", "xml-prefix", 1, 5),
    (b'<a b="1"c="2"/>', "xml-space", 1, 9),
    (b"<a", "xml-tag-open", 1, 3),
    (b" <?xml version='1.0'?><a/>", "xml-declaration", 1, 7),
    (b"<a><!-- -- --></a>", "xml-comment", 1, 9),
    (b"<Patient/>", "xml-namespace", 1, 1),
    (b"<?xml version='1.0'?>\n<Patient/>", "xml-namespace", 2, 1),
    (b"\n<!DOCTYPE x><a/>", "xml-doctype", 2, 1),
    (b'<?xml version="1.0" encoding="latin1"?><a/>', "encoding-xml", 1, 1),
    (b"<a>" * 65 + b"</a>" * 65, "xml-deep", 1, 193),
    ("<a>가<b></a>".encode("utf-16"), "xml-tag", 1, 8),
    (b"<a>\xff</a>", "encoding", 1, 4),
]


@pytest.mark.parametrize(("body", "kind", "line", "column"), [*JSON, *XML], ids=lambda value: str(value)[:24])
def test_refused(body, kind, line, column):
    finding = why(body)
    assert (finding.rule, finding.line, finding.column) == (kind, line, column)
    assert finding.severity == "fatal"
    assert finding.text


def test_words_of_a_body_are_not_repeated():
    for body in (
        b'{"secret":"1" "secret":2}',
        b'{"a":secret}',
        b"<secret></other>",
        b"<a>&secret;</a>",
        b'{"secret":1,"secret":1}',
    ):
        finding = why(body)
        assert "secret" not in repr(finding)
        assert "other" not in repr(finding)


def test_a_body_that_is_fine_is_not_explained():
    assert why(b'{"a":1}').rule == "unreadable"


PIECES = [
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "1",
    "-",
    "0",
    ".",
    "e5",
    "true",
    "null",
    '"a"',
    '"b"',
    " ",
    "\n",
    "\\",
    "\\ud800",
    "\\u0041",
    "a",
    "NaN",
    "é",
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)
DOCUMENT = '{"a":[1,-2.5e3,{"b":"x\\ud83d\\ude00","c":null}],"d":{"e":true,"f":[]},"g":""}'
BROKEN = st.tuples(st.integers(0, len(DOCUMENT)), st.integers(0, 4), st.sampled_from(PIECES)).map(
    lambda cut: DOCUMENT[: cut[0]] + cut[2] + DOCUMENT[cut[0] + cut[1] :]
)


def taken(body):
    try:
        read_json(body)
    except Unusable:
        return False
    return True


@settings(max_examples=1500, deadline=None)
@given(TEXTS | BROKEN)
def test_what_is_explained_is_what_is_refused(text):
    fault = json_fault(text)
    assert (fault is None) == taken(text.encode())
    assert fault is None or 0 <= fault.at <= len(text)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_have_an_explanation(body):
    assert why(body).severity == "fatal"


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"1," * 3_000_000,
        b'"' + b"\\u0041" * 1_000_000,
        b"[" * 3_000_000,
        b"{" + b'"a":' * 500_000,
        b"<a " + b"b" * 3_000_000,
        b"<a>" * 500_000,
        b"<!--" * 500_000,
        b'{"a":"' + b"x" * 5_000_000,
    ],
    ids=["items", "escapes", "brackets", "colons", "name", "tags", "comments", "text"],
)
def test_hostile_bodies_are_explained_in_bounded_time(body):
    with bounded(500):
        assert why(body).severity == "fatal"
