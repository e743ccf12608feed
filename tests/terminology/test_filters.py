"""Each operator of a filter, on concepts with hierarchy and properties; what cannot be applied proves nothing (R4, ValueSet.compose)."""

import pytest

from gateway.definitions.vocabulary import Filter, code_system_from
from gateway.terminology.concepts import Concepts

FACTS = {
    "url": "http://example.org/cs",
    "codes": [
        ["a", {"level": [1], "kind": ["x"], "flag": [True]}, [["b", {"level": [2], "kind": ["y"]}, ["c"]]]],
        ["d", {"kind": ["x", "z"], "part": [{"system": "http://example.org/p", "code": "p1"}]}],
        ["e", {"parent": ["b"], "deprecationDate": ["2020"]}],
    ],
}


def selected(*filters, displays=()):
    system = Concepts(code_system_from(FACTS), lambda: dict(displays))
    found = system.selected(Filter(*each) for each in filters)
    return None if found is None else "".join(sorted(found))


@pytest.mark.parametrize(
    "each",
    [
        ("concept", "is-a", "no-such-code"),
        ("concept", "descendent-of", "no-such-code"),
        ("concept", "descendent-of", "c"),
        ("concept", "no-such-op", "a"),
        ("no-such-property", "=", "x"),
        ("no-such-property", "exists", "false"),
        ("deprecationDate", "exists", "false"),
        ("kind", "exists", "perhaps"),
        ("kind", "regex", "("),
        ("kind", "regex", "(x)\\1"),
        ("kind", "regex", "x" * 2000),
        ("kind", "regex", "((x{1,1000}){1,1000}){1,1000}"),
        ("kind", "=", "nothing has it"),
        ("display", "=", "A"),
        ("constraint", "=", "< a"),
    ],
)
def test_what_cannot_be_applied_selects_nothing_and_says_so(each):
    assert selected(each) is None


@pytest.mark.parametrize(
    ("each", "said"),
    [
        (("concept", "is-a", "b"), "bce"),
        (("code", "is-a", "b"), "bce"),
        (("concept", "descendent-of", "b"), "ce"),
        (("concept", "is-not-a", "b"), "ad"),
        (("concept", "generalizes", "c"), "abc"),
        (("concept", "child-of", "a"), "b"),
        (("concept", "descendent-leaf", "a"), "ce"),
        (("concept", "=", "a"), "a"),
        (("concept", "in", "a, d,x"), "ad"),
        (("concept", "not-in", "a,d"), "bce"),
        (("code", "regex", "[a-c]"), "abc"),
        (("code", "regex", "a|bc"), "a"),
        (("parent", "=", "b"), "ce"),
        (("child", "=", "b"), "a"),
        (("child", "exists", "false"), "cde"),
        (("kind", "=", "x"), "ad"),
        (("kind", "in", "y,z"), "bd"),
        (("kind", "not-in", "x"), "bce"),
        (("kind", "exists", "true"), "abd"),
        (("kind", "exists", "false"), "ce"),
        (("kind", "regex", "[yz]"), "bd"),
        (("level", "=", "2"), "b"),
        (("flag", "=", "true"), "a"),
        (("part", "=", "p1"), "d"),
        (("part", "=", "http://example.org/p|p1"), "d"),
    ],
)
def test_one_filter(each, said):
    assert selected(each) == said


def test_all_filters_must_hold():
    assert selected(("concept", "is-a", "b"), ("concept", "not-in", "c")) == "be"


def test_displays_are_selected_where_they_are_known():
    assert selected(("display", "regex", "A.*"), displays={"a": "Alpha", "d": "Delta"}) == "a"


def test_a_pattern_that_would_not_end_ends():
    system = Concepts(code_system_from({"url": "u", "codes": ["a" * 5000 + "!", "b"]}))
    assert system.selected([Filter("code", "regex", "(a+)+$|b")]) == {"b"}


def test_a_hierarchy_that_is_a_circle_ends():
    system = Concepts(code_system_from({"url": "u", "codes": [["a", {"parent": ["b"]}], ["b", {"parent": ["a"]}]]}))
    assert system.selected([Filter("concept", "is-a", "a")]) == {"a", "b"}
    assert system.selected([Filter("concept", "descendent-of", "a")]) == {"b"}
