"""Limits a profile sets on a value: length, least and greatest (FHIR R4, ElementDefinition.maxLength, minValue[x], maxValue[x])."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.validating.structure.finding import NONE, Findings, error


@dataclass(frozen=True, slots=True)
class LongestRule:
    """maxLength, in characters."""

    longest: int

    def check(self, node: Any) -> Findings:
        """0..1 finding."""
        if not isinstance(node, str) or len(node) <= self.longest:
            return NONE
        text = "The value is longer than the profile allows."
        return error("value", "profile-max-length", text, expected=f"at most {self.longest} characters", found=node)


@dataclass(frozen=True, slots=True)
class RangeRule:
    """minValue (`sign` 1) or maxValue (`sign` -1); values that cannot be compared with the limit are left alone."""

    limit: Any
    sign: int

    def check(self, node: Any) -> Findings:
        """0..1 finding."""
        order = compared(node, self.limit)
        if order is None or order * self.sign >= 0:
            return NONE
        rule, said = ("profile-min-value", "less") if self.sign > 0 else ("profile-max-value", "greater")
        return error(
            "value", rule, f"The value is {said} than the profile allows.", expected=_said(self.limit), found=node
        )


def compared(value: Any, limit: Any) -> int | None:
    """-1, 0, 1, or None when there is no order: other kinds, other units, dates of different precision or zone."""
    if isinstance(value, Mapping) and isinstance(limit, Mapping):
        alike = all(value.get(key) == limit.get(key) for key in ("system", "code"))
        return compared(value.get("value"), limit.get("value")) if alike else None
    numbers = _number(value) and _number(limit)
    dates = isinstance(value, str) and isinstance(limit, str) and len(value) == len(limit) <= len("2023-01-01")
    return int(value > limit) - int(value < limit) if numbers or dates else None


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _said(limit: Any) -> str:
    return f"{limit.get('value')} {limit.get('code', '')}".strip() if isinstance(limit, Mapping) else str(limit)
