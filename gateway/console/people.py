"""`/console/people/{person}`: every audit row about one person in plain sentences (PIPA art. 35)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from gateway.audit.disclosures import Disclosure, Told, disclosure
from gateway.audit.facts import Entry, entry_of
from gateway.console.desk import Look
from gateway.console.visit import Page, Visit
from gateway.errors import NotFound
from gateway.model.document import PersonKey

PAGE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A row and what it says."""

    entry: Entry
    told: Disclosure


def person(visit: Visit) -> Page:
    """The log of one person. Raises NotFound when the path holds no person key."""
    key = _key(visit.place["person"])
    rows = visit.desk.rows(key, PAGE + 1, visit.one("after"))
    names = visit.desk.names(visit.messages.language)
    told = Told(visit.messages.language, visit.desk.site(), names, labels=True, staff=True)
    lines = [Line(entry, disclosure(entry, told)) for entry in map(entry_of, rows[:PAGE])]
    return visit.show(
        Look("person", person=key),
        "person.html",
        person=key,
        lines=lines,
        later=visit.again(after=rows[PAGE - 1].id) if len(rows) > PAGE else "",
        first=visit.again(after="") if visit.one("after") else "",
    )


def _key(text: str) -> PersonKey:
    try:
        return PersonKey(str(uuid.UUID(text)))
    except ValueError as error:
        raise NotFound from error
