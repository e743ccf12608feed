"""Paths of discriminators: what they may say, and what they lead to (R4, profiling.html 5.1.0.13.1)."""

import pytest

from gateway.fhirpath import Node
from gateway.validating.structure.discriminator import Step, matcher, nodes_at, steps_of
from tests.effort import bounded

CHILD, EXTENSION, TYPE, RESOLVE = "child", "extension", "type", "resolve"


@pytest.mark.parametrize(
    "path",
    [
        ".",
        ".code",
        "code.",
        "code..coding",
        "code coding",
        "code and system",
        "code[0]",
        "code = 'x'",
        "first()",
        "code.first()",
        "where(use = 'x')",
        "resolve",  # a name, and a child of no type
        "resolve().",
        "resolve(1)",
        "extension",
        "extension(",
        "extension()",
        "extension('x",
        "extension('a').",
        "extension('a')value",
        "ofType()",
        "ofType(a b)",
        "%resource",
        "code\n",
        "\n",
        "ｃode",
        "1code",
    ],
)
def test_what_a_discriminator_may_not_say(path):
    steps = steps_of(path)
    assert steps is None or (path in ("resolve", "extension") and steps == (Step(CHILD, path),))


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$this", ()),
        ("$this.code", (Step(CHILD, "code"),)),
        ("code", (Step(CHILD, "code"),)),
        ("code.coding.code", (Step(CHILD, "code"), Step(CHILD, "coding"), Step(CHILD, "code"))),
        ("value[x]", (Step(CHILD, "value"),)),
        ("value[x].code", (Step(CHILD, "value"), Step(CHILD, "code"))),
        ("resolve()", (Step(RESOLVE),)),
        ("$this.resolve()", (Step(RESOLVE),)),
        ("item.resolve().code", (Step(CHILD, "item"), Step(RESOLVE), Step(CHILD, "code"))),
        ("extension('http://a.b/c').value", (Step(EXTENSION, "http://a.b/c"), Step(CHILD, "value"))),
        ("extension( 'x' )", (Step(EXTENSION, "x"),)),
        ("value.ofType(Coding).code", (Step(CHILD, "value"), Step(TYPE, "Coding"), Step(CHILD, "code"))),
        ("value.as(Quantity)", (Step(CHILD, "value"), Step(TYPE, "Quantity"))),
        ("value.ofType(base64Binary)", (Step(CHILD, "value"), Step(TYPE, "base64Binary"))),
        ("value.ofType(FHIR.Coding)", (Step(CHILD, "value"), Step(TYPE, "Coding"))),
    ],
)
def test_steps(path, steps):
    assert steps_of(path) == steps


@pytest.mark.parametrize(
    "unit", ["a.", "a", "extension('a').", "extension(", "resolve().", "ofType(a", "$this.", "(", "'"]
)
def test_steps_in_linear_time(unit):
    with bounded(100):
        steps_of(unit * 20_000)


OBSERVATION = {
    "resourceType": "Observation",
    "code": {"coding": [{"system": "s", "code": "a"}, {"system": "s", "code": "b"}]},
    "valueQuantity": {"value": 1},
    "_status": {"extension": [{"url": "why", "valueCode": "unknown"}]},
    "extension": [{"url": "u", "valueString": "x"}, {"url": "v"}, 3],
    "subject": {"reference": "#p"},
    "performer": [{"reference": "Organization/9"}, {"display": "x"}, {"reference": "#none"}],
    "contained": [{"resourceType": "Patient", "id": "p", "gender": "male"}],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("$this", [("Observation", OBSERVATION)]),
        ("code.coding.code", [("code", "a"), ("code", "b")]),
        ("value", [("Quantity", {"value": 1})]),
        ("value[x].ofType(Quantity)", [("Quantity", {"value": 1})]),
        ("value.ofType(string)", []),
        ("extension('u').value", [("string", "x")]),
        ("extension('w')", []),
        ("status", [("code", None)]),
        ("status.extension('why').value", [("code", "unknown")]),
        ("subject.resolve().gender", [("code", "male")]),
        ("performer.resolve()", [("Organization", None)]),  # elsewhere: its type only
        ("performer.resolve().name", []),
        ("nothing.at.all", []),
    ],
)
def test_nodes(path, found, scoped):
    inner = scoped(OBSERVATION)
    at = nodes_at(inner.node, steps_of(path), inner)
    assert [(node.type, node.value) for node, _ in at] == found


def test_what_is_resolved_is_judged_where_it_stands(scoped):
    inner = scoped(OBSERVATION)
    [(_, held)] = nodes_at(inner.node, steps_of("subject.resolve()"), inner)
    assert (held.type, held.contained, held.outer) == ("Patient", True, inner)


@pytest.mark.parametrize(
    "value",
    [None, "x", 3, [], {}, {"coding": "x"}, {"coding": [None, [], "x"]}, {"reference": []}, {"coding": {"code": {}}}],
)
@pytest.mark.parametrize("path", ["coding.code", "resolve()", "extension('u')", "ofType(Coding)", "$this"])
def test_damaged_values_lead_nowhere(value, path, scope):
    kind = "Reference" if path == "resolve()" else "CodeableConcept"
    for node, _ in nodes_at(Node(value, kind), steps_of(path), scope):
        assert isinstance(node, Node)


@pytest.mark.parametrize(
    "discriminators",
    [
        [("value", "code.")],
        [("value", "where(x)")],
        [("position", "$this")],
        [("", "")],
        [("value", "code"), ("value", "1")],
    ],
)
def test_a_discriminator_that_cannot_be_read_tells_nothing(discriminators, scope):
    profiles = scope.tools.profiles
    assert matcher(profiles.place("Observation"), discriminators, profiles) is None
    assert matcher(profiles.place("Observation"), [], profiles) is None
