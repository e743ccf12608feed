"""Answers against questions: what is refused first, then what stands (FHIR R4, QuestionnaireResponse)."""

import pytest

URL = "http://example.org/fhir/Questionnaire/visit"
COLOURS = "http://example.org/fhir/ValueSet/colours"
SYSTEM = "http://example.org/fhir/CodeSystem/colours"
VALUE_SET = {
    "resourceType": "ValueSet",
    "url": COLOURS,
    "compose": {"include": [{"system": SYSTEM, "concept": [{"code": "red"}, {"code": "blue"}]}]},
}
EXTENSION = "http://hl7.org/fhir/StructureDefinition/"


def q(link_id, kind="string", *items, **rest):
    return {"linkId": link_id, "type": kind, **rest, **({"item": list(items)} if items else {})}


def a(link_id, *values, items=(), **rest):
    """An item; each value is (key, value), or a whole answer."""
    answers = [dict([v]) if isinstance(v, tuple) else v for v in values]
    made = {"linkId": link_id, **rest}
    return made | ({"answer": answers} if answers else {}) | ({"item": list(items)} if items else {})


def when(question, operator="=", behavior=None, **answer):
    row = {"question": question, "operator": operator, **(answer or {"answerBoolean": True})}
    return {"enableWhen": [row], **({"enableBehavior": behavior} if behavior else {})}


def whens(behavior, *rows):
    conditions = [row["enableWhen"][0] for row in rows]
    return {"enableWhen": conditions, **({"enableBehavior": behavior} if behavior else {})}


def says(name, value):
    return {"extension": [{"url": EXTENSION + name, **value}]}


YES, NO = ("valueBoolean", True), ("valueBoolean", False)
RED = ("valueCoding", {"system": SYSTEM, "code": "red"})
GREEN = ("valueCoding", {"system": SYSTEM, "code": "green"})
OPTIONS = [{"valueCoding": {"system": SYSTEM, "code": "red"}}, {"valueString": "dark"}]

