"""What FHIR R4 gives to expressions, as data (r4.json): variables, prefixes of names, repairs of invariants (FHIR R4, fhirpath.html)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from gateway.model.wire import read_json


@cache
def given() -> Mapping[str, Any]:
    """`variables`, `prefixes` of %vs- and %ext- names, `repairs`."""
    made: Mapping[str, Any] = read_json((Path(__file__).parent / "r4.json").read_bytes())
    return made


@cache
def repairs() -> Mapping[str, str]:
    """Invariants of R4 that cannot say what they mean, and what is read in their place (r4.json says why)."""
    return {repair["given"]: repair["read"] for repair in given()["repairs"]}


def ucum() -> str:
    """The system of UCUM codes."""
    return str(given()["variables"]["ucum"])
