"""What a profile claims of one value: where the target of a reference stands, which profiles it keeps (R4, ElementDefinition.type)."""

import pytest

from gateway.definitions.structure import TypeRef
from gateway.fhirpath import Node
from gateway.model.wire import Exact
from gateway.validating.structure.claims import (
    Allowed,
    Conforms,
    Fixed,
    Pattern,
    Present,
    Targets,
    keeps,
    said,
    targets,
)

CORE = "http://hl7.org/fhir/StructureDefinition/"
HERE = "http://example.org/fhir/StructureDefinition/"
TYPES = {CORE + "Patient": "Patient", CORE + "Group": "Group", CORE + "Resource": "Resource", HERE + "p": "Patient"}


def rule(*kinds):
    return targets(kinds, lambda url: TYPES.get(url, ""))


def reference(*urls, aggregation=()):
    return TypeRef("Reference", (), tuple(url if ":" in url else CORE + url for url in urls), aggregation)


@pytest.mark.parametrize(
    ("kinds", "profiles"),
    [
        ((reference("Patient", "Group"),), {"Patient": (), "Group": ()}),
        ((reference(HERE + "p", "Group"),), {"Patient": (HERE + "p",), "Group": ()}),
        ((reference(HERE + "p"), reference("Group")), {"Patient": (HERE + "p",), "Group": ()}),
        ((reference(HERE + "p", "Patient"),), {"Patient": ()}),  # the plain type lets in all of them
        ((reference("Patient", HERE + "p"),), {"Patient": ()}),
    ],
)
def test_targets_by_type(kinds, profiles):
    assert {name: allowed.profiles for name, allowed in rule(*kinds).types.items()} == profiles


@pytest.mark.parametrize(
    "kinds", [(), (reference("Resource"),), (reference("Patient", HERE + "unknown"),), (reference(),)]
)
def test_targets_that_say_nothing(kinds):
    assert rule(*kinds) is None


def test_where_targets_may_stand_is_kept_when_their_types_are_not_known():
    assert rule(reference(HERE + "unknown", aggregation=("contained",))) == Targets(
        {}, Allowed((), frozenset({"contained"}))
    )
    assert rule(reference(aggregation=("bundled",))) == Targets({}, Allowed((), frozenset({"bundled"})))


def test_each_type_has_its_own_places():
    made = rule(reference("Patient", aggregation=("contained",)), reference("Group", aggregation=("bundled",)))
    assert {name: allowed.aggregation for name, allowed in made.types.items()} == {
        "Patient": {"contained"},
        "Group": {"bundled"},
    }
    either = rule(reference("Patient", aggregation=("contained",)), reference(HERE + "p", aggregation=("bundled",)))
    assert either.types["Patient"].aggregation == {"contained", "bundled"}


def test_a_version_is_asked_of_the_type_that_asks_for_it(scoped):
    kinds = (TypeRef("Reference", (), (CORE + "Patient",), (), "specific"), reference("Group"))
    scope = scoped({"resourceType": "Observation"})
    said = {
        text: [f.rule for f in rule(*kinds).of_node(Node({"reference": text}, "Reference"), scope)]
        for text in ("Patient/1", "Group/1", "#p")
    }
    assert said == {"Patient/1": ["reference-version"], "Group/1": [], "#p": []}


def test_a_type_that_may_stand_anywhere_is_not_bound_by_the_place_of_another(scoped):
    made = rule(reference("Patient"), reference("Group", aggregation=("contained",)))
    assert made.of_node(Node({"reference": "Patient/1"}, "Reference"), scoped({"resourceType": "Observation"})) == ()


@pytest.fixture
def places(scoped):
    """An Observation in a Bundle with a Patient beside and one in it: reference → where it leads."""
    held = {"resourceType": "Patient", "id": "c"}
    asking = {"resourceType": "Observation", "contained": [held]}
    row = {
        "fullUrl": "urn:uuid:00000000-0000-4000-8000-000000000001",
        "resource": {"resourceType": "Patient", "id": "1"},
    }
    return scoped({"resourceType": "Bundle", "entry": [{"resource": asking}, row]}).inside(asking)


