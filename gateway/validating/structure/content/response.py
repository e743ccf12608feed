"""A QuestionnaireResponse against the Questionnaire it answers (FHIR R4, QuestionnaireResponse 9.7.2 to 9.7.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.model.report import Finding
from gateway.validating.structure.content.answers import answered
from gateway.validating.structure.content.enabled import Enabling, Trail
from gateway.validating.structure.content.form import EXTENSION, Form, Question, asked
from gateway.validating.structure.content.limits import occurrences
from gateway.validating.structure.content.reading import Row, extended, extensions, part, rows, text
from gateway.validating.structure.finding import MOST, NONE, Findings, below, error, warning

if TYPE_CHECKING:
    from gateway.validating.structure.scope import Scope

_ONGOING = "in-progress"


def check(node: Row, scope: Scope) -> Findings:
    """0..* findings; a warning when the Questionnaire is not at hand."""
    if not text(node, "questionnaire"):
        return NONE
    form = asked(node, scope)
    if form is None and text(node, "questionnaire").startswith("#"):
        says = "The Questionnaire that the response refers to is not contained in it."
        return error("not-found", "contained-canonical", says, found=text(node, "questionnaire"), at="questionnaire")
    if form is None:
        says = "The Questionnaire is not at hand, so the answers are not checked against it."
        return warning("not-found", "questionnaire", says, found=text(node, "questionnaire"), at="questionnaire")
    walk = _Walk(form, Enabling(form, node, scope), text(node, "status") == _ONGOING, scope)
    found: list[Finding] = []
    for finding in walk.items(node, form.questions, "", ()):
        found.append(finding)
        if len(found) > MOST:
            break
    return tuple(found)


Given = list[tuple[str, Row]]  # the items of a response for one question: where they stand, and what they are


@dataclass(frozen=True, slots=True)
class _Walk:
    """One response gone through beside its form; `at` is a path in the response that ends in a point, or empty."""

    form: Form
    enabling: Enabling
    ongoing: bool
    scope: Scope

    def items(self, holder: Row, questions: tuple[Question, ...], at: str, trail: Trail) -> Iterator[Finding]:
        """The items of a response, a group or an answer."""
        place_of = {question.link_id: place for place, question in reversed(list(enumerate(questions)))}
        given: dict[str, Given] = {}
        last = -1
        for place, item in rows(holder, "item"):
            link_id, step = text(item, "linkId"), f"{at}item[{place}]"
            if link_id not in place_of:
                yield from self._elsewhere(item, link_id, step, trail)
                continue
            if place_of[link_id] < last:
                says = "The items are not in the order of the questionnaire."
                yield from error("structure", "item-order", says, found=link_id, at=step)
            last = place_of[link_id]
            if rows(item, "answer") or rows(item, "item"):
                given.setdefault(link_id, []).append((step, item))
            else:
                yield from self._text(place_of, questions, item, step)
        for question in questions:
            yield from self._asked(question, given.get(question.link_id, []), at, trail)

    def _text(self, place_of: dict[str, int], questions: tuple[Question, ...], item: Row, step: str) -> Findings:
        return below(_worded(questions[place_of[text(item, "linkId")]], item), step)

    def _elsewhere(self, item: Row, link_id: str, step: str, trail: Trail) -> Iterator[Finding]:
        """An item whose question is not asked here."""
        question = self.form.by_link.get(link_id)
        if not link_id:
            return  # reported as a missing element
        if question is None:
            says = "The questionnaire has no item of this linkId."
            yield from error("not-found", "link-id", says, found=link_id, at=step)
            return
        says = "The item stands in another place than in the questionnaire."
        yield from error("structure", "item-place", says, found=link_id, at=step)
        yield from self._item(question, item, step, (*trail, (question, item)))

    def _asked(self, question: Question, given: Given, at: str, trail: Trail) -> Iterator[Finding]:
        enabled = self.enabling.enabled(question, trail)
        if not given:
            if enabled and question.required:
                yield from self._missing(question, at.removesuffix("."))
            return
        if enabled is False:
            says = "The item is answered although its conditions say that it is not asked."
            for step, _ in given:
                yield from error("invalid", "not-enabled", says, found=question.link_id, at=step)
        if len(given) > 1 and not question.repeats:
            says = "The item stands more than once, but it does not repeat."
            yield from error("invalid", "item-repeats", says, found=question.link_id, at=given[1][0])
        if enabled is not False:
            yield from below(occurrences(question, _count(question, given)), given[0][0])
        for step, item in given:
            yield from self._item(question, item, step, (*trail, (question, item)), enabled is True)

    def _missing(self, question: Question, at: str) -> Findings:
        say = warning if self.ongoing else error
        says = "There is no answer to a question that must be answered."
        return say("required", "answer-required", says, expected=question.link_id, at=at)

    def _item(self, question: Question, item: Row, step: str, trail: Trail, enabled: bool = False) -> Iterator[Finding]:
        """One item of the response with what is below it."""
        answers = rows(item, "answer")
        yield from below(_worded(question, item) + _nested(question, item, len(answers)), step)
        if enabled and question.required and not answers and question.type != "group":
            yield from self._missing(question, step)
        for place, answer in answers:
            at = f"{step}.answer[{place}]"
            yield from below(answered(question, answer, self.form, self.scope), at)
            yield from self.items(answer, tuple(question.below), f"{at}.", trail)
        if question.type == "group":
            yield from self.items(item, tuple(question.below), f"{step}.", trail)


def _count(question: Question, given: Given) -> int:
    return len(given) if question.type == "group" else sum(len(rows(item, "answer")) for _, item in given)


def _worded(question: Question, item: Row) -> Findings:
    """QuestionnaireResponse.item.text repeats the words of the question, in one of its languages."""
    words, asked_words = text(item, "text"), text(question.row, "text")
    if not words or words == asked_words or words in _translated(question.row):
        return NONE
    says = "The text of the item is not the text of the question."
    return error("invalid", "item-text", says, found=words)


def _translated(row: Row) -> Iterator[str]:
    for extension in extensions(part(row, "_text"), EXTENSION + "translation"):
        content = extended(extension, "content")
        if isinstance(content, str):
            yield content


def _nested(question: Question, item: Row, answers: int) -> Findings:
    """What may stand below an item of this type: items in groups, answers in questions, nothing in a display."""
    found = NONE
    if question.type == "group" and answers:
        found += error("structure", "group-answer", "A group has no answers of its own.")
    if question.type == "display" and (answers or rows(item, "item")):
        found += error("structure", "display-answer", "A display item has no answers and no items.")
    if question.type not in ("group", "display", "") and rows(item, "item"):
        found += error("structure", "nested-item", "The items below a question stand in its answer.")
    if answers > 1 and not question.repeats and question.type != "group":
        found += error("invalid", "answer-repeats", "The question has more than one answer, but it does not repeat.")
    return found
