"""The shapes of AuditEvents as data: codes, agents, entities, and which row gives which (validators/audit/auditevent.json)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from gateway.audit.facts import Entry
from gateway.data import data_path
from gateway.errors import Misconfigured
from gateway.model.wire import read_json

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of AuditEvent. `needs` are the facts without which `profile` is not claimed; the names are those of views.py."""

    id: str
    type: str
    subtypes: tuple[str, ...]
    action: str
    agents: tuple[str, ...]
    requestor: str
    entities: tuple[str, ...]
    profile: str
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shapes:
    """The whole data file, by id."""

    codes: Mapping[str, Json]
    systems: Mapping[str, Json]
    shapes: Mapping[str, Shape]
    views: tuple[Json, ...]
    outcomes: Mapping[str, str]
    providers: frozenset[str]
    pulls: frozenset[str]

    def coding(self, code: str) -> Json:
        """The FHIR Coding of a row of `codes`."""
        row = self.codes[code]
        return {"system": row["system"], "code": row["code"], "display": row["display"]}

    def system(self, name: str) -> str:
        return str(self.systems[name]["system"])

    def label(self, code: str) -> Json:
        """A security label: confidentiality codes in their own system, the others v3-ActCode."""
        name = "confidentiality" if code in self.systems["confidentiality"]["codes"] else "label"
        return {"system": self.system(name), "code": code}

    def outcome(self, said: str) -> str:
        """0 success, 4 minor, 8 serious, 12 major; an unknown word is a failure, never a success."""
        return self.outcomes.get(said, self.outcomes["denied"])

    def refusal(self, *said: str) -> str:
        """The outcome of a refusal, by the first word that names a failure: never a success."""
        failures = [self.outcomes[word] for word in said if self.outcomes.get(word, "0") != "0"]
        return failures[0] if failures else self.outcomes["denied"]

    def of(self, entry: Entry) -> tuple[Shape, ...]:
        """Which AuditEvents a row gives, 1..*: the first view that fits. Raises Misconfigured for a kind without a view."""
        for view in self.views:
            if _fits(view, entry):
                return tuple(self.shapes[name] for name in view["shapes"])
        raise Misconfigured("validators/audit/auditevent.json has no view for a kind of audit row")


def _fits(view: Json, entry: Entry) -> bool:
    if view["kind"] != entry.kind:
        return False
    if "outcome" in view and entry.outcome not in view["outcome"]:
        return False
    if "interaction" in view and entry.text("how", "interaction") not in view["interaction"]:
        return False
    if "log" in view and not entry.is_of_log:
        return False
    return bool(not view.get("decided") or entry.said("why", "decision") or entry.said("when", "decided"))


@cache
def shapes() -> Shapes:
    """The data file, read once."""
    said = read_json(data_path("validators", "audit", "auditevent.json").read_bytes())
    return Shapes(
        codes={row["id"]: row for row in said["codes"]},
        systems={row["id"]: row for row in said["systems"]},
        shapes={row["id"]: _shape(row) for row in said["shapes"]},
        views=tuple(said["views"]),
        outcomes={word: row["outcome"] for row in said["outcomes"] for word in row["of"]},
        providers=frozenset(kind for row in said["providers"] for kind in row["of"]),
        pulls=frozenset(word for row in said["pulls"] for word in row["of"]),
    )


def _shape(row: Json) -> Shape:
    read: Json = {
        name: tuple(value) if isinstance(value, list) else value for name, value in row.items() if name != "source"
    }
    return Shape(**read)
