"""The codes that decisions reason with, read once from validators/policies/codes.json (v3-ActReason, v3-ActCode, v3-Confidentiality)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from gateway.data import data_path
from gateway.model.wire import read_json


@dataclass(frozen=True, slots=True)
class Codes:
    """What lies within what. `purposes` and `sensitivities` give a code and everything it lies within; `levels` gives ranks."""

    levels: Mapping[str, int]
    purposes: Mapping[str, frozenset[str]]
    sensitivities: Mapping[str, frozenset[str]]
    purpose_classes: Mapping[str, frozenset[str]]
    roles: Mapping[str, str]
    base_rules: Mapping[str, str]
    scopes: Mapping[str, str]
    categories: Mapping[tuple[str | None, str | None], str]
    meanings: Mapping[str, Mapping[str, Any]]
    guardian_bases: Mapping[str, str]
    implicit: Mapping[str, Mapping[str, Any]]
    duties: tuple[Mapping[str, Any], ...]
    duty_codes: Mapping[str, Mapping[str, Any]]
    not_reportable: Mapping[str, tuple[Mapping[str, Any], ...]]
    systems: Mapping[str, Any]
    defaults: Mapping[str, Any]

    def duties_of(self, kind: str) -> frozenset[str]:
        """The obligations that follow from a kind of release (`research`, `break-glass`, `disclosure`)."""
        return frozenset(code for row in self.duties if row["id"] == kind for code in row["add"])

    def within(self, sensitivity: str) -> frozenset[str]:
        """A sensitivity and all that it lies within; an unknown one lies within nothing else."""
        return self.sensitivities.get(sensitivity) or frozenset((sensitivity,))


@cache
def codes() -> Codes:
    """The shipped code file. Raises Misconfigured when it is missing, Malformed when it is not JSON."""
    data = read_json(data_path("validators", "policies", "codes.json").read_bytes())
    return Codes(
        levels={row["id"]: rank for rank, row in enumerate(data["levels"])},
        purposes=_closed(data["purposes"]),
        sensitivities=_closed(data["sensitivities"]),
        purpose_classes={row["id"]: frozenset(row["purposes"]) for row in data["purposeClasses"]},
        roles={code: row["id"] for row in data["roles"] for code in row["codes"]},
        base_rules={row["id"]: row["type"] for row in data["baseRules"]},
        scopes={row["id"]: row.get("within", "") for row in data["scopes"]},
        categories={_coding(row["id"]): row["scope"] for row in data["categories"]},
        meanings=_by_id(data["dataMeanings"]),
        guardian_bases={row["id"]: row["basis"] for row in data["guardianBases"]},
        implicit=_by_id(data["implicitPolicies"]),
        duties=tuple(data["duties"]),
        duty_codes=_by_id(data["dutyCodes"]),
        not_reportable=_by_type(data["notReportable"]),
        systems=data["systems"],
        defaults=data["defaults"],
    )


def _coding(text: str) -> tuple[str, str]:
    """`system|code`."""
    system, _, code = text.rpartition("|")
    return system, code


def _by_id(rows: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {row["id"]: row for row in rows}


def _by_type(rows: Iterable[Mapping[str, Any]]) -> dict[str, tuple[Mapping[str, Any], ...]]:
    made: dict[str, tuple[Mapping[str, Any], ...]] = {}
    for row in rows:
        made[row["type"]] = (*made.get(row["type"], ()), row)
    return made


def _closed(rows: Iterable[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """Each code with everything above it; rows stand after the rows they lie within."""
    made: dict[str, frozenset[str]] = {}
    for row in rows:
        made[row["id"]] = frozenset((row["id"],)).union(*(made[above] for above in row["within"]))
    return made