STANDING = {
    "#c": "contained",
    "urn:uuid:00000000-0000-4000-8000-000000000001": "bundled",
    "Patient/1": "bundled",
    "Patient/9": "referenced",
    "http://elsewhere.example/Patient/9": "referenced",
}


@pytest.mark.parametrize("text", STANDING)
@pytest.mark.parametrize("allowed", [("contained",), ("bundled",), ("referenced",), ("referenced", "bundled")])
def test_aggregation(text, allowed, places):
    made = rule(reference("Patient", aggregation=allowed))
    found = made.of_node(Node({"reference": text}, "Reference"), places)
    wrong = STANDING[text] not in allowed
    assert [(f.rule, f.found) for f in found] == ([("reference-aggregation", STANDING[text])] if wrong else [])


@pytest.mark.parametrize("value", [None, "x", {}, {"display": "x"}, {"reference": 3}, {"reference": {}}])
def test_what_is_no_reference_stands_nowhere(value, places):
    assert rule(reference("Patient", aggregation=("contained",))).of_node(Node(value, "Reference"), places) == ()


def test_targets_of_another_type(places):
    made = rule(reference("Group"))
    for value in ({"reference": "#c"}, {"reference": "Patient/9"}, {"type": "Patient"}):
        assert [f.rule for f in made.of_node(Node(value, "Reference"), places)] == ["reference-target"]
    assert made.of_node(Node({"reference": "urn:uuid:x"}, "Reference"), places) == ()


def profile(url, *rows, type_="Patient"):
    elements = [{"id": row["path"], **row} for row in ({"path": type_}, *rows)]
    return {
        "resourceType": "StructureDefinition",
        "url": url,
        "type": type_,
        "kind": "resource",
        "derivation": "constraint",
        "baseDefinition": CORE + type_,
        "differential": {"element": elements},
    }


NAMED = profile(HERE + "named", {"path": "Patient.name", "min": 1})
BORN = profile(HERE + "born", {"path": "Patient.birthDate", "min": 1})
GROUP = profile(HERE + "group", type_="Group")


@pytest.mark.parametrize(
    ("patient", "urls", "found"),
    [
        ({}, ["named"], ["profile-min"]),
        ({"name": [{"text": "x"}]}, ["named"], []),
        ({}, ["named", "born"], ["profile-none"]),
        ({"birthDate": "2020"}, ["named", "born"], []),
        ({}, ["named", "unknown"], []),  # what is not at hand might be kept
        ({}, ["unknown"], []),
        ({}, ["group"], []),  # of another type: judged elsewhere
    ],
)
def test_profiles_of_a_type(patient, urls, found, scoped):
    inner = scoped({"resourceType": "Patient", **patient}, NAMED, BORN, GROUP)
    conforms = Conforms(tuple(HERE + url for url in urls))
    assert [f.rule for f in conforms.of_node(inner.node, inner)] == found


@pytest.mark.parametrize(
    ("patient", "urls", "found"),
    [
        ({}, ["named"], ["reference-profile"]),
        ({"name": [{"text": "x"}]}, ["named"], []),
        ({"birthDate": "2020"}, ["named", "born"], []),
        ({}, ["named", "unknown"], []),
    ],
)
def test_profiles_of_targets(patient, urls, found, scoped):
    held = {"resourceType": "Patient", "id": "c", **patient}
    outer = scoped({"resourceType": "Observation", "contained": [held]}, NAMED, BORN)
    made = Targets({"Patient": Allowed(tuple(HERE + url for url in urls))})
    assert [f.rule for f in made.of_node(Node({"reference": "#c"}, "Reference"), outer)] == found
    assert made.of_node(Node({"reference": "Patient/elsewhere"}, "Reference"), outer) == ()


