"""Questionnaires that can be answered (FHIR R4, Questionnaire)."""

import pytest

SDC = "http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaire-enableWhenExpression"


def q(link_id, kind="boolean", *items, **rest):
    return {"linkId": link_id, "type": kind, **rest, **({"item": list(items)} if items else {})}


def when(question, **answer):
    return {"enableWhen": [{"question": question, "operator": "=", **(answer or {"answerBoolean": True})}]}


def said(expression):
    return {"extension": [{"url": SDC, "valueExpression": {"language": "text/fhirpath", "expression": expression}}]}


CASES = {
    "target absent": ([q("a", **when("z"))], [("error", "enable-when-target", "item[0]")]),
    "itself": ([q("a", **when("a"))], [("error", "enable-when-self", "item[0]")]),
    "inside itself": (
        [q("g", "group", q("h", "group", q("a")), **when("a"))],
        [("error", "enable-when-inner", "item[0]")],
    ),
    "later": ([q("a", **when("b")), q("b")], [("warning", "enable-when-order", "item[0]")]),
    "never of that type": (
        [q("a", "integer"), q("b", **when("a"))],
        [("warning", "enable-when-answer", "item[1].enableWhen[0]")],
    ),
    "never answered": (
        [q("a", "display"), q("b", **when("a"))],
        [("warning", "enable-when-answer", "item[1].enableWhen[0]")],
    ),
    "two conditions": ([q("a"), q("b", enableWhen=2 * when("a")["enableWhen"])], [("error", "que-12", "item[1]")]),
    "two conditions, any": ([q("a"), q("b", enableWhen=2 * when("a")["enableWhen"], enableBehavior="any")], []),
    "value set that is not contained": (
        [q("a", "choice", answerValueSet="#v")],
        [("error", "contained-canonical", "item[0].answerValueSet")],
    ),
    "expression": (
        [q("g", "group", q("a", **said("item.where(")))],
        [("error", "enable-when-expression", "item[0].item[0].extension[0]")],
    ),
    "initial of another type": (
        [q("a", initial=[{"valueString": "x"}])],
        [("error", "initial-type", "item[0].initial[0]")],
    ),
    "initial none of the options": (
        [q("a", "choice", answerOption=[{"valueCoding": {"code": "x"}}], initial=[{"valueCoding": {"code": "y"}}])],
        [("warning", "initial-option", "item[0].initial[0]")],
    ),
    "option of another type": (
        [q("a", "integer", answerOption=[{"valueString": "x"}])],
        [("warning", "option-type", "item[0].answerOption[0]")],
    ),
    "all well": (
        [
            q("a"),
            q("g", "group", q("b", **when("a")), q("c", **said("%resource.item.exists()"))),
            q("d", "choice", answerOption=[{"valueInteger": 1}], initial=[{"valueInteger": 1}], **when("b")),
            q("e", "question-of-tomorrow", initial=[{"valueInteger": 1}]),
        ],
        [],
    ),
    "damaged": ([None, 3, {"item": 4, "enableWhen": [5, {"question": 6}], "initial": [{}]}], []),
}


@pytest.mark.parametrize(("items", "expected"), CASES.values(), ids=CASES.keys())
def test_questionnaires(judge, items, expected):
    assert judge({"resourceType": "Questionnaire", "status": "draft", "item": items}) == expected
