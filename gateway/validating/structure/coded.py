"""Codes against value sets: only what is proven not to belong is an error (FHIR R4, terminologies.html, binding strengths)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.terminology.membership import Membership, Terminology
from gateway.validating.structure.finding import Findings, Rule, error

_NOT_IN = "The code is not in the value set that is required here."


@dataclass(frozen=True, slots=True)
class CodeRule:
    """An element of type code (or string, uri) with a required binding: form first, then membership in any system of the set."""

    form: Rule
    value_set: str
    terminology: Terminology

    def check(self, node: Any) -> Findings:
        """0..1 finding."""
        found = self.form.check(node)
        if found or self.terminology.member(self.value_set, node) is not Membership.OUT:
            return found
        return error("code-invalid", "binding-required", _NOT_IN, expected=self.value_set, found=node)


@dataclass(frozen=True, slots=True)
class CodingRule:
    """A Coding with a required binding, after the rule of the datatype."""

    shape: Rule
    value_set: str
    terminology: Terminology

    def check(self, node: Any) -> Findings:
        """The findings of the datatype and 0..1 of the binding."""
        found = self.shape.check(node)
        if not isinstance(node, Mapping) or _belongs(self.terminology, self.value_set, node) is not Membership.OUT:
            return found
        return found + error("code-invalid", "binding-required", _NOT_IN, expected=self.value_set, found=_said(node))


@dataclass(frozen=True, slots=True)
class ConceptRule:
    """A CodeableConcept with a required binding: one of its codings must belong."""

    shape: Rule
    value_set: str
    terminology: Terminology

    def check(self, node: Any) -> Findings:
        """The findings of the datatype and 0..1 of the binding."""
        found = self.shape.check(node)
        codings = node.get("coding") if isinstance(node, Mapping) else None
        if found or not isinstance(codings, list):
            return found
        answers = [_belongs(self.terminology, self.value_set, c) for c in codings if isinstance(c, Mapping)]
        if not answers or any(answer is not Membership.OUT for answer in answers):
            return found
        text = "None of the codes is in the value set that is required here."
        return error("code-invalid", "binding-required", text, expected=self.value_set, found=_said(codings[0]))


def _belongs(terminology: Terminology, value_set: str, coding: Mapping[str, Any]) -> Membership:
    """A coding without code or system cannot be judged as one without proof; without a system it is looked up in all of them."""
    code, system = coding.get("code"), coding.get("system")
    if not isinstance(code, str):
        return Membership.UNKNOWN
    return terminology.member(value_set, code, system if isinstance(system, str) else None)


def _said(coding: Any) -> str:
    if not isinstance(coding, Mapping):
        return ""
    return f"{coding.get('system', '')}#{coding.get('code', '')}"


def coded(shape: Rule, type_name: str, value_set: str, terminology: Terminology) -> Rule:
    """The rule of a bound element of a type; types without a code keep the rule they have."""
    if type_name in ("code", "string", "uri"):
        return CodeRule(shape, value_set, terminology)
    if type_name == "Coding":
        return CodingRule(shape, value_set, terminology)
    return ConceptRule(shape, value_set, terminology) if type_name == "CodeableConcept" else shape
