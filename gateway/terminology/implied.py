"""Value sets that no resource defines: the addresses that SNOMED CT and LOINC give to selections of their codes (profiles/fhir/implied.json)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from gateway.data import data_path
from gateway.definitions.vocabulary import Filter, Part, ValueSet
from gateway.model.wire import read_json

_LONGEST = 400  # characters of an address


def implied(url: str) -> ValueSet | None:
    """The value set of an address such as `http://snomed.info/sct?fhir_vs=isa/73211009`, or None."""
    address = url.partition("|")[0]
    if len(address) > _LONGEST:
        return None
    for row in _rows():
        made = _made(row, address)
        if made is not None:
            return ValueSet(url, include=(made,))
    return None


def _made(row: Mapping[str, Any], address: str) -> Part | None:
    """`{system}` of the form may be followed by an edition and version (`/900000000000207008/version/20240101`)."""
    system, form = row["system"], row["form"]
    if not address.startswith(system):
        return None
    edition, marked, value = address[len(system) :].partition(form)
    if not marked or (edition and not (row.get("editions") and edition.startswith("/"))):
        return None
    if bool(value) != ("property" in row) or not value.startswith(row.get("begins", "")):
        return None
    filters = (Filter(row["property"], row["op"], value),) if value else ()
    return Part(system, system + edition if edition else "", filters=filters)


@cache
def _rows() -> Sequence[Mapping[str, Any]]:
    rows: Sequence[Mapping[str, Any]] = read_json(data_path("profiles", "fhir", "implied.json").read_bytes())
    return rows