REFUSED = {
    "unknown item": ([q("a")], [a("b", ("valueString", "x"))], "link-id", "item[0]"),
    "out of order": (
        [q("a"), q("b")],
        [a("b", ("valueString", "x")), a("a", ("valueString", "x"))],
        "item-order",
        "item[1]",
    ),
    "in another place": (
        [q("g", "group", q("b")), q("c")],
        [a("b", ("valueString", "x"))],
        "item-place",
        "item[0]",
    ),
    "required and absent": ([q("a", required=True)], [], "answer-required", ""),
    "required group absent": ([q("g", "group", q("a"), required=True)], [], "answer-required", ""),
    "required inside a group": (
        [q("g", "group", q("a"), q("b", required=True))],
        [a("g", items=[a("a", ("valueString", "x"))])],
        "answer-required",
        "item[0]",
    ),
    "two answers": ([q("a")], [a("a", ("valueString", "x"), ("valueString", "y"))], "answer-repeats", "item[0]"),
    "two items": ([q("a")], [a("a", ("valueString", "x")), a("a", ("valueString", "y"))], "item-repeats", "item[1]"),
    "wrong type": (
        [q("a", "integer")],
        [a("a", ("valueString", "x"))],
        "answer-type",
        "item[0].answer[0].value.ofType(string)",
    ),
    "text is a string": (
        [q("a", "text")],
        [a("a", ("valueUri", "x:y"))],
        "answer-type",
        "item[0].answer[0].value.ofType(uri)",
    ),
    "answer in a group": ([q("g", "group", q("a"))], [a("g", ("valueString", "x"))], "group-answer", "item[0]"),
    "answer in a display": ([q("d", "display")], [a("d", ("valueString", "x"))], "display-answer", "item[0]"),
    "item outside the answer": (
        [q("a", "string", q("b"))],
        [a("a", items=[a("b", ("valueString", "x"))])],
        "nested-item",
        "item[0]",
    ),
    "other words": ([q("a", text="Name?")], [a("a", ("valueString", "x"), text="Nom?")], "item-text", "item[0]"),
    "no such option": ([q("a", "choice", answerOption=OPTIONS)], [a("a", GREEN)], "answer-option", "item[0].answer[0]"),
    "no such text option": (
        [q("a", "choice", answerOption=OPTIONS)],
        [a("a", ("valueString", "light"))],
        "answer-option",
        "item[0].answer[0]",
    ),
    "no option of the type": (
        [q("a", "choice", answerOption=OPTIONS[:1])],
        [a("a", ("valueInteger", 1))],
        "answer-option",
        "item[0].answer[0]",
    ),
    "a code beside an open choice": (
        [q("a", "open-choice", answerOption=OPTIONS)],
        [a("a", GREEN)],
        "answer-option",
        "item[0].answer[0]",
    ),
    "not in the value set": (
        [q("a", "choice", answerValueSet=COLOURS)],
        [a("a", GREEN)],
        "answer-value-set",
        "item[0].answer[0].value.ofType(Coding)",
    ),
    "too long": (
        [q("a", maxLength=2)],
        [a("a", ("valueString", "abc"))],
        "answer-length",
        "item[0].answer[0].value.ofType(string)",
    ),
    "too short": (
        [q("a", **says("minLength", {"valueInteger": 4}))],
        [a("a", ("valueString", "abc"))],
        "answer-length",
        "item[0].answer[0].value.ofType(string)",
    ),
    "another form": (
        [q("a", **says("regex", {"valueString": "[0-9]{3}"}))],
        [a("a", ("valueString", "1234"))],
        "answer-regex",
        "item[0].answer[0].value.ofType(string)",
    ),
    "too small": (
        [q("a", "decimal", **says("minValue", {"valueInteger": 4}))],
        [a("a", ("valueDecimal", 3.5))],
        "answer-minValue",
        "item[0].answer[0].value.ofType(decimal)",
    ),
    "too late": (
        [q("a", "date", **says("maxValue", {"valueDate": "2020-01-31"}))],
        [a("a", ("valueDate", "2020-02-01"))],
        "answer-maxValue",
        "item[0].answer[0].value.ofType(date)",
    ),
    "too exact": (
        [q("a", "decimal", **says("maxDecimalPlaces", {"valueInteger": 1}))],
        [a("a", ("valueDecimal", 3.25))],
        "answer-places",
        "item[0].answer[0].value.ofType(decimal)",
    ),
    "too few": (
        [q("a", repeats=True, **says("questionnaire-minOccurs", {"valueInteger": 2}))],
        [a("a", ("valueString", "x"))],
        "answer-occurs",
        "item[0]",
    ),
    "too many groups": (
        [q("g", "group", q("a"), repeats=True, **says("questionnaire-maxOccurs", {"valueInteger": 1}))],
        [a("g", items=[a("a", ("valueString", "x"))]), a("g", items=[a("a", ("valueString", "x"))])],
        "answer-occurs",
        "item[0]",
    ),
    "not asked": (
        [q("c", "boolean"), q("a", **when("c"))],
        [a("c", NO), a("a", ("valueString", "x"))],
        "not-enabled",
        "item[1]",
    ),
    "not asked, as there is no answer": (
        [q("c", "boolean"), q("a", **when("c"))],
        [a("a", ("valueString", "x"))],
        "not-enabled",
        "item[0]",
    ),
    "asked and absent": ([q("c", "boolean"), q("a", required=True, **when("c"))], [a("c", YES)], "answer-required", ""),
    "asked by the group around": (
        [q("g", "group", q("c", "boolean"), q("a", required=True, **when("c")), repeats=True)],
        [a("g", items=[a("c", NO)]), a("g", items=[a("c", YES)])],
        "answer-required",
        "item[1]",
    ),
    "asked by one of several": (
        [q("c", "boolean"), q("d", "boolean"), q("a", required=True, **whens("any", when("c"), when("d")))],
        [a("c", NO), a("d", YES)],
        "answer-required",
        "",
    ),
    "asked by all but one": (
        [q("c", "boolean"), q("d", "boolean"), q("a", **whens("all", when("c"), when("d")))],
        [a("c", NO), a("d", YES), a("a", ("valueString", "x"))],
        "not-enabled",
        "item[2]",
    ),
    "below an answer that says otherwise": (
        [q("c", "boolean", q("a", **when("c")))],
        [a("c", {"valueBoolean": False, "item": [a("a", ("valueString", "x"))]})],
        "not-enabled",
        "item[0].answer[0].item[0]",
    ),
}


