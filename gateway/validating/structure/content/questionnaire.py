"""A Questionnaire in itself: conditions that can be evaluated, options and initial values that fit (FHIR R4, Questionnaire; beyond que-*)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from gateway.errors import Misconfigured
from gateway.validating.structure.content.enabled import conditions_in
from gateway.validating.structure.content.form import CARRIED, Form, Question, form_of
from gateway.validating.structure.content.reading import Row, chosen, rows, text
from gateway.validating.structure.finding import MOST, NONE, Findings, below, error, warning

if TYPE_CHECKING:
    from gateway.validating.structure.scope import Scope


def check(node: Row, scope: Scope) -> Findings:
    """0..* findings, each at its item."""
    form = form_of(node)
    found: list[Any] = []
    for question in form.all:
        said = (
            *_behavior(question),
            *_conditions(question, form),
            *_expressions(question, scope),
            *_contained(question, form),
            *_options(question),
            *_initial(question),
        )
        found.extend(below(said, question.place))
        if len(found) > MOST:
            break
    return tuple(found)


def _behavior(question: Question) -> Findings:
    """que-12 as its words say it: more than one condition. Its published expression lets two pass; three it finds itself."""
    if len(rows(question.row, "enableWhen")) != 2 or "enableBehavior" in question.row:
        return NONE
    says = "With more than one condition, enableBehavior says whether all of them or any of them must hold."
    return error("invariant", "que-12", says, expected="enableBehavior")


def _contained(question: Question, form: Form) -> Findings:
    address = text(question.row, "answerValueSet")
    if not address.startswith("#") or any(r.get("id") == address[1:] for _, r in rows(form.resource, "contained")):
        return NONE
    says = "The value set that the question refers to is not contained in the questionnaire."
    return error("not-found", "contained-canonical", says, found=address, at="answerValueSet")


def _conditions(question: Question, form: Form) -> Iterator[Any]:
    for place, row in rows(question.row, "enableWhen"):
        if target := text(row, "question"):
            yield from _target(question, target, form)
            yield from below(_comparable(row, form.by_link.get(target)), f"enableWhen[{place}]")


def _target(question: Question, link_id: str, form: Form) -> Findings:
    """The question a condition looks at: it exists, it is not the item itself nor inside it, and it is asked before."""
    target = form.by_link.get(link_id)
    if target is None:
        text = "The condition names a question that is not in the questionnaire."
        return error("business-rule", "enable-when-target", text, found=link_id)
    if target is question:
        text = "The condition of an item looks at the item itself."
        return error("business-rule", "enable-when-self", text, found=link_id)
    if question in target.above:
        text = "The condition of an item looks at a question inside that item, which can not be answered before."
        return error("business-rule", "enable-when-inner", text, found=link_id)
    if target.order > question.order:
        text = "The condition looks at a question that comes later."
        return warning("business-rule", "enable-when-order", text, found=link_id)
    return NONE


def _comparable(condition: Row, target: Question | None) -> Findings:
    """Whether the question can ever be answered with a value of the type that is asked for."""
    answer = chosen(condition, "answer")
    if target is None or answer is None or text(condition, "operator") == "exists":
        return NONE
    if target.type in ("group", "display"):
        return warning("business-rule", "enable-when-answer", "The condition looks at an item that has no answers.")
    carried = target.carried
    if carried is None or answer[0] in carried:
        return NONE
    says = "The condition compares with a type of value that the question is never answered with."
    return warning("business-rule", "enable-when-answer", says, expected=", ".join(carried), found=answer[0])


def _expressions(question: Question, scope: Scope) -> Iterator[Any]:
    for place, expression in conditions_in(question):
        try:
            scope.tools.compiler.compile(expression, "QuestionnaireResponse")
        except Misconfigured:
            says = "The condition is not a FHIRPath expression that can be read."
            yield from error("invalid", "enable-when-expression", says, found=expression, at=f"extension[{place}]")


def _options(question: Question) -> Iterator[Any]:
    """Questionnaire.item.answerOption.value[x]: what can be chosen can be answered."""
    carried = CARRIED.get(question.type)
    if carried is None:
        return
    for place, option in rows(question.row, "answerOption"):
        value = chosen(option, "value")
        if value is not None and value[0] not in carried:
            says = "The option is of a type of value that the question is not answered with."
            at = f"answerOption[{place}]"
            yield from warning("business-rule", "option-type", says, expected=", ".join(carried), found=value[0], at=at)


def _initial(question: Question) -> Iterator[Any]:
    """Questionnaire.item.initial: "the type of the initial value must be consistent with the type of the item"."""
    carried = CARRIED.get(question.type)
    for place, initial in rows(question.row, "initial"):
        value, at = chosen(initial, "value"), f"initial[{place}]"
        if value is None or carried is None:
            continue
        if value[0] not in carried:
            says = "The initial value is not of the type of the item."
            yield from error("business-rule", "initial-type", says, expected=", ".join(carried), found=value[0], at=at)
        elif question.type == "choice" and value[0] == "Coding" and not _offered(question, value[1]):
            yield from warning("business-rule", "initial-option", "The initial value is none of the options.", at=at)


def _offered(question: Question, coding: Any) -> bool:
    options = [chosen(option, "value") for _, option in rows(question.row, "answerOption")]
    pairs = [_pair(value[1]) for value in options if value is not None and value[0] == "Coding"]
    return not pairs or _pair(coding) in pairs


def _pair(coding: Any) -> tuple[str, str]:
    return (text(coding, "system"), text(coding, "code")) if isinstance(coding, dict) else ("", "")
