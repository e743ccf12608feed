"""Paths, references and names of elements: what they are taken for."""

from __future__ import annotations

import pytest

from gateway.consent.shapes import at, ends_in, is_prose, lies_under, named_in, shapes, steps, tells

REFERENCES = [
    ("Patient/p", "Patient/p"), ("Patient/p/_history/3", "Patient/p"), ("https://h/fhir/Patient/p/_history/3", "Patient/p"),
    ("Patient/p#part", "Patient/p"), ("https://h/fhir/Patient/p#a/b", "Patient/p"), ("urn:uuid:1", "urn:uuid:1"),
    ("urn:x:a/b/c#d", "urn:x:a/b/c#d"), ("urn:x:a/_history/1", "urn:x:a"), ("p", "p"), ("", ""), ("#p", ""),
]  # fmt: skip


@pytest.mark.parametrize(("reference", "named"), REFERENCES)
def test_a_reference_in_any_form_names_the_same(reference, named):
    assert named_in(reference) == named


@pytest.mark.parametrize(
    ("name", "told"),
    [("valueString", True), ("valueMarkdown", True), ("otherMarkdown", True), ("otherString", True),
     ("note", True), ("div", True), ("photo", True), ("status", False), ("String", True), ("string", False)],
)  # fmt: skip
def test_an_element_of_that_name_may_say_anything(name, told):
    assert tells(name) is told


def test_only_extensions_that_r4_publishes_are_known():
    known = shapes().extensions
    assert "http://hl7.org/fhir/StructureDefinition/data-absent-reason" in known
    assert "http://hl7.org/fhir/StructureDefinition/Patient" not in known


def test_the_values_at_a_path():
    resource = {"a": [{"b": [1, 2]}, {"b": 3}, {"c": 4}, {"b": None}, "b"], "d": "x"}
    assert at(resource, "a.b") == (1, 2, 3)
    assert at(resource, "d.b") == at(resource, "e") == ()
    assert at(resource, "d") == ("x",)


def test_every_value_with_its_path_parents_first():
    assert list(steps({"a": [{"b": 1}, "c"], "d": {"e": ("f",)}})) == [
        ("a", {"b": 1}), ("a.b", 1), ("a", "c"), ("d", {"e": ("f",)}), ("d.e", "f"),
    ]  # fmt: skip


def test_where_a_path_lies():
    assert ends_in("contact.name.text", frozenset({"name.text"}))
    assert ends_in("name.text", frozenset({"name.text"}))
    assert not ends_in("surname.text", frozenset({"name.text"}))
    assert not ends_in("name.text.x", frozenset({"name.text"}))
    assert lies_under("note.text", frozenset({"note"}))
    assert lies_under("note", frozenset({"note"}))
    assert not lies_under("notes", frozenset({"note"}))
    assert not lies_under("x.note", frozenset({"note"}))


def test_prose_that_is_coded_is_none():
    shape = shapes().of("Goal")
    assert is_prose("description", {"text": "x"}, shape)
    assert is_prose("description", "x", shape)
    assert not is_prose("description", {"coding": [{"code": "1"}]}, shape)
    assert not is_prose("status", "x", shape)