def response(items, status="completed", questionnaire=URL):
    return {"resourceType": "QuestionnaireResponse", "questionnaire": questionnaire, "status": status, "item": items}


def form(items, **rest):
    return {"resourceType": "Questionnaire", "url": URL, "status": "active", "item": items, **rest}


@pytest.mark.parametrize(("questions", "items", "rule", "at"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(judge, questions, items, rule, at):
    assert judge(response(items), form(questions), VALUE_SET) == [("error", rule, at)]


ACCEPTED = {
    "nothing asked": ([q("a")], []),
    "repeats": ([q("a", repeats=True)], [a("a", ("valueString", "x"), ("valueString", "y"))]),
    "an option": ([q("a", "choice", answerOption=OPTIONS)], [a("a", RED)]),
    "words beside an open choice": (
        [q("a", "open-choice", answerOption=OPTIONS[:1])],
        [a("a", ("valueString", "own words"))],
    ),
    "a coding without code": (
        [q("a", "open-choice", answerOption=OPTIONS)],
        [a("a", ("valueCoding", {"display": "own"}))],
    ),
    "in the value set": ([q("a", "choice", answerValueSet=COLOURS)], [a("a", RED)]),
    "in another place, disabled and absent": ([q("c", "boolean"), q("a", required=True, **when("c"))], [a("c", NO)]),
    "disabled and without answer": ([q("c", "boolean"), q("a", **when("c"))], [a("c", NO), a("a")]),
    "the same words": ([q("a", text="Name?")], [a("a", ("valueString", "x"), text="Name?")]),
    "words in another language": (
        [
            q(
                "a",
                text="Name?",
                _text={
                    "extension": [
                        {
                            "url": EXTENSION + "translation",
                            "extension": [
                                {"url": "lang", "valueCode": "fr"},
                                {"url": "content", "valueString": "Nom?"},
                            ],
                        }
                    ]
                },
            )
        ],
        [a("a", ("valueString", "x"), text="Nom?")],
    ),
    "a pattern that can not be read": (
        [q("a", **says("regex", {"valueString": "(?=x"}))],
        [a("a", ("valueString", "y"))],
    ),
    "whole number within decimal limits": (
        [q("a", "integer", **says("maxValue", {"valueDecimal": 3.5}))],
        [a("a", ("valueInteger", 3))],
    ),
    "an answer without value": (
        [q("a", "integer", required=True)],
        [a("a", {"extension": [{"url": "x:y", "valueCode": "z"}]})],
    ),
    "items below an answer": (
        [q("c", "boolean", q("a", **when("c")))],
        [a("c", {"valueBoolean": True, "item": [a("a", ("valueString", "x"))]})],
    ),
}


@pytest.mark.parametrize(("questions", "items"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(judge, questions, items):
    assert judge(response(items), form(questions), VALUE_SET) == []


OPERATORS = [
    ("exists", {"answerBoolean": True}, ("valueInteger", 1), True),
    ("exists", {"answerBoolean": True}, None, False),
    ("exists", {"answerBoolean": False}, None, True),
    ("=", {"answerInteger": 3}, ("valueInteger", 3), True),
    ("=", {"answerInteger": 3}, ("valueInteger", 4), False),
    ("!=", {"answerInteger": 3}, ("valueInteger", 4), True),
    ("!=", {"answerInteger": 3}, None, False),
    (">", {"answerDecimal": 3.0}, ("valueDecimal", 3.5), True),
    (">", {"answerDecimal": 3.0}, ("valueDecimal", 3.0), False),
    ("<", {"answerDate": "2020-01-02"}, ("valueDate", "2020-01-01"), True),
    (">=", {"answerTime": "10:00:00"}, ("valueTime", "09:59:59"), False),
    ("<=", {"answerDateTime": "2020-01-01T10:00:00+09:00"}, ("valueDateTime", "2020-01-01T01:00:00Z"), True),
    ("=", {"answerCoding": {"system": SYSTEM, "code": "red"}}, RED, True),
    ("=", {"answerCoding": {"system": SYSTEM, "code": "red"}}, GREEN, False),
    (">", {"answerQuantity": {"value": 2, "code": "kg"}}, ("valueQuantity", {"value": 3, "code": "kg"}), True),
    ("=", {"answerString": "x"}, ("valueString", "x"), True),
]
KINDS = {"Coding": "choice", "String": "string", "DateTime": "dateTime"}


@pytest.mark.parametrize(("operator", "expected", "given", "asked"), OPERATORS)
def test_operators(judge, operator, expected, given, asked):
    kind = next(iter(expected))[6:] if given is None else given[0][5:]
    questions = [q("c", KINDS.get(kind, kind.lower())), q("a", required=True, **when("c", operator, **expected))]
    found = judge(response([a("c", given)] if given else []), form(questions))
    assert bool(found) is asked


@pytest.mark.parametrize(
    ("expected", "given"),
    [
        ({"answerInteger": 3}, ("valueString", "3")),
        ({"answerQuantity": {"value": 2, "code": "kg"}}, ("valueQuantity", {"value": 3, "code": "g"})),
        ({"answerDate": "2020"}, ("valueDate", "2020-01-01")),
    ],
)
def test_what_can_not_be_compared_decides_nothing(judge, expected, given):
    questions = [q("c", "choice"), q("a", required=True, **when("c", ">", **expected))]
    items = [a("c", given)]
    assert [f for f in judge(response(items), form(questions)) if f[1] in ("answer-required", "not-enabled")] == []


SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression"


@pytest.mark.parametrize(
    ("expression", "rules"),
    [
        ("%resource.item.where(linkId = 'c').answer.value.ofType(boolean)", ["answer-required"]),
        ("%resource.item.where(linkId = 'c').answer.value.ofType(boolean).not()", []),
        ("%unheard.of", []),
    ],
)
def test_conditions_in_fhirpath(judge, expression, rules):
    condition = {"url": SDC, "valueExpression": {"language": "text/fhirpath", "expression": expression}}
    questions = [q("c", "boolean"), q("a", required=True, extension=[condition])]
    assert [rule for _, rule, _ in judge(response([a("c", YES)]), form(questions))] == rules


def test_in_progress_lacks_answers(judge):
    assert judge(response([], "in-progress"), form([q("a", required=True)])) == [("warning", "answer-required", "")]


def test_questionnaire_not_at_hand(judge):
    assert judge(response([a("x", YES)])) == [("warning", "questionnaire", "questionnaire")]


def test_questionnaire_that_is_not_contained(judge):
    assert judge(response([], questionnaire="#f")) == [("error", "contained-canonical", "questionnaire")]


def test_contained_questionnaire_with_a_contained_value_set(judge):
    inner = {"resourceType": "ValueSet", "id": "v", "status": "active", "compose": VALUE_SET["compose"]}
    own = form([q("a", "choice", answerValueSet="#v")], id="f", contained=[inner])
    for answer, expected in ((RED, []), (GREEN, ["answer-value-set"])):
        document = response([a("a", answer)], questionnaire="#f") | {"contained": [own]}
        assert [rule for _, rule, _ in judge(document)] == expected


@pytest.mark.parametrize(
    "damaged",
    [
        {"item": "x"},
        {"item": [1, None, {"linkId": 3, "answer": {"valueString": 1}}]},
        {"item": [{"linkId": "a", "answer": ["x", {"valueCoding": "y"}, {"valueDecimal": "z"}], "item": {}}]},
        {"questionnaire": 5},
        {"contained": [None, {"resourceType": "Questionnaire"}], "questionnaire": "#"},
    ],
)
def test_damaged_documents_are_judged_without_breaking(judge, damaged):
    questions = [q("a", "choice", answerOption=OPTIONS, **when("a"))]
    judge(response([]) | damaged, form(questions), VALUE_SET)


def test_many_conditions_in_linear_time(judge):
    questions = [q("c", "boolean"), *(q(f"a{n}", **when("c")) for n in range(3000))]
    items = [a("c", YES), *(a(f"a{n}", ("valueString", "x")) for n in range(3000))]
    assert judge(response(items), form(questions)) == []
