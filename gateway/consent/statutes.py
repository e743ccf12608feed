"""Statutes of the site's register: which of them a request invokes, and which items they reach; law is data of the site."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.consent.asked import Asked
from gateway.consent.question import Question, listed

Statute = Mapping[str, Any]


def invoked(question: Question) -> tuple[Statute, ...]:
    """The statutes that the request names as its legal basis and whose conditions on the request are met, 0..*."""
    named = frozenset(listed(question.why.get("legalBasis")))
    rows = question.register.get("statutes", ())
    return tuple(row for row in rows if row["id"] in named and not gap(row, question))


def gap(statute: Statute, question: Question) -> str:
    """Why a statute does not apply to a request, or an empty text; a condition that cannot be checked is not met."""
    return next(_gaps(statute, question), "")


def _gaps(statute: Statute, question: Question) -> Iterator[str]:
    if "recipientTypes" in statute and question.who.get("organizationType") not in statute["recipientTypes"]:
        yield "recipient-type"
    if "purposes" in statute and not question.all_within(statute["purposes"]):
        yield "purpose"
    if "actions" in statute and question.how.get("action") not in statute["actions"]:
        yield "action"
    if "jurisdiction" in statute and not inside(question.where.get("jurisdiction"), statute["jurisdiction"]):
        yield "jurisdiction"
    if "evidence" in statute and not frozenset(listed(statute["evidence"])) <= frozenset(
        listed(question.why.get("evidence"))
    ):
        yield "evidence"
    if statute.get("sameDistrict") and not same_district(question):
        yield "district"


def inside(place: Any, jurisdiction: Any) -> bool:
    """A jurisdiction or a part of it (ISO 3166-2: KR-11 lies in KR); unknown places lie nowhere."""
    if not (isinstance(place, str) and isinstance(jurisdiction, str) and jurisdiction):
        return False
    return place == jurisdiction or place.startswith(jurisdiction + "-")


def same_district(question: Question) -> bool:
    """The caller's and the person's district are both known and equal."""
    return bool(question.district) and question.where.get("district") == question.district


def reaches(statute: Statute, item: Asked, question: Question) -> bool:
    """Whether an item is what the statute is about: type, code, and the report rule that selected it."""
    if "classes" in statute and item.type not in statute["classes"]:
        return False
    if "codePrefix" in statute and not _coded(statute, item):
        return False
    return not statute.get("reportRules") or _selected(statute, item, question)


def supports(statute: Statute, item: Asked) -> bool:
    """Whether an item goes along with something else released by the same statute."""
    return item.type in statute.get("supports", ())


def elements(statute: Statute, item: Asked) -> tuple[str, ...] | None:
    """The elements of an item that the statute lets out; None without an allow-list, nothing for a type not on it."""
    if "elements" not in statute:
        return None
    return tuple(statute["elements"].get(item.type, ()))


def handled(statute: str, question: Question) -> list[dict[str, str]]:
    """What is said less exactly in a release by that statute (empty: by none): rows of the register's `handling` for it or any purpose."""
    return [
        {"type": row["type"], "path": row["path"], "how": row["how"]}
        for row in question.register.get("handling", ())
        if (statute and statute in row.get("statutes", ())) or question.any_within(row.get("purposes", ()))
    ]


def _coded(statute: Statute, item: Asked) -> bool:
    prefixes = tuple(statute["codePrefix"])
    wanted = statute.get("codeSystem")
    return any(
        code is not None and code.startswith(prefixes) and (wanted is None or system == wanted)
        for system, code in item.codings
    )


def _selected(statute: Statute, item: Asked, question: Question) -> bool:
    mine = {row["id"] for row in question.register.get("reportRules", ()) if row.get("statute") == statute["id"]}
    return not mine.isdisjoint(listed(item.raw.get("reportRule")))
