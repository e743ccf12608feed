"""One entrance for every standard: told by content, judged by the plug-in, always a Report."""

import pytest

from gateway.model.report import Report
from gateway.standards import standards
from gateway.standards.judge import judge_of, judged, known, names, told
from gateway.validating import Validator

ADMISSION = b"MSH|^~\\&|HIS|H|IEUM|IEUM|20260301093000+0900||ADT^A01^ADT_A01|1|P|2.5.1\rEVN|A01|20260301093000+0900\rPID|1||H1^^^H^MR||Kim||1980x|F\r"
FHIR = judge_of(Validator)


@pytest.mark.parametrize("name", ["", "x", "../x", "judge", "fhir.render", "os"])
def test_what_is_no_standard(name):
    assert not known(name)


def test_every_standard_is_known():
    assert set(names()) == set(standards())
    assert names()[0] == "fhir"
    assert all(map(known, names()))


@pytest.mark.parametrize(
    ("body", "standard"),
    [
        (b"", ""), (b" \n", ""), (b"hello", ""), (b"PK\x03\x04", ""), (b"\x00\x01", ""),
        (b"MSH|^~\\&|", "hl7v2"), (b"\xef\xbb\xbfMSH|", "hl7v2"), (b"\x0bMSH|", "hl7v2"),
        (b"{", "fhir"), (b"<", "fhir"), (b"\n [", "fhir"), (b'\xef\xbb\xbf{"a":1}', "fhir"), (b'{"resourceType":"X"}', "fhir"),
        (b"<Patient xmlns='http://hl7.org/fhir'/>", "fhir"), ('<Patient xmlns="http://hl7.org/fhir"/>'.encode("utf-16"), "fhir"),
    ],
)  # fmt: skip
def test_the_standard_is_told_by_content(body, standard):
    assert told(body) == standard


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "empty"),
        (b"hello", "standard-unknown"),
        (b"{", "json-end"),
        (b"<", "xml-tag-open"),
        (b"[]", "resource-type"),
    ],
)
def test_what_cannot_be_judged_is_said(body, rule):
    (finding,) = judged(body, FHIR).findings
    assert finding.severity in ("fatal", "error")
    assert finding.rule in (rule, "xml-name")


def test_a_message_that_cannot_be_read():
    (finding,) = judged(b"MSH|^^^^|", FHIR).findings[:1]
    assert (finding.severity, finding.rule) == ("fatal", "readable")


def test_a_standard_that_is_named_is_believed():
    assert judged(ADMISSION, FHIR, "fhir").findings[0].rule == "neither"
    assert judged(b"{}", FHIR, "hl7v2").findings[0].severity == "fatal"


def test_a_message_is_judged_by_its_grammar_with_places():
    found = {(f.expression, f.line, f.column) for f in judged(ADMISSION, FHIR).findings}
    assert ("PID[1]-7[1].1", 3, 24) in found


def test_fhir_is_not_compiled_for_other_standards():
    def never():
        raise AssertionError

    assert judged(ADMISSION, judge_of(never)).findings
    assert isinstance(judged(b"hello", judge_of(never)), Report)
