"""One answer against its question: the type of the value and the options (FHIR R4, Questionnaire.item.type, answerOption, answerValueSet)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.definitions.facts import facts_of
from gateway.definitions.vocabulary import CodeSystem, ValueSet, value_set_from
from gateway.terminology.membership import Membership, Terminology
from gateway.validating.structure.content.form import Form, Question
from gateway.validating.structure.content.limits import limited
from gateway.validating.structure.content.reading import Row, chosen, rows, text
from gateway.validating.structure.finding import NONE, Findings, below, error, warning

if TYPE_CHECKING:
    from gateway.definitions.library import Library
    from gateway.validating.structure.scope import Scope


def answered(question: Question, answer: Row, form: Form, scope: Scope) -> Findings:
    """0..* findings relative to the answer; an answer without a value is judged by what is below it alone."""
    value = chosen(answer, "value")
    carried = question.carried
    if value is None or carried is None or question.type == "group":
        return NONE
    step = f"value.ofType({value[0] if value[0][:1] in 'CRQA' else value[0][:1].lower() + value[0][1:]})"
    if value[0] not in carried:
        says = "The answer is not of the type of the question."
        return error("structure", "answer-type", says, expected=", ".join(carried), found=value[0], at=step)
    found = below(limited(question, value), step)
    if question.type in ("choice", "open-choice"):
        found += _chosen(question, value, step, form, scope)
    return found


def _chosen(question: Question, value: tuple[str, Any], step: str, form: Form, scope: Scope) -> Findings:
    free = question.type == "open-choice" and _free(value)
    options = rows(question.row, "answerOption")
    if free:
        return NONE
    if options:
        return _from_options(value, [row for _, row in options])
    address = text(question.row, "answerValueSet")
    if address and value[0] == "Coding" and isinstance(value[1], Mapping):
        return below(_from_value_set(value[1], address, form, scope), step)
    return NONE


def _free(value: tuple[str, Any]) -> bool:
    """What may be said beside the options of an open choice: words, as text or as a coding without a code."""
    return value[0] == "String" or (value[0] == "Coding" and isinstance(value[1], Mapping) and "code" not in value[1])


def _from_options(value: tuple[str, Any], options: list[Row]) -> Findings:
    offered = [row for row in map(_valued, options) if row is not None and row[0] == value[0]]
    if not offered:
        says = "The question has no options of the type of this answer."
        return error("structure", "answer-option", says, found=value[0])
    if any(_equal(value[1], option[1]) for option in offered):
        return NONE
    says = "The answer is none of the options of the question."
    return error("structure", "answer-option", says, found=_shown(value[1]))


def _valued(option: Row) -> tuple[str, Any] | None:
    return chosen(option, "value")


def _equal(given: Any, option: Any) -> bool:
    if isinstance(given, Mapping) and isinstance(option, Mapping):
        keys = ("reference",) if "reference" in option else ("system", "code")
        return all(given.get(key) == option.get(key) for key in keys)
    return bool(given == option)


def _shown(value: Any) -> str:
    return text(value, "code") if isinstance(value, Mapping) else str(value)


def _from_value_set(coding: Row, address: str, form: Form, scope: Scope) -> Findings:
    code = text(coding, "code")
    if not code:
        return NONE
    system = text(coding, "system")
    terminology, url = _terminology(address, form, scope)
    if terminology is None:
        says = "The value set of the question is not at hand, so the answer is not checked against it."
        return warning("not-found", "answer-value-set", says, found=address)
    if terminology.member(url, code, system or None) is Membership.OUT:
        says = "The answer is not in the value set of the question."
        return error("code-invalid", "answer-value-set", says, expected=address, found=code)
    return NONE


def _terminology(address: str, form: Form, scope: Scope) -> tuple[Terminology | None, str]:
    """What can tell membership, and the address to ask for; a contained value set is asked for by its `#id`."""
    if not address.startswith("#"):
        known = scope.tools.library.value_set(address) is not None
        return (scope.tools.terminology if known else None), address
    key = f"value set {id(form)} {address}"
    if key not in scope.kept:
        scope.kept[key] = _contained(address, form, scope)
    terminology: Terminology | None = scope.kept[key]
    return terminology, address


def _contained(address: str, form: Form, scope: Scope) -> Terminology | None:
    for _, resource in rows(form.resource, "contained"):
        if resource.get("id") == address[1:] and resource.get("resourceType") == "ValueSet":
            own = _shaped({**resource, "url": address})
            return None if own is None else Terminology(_Beside(address, own, scope.tools.library))
    return None


def _shaped(resource: Row) -> ValueSet | None:
    try:
        facts = facts_of(resource)
        return None if facts is None else value_set_from(facts)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):  # not shaped as a value set
        return None


@dataclass(frozen=True, slots=True)
class _Beside:
    """Definitions with one contained value set before them."""

    address: str
    own: ValueSet
    library: Library

    def value_set(self, url: str) -> ValueSet | None:
        return self.own if url == self.address else self.library.value_set(url)

    def code_system(self, url: str) -> CodeSystem | None:
        return self.library.code_system(url)
