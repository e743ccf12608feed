"""Every invariant of R4 core: it compiles for its place, what it needs to look at is known, and what it says is judged as meant."""

from __future__ import annotations

import random

import pytest

from gateway.definitions.library import core
from gateway.fhirpath import Compiler, Environment, Node, NotEvaluated
from gateway.model.wire import read_json

LIBRARY = core()
COMPILER = Compiler(LIBRARY)


def places():
    """(expression, type): every one there is, once."""
    from gateway.data import data_path

    listing = read_json((data_path("profiles", "fhir", "r4-core") / "structures.json").read_bytes())
    found = {}
    for row in listing.values():
        structure = LIBRARY.structure(row["url"])
        for element in structure.elements:
            for invariant in element.invariants:
                if invariant.expression:
                    found.setdefault((invariant.expression, _type(structure, element)), invariant.key)
    return found


def _type(structure, element):
    if structure.children(element.id):
        return element.id
    return element.types[0].code if element.types else structure.type


PLACES = places()


def test_all_of_them_compile():
    assert len({expression for expression, _ in PLACES}) > 200
    for expression, type_name in PLACES:
        assert COMPILER.compile(expression, type_name).text == expression


def invariant(type_name, key):
    structure = LIBRARY.structure(type_name.partition(".")[0])
    return next(i.expression for e in structure.elements for i in e.invariants if i.key == key and e.id == type_name)


def judged(type_name, key, value, resource=None):
    node = Node(value, type_name)
    held = Node(resource, resource["resourceType"]) if resource else node
    return COMPILER.compile(invariant(type_name, key), type_name).holds(node, Environment(held, held))


CODED = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": "entered-in-error"}]
}
CODE = {"coding": [{"system": "http://loinc.org", "code": "1"}]}
CONTAINER = {
    "resourceType": "Patient",
    "contained": [{"resourceType": "Organization", "id": "o"}],
    "managingOrganization": {"reference": "#o"},
}
MG = {"value": 2, "unit": "mg"}
A = {"path": "a"}
COMPOSITION = {"resourceType": "Composition"}
LOOSE = {"resourceType": "Patient", "contained": [{"resourceType": "Organization", "id": "o"}]}


