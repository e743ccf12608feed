"""Which results must be reported to an authority, by when: report rules are rows of data (validators/policies/report-rules.schema.json).

A hit is what lets an item match a statute with `reportRules` (see statutes.py): only the gateway sets it, never a sender.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.consent.codes import codes
from gateway.consent.period import days
from gateway.consent.shapes import at
from gateway.model.document import Resource

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule that a resource meets: the statute it serves, the class of the disease or event, and the ISO 8601 deadline."""

    rule: str
    statute: str
    report_class: str
    deadline: str


def reportable(resource: Resource, rules: Iterable[Rule], when: datetime) -> tuple[Hit, ...]:
    """The rules that an Observation or Condition meets on the day of `when`, 0..*, in the order of the rules.

    Corrected and amended results are met like final ones; cancelled ones, errors and refuted conditions are not.
    """
    if _withdrawn(resource):
        return ()
    met = (rule for rule in rules if _valid(rule, when) and _meets(resource, rule))
    return tuple(hit_of(rule) for rule in met)


def hit_of(rule: Rule) -> Hit:
    """What meeting a rule means."""
    return Hit(rule["id"], rule["statute"], str(rule["class"]), rule["deadline"])


def with_hits(item: Mapping[str, Any], hits: Iterable[Hit]) -> dict[str, Any]:
    """A request item that carries the rules its resource met, and no others."""
    plain = {name: value for name, value in item.items() if name != "reportRule"}
    named = [hit.rule for hit in hits]
    return {**plain, "reportRule": named} if named else plain


def _withdrawn(resource: Resource) -> bool:
    rows = codes().not_reportable.get(resource["resourceType"])
    if rows is None:
        return True
    return any(value in row["values"] for row in rows for value in at(resource, row["element"]))


def _valid(rule: Rule, when: datetime) -> bool:
    valid, day = rule.get("valid", {}), when.date()
    starts = "from" not in valid or days(valid["from"])[0] <= day
    return starts and ("to" not in valid or day <= days(valid["to"])[1])


def _meets(resource: Resource, rule: Rule) -> bool:
    if resource["resourceType"] != rule["type"]:
        return False
    return _coded(resource.get("code"), rule["code"]) and _valued(resource, rule.get("value", {}))


def _coded(concept: Any, wanted: Iterable[Mapping[str, Any]]) -> bool:
    """A coding of the concept is one of the wanted, by code or by the beginning of the code, in the same system."""
    codings = concept.get("coding", ()) if isinstance(concept, Mapping) else ()
    return any(_same(coding, row) for coding in codings for row in wanted)


def _same(coding: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    code = coding.get("code")
    if not isinstance(code, str) or coding.get("system") != row["system"]:
        return False
    return code == row["code"] if "code" in row else code.startswith(row["codePrefix"])


def _valued(part: Mapping[str, Any], value: Mapping[str, Any]) -> bool:
    """The value is one of the codes, one of the words, or on the right side of the quantity; without a condition, any."""
    if not value or value.get("any"):
        return True
    if _coded(part.get("valueCodeableConcept"), value.get("codes", ())):
        return True
    words = {_word(text) for text in value.get("text-in", ())}
    said = (part.get("valueString"), *at(part, "valueCodeableConcept.text"))
    if any(isinstance(text, str) and _word(text) in words for text in said):
        return True
    return "quantity" in value and _measured(part.get("valueQuantity"), value["quantity"])


def _word(text: str) -> str:
    return " ".join(text.split()).casefold()


def _measured(quantity: Any, limit: Mapping[str, Any]) -> bool:
    """A quantity in the unit of the rule; `<5` or `>5` counts only when it surely lies on the right side."""
    if not isinstance(quantity, Mapping) or quantity.get("value") is None:
        return False
    if limit["unit"] not in (quantity.get("code"), quantity.get("unit")):
        return False
    wanted, said = limit["comparator"], quantity.get("comparator")
    if said is not None and (said[:1] != wanted[:1] or wanted == "="):
        return False
    return _COMPARE[wanted](float(quantity["value"]), float(limit["value"]), said is not None and len(said) == 1)


_COMPARE: Mapping[str, Callable[[float, float, bool], bool]] = {
    ">": lambda value, limit, beyond: value > limit or (beyond and value == limit),
    ">=": lambda value, limit, _beyond: value >= limit,
    "<": lambda value, limit, beyond: value < limit or (beyond and value == limit),
    "<=": lambda value, limit, _beyond: value <= limit,
    "=": lambda value, limit, _beyond: value == limit,
}
