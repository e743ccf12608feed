"""What one element says over another: a differential's row over the row it constrains (FHIR R4, profiling.html, ElementDefinition)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.definitions.facts import Facts

_REPLACED = (
    "types",
    "fixed",
    "pattern",
    "minValue",
    "maxValue",
    "maxLength",
    "minLength",
    "mustHaveValue",
    "valueAlternatives",
    "maxSize",
    "maxDecimalPlaces",
    "mimeTypes",
    "namespace",
    "slicing",
    "contentReference",
    "representation",
    "isModifier",
    "isSummary",
    "mustSupport",
    "sliceIsConstraining",
)


def merged(base: Facts, said: Facts, source: str) -> Facts:
    """A row with what a differential says over it; constraints and conditions add up, everything else is replaced where it is said."""
    made = {**base, **{key: said[key] for key in _REPLACED if key in said}}
    if "card" in said:
        made["card"] = _cardinality(base.get("card", ".."), said["card"])
    if "binding" in said:
        made["binding"] = _binding(base.get("binding", {}), said["binding"])
    if "invariants" in said:
        own = [{"source": source, **i} for i in said["invariants"]]
        made["invariants"] = united(base.get("invariants", ()), own)
    if "condition" in said:
        made["condition"] = list(dict.fromkeys([*base.get("condition", ()), *said["condition"]]))
    return made


def under_profile(root: Facts, current: Facts, *, extension: bool) -> Facts:
    """The root row of a datatype's profile where an element names the profile: the element keeps its place, name and base.

    A profile of Extension gives its own maximum; that of another type gives way to the element's.
    """
    made = {**current, **root}
    made["invariants"] = united(root.get("invariants", ()), current.get("invariants", ()))
    made["base"], made["card"] = current["base"], current.get("card", "..")
    if extension:
        made["card"] = f"{least(current)}..{root.get('card', '..').partition('..')[2]}"
    return made


def united(first: Sequence[Mapping[str, Any]], more: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Constraints by key; the first meaning of a key stays."""
    known = {i["key"] for i in first}
    return [*first, *(i for i in more if i["key"] not in known)]


def _binding(base: Facts, said: Facts) -> Facts:
    """The strength or the value set may be said alone; what else a binding carries belongs to the value set it was said with."""
    return {key: base[key] for key in ("strength", "valueSet") if key in base} | said


def _cardinality(base: str, said: str) -> str:
    low, _, high = said.partition("..")
    old_low, _, old_high = base.partition("..")
    return f"{low or old_low}..{high or old_high}"


def least(row: Facts) -> str:
    """The minimum a row says, or empty."""
    return str(row.get("card", "..")).partition("..")[0]


def minimum_zero(row: Facts) -> Facts:
    """The row of a new slice: nobody must have it until the slice says so."""
    return {**row, "card": "0.." + row.get("card", "..").partition("..")[2]}