@pytest.mark.parametrize(
    ("type_name", "key", "value", "broken"),
    [
        ("Patient.contact", "pat-1", {"name": {"text": "a"}}, {"gender": "male"}),
        ("Observation", "obs-6", {"valueBoolean": False}, {"valueBoolean": False, "dataAbsentReason": {}}),
        ("Observation", "obs-6", {"dataAbsentReason": {}}, {"_valueString": {"id": "a"}, "dataAbsentReason": {}}),
        ("Observation", "dom-2", LOOSE, {"contained": [{"resourceType": "Basic", "contained": [{"resourceType": "Basic"}]}]}),
        ("Observation", "dom-4", LOOSE, {"contained": [{"resourceType": "Basic", "meta": {"versionId": "1"}}]}),
        ("Observation", "dom-5", LOOSE, {"contained": [{"resourceType": "Basic", "meta": {"security": [{}]}}]}),
        ("Patient", "dom-3", CONTAINER, LOOSE),
        ("Period", "per-1", {"start": "2020-01-01", "end": "2020-01-01"}, {"start": "2020-01-02", "end": "2020-01-01"}),
        ("Period", "per-1", {"start": "2020-05", "end": "2020"}, {"start": "2020-05", "end": "2020-04"}),
        ("Period", "per-1", {"start": "2020-05"}, {"start": "2021", "end": "2020-12-31T23:00:00Z"}),
        ("Range", "rng-2", {"low": {"value": 1, "code": "mg"}, "high": {"value": 1.5, "code": "mg"}}, {"low": {"value": 2}, "high": {"value": 1}}),
        ("Range", "rng-2", {"low": MG, "high": {"value": 0, "unit": "b"}}, {"low": MG, "high": {"value": 1, "unit": "mg"}}),
        ("Quantity", "qty-3", {"code": "mg", "system": "x"}, {"code": "mg"}),
        ("ContactPoint", "cpt-2", {"value": "1", "system": "phone"}, {"value": "1"}),
        ("Attachment", "att-1", {"data": "AA==", "contentType": "a/b"}, {"data": "AA=="}),
        ("Extension", "ext-1", {"url": "a", "valueString": "x"}, {"url": "a"}),
        ("Extension", "ext-1", {"url": "a", "extension": [{}]}, {"url": "a", "valueString": "x", "extension": [{}]}),
        ("Reference", "ref-1", {"reference": "#o"}, {"reference": "#x"}),
        ("Reference", "ref-1", {"display": "x"}, {"reference": "#"  "y"}),
        ("Reference", "ref-1", {"reference": "#"}, {"reference": "#z"}),
        ("Ratio", "rat-1", {"numerator": {}, "denominator": {}}, {"numerator": {"value": 1}}),
        ("Condition", "con-3", {"category": [CODE]}, {"category": [{"coding": [{"code": "problem-list-item"}]}]}),
        ("Condition", "con-5", {"verificationStatus": CODED}, {"verificationStatus": CODED, "clinicalStatus": CODE}),
        ("Observation", "obs-7", {"code": CODE, "component": [{"code": CODE}]}, {"code": CODE, "valueInteger": 1, "component": [{"code": CODE}]}),
        ("Bundle", "bdl-1", {"type": "searchset", "total": 1}, {"type": "batch", "total": 0}),
        ("Bundle", "bdl-3", {"type": "batch", "entry": [{"request": {}}]}, {"type": "batch", "entry": [{"request": {}}, {}]}),
        ("Bundle", "bdl-7", {"entry": [{"fullUrl": "a"}, {"fullUrl": "b"}]}, {"entry": [{"fullUrl": "a"}, {"fullUrl": "a"}]}),
        ("Bundle.entry", "bdl-8", {"resource": {}}, {"fullUrl": "http://a/Patient/1/_history/2"}),
        ("Bundle", "bdl-11", {"type": "document", "entry": [{"resource": COMPOSITION}]}, {"type": "document", "entry": [{"resource": LOOSE}]}),
        ("Questionnaire.item", "que-1", {"type": "group", "item": [{}]}, {"type": "group"}),
        ("Questionnaire.item.enableWhen", "que-7", {"operator": "exists", "answerBoolean": True}, {"operator": "exists", "answerString": "x"}),
        ("Questionnaire", "que-2", {"item": [{"linkId": "1", "item": [{"linkId": "2"}]}]}, {"item": [{"linkId": "1", "item": [{"linkId": "1"}]}]}),
        ("RiskAssessment.prediction", "ras-2", {"probabilityDecimal": 100}, {"probabilityDecimal": 100.5}),
        ("RiskAssessment.prediction", "ras-2", {"qualitativeRisk": {}}, {"probabilityDecimal": 101}),
        ("ElementDefinition", "eld-2", {"min": 1, "max": "*"}, {"min": 2, "max": "1"}),
        ("ElementDefinition", "eld-20", {"path": "Patient.name"}, {"path": "1"}),
        ("Timing.repeat", "tim-4", {"duration": 0}, {"duration": -1}),
        ("Timing.repeat", "tim-9", {"offset": 1, "when": ["HS", "ACM"]}, {"offset": 1}),
        ("Timing.repeat", "tim-9", {"offset": 1, "when": ["HS"]}, {"offset": 1, "when": ["C"]}),
        ("Age", "age-1", {"value": 1, "code": "a", "system": "http://unitsofmeasure.org"}, {"value": 0, "code": "a", "system": "http://unitsofmeasure.org"}),
        ("Count", "cnt-3", {"value": 1, "code": "1", "system": "http://unitsofmeasure.org"}, {"value": 1.5, "code": "1", "system": "http://unitsofmeasure.org"}),
        ("CareTeam.participant", "ctm-1", {"onBehalfOf": {}, "member": {"reference": "nowhere"}}, None),
        ("StructureDefinition", "sdf-1", {"snapshot": {"element": [A, {"path": "b"}]}}, {"snapshot": {"element": [A, A]}}),
        ("ActivityDefinition", "adf-0", {"name": "Good_1"}, {"name": "not good"}),
        ("ActivityDefinition", "adf-0", {}, {"name": "1"}),
        ("Appointment", "app-4", {"cancelationReason": {}, "status": "cancelled"}, {"cancelationReason": {}, "status": "booked"}),
    ],
)  # fmt: skip
def test_it_is_judged_as_it_is_meant(type_name, key, value, broken):
    value, broken = read_json(_json(value)), read_json(_json(broken))
    resource = value if type_name in ("Patient", "Observation", "Bundle") else CONTAINER
    assert judged(type_name, key, value, {"resourceType": type_name} | resource)
    if broken is not None:
        resource = broken if type_name in ("Patient", "Observation", "Bundle") else CONTAINER
        assert not judged(type_name, key, broken, {"resourceType": type_name} | resource)


