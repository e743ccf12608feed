"""What a questionnaire says about the size and form of an answer (FHIR R4, Questionnaire.item.maxLength and the questionnaire extensions)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.model.patterns import matcher
from gateway.model.wire import Exact
from gateway.validating.structure.content.enabled import compared
from gateway.validating.structure.content.form import EXTENSION, Question
from gateway.validating.structure.content.reading import Row, chosen, extended, extensions, whole
from gateway.validating.structure.finding import NONE, Findings, error


def limited(question: Question, value: tuple[str, Any]) -> Findings:
    """0..* findings for one value against the limits of its question."""
    found = NONE
    kind, content = value
    if kind in ("String", "Uri") and isinstance(content, str):
        found += _lengths(question.row, content) + _form(question.row, content)
    if kind == "Decimal" and isinstance(content, int | float):
        found += _places(question.row, content)
    return found + _range(question.row, value)


def _lengths(row: Row, content: str) -> Findings:
    longest, shortest = whole(row, "maxLength"), extended(row, EXTENSION + "minLength")
    if longest is not None and len(content) > longest:
        says = "The answer is longer than the question allows."
        return error("value", "answer-length", says, expected=f"at most {longest} characters", found=str(len(content)))
    if isinstance(shortest, int) and len(content) < shortest:
        says = "The answer is shorter than the question allows."
        return error(
            "value", "answer-length", says, expected=f"at least {shortest} characters", found=str(len(content))
        )
    return NONE


def _form(row: Row, content: str) -> Findings:
    pattern = extended(row, EXTENSION + "regex")
    matches = matcher(pattern) if isinstance(pattern, str) else None
    if matches is None or matches(content):
        return NONE
    return error("value", "answer-regex", "The answer does not have the form the question asks for.", expected=pattern)


def _places(row: Row, content: float) -> Findings:
    most = extended(row, EXTENSION + "maxDecimalPlaces")
    written = content.text if isinstance(content, Exact) else str(content)
    places = len(written.partition(".")[2].lower().partition("e")[0])
    if not isinstance(most, int) or places <= most:
        return NONE
    says = "The answer has more decimal places than the question allows."
    return error("value", "answer-places", says, expected=f"at most {most}", found=written)


_BOUNDS = (("minValue", ">=", "at least"), ("maxValue", "<=", "at most"))


def _range(row: Row, value: tuple[str, Any]) -> Findings:
    found = NONE
    for name, asked, words in _BOUNDS:
        for extension in extensions(row, EXTENSION + name):
            bound = chosen(extension, "value")
            if bound is not None and compared(_measured(value, bound[0]), asked, bound) is False:
                says = "The answer is outside the range the question allows."
                shown = "" if isinstance(bound[1], Mapping) else str(bound[1])
                found += error("value", f"answer-{name}", says, expected=f"{words} {shown}".strip(), found=value[1])
    return found


def _measured(value: tuple[str, Any], kind: str) -> tuple[str, Any]:
    """A number as the type of its bound: whole and decimal numbers are compared with each other."""
    return (kind, value[1]) if {value[0], kind} <= {"Integer", "Decimal"} else value


def occurrences(question: Question, count: int) -> Findings:
    """questionnaire-minOccurs and questionnaire-maxOccurs over the answers or groups of a question that is there."""
    least = extended(question.row, EXTENSION + "questionnaire-minOccurs")
    most = extended(question.row, EXTENSION + "questionnaire-maxOccurs")
    if isinstance(least, int) and count < least:
        says = "There are fewer answers than the question asks for."
        return error("required", "answer-occurs", says, expected=f"at least {least}", found=str(count))
    if isinstance(most, int) and count > most:
        says = "There are more answers than the question allows."
        return error("invalid", "answer-occurs", says, expected=f"at most {most}", found=str(count))
    return NONE
