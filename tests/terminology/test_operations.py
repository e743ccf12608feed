"""The operations by what is refused, what is no, and what is yes (R4, terminology-service.html)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.definitions.library import library
from gateway.errors import Malformed, NotFound, Unanswerable
from gateway.terminology.membership import Terminology
from gateway.terminology.operations import expand as expanding
from gateway.terminology.operations import lookup as looking
from gateway.terminology.operations import subsumes as subsuming
from gateway.terminology.operations import translate as translating
from gateway.terminology.operations import validate_code as validating
from gateway.terminology.operations.asked import Asked, from_parameters, from_query

CS, VS, MAP = "http://example.org/cs", "http://example.org/vs", "http://example.org/map"
AT = "2026-03-01T09:00:00+00:00"
SYSTEM = {
    "resourceType": "CodeSystem", "url": CS, "version": "1", "name": "Letters", "title": "All letters", "content": "complete",
    "caseSensitive": True,
    "concept": [
        {
            "code": "a", "display": "Alpha", "definition": "The first.", "designation": [{"language": "ko", "value": "알파"}],
            "property": [{"code": "notSelectable", "valueBoolean": True}, {"code": "weight", "valueDecimal": 1.5}],
            "concept": [{"code": "b", "display": "Beta"}],
        },
        {"code": "c", "display": "Gamma", "property": [{"code": "status", "valueCode": "retired"}, {"code": "n", "valueInteger": 3}]},
    ],
}  # fmt: skip
RESOURCES: list[dict[str, Any]] = [
    SYSTEM,
    {"resourceType": "ValueSet", "url": VS, "version": "1", "compose": {"include": [{"system": CS}]}},
    {
        "resourceType": "ValueSet", "url": VS + "-open",
        "compose": {"include": [{"system": CS, "concept": [{"code": "b"}]}, {"system": "http://example.org/none"}]},
    },
    {"resourceType": "ValueSet", "url": VS + "-absent", "compose": {"include": [{"system": "http://example.org/none"}]}},
    {
        "resourceType": "ValueSet", "url": VS + "-nested",
        "compose": {"include": [{"valueSet": [VS]}], "exclude": [{"system": CS, "concept": [{"code": "a"}]}]},
    },
]  # fmt: skip


def elements(*rows: tuple[str, str, str]) -> list[dict[str, Any]]:
    return [{"code": code, "target": [{"code": target, "equivalence": how}]} for code, target, how in rows]


MAPS: list[dict[str, Any]] = [
    {
        "resourceType": "ConceptMap", "url": MAP, "sourceUri": VS, "targetUri": "http://example.org/target-vs",
        "group": [
            {
                "source": CS, "target": "http://example.org/target", "unmapped": {"mode": "other-map", "url": MAP + "-other"},
                "element": [
                    *elements(("a", "1", "equivalent"), ("b", "2", "wider")),
                    {"code": "c", "target": [{"equivalence": "unmatched"}]},
                ],
            },
        ],
    },
    {
        "resourceType": "ConceptMap", "url": MAP + "-other", "sourceUri": "http://example.org/other-vs",
        "group": [{"source": CS, "target": "http://example.org/target", "unmapped": {"mode": "other-map", "url": MAP}}],
    },
    {
        "resourceType": "ConceptMap", "url": MAP + "-same", "group": [
            {"source": CS, "target": "http://example.org/same", "element": elements(("a", "A", "equal")), "unmapped": {"mode": "provided"}},
            {"source": CS, "target": "http://example.org/fixed", "unmapped": {"mode": "fixed", "code": "?", "display": "Unknown"}},
        ],
    },
]  # fmt: skip
KNOWN = Terminology(library([*RESOURCES, *MAPS]))


def asked(**values: Any) -> Asked:
    return Asked({name: (value,) for name, value in values.items()})


def said(answer: Any) -> dict[str, Any]:
    """Name → value of the parameters that are no parts."""
    return {
        row["name"]: next(v for k, v in row.items() if k.startswith("value"))
        for row in answer["parameter"]
        if "part" not in row
    }


def parts(answer: Any, name: str) -> list[dict[str, Any]]:
    return [said({"parameter": row["part"]}) for row in answer["parameter"] if row["name"] == name]


@pytest.mark.parametrize(
    ("pairs", "error"),
    [
        ([("nothing", "x")], Unanswerable),
        ([("url", "")], Malformed),
        ([("url", "x" * 20_000)], Malformed),
        ([("coding", "x")], Unanswerable),
        ([("abstract", "yes")], Malformed),
    ],
)
def test_an_address_is_refused(pairs: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        from_query(pairs, validating.IN_VALUE_SET)


@pytest.mark.parametrize(
    ("resource", "error"),
    [
        (None, Malformed),
        ([], Malformed),
        ({"resourceType": "Patient"}, Malformed),
        ({"resourceType": "Parameters", "parameter": {}}, Malformed),
        ({"resourceType": "Parameters", "parameter": ["url"]}, Malformed),
        ({"resourceType": "Parameters", "parameter": [{"valueUri": "x"}]}, Malformed),
        ({"resourceType": "Parameters", "parameter": [{"name": "url"}]}, Malformed),
        ({"resourceType": "Parameters", "parameter": [{"name": "url", "valueUri": 3}]}, Malformed),
        ({"resourceType": "Parameters", "parameter": [{"name": "url", "valueUri": "x", "valueCode": "y"}]}, Malformed),
        ({"resourceType": "Parameters", "parameter": [{"name": "url", "part": []}]}, Malformed),
        ({"resourceType": "Parameters", "parameter": [{"name": "url", "resource": {}}]}, Malformed),
        ({"resourceType": "Parameters", "parameter": [{"name": "nothing", "valueUri": "x"}]}, Unanswerable),
        ({"resourceType": "Parameters", "parameter": [{"name": "coding", "valueCoding": "x"}]}, Malformed),
        ({"resourceType": "Parameters", "parameter": [{"name": "coding", "valueCoding": {"code": 3}}]}, Malformed),
        ({"resourceType": "Parameters", "parameter": [{"name": "coding", "valueString": "x"}]}, Malformed),
        (
            {
                "resourceType": "Parameters",
                "parameter": [{"name": "codeableConcept", "valueCodeableConcept": {"coding": {}}}],
            },
            Malformed,
        ),
        ({"resourceType": "Parameters", "parameter": [{"name": "url", "valueUri": "x"}] * 300}, Malformed),
    ],
)
def test_a_body_is_refused(resource: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        from_parameters(resource, validating.IN_VALUE_SET)


def test_a_question_is_read() -> None:
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "url", "valueUri": VS}, {"name": "abstract", "valueBoolean": False}],
    }
    assert from_parameters(body, validating.IN_VALUE_SET).values == {"url": (VS,), "abstract": (False,)}
    assert from_query([("url", VS), ("count", "7")], expanding.NAMES).values == {"url": (VS,), "count": (7,)}
    with pytest.raises(Unanswerable):
        from_query([("url", VS), ("url", VS)], expanding.NAMES).text("url")


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({}, Unanswerable),
        ({"url": VS}, Unanswerable),
        ({"url": VS, "code": "a", "coding": {"code": "a"}}, Unanswerable),
        ({"url": "http://example.org/no-set", "code": "a", "system": CS}, NotFound),
    ],
)
def test_a_value_set_question_is_refused(question: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        validating.validate_in_value_set(KNOWN, asked(**question))


@pytest.mark.parametrize(
    ("question", "result", "message"),
    [
        ({"code": "x", "system": CS}, False, "not in its code system"),
        ({"code": "a", "system": "http://example.org/none"}, False, "no codes of this code system"),
        ({"code": "b", "system": CS, "display": "Gamma"}, False, "display"),
        ({"code": "a", "system": CS, "abstract": False}, False, "group of codes"),
        ({"coding": {"system": CS}}, False, "No code"),
        ({"codeableConcept": {"text": "b"}}, False, "No code"),
        ({"codeableConcept": {"coding": [{"system": CS, "code": "x"}]}}, False, "not in its code system"),
        ({"url": VS + "-open", "code": "q", "system": "http://example.org/none"}, False, "not at hand"),
        ({"url": VS + "-nested", "code": "a", "system": CS}, False, "not in the value set"),
        ({"url": VS, "valueSetVersion": "2", "code": "x", "system": CS}, False, "version"),
        ({"code": "b", "system": CS}, True, ""),
        ({"code": "b"}, True, ""),
        ({"code": "c", "system": CS}, True, "no longer in use"),
        ({"code": "b", "system": CS, "display": " beta "}, True, ""),
        ({"coding": {"system": CS, "code": "b", "display": "Beta"}}, True, ""),
        ({"codeableConcept": {"coding": [{"system": CS, "code": "x"}, {"system": CS, "code": "b"}]}}, True, ""),
        ({"url": VS + "-nested", "code": "b", "system": CS}, True, ""),
    ],
)
def test_a_code_in_a_value_set(question: Any, result: bool, message: str) -> None:
    answer = said(validating.validate_in_value_set(KNOWN, asked(**{"url": VS, **question})))
    assert answer["result"] is result
    assert (message in answer["message"]) if message else "message" not in answer


def test_the_display_that_is_right_is_given() -> None:
    answer = said(validating.validate_in_value_set(KNOWN, asked(url=VS, code="a", system=CS, displayLanguage="ko")))
    assert answer["display"] == "알파"


@pytest.mark.parametrize(
    ("question", "result"),
    [
        ({"url": CS, "code": "x"}, False),
        ({"url": CS, "coding": {"system": "http://example.org/none", "code": "a"}}, NotFound),
        ({"url": "http://example.org/none", "code": "a"}, NotFound),
        ({"code": "a"}, Unanswerable),
        ({"url": CS, "code": "x", "version": "2"}, False),
        ({"url": "urn:iso:std:iso:4217", "code": "won"}, False),
        ({"url": "urn:iso:std:iso:4217", "code": "KRW"}, True),
        ({"url": CS, "code": "a"}, True),
        ({"coding": {"system": CS, "code": "a"}}, True),
    ],
)
def test_a_code_in_a_code_system(question: Any, result: Any) -> None:
    if isinstance(result, bool):
        assert said(validating.validate_in_code_system(KNOWN, asked(**question)))["result"] is result
    else:
        with pytest.raises(result):
            validating.validate_in_code_system(KNOWN, asked(**question))


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({}, Unanswerable),
        ({"url": "http://example.org/no-set"}, NotFound),
        ({"url": VS + "-absent"}, NotFound),
        ({"url": "http://hl7.org/fhir/ValueSet/ucum-units"}, NotFound),
    ],
)
def test_an_expansion_is_refused(question: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        expanding.expand(KNOWN, asked(**question), AT)


def expansion(**question: Any) -> Any:
    return expanding.expand(KNOWN, asked(**{"url": VS, **question}), AT)["expansion"]


def test_an_expansion_lists_what_belongs() -> None:
    answer = expanding.expand(KNOWN, asked(url=VS), AT)
    assert (answer["resourceType"], answer["url"], answer["version"], answer["status"]) == (
        "ValueSet",
        VS,
        "1",
        "active",
    )
    assert answer["expansion"]["timestamp"] == AT
    assert answer["expansion"]["total"] == 3
    assert "extension" not in answer["expansion"]
    assert answer["expansion"]["contains"] == [
        {"system": CS, "abstract": True, "code": "a", "display": "Alpha"},
        {"system": CS, "code": "b", "display": "Beta"},
        {"system": CS, "inactive": True, "code": "c", "display": "Gamma"},
    ]


@pytest.mark.parametrize(
    ("question", "codes", "total"),
    [
        ({"offset": 9}, "", 3),
        ({"count": 0}, "", 3),
        ({"count": 1}, "a", 3),
        ({"offset": 1, "count": 1}, "b", 3),
        ({"filter": "nothing of it"}, "", 0),
        ({"filter": "ALPH"}, "a", 1),
        ({"filter": "알"}, "a", 1),
        ({"activeOnly": True}, "ab", 2),
        ({"excludeNotForUI": True}, "bc", 2),
        ({"url": VS + "-nested"}, "bc", 2),
    ],
)
def test_an_expansion_is_cut(question: Any, codes: str, total: int) -> None:
    answer = expansion(**question)
    assert "".join(row["code"] for row in answer.get("contains", [])) == codes
    assert answer["total"] == total


def test_an_expansion_that_may_have_more_says_so() -> None:
    answer = expansion(url=VS + "-open")
    assert answer["extension"][0]["url"].endswith("valueset-unclosed")
    assert [row["code"] for row in answer["contains"]] == ["b"]


def test_an_expansion_that_is_too_great_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expanding, "_MOST_CODES", 2)
    answer = expansion()
    assert [e["url"].rpartition("/")[2] for e in answer["extension"]] == ["valueset-unclosed", "valueset-toocostly"]
    assert "total" not in answer


def test_an_expansion_in_a_language_with_designations() -> None:
    answer = expansion(displayLanguage="ko-KR", includeDesignations=True, count=1)
    assert answer["contains"][0]["display"] == "알파"
    assert answer["contains"][0]["designation"] == [{"language": "ko", "value": "알파"}]


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({}, Unanswerable),
        ({"code": "a"}, Unanswerable),
        ({"code": "a", "system": CS, "coding": {"system": CS, "code": "a"}}, Unanswerable),
        ({"code": "x", "system": CS}, NotFound),
        ({"code": "a", "system": "http://example.org/none"}, NotFound),
        ({"code": "22298006", "system": "http://snomed.info/sct"}, NotFound),
    ],
)
def test_a_lookup_is_refused(question: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        looking.lookup(KNOWN, asked(**question))


def test_a_lookup() -> None:
    answer = looking.lookup(KNOWN, asked(code="a", system=CS))
    assert said(answer) == {"name": "All letters", "version": "1", "display": "Alpha", "definition": "The first."}
    assert parts(answer, "designation") == [{"language": "ko", "value": "알파"}]
    assert {"code": "child", "value": "b"} in parts(answer, "property")
    assert {"code": "notSelectable", "value": True} in parts(answer, "property")
    assert parts(looking.lookup(KNOWN, asked(coding={"system": CS, "code": "b"}, property="parent")), "property") == [
        {"code": "parent", "value": "a"}
    ]


def test_a_lookup_where_names_are_not_at_hand_gives_the_code() -> None:
    answer = looking.lookup(KNOWN, asked(code="male", system="http://hl7.org/fhir/administrative-gender"))
    assert said(answer)["display"] == "male"


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({}, Unanswerable),
        ({"codeA": "a", "codeB": "b"}, Unanswerable),
        ({"codeA": "a", "system": CS}, Unanswerable),
        ({"codeA": "a", "codeB": "b", "codingB": {"code": "b"}, "system": CS}, Unanswerable),
        (
            {"codingA": {"system": CS, "code": "a"}, "codingB": {"system": "http://example.org/other", "code": "a"}},
            Unanswerable,
        ),
        ({"codeA": "a", "codeB": "x", "system": CS}, NotFound),
        ({"codeA": "a", "codeB": "b", "system": "http://example.org/none"}, NotFound),
    ],
)
def test_subsumption_is_refused(question: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        subsuming.subsumes(KNOWN, asked(**question))


@pytest.mark.parametrize(
    ("left", "right", "outcome"),
    [("b", "c", "not-subsumed"), ("a", "b", "subsumes"), ("b", "a", "subsumed-by"), ("a", "a", "equivalent")],
)
def test_subsumption(left: str, right: str, outcome: str) -> None:
    assert said(subsuming.subsumes(KNOWN, asked(codeA=left, codeB=right, system=CS)))["outcome"] == outcome
    codings = {"codingA": {"system": CS, "code": left}, "codingB": {"system": CS, "code": right}}
    assert said(subsuming.subsumes(KNOWN, asked(**codings)))["outcome"] == outcome


@pytest.mark.parametrize(
    ("question", "error"),
    [
        ({}, Unanswerable),
        ({"url": MAP}, Unanswerable),
        ({"url": MAP, "code": "a"}, Unanswerable),
        ({"code": "a", "system": CS}, Unanswerable),
        ({"url": "http://example.org/no-map", "code": "a", "system": CS}, NotFound),
        ({"source": "http://example.org/nothing", "code": "a", "system": CS}, NotFound),
    ],
)
def test_a_translation_is_refused(question: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        translating.translate(KNOWN, asked(**question))


@pytest.mark.parametrize(
    ("question", "result", "found"),
    [
        ({"url": MAP, "code": "x", "system": CS}, False, []),
        ({"url": MAP, "code": "a", "system": "http://example.org/none"}, False, []),
        ({"url": MAP, "code": "c", "system": CS}, False, [("unmatched", None)]),
        ({"url": MAP, "code": "a", "system": CS, "targetsystem": "http://example.org/none"}, False, []),
        ({"url": MAP, "code": "a", "system": CS}, True, [("equivalent", "1")]),
        ({"url": MAP, "coding": {"system": CS, "code": "b"}}, True, [("wider", "2")]),
        ({"source": VS, "code": "a", "system": CS}, True, [("equivalent", "1")]),
        ({"target": "http://example.org/target-vs", "code": "a", "system": CS}, True, [("equivalent", "1")]),
        ({"url": MAP, "code": "2", "system": "http://example.org/target", "reverse": True}, True, [("narrower", "b")]),
        ({"url": MAP, "code": "x", "system": "http://example.org/target", "reverse": True}, False, []),
        ({"url": MAP + "-same", "code": "a", "system": CS}, True, [("equal", "A"), ("inexact", "?")]),
        ({"url": MAP + "-same", "code": "z", "system": CS}, True, [("equal", "z"), ("inexact", "?")]),
        (
            {"url": MAP, "codeableConcept": {"coding": [{"system": CS, "code": "x"}, {"system": CS, "code": "a"}]}},
            True,
            [("equivalent", "1")],
        ),
    ],
)
def test_a_translation(question: Any, result: bool, found: list[tuple[str, str | None]]) -> None:
    answer = translating.translate(KNOWN, asked(**question))
    assert said(answer)["result"] is result
    matches = [(m["equivalence"], m.get("concept", {}).get("code")) for m in parts(answer, "match")]
    assert matches == found


def test_maps_that_send_to_themselves_end() -> None:
    group = {"source": CS, "unmapped": {"mode": "other-map", "url": "http://example.org/loop"}}
    loop = {"resourceType": "ConceptMap", "url": "http://example.org/loop", "group": [group] * 200}
    answer = translating.translate(
        Terminology(library([loop])), asked(url="http://example.org/loop", code="q", system=CS)
    )
    assert said(answer)["result"] is False


@pytest.mark.parametrize(
    "broken", [{"group": {}}, {"group": ["x"]}, {"group": [{"element": [{"code": "a", "target": "x"}]}]}]
)
def test_a_map_that_is_none_gives_nothing(broken: Any) -> None:
    known = Terminology(library([{"resourceType": "ConceptMap", "url": MAP, **broken}]))
    assert said(translating.translate(known, asked(url=MAP, code="a", system=CS)))["result"] is False
