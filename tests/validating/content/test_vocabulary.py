"""Code systems, value sets, concept maps and what searches and measures with them (FHIR R4, terminology and conformance modules)."""

import pytest

SYSTEM = "http://example.org/fhir/CodeSystem/colours"
ALL = "http://example.org/fhir/ValueSet/all-colours"


def system(*concepts, **rest):
    head = {
        "resourceType": "CodeSystem",
        "url": SYSTEM,
        "status": "active",
        "content": "complete",
        "caseSensitive": True,
    }
    return {**head, "concept": list(concepts), **rest}


def value_set(*include, **rest):
    return {"resourceType": "ValueSet", "url": ALL, "status": "active", "compose": {"include": list(include)}, **rest}


COLOURS = system({"code": "red", "property": [{"code": "warm", "valueBoolean": True}]}, {"code": "blue"})
WARM = [{"code": "warm", "type": "boolean"}]

CODE_SYSTEMS = {
    "another count": ([system({"code": "a", "concept": [{"code": "b"}]}, count=3)], [("warning", "count", "")]),
    "its count": ([system({"code": "a", "concept": [{"code": "b"}]}, count=2)], []),
    "a fragment has fewer": ([system({"code": "a"}, count=7, content="fragment")], []),
    "undeclared property": (
        [system({"code": "a", "concept": [{"code": "b", "property": [{"code": "warm", "valueBoolean": True}]}]})],
        [("warning", "property", "concept[0].concept[0].property[0]")],
    ),
    "property of another type": (
        [system({"code": "a", "property": [{"code": "warm", "valueCode": "yes"}]}, property=WARM)],
        [("error", "property-type", "concept[0].property[0]")],
    ),
    "property": ([system({"code": "a", "property": [{"code": "warm", "valueBoolean": True}]}, property=WARM)], []),
    "a value set of some": (
        [system(valueSet=ALL), value_set({"system": SYSTEM, "concept": [{"code": "red"}]})],
        [("error", "value-set", "")],
    ),
    "a value set of another": (
        [system(valueSet=ALL), value_set({"system": SYSTEM + "2"})],
        [("error", "value-set", "")],
    ),
    "a value set of all": ([system(valueSet=ALL), value_set({"system": SYSTEM})], []),
    "a value set of a supplement": (
        [system(valueSet=ALL, content="supplement", supplements=SYSTEM)],
        [("error", "value-set", "")],
    ),
    "a supplement to what is not there": (
        [
            system({"code": "green"}, {"code": "red"}, url=SYSTEM + "-more", content="supplement", supplements=SYSTEM),
            COLOURS,
        ],
        [("error", "supplement", "concept[0]")],
    ),
    "damaged": ([system({"code": 1, "property": [{}, 3]}, None, count="x", property=[4], valueSet=5)], []),
}
VALUE_SETS = {
    "no address": ([value_set({"system": "colours"})], [("error", "system", "compose.include[0].system")]),
    "a supplement": (
        [
            value_set({"system": SYSTEM + "-more"}),
            system(url=SYSTEM + "-more", content="supplement", supplements=SYSTEM),
        ],
        [("error", "system", "compose.include[0].system")],
    ),
    "no such code": (
        [value_set({"system": SYSTEM, "concept": [{"code": "green"}, {"code": "red"}]}), COLOURS],
        [("warning", "concept", "compose.include[0].concept[0]")],
    ),
    "twice": (
        [value_set({"system": SYSTEM, "concept": [{"code": "red"}, {"code": "red"}]}), COLOURS],
        [("warning", "concept", "compose.include[0].concept[1]")],
    ),
    "no such property": (
        [value_set({"system": SYSTEM, "filter": [{"property": "size", "op": "=", "value": "1"}]}), COLOURS],
        [("warning", "filter", "compose.include[0].filter[0]")],
    ),
    "no such value set": (
        [value_set(compose={"include": [{"system": SYSTEM}], "exclude": [{"valueSet": ["http://example.org/none"]}]})],
        [("warning", "value-set", "compose.exclude[0].valueSet[0]")],
    ),
    "well": (
        [
            value_set(
                {"system": SYSTEM, "filter": [{"property": "warm", "op": "=", "value": "true"}]}, {"system": "#own"}
            ),
            COLOURS,
        ],
        [],
    ),
    "not at hand": ([value_set({"system": "http://loinc.org", "concept": [{"code": "4548-4"}]})], []),
    "damaged": ([value_set(3, {"system": 4, "concept": {}, "filter": [5], "valueSet": "x"})], []),
}
OTHERS = {
    "map from and to what is not there": (
        [
            {"resourceType": "ConceptMap", "group": [{"source": SYSTEM, "target": SYSTEM, "element": [
                {"code": "red", "target": [{"code": "green"}]}, {"code": "pink"}]}]},
            COLOURS,
        ],
        [("warning", "concept", "group[0].element[0].target[0].code"), ("warning", "concept", "group[0].element[1].code")],
    ),
    "search expression": (
        [{"resourceType": "SearchParameter", "expression": "Patient.name.where("}],
        [("error", "fhirpath", "expression")],
    ),
    "search derived with another type": (
        [{"resourceType": "SearchParameter", "type": "date", "base": ["Patient"], "expression": "Patient.gender",
          "derivedFrom": "http://hl7.org/fhir/SearchParameter/individual-gender"}],
        [("error", "derived-type", "")],
    ),
    "search derived for another resource": (
        [{"resourceType": "SearchParameter", "type": "token", "base": ["Group"], "derivedFrom": "http://example.org/sp"},
         {"resourceType": "SearchParameter", "url": "http://example.org/sp", "type": "token", "base": ["Patient"]}],
        [("error", "derived-base", "")],
    ),
    "search derived": (
        [{"resourceType": "SearchParameter", "type": "token", "base": ["Patient"],
          "derivedFrom": "http://hl7.org/fhir/SearchParameter/individual-gender"}],
        [],
    ),
    "search said with another type": (
        [{"resourceType": "CapabilityStatement", "rest": [{"resource": [{"type": "Patient", "searchParam": [
            {"name": "x", "type": "string", "definition": "http://example.org/sp"},
            {"name": "y", "type": "token", "definition": "http://example.org/sp"}]}]}]},
         {"resourceType": "SearchParameter", "url": "http://example.org/sp", "type": "token", "base": ["Patient"]}],
        [("error", "search-type", "rest[0].resource[0].searchParam[0]")],
    ),
    "measure of nothing": ([{"resourceType": "Measure"}], [("warning", "measure-groups", "")]),
    "measure": (
        [{"resourceType": "Measure", "group": [
            {"code": {"text": "a"}, "population": [{"criteria": {"language": "text/fhirpath", "expression": "Patient.("}}]},
            {"stratifier": [{"criteria": {"language": "text/cql", "expression": "In Initial Population"}}]}]}],
        [("error", "fhirpath", "group[0].population[0].criteria.expression"), ("warning", "measure-group-code", "group[1]")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("resources", "expected"),
    [*CODE_SYSTEMS.values(), *VALUE_SETS.values(), *OTHERS.values()],
    ids=[*(f"system: {k}" for k in CODE_SYSTEMS), *(f"value set: {k}" for k in VALUE_SETS), *OTHERS],
)
def test_vocabulary(judge, resources, expected):
    assert judge(*resources) == expected
