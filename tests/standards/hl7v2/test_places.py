"""Positions of a message as line and column."""

import pytest

from gateway.model.report import Finding
from gateway.standards.hl7v2 import parse
from gateway.standards.hl7v2.places import located

MESSAGE = (
    "MSH|^~\\&|HIS|H^1|IEUM||20260301||ADT^A01|1|P|2.5.1\rPID|1||A^^^X^MR~B^^^Y&1.2&ISO^MR||김^이음\rNK1|1|a\rNK1|2|b^c"
)
CASES = [
    ("PV1", 0, 0),
    ("PV1-3", 0, 0),
    ("NK1[3]-1", 0, 0),
    ("ADT_A01/PV1", 0, 0),
    ("", 0, 0),
    ("MSH", 1, 1),
    ("MSH-3", 1, 10),
    ("MSH-4.2", 1, 16),
    ("MSH-9[1].2", 1, 38),
    ("PID", 2, 1),
    ("PID[1]-3[1].1", 2, 8),
    ("PID-3[2].1", 2, 17),
    ("PID-3[2].4.2", 2, 23),
    ("PID[1]-5[1].2", 2, 37),
    ("PID-30", 2, 39),
    ("NK1[2]-2[1].2", 4, 9),
]


@pytest.mark.parametrize("ends", ["\r", "\n", "\r\n"])
@pytest.mark.parametrize(("framing", "shift"), [("", 0), ("\x0b", 1)])
def test_places(ends, framing, shift):
    body = (framing + MESSAGE.replace("\r", ends)).encode()
    findings = tuple(Finding("error", "value", case[0], "x") for case in CASES)
    found = [(f.line, f.column) for f in located(findings, body, parse(body))]
    assert found == [(line, column + shift * (line == 1)) for _, line, column in CASES]


def test_columns_are_characters_of_the_character_set():
    body = MESSAGE.replace("2.5.1", "2.5.1||||||KS X 1001").encode("euc-kr")
    (finding,) = located((Finding("error", "value", "PID-5.2", "x"),), body, parse(body))
    assert (finding.line, finding.column) == (2, 37)


def test_a_place_that_is_known_is_kept():
    known = Finding("warning", "structure", "PID", "x", line=9, column=1)
    assert located((known,), MESSAGE.encode(), parse(MESSAGE.encode())) == (known,)
