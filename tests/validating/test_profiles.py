"""Profiles over base types: what they narrow is checked, what is not judged is said."""

import pytest

from gateway.validating import Validator

URL = "http://example.org/fhir/StructureDefinition/p"
VALUE_SET = {
    "resourceType": "ValueSet",
    "url": "http://example.org/vs",
    "compose": {"include": [{"system": "http://hl7.org/fhir/administrative-gender", "concept": [{"code": "female"}]}]},
}


def above(elements):
    """The elements that others are below, which a snapshot has to list too."""
    paths = [element["path"] for element in elements]
    starts = (path[:end] for path in paths for end, sign in enumerate(path) if sign == ".")
    return [{"path": start} for start in dict.fromkeys(starts) if start not in paths]


def findings(document, *elements, form="differential", **head):
    profile = {
        "resourceType": "StructureDefinition",
        "url": URL,
        "type": document["resourceType"],
        "kind": "resource",
        "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/" + document["resourceType"],
        form: {"element": [{"id": e["path"], **e} for e in (*above(elements), *elements)]},
        **head,
    }
    report = Validator(resources=[profile, VALUE_SET]).report(document, profiles=[URL])
    return [(f.rule, f.expression) for f in report.findings]


PATIENT = {
    "resourceType": "Patient",
    "active": True,
    "name": [{"family": "Kim"}],
    "gender": "male",
    "deceasedBoolean": False,
}


@pytest.mark.parametrize("form", ["differential", "snapshot"])
@pytest.mark.parametrize(
    ("element", "found"),
    [
        ({"path": "Patient.birthDate", "min": 1}, ("profile-min", "Patient")),
        ({"path": "Patient.name.given", "min": 1}, ("profile-min", "Patient.name[0]")),
        ({"path": "Patient.name", "max": "0"}, ("profile-max", "Patient")),
        ({"path": "Patient.active", "fixedBoolean": False}, ("profile-fixed", "Patient.active")),
        ({"path": "Patient.name", "patternHumanName": {"use": "official"}}, ("profile-pattern", "Patient.name[0]")),
        ({"path": "Patient.deceased[x]", "type": [{"code": "dateTime"}]}, ("profile-type", "Patient.deceased.ofType(boolean)")),
        ({"path": "Patient.name.family", "maxLength": 2}, ("profile-max-length", "Patient.name[0].family")),
        ({"path": "Patient.gender", "type": [{"code": "code"}], "binding": {"strength": "required", "valueSet": "http://example.org/vs"}},
         ("binding-required", "Patient.gender")),
    ],
)  # fmt: skip
def test_what_a_profile_narrows(element, found, form):
    assert findings(PATIENT, element, form=form) == [found]


@pytest.mark.parametrize(
    "element",
    [
        {"path": "Patient.name", "min": 1, "max": "1"},
        {"path": "Patient.active", "fixedBoolean": True},
        {"path": "Patient.name", "patternHumanName": {"family": "Kim"}},
        {"path": "Patient.contact.name", "min": 1},
        {"path": "Patient.deceased[x]", "type": [{"code": "boolean"}]},
        {"path": "Patient.name.family", "maxLength": 3},
    ],
)
def test_what_keeps_the_profile(element):
    assert findings(PATIENT, element) == []


def test_ranges_of_quantities():
    limit = {"value": 100, "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    document = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "valueQuantity": {**limit, "value": 120},
    }
    element = {"path": "Observation.value[x]", "maxValueQuantity": limit}
    assert findings(document, element) == [("profile-max-value", "Observation.value.ofType(Quantity)")]
    assert findings(document, {**element, "maxValueQuantity": {**limit, "code": "kPa"}}) == []


