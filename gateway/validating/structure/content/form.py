"""A Questionnaire as questions with their place among each other, made once for all that is asked of it (FHIR R4, Questionnaire.item)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.validating.structure.content.reading import Row, rows, text

if TYPE_CHECKING:
    from gateway.validating.structure.scope import Scope

EXTENSION = "http://hl7.org/fhir/StructureDefinition/"
CARRIED: Mapping[str, tuple[str, ...]] = {
    "boolean": ("Boolean",),
    "decimal": ("Decimal",),
    "integer": ("Integer",),
    "date": ("Date",),
    "dateTime": ("DateTime",),
    "time": ("Time",),
    "string": ("String",),
    "text": ("String",),
    "url": ("Uri",),
    "choice": ("Coding", "Date", "Time", "Integer", "String", "Reference"),
    "open-choice": ("Coding", "Date", "Time", "Integer", "String", "Reference"),
    "attachment": ("Attachment",),
    "reference": ("Reference",),
    "quantity": ("Quantity",),
}


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One item. `place` is its path in the questionnaire, `order` its position when read from top to bottom."""

    link_id: str
    type: str
    row: Row
    place: str
    order: int
    above: tuple[Question, ...]
    below: list[Question] = field(default_factory=list)

    @property
    def required(self) -> bool:
        """Whether an answer is asked for."""
        return self.row.get("required") is True

    @property
    def repeats(self) -> bool:
        """Whether there may be more than one answer or group."""
        return self.row.get("repeats") is True

    @property
    def carried(self) -> tuple[str, ...] | None:
        """The types of value an answer may have, as in the key; None when the type of the item is not known."""
        return CARRIED.get(self.type)


@dataclass(frozen=True, slots=True)
class Form:
    """A questionnaire read: the outermost questions, and all of them by linkId (the first of each)."""

    resource: Row
    questions: tuple[Question, ...]
    by_link: Mapping[str, Question]
    all: tuple[Question, ...]


def form_of(questionnaire: Row) -> Form:
    """The questions of a Questionnaire, 0..*, in their order."""
    found: list[Question] = []
    top = _questions(questionnaire, "", (), found)
    by_link: dict[str, Question] = {}
    for question in found:
        by_link.setdefault(question.link_id, question)
    return Form(questionnaire, tuple(top), by_link, tuple(found))


def _questions(holder: Row, at: str, above: tuple[Question, ...], found: list[Question]) -> list[Question]:
    made = []
    for place, row in rows(holder, "item"):
        path = f"{at}item[{place}]"
        question = Question(text(row, "linkId"), text(row, "type"), row, path, len(found), above)
        found.append(question)
        question.below.extend(_questions(row, f"{path}.", (*above, question), found))
        made.append(question)
    return made


def asked(response: Row, scope: Scope) -> Form | None:
    """The form a QuestionnaireResponse answers, by canonical or contained; None when it is not at hand."""
    address = text(response, "questionnaire")
    kept = _outermost(scope).kept
    key = f"form {address}"
    if address.startswith("#"):
        contained = _contained(response, address[1:])
        return form_of(contained) if contained is not None else None
    if key not in kept:
        resource = scope.tools.library.resource("Questionnaire", address) if address else None
        resource = resource or (_beside(address, scope) if address else None)
        kept[key] = None if resource is None else form_of(resource)
    form: Form | None = kept[key]
    return form


def _contained(response: Row, id: str) -> Row | None:
    for _, resource in rows(response, "contained"):
        if resource.get("id") == id and resource.get("resourceType") == "Questionnaire":
            return resource
    return None


def _beside(address: str, scope: Scope) -> Row | None:
    """The Questionnaire of that address in the Bundle around the response."""
    url, _, version = address.partition("|")
    for _, entry in rows(_outermost(scope).resource, "entry"):
        resource = entry.get("resource")
        if (
            isinstance(resource, Mapping)
            and resource.get("resourceType") == "Questionnaire"
            and resource.get("url") == url
        ):
            return resource if not version or resource.get("version") == version else None
    return None


def _outermost(scope: Scope) -> Scope:
    while scope.outer is not None:
        scope = scope.outer
    return scope
