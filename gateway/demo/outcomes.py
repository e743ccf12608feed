"""What the stories look for in answers, in what a recipient holds, and in an exchange on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.demo.world import Answer, Caller, Json
from gateway.model.wire import write_json

_HELD = (
    "Patient", "Encounter", "Condition", "AllergyIntolerance", "Observation", "ServiceRequest", "Task", "Specimen",
    "Organization", "Practitioner",
)  # fmt: skip


def text_of(body: Any) -> str:
    """JSON as one text, to look for words in it."""
    return write_json(body).decode()


def codes_of(resources: Sequence[Json]) -> set[str]:
    """The codes of `code` in resources."""
    return {str(coding["code"]) for resource in resources for coding in resource["code"]["coding"]}


def numbers_are(got: Mapping[str, Sequence[Json]], **wanted: int) -> bool:
    """Whether there are so many resources of each type."""
    return all(len(got[kind]) == number for kind, number in wanted.items())


def reference_of(resources: Sequence[Json]) -> str:
    """`Type/id` of the first resource, or an empty text."""
    return f"{resources[0]['resourceType']}/{resources[0]['id']}" if resources else ""


def released_id(exchange: Json, kind: str) -> str:
    """The gateway's own id of the first released resource of a type."""
    references = [str(row["reference"]) for row in exchange["what"]["released"]]
    return next((r.partition("/")[2] for r in references if r.startswith(f"{kind}/")), "")


def holds(recipient: Caller, *words: str) -> bool:
    """Whether any of the words is anywhere in what a recipient holds."""
    held = "".join(text_of(recipient.get(f"/fhir/{kind}").body) for kind in _HELD)
    return any(word in held for word in words)


def found(answer: Answer) -> Answer | None:
    """The answer when it is 200."""
    return answer if answer.status == 200 else None


def hours_until_due(exchange: Json) -> float:
    """From receipt to deadline, in hours to one decimal."""
    when = exchange["when"]
    if "due" not in when:
        return -1.0
    span = datetime.fromisoformat(when["due"]) - datetime.fromisoformat(when["received"])
    return round(span.total_seconds() / 3600, 1)


def same_case(first: Sequence[Json], second: Sequence[Json]) -> bool:
    """One Observation before and after, with the same id, in its second version, corrected."""
    if len(first) != 1 or len(second) != 1:
        return False
    one = second[0]
    return bool(one["id"] == first[0]["id"] and one["meta"]["versionId"] == "2" and one["status"] == "corrected")
