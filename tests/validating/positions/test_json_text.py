"""Line and column of values in JSON: cases by hand, and every value of any document against a plain reading of the text."""

import json
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model.report import Finding
from gateway.validating.positions import located
from tests.effort import bounded

PATIENT = """{
  "resourceType": "Patient",
  "gender": "man", "birth\\u0064ate": "1",
  "name": [
    {"given": ["a", 1, "이음", "b"], "_given": [null, {"extension": [{"url": "x"}]}]},
    {"family": "{[\\"}]", "use": "x"}
  ],
\t"deceasedText": "no", "_birthDate": {"extension": [{}]},
  "contact": {"gender": "f"}
}
"""
CASES = [  # expression, rule, found, line, column
    ("Patient", "", "", 1, 1),
    ("", "", "", 1, 1),
    ("Patient.gender", "", "", 3, 13),
    ("Patient", "unknown-element", "birthdate", 3, 20),
    ("Patient.name", "", "", 4, 11),
    ("Patient.name[0]", "", "", 5, 5),
    ("Patient.name[0].given[1]", "", "", 5, 21),
    ("Patient.name[0].given[3]", "", "", 5, 30),
    ("Patient.name[0].given[1].extension[0].url", "", "", 5, 76),
    ("Patient.name[1].use", "", "", 6, 33),
    ("Patient.name[1].family.extension[0]", "", "", 6, 16),
    ("Patient.name[7].use", "", "", 4, 11),
    ("Patient.deceased.ofType(boolean)", "", "", 1, 1),
    ("Patient.deceased", "choice-type", "deceasedText", 8, 18),
    ("Patient.birthDate.extension[0]", "", "", 8, 53),
    ("Patient.contact[0].gender", "", "", 9, 25),
    ("Patient.photo[0].url", "", "", 1, 1),
    ("Patient.name[0].given[1].where(x = 'a.b')", "", "", 5, 21),
    ("Patient.name:official[0]", "", "", 5, 5),
]


def at(body, expression, rule="", found="", inside=""):
    (finding,) = located((Finding("error", "structure", expression, "x", rule, "", found),), body, inside)
    return finding.line, finding.column


@pytest.mark.parametrize("body", [b"", b"hello", b"MSH|^~\\&|", b"\xff\xfe\x00"])
def test_what_is_neither_json_nor_xml_has_no_places(body):
    assert at(body, "Patient.gender") == (0, 0)


@pytest.mark.parametrize(("expression", "rule", "found", "line", "column"), CASES)
def test_places(expression, rule, found, line, column):
    assert at(PATIENT.encode(), expression, rule, found) == (line, column)


def test_all_at_once_are_those_one_by_one():
    findings = tuple(Finding("error", "structure", case[0], "x", case[1], "", case[2]) for case in CASES)
    assert [(f.line, f.column) for f in located(findings, PATIENT.encode())] == [case[3:] for case in CASES]


def test_a_mark_and_windows_line_ends_do_not_count():
    body = b"\xef\xbb\xbf" + PATIENT.replace("\n", "\r\n").encode()
    assert at(body, "Patient.gender") == (3, 13)


def test_a_place_that_is_known_is_kept():
    known = Finding("error", "structure", "Patient.gender", "x", line=7, column=8)
    assert located((known,), PATIENT.encode()) == (known,)
    assert located((), PATIENT.encode()) == ()


def test_inside_something_else():
    body = b'{"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": {"gender": 1}}]}'
    assert at(body, "Patient.gender", inside="parameter[0].resource") == (1, 90)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=4)
DOCUMENT = st.dictionaries(
    NAMES,
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-9, 99)
        | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=12,
    ),
    max_size=4,
)


def paths(value, path=()):
    yield path, value
    for step, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from paths(inner, (*path, step))


def sound(path):
    """Whether an expression can say it: names of elements are words."""
    names = [step for step in path if isinstance(step, str)]
    return all(name.isidentifier() and not name.startswith("_") and name.isascii() for name in names)


@settings(max_examples=300, deadline=None)
@given(DOCUMENT, st.sampled_from([None, 0, 1, "\t"]), st.booleans())
def test_the_value_stands_where_it_is_said_to_stand(document, indent, ascii_only):
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    rows = text.split("\n")
    for path, value in paths(document):
        if not sound(path) or any(isinstance(a, int) and isinstance(b, int) for a, b in pairwise(path)):
            continue
        expression = "X" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
        line, column = at(text.encode(), expression)
        rest = "\n".join([rows[line - 1][column - 1 :], *rows[line:]])
        assert json.JSONDecoder().raw_decode(rest)[0] == value


def test_a_large_document_takes_time_in_proportion():
    entry = b'{"resource": {"resourceType": "Patient", "name": [{"given": ["a", "\\"]}"]}], "gender": "x"}}'
    body = b'{"entry": [' + b",".join([entry] * 20_000) + b"]}"
    findings = tuple(
        Finding("error", "structure", f"Bundle.entry[{i}].resource.gender", "x") for i in range(0, 2_000, 2)
    )
    with bounded(200):
        assert all(f.line for f in located(findings, body))


def test_a_hostile_text_is_passed_over_quickly():
    body = b'{"a": "' + b'\\"' * 500_000 + b'", "b": [' + b"[]," * 200_000 + b'1], "gender": 1}'
    with bounded(200):
        assert at(body, "Patient.gender")[0] == 1
