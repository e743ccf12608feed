"""Facts keep what a machine judges by, and no prose."""

from gateway.definitions.facts import code_system_facts, facts_of, structure_facts, value_set_facts
from gateway.definitions.structure import structure_from


def test_structure_keeps_cardinality_types_and_invariants_without_prose():
    facts = structure_facts(
        {
            "resourceType": "StructureDefinition",
            "url": "http://example.org/s",
            "type": "Patient",
            "snapshot": {
                "element": [
                    {
                        "path": "Patient.name",
                        "min": 1,
                        "max": "*",
                        "definition": "prose",
                        "type": [{"code": "HumanName", "profile": ["http://example.org/name"]}],
                        "constraint": [
                            {"key": "a-1", "severity": "error", "human": "prose", "expression": "family.exists()"}
                        ],
                        "patternHumanName": {"use": "official"},
                    }
                ]
            },
        }
    )
    assert "prose" not in str(facts)
    element = structure_from(facts).elements[0]
    assert (element.min, element.max) == (1, -1)
    assert element.types[0].profiles == ("http://example.org/name",)
    assert element.invariants[0].expression == "family.exists()"
    assert element.pattern is not None
    assert element.pattern.value == {"use": "official"}


def test_two_meanings_of_one_invariant_key_are_both_kept():
    row = [{"path": "A.b", "constraint": [{"key": "k", "severity": "error", "expression": "one"}]}]
    row += [{"path": "A.c", "constraint": [{"key": "k", "severity": "error", "expression": "two"}]}]
    structure = structure_from(structure_facts({"url": "u", "differential": {"element": row}}))
    assert [e.invariants[0].expression for e in structure.elements] == ["one", "two"]


def test_value_set_prefers_its_composition_to_its_expansion():
    contains = [
        {"system": "s", "code": "a", "contains": [{"system": "s", "code": "b"}]},
        {"code": "x", "abstract": True},
    ]
    assert value_set_facts({"url": "u", "expansion": {"contains": contains}})["expansion"] == [
        {"system": "s", "code": "a"},
        {"system": "s", "code": "b"},
    ]
    composed = {"url": "u", "compose": {"include": [{"system": "s"}]}, "expansion": {"contains": contains}}
    assert "expansion" not in value_set_facts(composed)


def test_code_system_keeps_the_hierarchy():
    concept = [{"code": "a", "concept": [{"code": "b"}], "property": [{"code": "status", "valueCode": "retired"}]}]
    assert code_system_facts({"url": "u", "concept": concept})["codes"] == [["a", {"status": ["retired"]}, ["b"]]]


def test_other_resources_carry_no_facts():
    assert facts_of({"resourceType": "Patient"}) is None
