"""What all resources of a record are made with: codes from fhir_codes.yaml, times that go on, numbers that are the same for the same person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import yaml

Resource = dict[str, Any]
_START = datetime(2016, 3, 1, 8, 30, tzinfo=UTC)


@cache
def facts() -> Mapping[str, Any]:
    """fhir_codes.yaml."""
    read: Mapping[str, Any] = yaml.safe_load((Path(__file__).parent / "fhir_codes.yaml").read_text("utf-8"))
    return read


def concept(system: str, row: Mapping[str, Any]) -> Resource:
    """A code with its display, as CodeableConcept."""
    named = facts()["systems"]
    address = named.get(system) or named["terminology"] + system
    coding = {"system": address, "code": row["code"]}
    return {
        "coding": [{**coding, "display": row["text"]} if "text" in row else coding],
        "text": row.get("text", row["code"]),
    }


class Maker:
    """One person's life, made up in order; every resource is an entry of its own that others refer to."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.random = Random(number)
        self.day = 0
        self.hospital, self.doctor, self.place, self.person = (self.reference() for _ in range(4))

    def visit(self) -> str:
        """The address of a new Encounter, some weeks after the one before."""
        self.day += self.random.randrange(7, 90)
        return f"urn:uuid:{self.uuid()}"

    def entry(self, resource: Resource, address: str = "") -> Resource:
        """A resource as an entry that is to be created."""
        return {
            "fullUrl": address or f"urn:uuid:{self.uuid()}",
            "resource": resource,
            "request": {"method": "POST", "url": resource["resourceType"]},
        }

    def reference(self) -> Resource:
        """A reference to something new."""
        return {"reference": f"urn:uuid:{self.uuid()}"}

    def one_of(self, kind: str) -> Mapping[str, Any]:
        """Any row of a list."""
        row: Mapping[str, Any] = self.random.choice(facts()[kind])
        return row

    def quantity(self, row: Mapping[str, Any], value: float) -> Resource:
        """A Quantity in the row's unit."""
        return {"value": value, "unit": row["unit"], "system": facts()["systems"]["ucum"], "code": row["unit"]}

    def amount(self, low: float, high: float) -> float:
        """Something between, with two digits."""
        return round(self.random.uniform(low, high), 2)

    def period(self) -> Resource:
        """Half an hour of the current day."""
        return {"start": self.time(), "end": (self.now() + timedelta(minutes=30)).isoformat()}

    def time(self, later: int = 0, fraction: str = "") -> str:
        """The current moment, or one some days later."""
        return f"{self.now() + timedelta(days=later):%Y-%m-%dT%H:%M:%S}{fraction}+00:00"

    def now(self) -> datetime:
        """The moment of the current visit."""
        return _START + timedelta(days=self.day)

    def uuid(self) -> UUID:
        """A new one, always the same for the same person."""
        return UUID(int=self.random.getrandbits(128), version=4)
