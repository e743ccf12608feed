"""A code that is surely outside a value set, and sample values of types."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from gateway.data import data_path
from gateway.definitions.library import Library
from gateway.definitions.vocabulary import Part
from gateway.model.wire import read_json

SYSTEM = "http://example.org/no-such-system"
CODE = "no such code"
OUTSIDE: Mapping[str, Any] = {
    "code": CODE,
    "Coding": {"system": SYSTEM, "code": CODE},
    "CodeableConcept": {"coding": [{"system": SYSTEM, "code": CODE}]},
    "Quantity": {"value": 1, "system": SYSTEM, "code": CODE},
}
SAMPLES: Mapping[str, Any] = {
    "boolean": True,
    "string": "x",
    "markdown": "x",
    "code": "x",
    "id": "x",
    "uri": "urn:x",
    "integer": 1,
    "decimal": 1,
    "date": "2020-01-01",
    "dateTime": "2020-01-01",
    "instant": "2020-01-01T00:00:00Z",
    "time": "10:00:00",
    "positiveInt": 1,
    "unsignedInt": 1,
    "CodeableConcept": {"text": "x"},
    "Coding": {"display": "x"},
    "Quantity": {"value": 1},
    "Reference": {"display": "x"},
    "Period": {"start": "2020-01-01"},
    "Range": {"low": {"value": 1}},
    "Ratio": {"numerator": {"value": 1}, "denominator": {"value": 1}},
    "Identifier": {"value": "x"},
    "Annotation": {"text": "x"},
    "HumanName": {"text": "x"},
    "Address": {"text": "x"},
    "Age": {"value": 1, "system": "http://unitsofmeasure.org", "code": "a"},
    "Attachment": {"title": "x"},
}
FORMATS: Mapping[str, Any] = {
    "boolean": "yes",
    "integer": 1.5,
    "positiveInt": 0,
    "unsignedInt": -1,
    "decimal": "1,5",
    "string": "",
    "markdown": "",
    "code": " a  b ",
    "id": "a b",
    "uri": "http://example.org/a b",
    "url": "http://example.org/a b",
    "canonical": "http://example.org/a b",
    "oid": "urn:oid:a",
    "uuid": "urn:uuid:1",
    "date": "2023-02-30",
    "dateTime": "2023-13-01",
    "instant": "2023-01-01",
    "time": "25:00:00",
    "base64Binary": "a*b=",
}


@cache
def _grammars() -> frozenset[str]:
    rows = read_json(data_path("profiles", "fhir", "grammars.json").read_bytes())
    return frozenset(row["system"] for row in rows)


def outside(library: Library, url: str, bare: bool, seen: frozenset[str] = frozenset()) -> bool:
    """Whether CODE (`bare`) or CODE of SYSTEM is surely not in the value set; False when the set is not wholly at hand."""
    known = library.value_set(url)
    if known is None or url in seen:
        return False
    if known.expansion is not None and not known.include:
        return not known.partial
    parts = [_shut(library, part, bare, seen | {url}) for part in known.include]
    return bool(parts) and all(parts)


def _shut(library: Library, part: Part, bare: bool, seen: frozenset[str]) -> bool:
    if part.value_sets and not part.system:
        return all(outside(library, url, bare, seen) for url in part.value_sets)
    if not bare or part.codes is not None:
        return bool(part.system)
    system = library.code_system(part.system)
    return part.system in _grammars() or (system is not None and system.content == "complete" and bool(system.concepts))