def test_a_choice_named_by_its_type():
    document = {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueInteger": 3}
    element = {"path": "Observation.valueInteger", "minValueInteger": 5}
    assert findings(document, element) == [("profile-min-value", "Observation.value.ofType(integer)")]


CONTEXT = "http://example.org/fhir/StructureDefinition/e"


@pytest.mark.parametrize(
    ("contexts", "found"),
    [
        ([("element", "Observation")], ["extension-context"]),
        ([("element", "Patient.name")], ["extension-context"]),
        ([("element", "Patient.active")], []),
        ([("element", "boolean")], []),
        ([("element", "Element")], []),
        ([("fhirpath", "Patient.name")], ["extension-context"]),
        ([("fhirpath", "Patient.active")], []),
        ([("fhirpath", "Patient.active.where($this)")], []),
        ([("fhirpath", "Patient.no such path(")], []),
        ([("element", "Patient.no.such.path")], []),
        ([("element", "Observation"), ("element", "Patient.active")], []),
    ],
)
def test_where_an_extension_may_stand(contexts, found):
    definition = {
        "resourceType": "StructureDefinition",
        "url": CONTEXT,
        "type": "Extension",
        "derivation": "constraint",
        "context": [{"type": kind, "expression": place} for kind, place in contexts],
    }
    document = {
        "resourceType": "Patient",
        "active": True,
        "_active": {"extension": [{"url": CONTEXT, "valueCode": "x"}]},
    }
    report = Validator(resources=[definition]).report(document)
    assert [f.rule for f in report.findings] == found
    assert all(f.expression == "Patient.active" for f in report.findings)


def test_versions_of_profiles():
    document = {"resourceType": "Patient", "meta": {"profile": [f"{URL}|2"]}, "active": True}
    base = "http://hl7.org/fhir/StructureDefinition/Patient"
    head = {
        "resourceType": "StructureDefinition",
        "url": URL,
        "type": "Patient",
        "baseDefinition": base,
        "derivation": "constraint",
    }
    one = {**head, "version": "1", "differential": {"element": [{"path": "Patient.name", "min": 1}]}}
    two = {**head, "version": "2", "differential": {"element": [{"path": "Patient.gender", "min": 1}]}}
    report = Validator(resources=[one, two]).report(document)
    assert [f.expected for f in report.findings] == ["gender: at least 1"]


def test_extensions_by_url():
    url = "http://example.org/fhir/StructureDefinition/e"
    rows = [
        {"path": "Patient.extension", "slicing": {"discriminator": [{"type": "value", "path": "url"}], "rules": "open"}},
        {"path": "Patient.extension", "id": "Patient.extension:e", "sliceName": "e", "min": 1, "max": "1",
         "type": [{"code": "Extension", "profile": [url]}]},
    ]  # fmt: skip
    partial = ("profile-partial", "Patient")  # the definition of the extension is not at hand
    assert findings(PATIENT, *rows) == [("profile-min", "Patient"), partial]
    one, other = {"url": url, "valueString": "x"}, {"url": url + "2", "valueString": "x"}
    assert findings({**PATIENT, "extension": [one, other, other]}, *rows) == [partial]
    assert findings({**PATIENT, "extension": [other]}, *rows) == [("profile-min", "Patient"), partial]
    assert findings({**PATIENT, "extension": [one, one]}, *rows) == [("profile-max", "Patient"), partial]


def test_the_definition_of_an_extension_is_kept():
    wrong = {
        **PATIENT,
        "extension": [{"url": "http://hl7.org/fhir/StructureDefinition/patient-birthPlace", "valueString": "Seoul"}],
    }
    assert [f.rule for f in Validator().report(wrong).findings] == ["profile-type"]


def test_a_profile_of_another_type_is_an_error():
    assert findings(PATIENT, {"path": "Observation"}, type="Observation") == [("profile-type", "Patient")]


SLICING = {"discriminator": [{"type": "value", "path": "use"}], "rules": "open"}


def test_slices_are_checked():
    rows = [
        {"path": "Patient.name", "slicing": SLICING},
        {"path": "Patient.name", "id": "Patient.name:a", "sliceName": "a", "min": 1, "max": "1"},
        {"path": "Patient.name.use", "id": "Patient.name:a.use", "fixedCode": "official"},
        {"path": "Patient.name.family", "id": "Patient.name:a.family", "min": 1},
    ]
    official = {"use": "official", "family": "Kim"}
    assert findings(PATIENT, *rows) == [("profile-min", "Patient")]
    assert findings({**PATIENT, "name": [{"text": "x"}, official]}, *rows) == []
    assert findings({**PATIENT, "name": [official, official]}, *rows) == [("profile-max", "Patient")]
    bare = {"use": "official", "text": "x"}
    assert findings({**PATIENT, "name": [{"text": "x"}, bare]}, *rows) == [("profile-min", "Patient.name[1]")]


def test_a_slice_that_nothing_tells_apart_is_said_not_to_be_checked():
    rows = [{"path": "Patient.name", "id": "Patient.name:a", "sliceName": "a", "min": 1}]
    assert findings(PATIENT, *rows) == [("slice-unjudged", "Patient")]


@pytest.mark.parametrize(
    ("path", "expression", "found"),
    [
        ("Patient", "birthDate.exists()", "Patient"),
        ("Patient.name", "given.exists()", "Patient.name[0]"),
        ("Patient.gender", "$this = 'female'", "Patient.gender"),
        ("Patient.name.family", "length() > 3", "Patient.name[0].family"),
    ],
)
@pytest.mark.parametrize(("severity", "said"), [("error", "error"), ("warning", "warning")])
def test_invariants_are_checked(path, expression, found, severity, said):
    rule = {"key": "x-1", "severity": severity, "human": "x", "expression": expression}
    row = {"path": path, "constraint": [rule]}
    assert findings(PATIENT, row) == [("x-1", found)]
    assert findings(PATIENT, {"path": path, "constraint": [{**rule, "expression": f"({expression}).not()"}]}) == []
    kept = {**PATIENT, "birthDate": "2020", "gender": "female", "name": [{"family": "Kimm", "given": ["A"]}]}
    assert findings(kept, row) == []


@pytest.mark.parametrize("expression", ["birthDate.", "no.such(", "exists(1, 2, 3)"])
def test_an_invariant_that_is_no_expression_is_said_not_to_be_checked(expression):
    rule = {"key": "x-1", "severity": "error", "human": "x", "expression": expression}
    profile = {
        "resourceType": "StructureDefinition",
        "url": URL,
        "type": "Patient",
        "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "differential": {"element": [{"id": "Patient", "path": "Patient", "constraint": [rule]}]},
    }
    report = Validator(resources=[profile]).report(PATIENT, profiles=[URL])
    assert [(f.severity, f.rule, f.expression, f.source) for f in report.findings] == [
        ("warning", "x-1", "Patient", URL)
    ]


def test_a_broken_profile_is_said_to_be_broken():
    assert findings(PATIENT, {"path": "Patient.name", "constraint": [{}]}) == [("profile-unreadable", "Patient")]
