"""The types of FHIR as expressions see them; nodes of unknown types; what an expression gives out."""

from __future__ import annotations

import pytest

from gateway.definitions.library import core
from gateway.fhirpath import Compiler, Environment, Node, NotCompiled, NotEvaluated
from gateway.fhirpath.failures import TooCostly

COMPILER = Compiler(core())
MODEL = COMPILER.model


@pytest.mark.parametrize(
    ("type_name", "lineage"),
    [
        ("Patient", ("Patient", "DomainResource", "Resource")),
        ("Bundle", ("Bundle", "Resource")),
        ("Patient.contact", ("Patient.contact", "BackboneElement", "Element")),
        ("Timing.repeat", ("Timing.repeat", "Element")),
        ("Age", ("Age", "Quantity", "Element")),
        ("Dosage", ("Dosage", "BackboneElement", "Element")),
        ("canonical", ("canonical", "uri", "Element")),
        ("positiveInt", ("positiveInt", "integer", "Element")),
        ("Composition.section:allergies", ("Composition.section", "BackboneElement", "Element")),
        ("Unknown", ()),
        ("Patient.unknown", ()),
        ("", ()),
        ("../../etc/passwd", ()),
    ],
)
def test_lineage(type_name, lineage):
    assert MODEL.lineage(type_name) == lineage


@pytest.mark.parametrize(
    ("type_name", "name", "children"),
    [
        ("Patient", "name", {"name": "HumanName"}),
        ("Patient", "deceased", {"deceasedBoolean": "boolean", "deceasedDateTime": "dateTime"}),
        ("Patient", "contact", {"contact": "Patient.contact"}),
        ("Patient", "id", {"id": "id"}),
        ("HumanName", "id", {"id": "string"}),
        ("Patient", "contained", {"contained": "Resource"}),
        ("Observation.component", "referenceRange", {"referenceRange": "Observation.referenceRange"}),
        ("Questionnaire.item", "item", {"item": "Questionnaire.item"}),
        ("Bundle.entry", "link", {"link": "Bundle.link"}),
        ("Narrative", "div", {"div": "xhtml"}),
        ("string", "extension", {"extension": "Extension"}),
    ],
)
def test_children(type_name, name, children):
    assert {child.key: child.type for child in MODEL.children(type_name)[name]} == children


def test_a_primitive_has_no_value_below_it():
    assert set(MODEL.children("string")) == {"id", "extension"}


def test_an_extension_may_hold_any_type():
    children = MODEL.children("Extension")["value"]
    assert len(children) > 45
    assert {child.key: child.shadow for child in children}["valueCode"] == "_valueCode"
    assert {child.key: child.shadow for child in children}["valueCoding"] == ""


def found(text, node, context=""):
    return COMPILER.compile(text, context).evaluate(node, Environment(node))


def test_nodes_are_the_json_itself():
    name = {"family": "Kim"}
    node = Node({"resourceType": "Patient", "name": [name]}, "Patient")
    assert found("name", node)[0].value is name
    assert found("$this", node) == [node]
    assert found("name.where(family = 'Kim')", node, "Patient")[0].value is name


def test_a_shadow_is_the_json_itself():
    beside = {"id": "x"}
    node = Node({"birthDate": "2000", "_birthDate": beside}, "Patient")
    assert found("birthDate", node)[0].shadow is beside


def test_an_expression_for_one_type_is_right_for_another():
    node = Node({"status": "final"}, "Observation")
    assert [one.value for one in found("status", node, "Patient")] == ["final"]
    assert COMPILER.compile("status.exists()", "Patient").holds(node, Environment())


def test_a_type_that_is_not_defined_is_read_as_it_is_written():
    node = Node({"a": [{"b": 1}, {"b": "x"}], "c": True}, "Made")
    assert [one.value for one in found("a.b", node)] == [1, "x"]
    assert found("a.first().b is integer", node) == [True]
    assert found("c and a.exists()", node) == [True]
    assert [one.value for one in found("children()", node)] == [{"b": 1}, {"b": "x"}, True]


def test_an_expression_is_compiled_once_for_a_type():
    assert COMPILER.compile("active", "Patient") is COMPILER.compile("active", "Patient")
    assert COMPILER.compile("active", "Patient") is not COMPILER.compile("active", "Observation")


@pytest.mark.parametrize(
    ("text", "value", "held"),
    [
        ("active", {}, False),
        ("active", {"active": True}, True),
        ("active", {"active": False}, False),
        ("active", {"_active": {"id": "x"}}, False),
        ("name", {"name": [{}]}, True),
        ("name", {"name": [{}, {}]}, True),
        ("1", {}, True),
        ("{}", {}, False),
        ("true", {}, True),
        ("birthDate.startsWith('2').not()", {}, True),
        ("gender.matches('x').not()", {}, True),
        ("gender.endsWith('x') or true", {}, True),
        ("active is Boolean", {"active": True}, True),
        ("active is System.Boolean", {"active": True}, False),
        ("(birthDate as Date) > @2000", {"birthDate": "2001"}, True),
    ],
)
def test_whether_an_invariant_holds(text, value, held):
    assert COMPILER.compile(text, "Patient").holds(Node(value, "Patient"), Environment()) is held


def test_an_invariant_fails_as_an_expression_does():
    node = Node({"name": [{}, {}]}, "Patient")
    for text in ("name and true", "name.single()", "name < 1", "%unknown"):
        with pytest.raises(NotEvaluated):
            COMPILER.compile(text, "Patient").holds(node, Environment())


def test_without_resource_and_ports_there_is_nothing():
    node = Node({"managingOrganization": {"reference": "x"}, "gender": "male"}, "Patient")
    for text in (
        "%resource",
        "%rootResource",
        "managingOrganization.resolve()",
        "gender.memberOf('x')",
        "conformsTo('x')",
    ):
        assert COMPILER.compile(text, "Patient").evaluate(node, Environment()) == []
    assert COMPILER.compile("now() > @2020 and today() > @2020", "Patient").holds(node, Environment())


def test_what_is_traced_is_told():
    told = []
    node = Node({"gender": "male"}, "Patient")
    environment = Environment(node, trace=lambda name, items: told.append((name, len(items))))
    COMPILER.compile("gender.trace('g').exists() and name.trace('n').empty()", "Patient").evaluate(node, environment)
    assert told == [("g", 1), ("n", 0)]


def test_a_refusal_says_where():
    with pytest.raises(NotCompiled, match="at character 8"):
        COMPILER.compile("name ( ]")
    with pytest.raises(NotCompiled, match="no function `nothing`"):
        COMPILER.compile("nothing()")


def test_refusals_travel_between_processes():
    import pickle

    again = pickle.loads(pickle.dumps(TooCostly()))
    assert again.too_costly
    assert again.text == TooCostly.said