def _json(value):
    import json

    return json.dumps(value).encode()


def test_primitives_are_judged_with_what_stands_beside_them():
    expression = COMPILER.compile("hasValue() or (children().count() > id.count())", "string")
    assert expression.holds(Node("a", "string"), Environment())
    assert expression.holds(Node(None, "string", {"extension": [{"url": "a"}]}), Environment())
    assert not expression.holds(Node(None, "string", {"id": "a"}), Environment())


@pytest.mark.parametrize(
    ("text", "type_name", "keys"),
    [
        ("dataAbsentReason.empty() or value.empty()", "Observation", {"dataAbsentReason"}),
        ("data.empty() or contentType.exists()", "Attachment", {"data", "_data"}),
        ("contained.where(%resource.descendants().reference = '#' & id).exists().not()", "Patient", {"contained"}),
        ("true", "Patient", set()),
        ("nothing.empty()", "Patient", set()),
        ("Patient.active.empty()", "Patient", {"active", "_active"}),
        ("name.exists()", "HumanName", None),
        ("family.exists()", "HumanName", None),
        ("children().empty()", "Patient", None),
        ("descendants().empty()", "Patient", None),
        ("$this.exists() and $this = $this", "Patient", None),
        ("%resource.active.empty()", "Patient", None),
        ("today() > @2000", "Patient", None),
        ("'#a'.resolve().empty()", "Patient", None),
        ("%given.empty()", "Patient", None),
        ("active.empty()", "DomainResource", None),
        ("hasValue()", "string", None),
        ("active.empty()", "", None),
    ],
)
def test_what_an_invariant_looks_at(text, type_name, keys):
    assert COMPILER.compile(text, type_name).triggers == (None if keys is None else frozenset(keys))


def test_without_its_triggers_an_invariant_holds():
    """Sound: whatever else stands in an object, as long as none of the triggers does."""
    chance = random.Random(7)
    for expression, type_name in PLACES:
        compiled = COMPILER.compile(expression, type_name)
        triggers = compiled.triggers
        if triggers is None:
            continue
        others = sorted(set(COMPILER.model.type(type_name).by_key) - triggers)
        value = {key: _some(key, type_name, chance) for key in chance.sample(others, min(len(others), 8))}
        node = Node(value, type_name)
        assert compiled.holds(node, Environment(node)), (expression, value)


def _some(key, type_name, chance):
    child = COMPILER.model.type(type_name).by_key[key]
    if key.startswith("_"):
        return {"extension": [{"url": "http://example.org", "valueString": "x"}]}
    if child.resource:
        return [{"resourceType": "Basic", "id": "x"}]
    if child.shadow:
        return chance.choice(["2020", 1, True])
    return chance.choice([{}, [{}, {"id": "a"}], {"extension": [{"url": "x"}]}])


@pytest.mark.parametrize("wrong", [None, 1, "text", [], {}, [None], [[]], {"coding": 1}, [{"a": 1}], True, -1.5, ""])
def test_content_of_any_shape_is_judged_or_refused(wrong):
    for expression, type_name in PLACES:
        keys = list(COMPILER.model.type(type_name).by_key)
        for node in (Node({key: wrong for key in keys}, type_name), Node(wrong, type_name)):
            try:
                COMPILER.compile(expression, type_name).holds(node, Environment(node))
            except NotEvaluated as error:
                assert error.text
