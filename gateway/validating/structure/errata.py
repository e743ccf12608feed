"""Where R4 and what is published with it do not keep their own rules (profiles/fhir/errata.json)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from gateway.data import data_path
from gateway.model.wire import read_json


@cache
def unplaced() -> frozenset[str]:
    """Extensions whose contexts R4 itself does not keep."""
    return frozenset(row["extension"] for row in _errata()["unplaced"])


@cache
def extended() -> tuple[str, ...]:
    """The beginnings of code systems to which sites add codes of their own."""
    return tuple(row["prefix"] for row in _errata()["extended"])


@cache
def _errata() -> Mapping[str, Any]:
    rows: Mapping[str, Any] = read_json(data_path("profiles", "fhir", "errata.json").read_bytes())
    return rows
