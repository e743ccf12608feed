"""What expressions may ask of a document (R4, fhirpath.html, additional functions): yes, no, or that it is not known."""

from decimal import Decimal

import pytest

from gateway.fhirpath import Node, NotEvaluated

GENDER = "http://hl7.org/fhir/ValueSet/administrative-gender"
SYSTEM = "http://hl7.org/fhir/administrative-gender"
CONDITION = "http://terminology.hl7.org/CodeSystem/condition-clinical"
HERE = "http://example.org/fhir/StructureDefinition/named"
NAMED = {
    "resourceType": "StructureDefinition",
    "url": HERE,
    "type": "Patient",
    "kind": "resource",
    "derivation": "constraint",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
    "differential": {
        "element": [{"id": "Patient", "path": "Patient"}, {"id": "Patient.name", "path": "Patient.name", "min": 1}]
    },
}


@pytest.fixture
def asked(scope):
    return scope.environment()


@pytest.mark.parametrize(
    ("value", "value_set", "answer"),
    [
        ("male", GENDER, True),
        ("man", GENDER, False),
        (Node("male", "code"), GENDER, True),
        (Node({"system": SYSTEM, "code": "male"}, "Coding"), GENDER, True),
        (Node({"system": "http://example.org/x", "code": "male"}, "Coding"), GENDER, False),
        (Node({"code": "male"}, "Coding"), GENDER, False),  # without a system it is in no value set
        (Node({"coding": [{"code": "male"}]}, "CodeableConcept"), GENDER, False),
        (
            Node({"coding": [{"system": SYSTEM, "code": "x"}, {"system": SYSTEM, "code": "male"}]}, "CodeableConcept"),
            GENDER,
            True,
        ),
        (Node({"coding": [{"system": SYSTEM, "code": "x"}]}, "CodeableConcept"), GENDER, False),
        (Node({"text": "male"}, "CodeableConcept"), GENDER, False),
        (Node({"coding": []}, "CodeableConcept"), GENDER, False),
        (Node({"coding": [3, None, {"code": 3}, {"code": {}}]}, "CodeableConcept"), GENDER, False),
        (Node(None, "code"), GENDER, False),
        (3, GENDER, False),
        ("male", "http://example.org/none", None),
        (Node({"system": SYSTEM, "code": "male"}, "Coding"), "http://example.org/none", None),
    ],
)
def test_member_of(value, value_set, answer, asked):
    assert asked.member_of(value, value_set) is answer


@pytest.mark.parametrize(
    ("patient", "url", "answer"),
    [
        ({"name": [{"text": "x"}]}, HERE, True),
        ({}, HERE, False),
        ({}, "http://example.org/none", None),
        ({}, "http://hl7.org/fhir/StructureDefinition/Patient", True),
        ({}, "http://hl7.org/fhir/StructureDefinition/Group", False),
    ],
)
def test_conforms_to(patient, url, answer, scoped):
    inner = scoped({"resourceType": "Patient", **patient}, NAMED)
    assert inner.environment().conforms_to(inner.node, url) is answer


def test_resolve(scoped):
    inner = scoped({"resourceType": "Patient", "contained": [{"resourceType": "Organization", "id": "o"}]})
    ask = inner.environment().resolve
    assert (ask("#o").type, ask("#").value, ask("#p"), ask("Patient/1"), ask("")) == (
        "Organization",
        inner.resource,
        None,
        None,
        None,
    )


def coding(code, system=CONDITION):
    return Node({"system": system, "code": code}, "Coding")


@pytest.mark.parametrize(
    ("above", "code", "answer"),
    [
        (coding("active"), coding("recurrence"), True),
        (coding("recurrence"), coding("active"), False),
        (coding("active"), coding("active"), True),
        (coding("active"), coding("recurrence", "http://example.org/x"), None),
        (coding("a", "http://example.org/x"), coding("b", "http://example.org/x"), None),
        (Node({"code": "active"}, "Coding"), Node({"code": "recurrence"}, "Coding"), None),
        (Node({"text": "x"}, "CodeableConcept"), coding("active"), None),
    ],
)
def test_subsumes(above, code, answer, asked):
    assert asked.subsumes(above, code) is answer


@pytest.mark.parametrize(
    ("div", "answer"),
    [
        ('<div xmlns="http://www.w3.org/1999/xhtml">a</div>', True),
        ('<div xmlns="http://www.w3.org/1999/xhtml"><script>a</script></div>', False),
        ("<div>a</div>", False),
        ("a", False),
    ],
)
def test_html(div, answer, asked):
    assert asked.html(div) is answer


def test_units(asked):
    assert asked.units.canonical(Decimal(1000), "mg") == asked.units.canonical(Decimal(1), "g")
    assert asked.units.canonical(Decimal(1), "no unit") is None


def evaluate(scope, text):
    return scope.tools.compiler.compile(text, scope.type).evaluate(scope.node, scope.environment())


def test_expressions_ask_the_ports(scoped):
    inner = scoped({"resourceType": "Patient", "gender": "male", "name": [{"text": "x"}]}, NAMED)
    assert evaluate(inner, f"gender.memberOf('{GENDER}')") == [True]
    assert evaluate(inner, f"conformsTo('{HERE}')") == [True]
    assert evaluate(inner, "%resource.gender = %rootResource.gender") == [True]


@pytest.mark.parametrize(
    "text", ["gender.memberOf('http://example.org/none')", "conformsTo('http://example.org/none')"]
)
def test_what_is_not_known_is_neither_yes_nor_no(text, scoped):
    inner = scoped({"resourceType": "Patient", "gender": "male"})
    for asked_ in (text, f"({text}).not()"):
        try:
            answer = evaluate(inner, asked_)
        except NotEvaluated:
            answer = []
        assert answer == []


def test_the_time_is_that_of_the_tools(scope):
    before = scope.tools.clock()
    assert before <= scope.tools.environment(scope).now
    assert before.tzinfo is not None
