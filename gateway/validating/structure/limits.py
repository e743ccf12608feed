"""Limits a profile sets on a value: length, size, decimals, kind and form, least and greatest (FHIR R4, ElementDefinition and its
extensions)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.fhirpath.times import compare, read_date_time, read_time
from gateway.terminology.ucum import canonical
from gateway.validating.structure.attachment import decoded_size
from gateway.validating.structure.finding import NONE, Findings, error
from gateway.validating.structure.scope import Scope

_UCUM = "http://unitsofmeasure.org"


@dataclass(frozen=True, slots=True)
class LongestRule:
    """maxLength, in characters."""

    longest: int

    def check(self, node: Any, _scope: Scope) -> Findings:
        """0..1 finding."""
        if not isinstance(node, str) or len(node) <= self.longest:
            return NONE
        text = "The value is longer than the profile allows."
        return error("value", "profile-max-length", text, expected=f"at most {self.longest} characters", found=node)


@dataclass(frozen=True, slots=True)
class ShortestRule:
    """minLength (an extension), in characters."""

    shortest: int

    def check(self, node: Any, _scope: Scope) -> Findings:
        """0..1 finding."""
        if not isinstance(node, str) or len(node) >= self.shortest:
            return NONE
        text = "The value is shorter than the profile allows."
        return error("value", "profile-min-length", text, expected=f"at least {self.shortest} characters", found=node)


@dataclass(frozen=True, slots=True)
class DecimalsRule:
    """maxDecimalPlaces (an extension), as the number is written."""

    most: int

    def check(self, node: Any, _scope: Scope) -> Findings:
        """0..1 finding."""
        exponent = Decimal(str(node)).as_tuple().exponent if _number(node) else 0
        places = -exponent if isinstance(exponent, int) else 0
        if places <= self.most:
            return NONE
        text = "The number has more decimals than the profile allows."
        return error("value", "profile-max-decimals", text, expected=f"at most {self.most}", found=node)


@dataclass(frozen=True, slots=True)
class LargestRule:
    """maxSize (an extension), in bytes: of an Attachment as it says or holds them, or of base64."""

    most: float

    def check(self, node: Any, _scope: Scope) -> Findings:
        """0..1 finding."""
        given = node.get("size", node.get("data")) if isinstance(node, Mapping) else node
        size = decoded_size(given) if isinstance(given, str) else given
        if not _number(size) or size <= self.most:
            return NONE
        text = "The content is larger than the profile allows."
        return error("too-long", "profile-max-size", text, expected=f"at most {self.most:g} bytes", found=size)


@dataclass(frozen=True, slots=True)
class KindsRule:
    """mimeType (an extension): the kinds of content an Attachment may have; `image/*` stands for all of a kind."""

    kinds: tuple[str, ...]

    def check(self, node: Any, _scope: Scope) -> Findings:
        """0..1 finding."""
        given = node.get("contentType") if isinstance(node, Mapping) else None
        if not isinstance(given, str):
            return NONE
        name = given.partition(";")[0].strip().lower()
        if name in self.kinds or f"{name.partition('/')[0]}/*" in self.kinds:
            return NONE
        text = "The profile does not allow content of this kind."
        return error(
            "value", "profile-content-type", text, expected=", ".join(self.kinds), found=given, at="contentType"
        )


@dataclass(frozen=True, slots=True)
class FormRule:
    """regex (an extension): the whole value has that form; in linear time, since a stranger wrote it."""

    regex: str
    fits: Callable[[str], bool]

    def check(self, node: Any, _scope: Scope) -> Findings:
        """0..1 finding."""
        if not isinstance(node, str) or self.fits(node):
            return NONE
        text = "The value does not have the form that the profile asks for."
        return error("value", "profile-regex", text, expected=self.regex, found=node)


@dataclass(frozen=True, slots=True)
class RangeRule:
    """minValue (`sign` 1) or maxValue (`sign` -1); values that cannot be compared with the limit are left alone."""

    limit: Any
    sign: int

    def check(self, node: Any, _scope: Scope) -> Findings:
        """0..1 finding."""
        order = compared(node, self.limit)
        if order is None or order * self.sign >= 0:
            return NONE
        rule, said = ("profile-min-value", "less") if self.sign > 0 else ("profile-max-value", "greater")
        return error(
            "value", rule, f"The value is {said} than the profile allows.", expected=_said(self.limit), found=node
        )


def compared(value: Any, limit: Any) -> int | None:
    """-1, 0, 1, or None when there is no order: other kinds, units of another dimension, dates of different precision or zone."""
    if isinstance(value, Mapping) and isinstance(limit, Mapping):
        return _quantities(value, limit)
    if isinstance(value, str) and isinstance(limit, str):
        moments = read_date_time(value) or read_time(value), read_date_time(limit) or read_time(limit)
        return compare(*moments) if moments[0] is not None and moments[1] is not None else None  # type: ignore[arg-type]
    return int(value > limit) - int(value < limit) if _number(value) and _number(limit) else None


def _quantities(value: Mapping[str, Any], limit: Mapping[str, Any]) -> int | None:
    if all(value.get(key) == limit.get(key) for key in ("system", "code")):
        return compared(value.get("value"), limit.get("value"))
    left, right = _canonical(value), _canonical(limit)
    if left is None or right is None or left[1] != right[1]:
        return None
    return int(left[0] > right[0]) - int(left[0] < right[0])


def _canonical(quantity: Mapping[str, Any]) -> tuple[Decimal, str] | None:
    """The value in base units of UCUM, and its dimension."""
    number, code = quantity.get("value"), quantity.get("code")
    if not _number(number) or not isinstance(code, str) or quantity.get("system") != _UCUM:
        return None
    return canonical(Decimal(str(number)), code)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _said(limit: Any) -> str:
    return f"{limit.get('value')} {limit.get('code', '')}".strip() if isinstance(limit, Mapping) else str(limit)