def test_profiles_that_lead_to_each_other_end(scoped):
    url = HERE + "linked"
    link = {"path": "Patient.link.other", "type": [{"code": "Reference", "targetProfile": [url]}]}
    linked = profile(url, link)
    one = {"resourceType": "Patient", "id": "1", "link": [{"other": {"reference": "Patient/2"}, "type": "seealso"}]}
    two = {"resourceType": "Patient", "id": "2", "link": [{"other": {"reference": "Patient/1"}, "type": "seealso"}]}
    outer = scoped({"resourceType": "Bundle", "entry": [{"resource": one}, {"resource": two}]}, linked)
    inner = outer.inside(one)
    assert keeps(inner.tools.profiles.get(url), inner.node, inner)


def test_two_primitives_without_a_value_are_judged_each_for_itself(scoped):
    """What they have is beside them, so that their values are no name for them."""
    rows = [
        {"id": "string", "path": "string"},
        {"id": "string.extension", "path": "string.extension", "max": "0"},
    ]
    bare = {
        "resourceType": "StructureDefinition",
        "url": HERE + "bare",
        "type": "string",
        "kind": "primitive-type",
        "derivation": "constraint",
        "baseDefinition": CORE + "string",
        "differential": {"element": rows},
    }
    inner = scoped({"resourceType": "Patient"}, bare)
    made = inner.tools.profiles.get(HERE + "bare")
    assert made is not None
    answers = [
        keeps(made, Node(None, "string", shadow), inner) for shadow in ({"id": "a"}, {"extension": [{"url": "x"}]})
    ]
    assert answers == [True, False]


@pytest.mark.parametrize(
    ("value", "fixed", "same"),
    [
        ("a", "a", True),
        ("a", "A", False),
        (True, True, True),
        (True, 1, False),
        (1, True, False),
        (Exact("1.0"), Exact("1.0"), True),
        (Exact("1.0"), Exact("1.00"), False),
        ({"a": "1"}, {"a": "1"}, True),
        ({"a": "1", "b": "2"}, {"b": "2", "a": "1"}, True),
        ({"a": "1", "b": "2"}, {"a": "1"}, False),
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        ("1", 1, False),
        (None, "a", True),  # only an extension stands there
    ],
)
def test_fixed(value, fixed, same, scope):
    assert (Fixed(fixed).of_node(Node(value, "x"), scope) == ()) is same


@pytest.mark.parametrize(
    ("value", "pattern", "contained"),
    [
        ({"a": "1", "b": "2"}, {"a": "1"}, True),
        ({"b": "2"}, {"a": "1"}, False),
        ([{"a": "1"}, {"b": "2", "c": "3"}], [{"b": "2"}], True),
        ([{"a": "1"}], [{"b": "2"}], False),
        ([], [{"b": "2"}], False),
        ("x", {"a": "1"}, False),
        ({"a": {"b": "1", "c": "2"}}, {"a": {"c": "2"}}, True),
        (None, {"a": "1"}, True),
    ],
)
def test_pattern(value, pattern, contained, scope):
    assert (Pattern(pattern).of_node(Node(value, "x"), scope) == ()) is contained


@pytest.mark.parametrize(
    ("value", "shadow", "found"),
    [
        ("x", None, []),
        (None, None, ["profile-value"]),
        (None, {"id": "a"}, ["profile-value"]),
        (None, {"extension": [{"url": "other"}]}, ["profile-value"]),
        (None, {"extension": [{"url": "reason"}]}, []),
        (None, {"extension": {"url": "reason"}}, ["profile-value"]),
        (None, {"extension": [3, None]}, ["profile-value"]),
        (None, {"extension": [{"url": {}}, {"url": []}]}, ["profile-value"]),
    ],
)
def test_values_that_have_to_be_there(value, shadow, found, scope):
    rule_ = Present(frozenset({"reason"}))
    assert [f.rule for f in rule_.of_node(Node(value, "string", shadow), scope)] == found


def test_what_is_expected_is_short_and_names_what_matters():
    assert said({"coding": [{"code": "x"}], "text": "a", "period": {"start": "2020"}}) == "text: a, period: start: 2020"
    assert (said(True), said("a")) == ("True", "a")
