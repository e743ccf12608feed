"""Three answers: in, out, cannot say."""

import pytest

from gateway.definitions.library import core, library
from gateway.terminology.membership import Membership, Terminology

VS = "http://hl7.org/fhir/ValueSet/"
SYSTEM = {
    "resourceType": "CodeSystem",
    "url": "http://example.org/cs",
    "content": "complete",
    "caseSensitive": True,
    "concept": [{"code": "a", "concept": [{"code": "b", "concept": [{"code": "c"}]}]}, {"code": "d"}],
}


def answer(compose, code, system="http://example.org/cs", **changed):
    value_set = {"resourceType": "ValueSet", "url": "http://example.org/vs", "compose": compose}
    return Terminology(library([SYSTEM | changed, value_set])).member("http://example.org/vs", code, system).value


def part(**more):
    return {"system": "http://example.org/cs", **more}


def by_filter(op, value):
    return {"include": [part(filter=[{"property": "concept", "op": op, "value": value}])]}


@pytest.mark.parametrize(
    ("compose", "code", "said"),
    [
        ({"include": [part()]}, "x", "out"),
        ({"include": [part()]}, "c", "in"),
        ({"include": [part(concept=[{"code": "a"}])]}, "b", "out"),
        ({"include": [part(concept=[{"code": "a"}])]}, "a", "in"),
        (by_filter("is-a", "b"), "a", "out"),
        (by_filter("is-a", "b"), "b", "in"),
        (by_filter("is-a", "b"), "c", "in"),
        (by_filter("descendent-of", "b"), "b", "out"),
        (by_filter("descendent-of", "a"), "c", "in"),
        (by_filter("is-not-a", "a"), "c", "out"),
        (by_filter("is-not-a", "a"), "d", "in"),
        (by_filter("regex", ".*"), "a", "unknown"),
        ({"include": [part()], "exclude": [part(concept=[{"code": "a"}])]}, "a", "out"),
        ({"include": [part()], "exclude": [part(concept=[{"code": "a"}])]}, "b", "in"),
        ({"include": [part()], "exclude": [{"valueSet": ["http://example.org/none"]}]}, "b", "unknown"),
        ({"include": [{"valueSet": ["http://example.org/none"]}]}, "b", "unknown"),
        ({"include": [{"valueSet": ["http://example.org/vs"]}]}, "b", "unknown"),
        ({"include": [part(valueSet=["http://example.org/none"])]}, "b", "unknown"),
        ({"include": [part(valueSet=["http://example.org/none"])]}, "x", "unknown"),
    ],
)
def test_compositions(compose, code, said):
    assert answer(compose, code) == said


def test_another_system_is_out():
    assert answer({"include": [part()]}, "a", system="http://example.org/other") == "out"


@pytest.mark.parametrize(
    ("content", "said"),
    [("fragment", "unknown"), ("example", "unknown"), ("not-present", "unknown"), ("complete", "out")],
)
def test_only_complete_content_proves_absence(content, said):
    assert answer({"include": [part()]}, "x", content=content) == said


def test_case_is_ignored_where_the_system_ignores_it():
    assert answer({"include": [part()]}, "A", caseSensitive=False) == "in"
    assert answer({"include": [part()]}, "A", caseSensitive=True) == "out"


@pytest.mark.parametrize(
    ("value_set", "code", "said"),
    [
        ("administrative-gender", "man", "out"),
        ("administrative-gender", "male", "in"),
        ("mimetypes", "text plain", "out"),
        ("mimetypes", "text/plain; charset=utf-8", "unknown"),
        ("currencies", "won", "out"),
        ("currencies", "KRW", "unknown"),
        ("all-languages", "ko_KR", "out"),
        ("all-languages", "ko-KR", "unknown"),
        ("ucum-units", "mm Hg", "out"),
        ("ucum-units", "mm[Hg]", "unknown"),
        ("condition-code", "22298006", "unknown"),
        ("condition-code", "22298007", "out"),
        ("observation-codes", "8480-6", "unknown"),
        ("observation-codes", "8480-7", "out"),
        ("account-type", "CASH", "in"),
        ("all-types", "Patient", "in"),
        ("no-such-value-set", "x", "unknown"),
    ],
)
def test_core_value_sets(value_set, code, said):
    assert Terminology(core()).member(VS + value_set, code).value == said


def test_expansion_of_a_closed_set_is_plain():
    assert Terminology(core()).expand(VS + "administrative-gender").plain() == {"male", "female", "other", "unknown"}
    assert Terminology(core()).expand(VS + "condition-code").plain() is None


def test_in_system():
    terminology = Terminology(core())
    assert terminology.in_system("http://hl7.org/fhir/administrative-gender", "male") is Membership.IN
    assert terminology.in_system("http://hl7.org/fhir/administrative-gender", "m") is Membership.OUT
    assert terminology.in_system("http://example.org/none", "m") is Membership.UNKNOWN
