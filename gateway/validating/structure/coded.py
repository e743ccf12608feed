"""Codes against value sets: what is proven not to belong is an error, a warning or advice, by the strength of the binding (FHIR R4,
terminologies.html 4.1.5)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from gateway.model.report import Finding
from gateway.terminology.membership import Membership, Terminology
from gateway.validating.structure.finding import NONE, Findings, Rule, shown, unsound
from gateway.validating.structure.hints import near_code
from gateway.validating.structure.scope import Scope

Strength = Literal["required", "extensible", "preferred", "maximum"]
_MOST_KEPT = 2_000
_FEW = 8
Code = tuple[str | None, str]  # system (None: any), code
_SEVERITY: Mapping[str, Literal["error", "warning", "information"]] = {
    "required": "error", "maximum": "error", "extensible": "warning", "preferred": "information",
}  # fmt: skip
_SAID: Mapping[str, str] = {
    "required": "The code is not in the value set that is required here.",
    "maximum": "The code is not in the widest value set that is allowed here.",
    "extensible": "The code is not in the value set; another code is allowed only where none of the set fits.",
    "preferred": "The code is not in the value set that is preferred here.",
}
_NO_CODE = "There is no code, and a code from a value set is required here."
UNCHECKED = "code-unchecked"  # the rule of a code that nothing at hand can judge; said once for each system


@dataclass(frozen=True, slots=True)
class Binding:
    """A value set and how strictly it is meant."""

    value_set: str
    strength: Strength
    terminology: Terminology
    good: set[str] = field(default_factory=set, compare=False, repr=False)  # bare codes that belong
    _kept: dict[tuple[Code, ...], Findings] = field(default_factory=dict, compare=False, repr=False)

    def judge(self, codes: list[Code]) -> Findings:
        """The findings of the 1..* codes of one element: one that belongs is enough. The same codes come again and again."""
        mark = tuple(codes)
        known = self._kept.get(mark)
        if known is None:
            known = self._judged(codes)
            if not self.terminology.remote:
                if len(self._kept) >= _MOST_KEPT:
                    self._kept.clear()
                self._kept[mark] = known
                if not known and codes[0][0] is None:
                    self.good.add(codes[0][1])
        return known

    def _judged(self, codes: list[Code]) -> Findings:
        member, value_set = self.terminology.member, self.value_set
        doubt: Code | None = None
        for system, code in codes:
            answer = member(value_set, code, system)
            if answer is Membership.IN:
                return NONE
            if answer is Membership.UNKNOWN:
                doubt = doubt or (system, code)
        if doubt is not None:
            return self._unchecked(doubt) if self.strength in ("required", "extensible") else NONE
        system, code = codes[0]
        found = code if system is None else f"{system}#{code}"
        return (self._finding(_SAID[self.strength] + self._near(code), found),)

    def _near(self, code: str) -> str:
        plain = self.terminology.expand(self.value_set).plain()
        near = near_code(code, plain) if plain else ""
        return f" Did you mean `{near}`?" if near else ""

    def _unchecked(self, code: Code) -> Findings:
        """A warning that names what is not at hand: the code system, or the value set."""
        verdict = self.terminology.verdict(self.value_set, code[1], code[0] or None)
        if verdict.membership is not Membership.UNKNOWN or not verdict.reason.value:
            return NONE
        missing = verdict.address or self.value_set
        return (Finding("warning", "not-found", "", verdict.reason.value, UNCHECKED, self.value_set, shown(missing)),)

    def no_code(self) -> Findings:
        """What is said of a concept in words alone."""
        return (self._finding(_NO_CODE, ""),) if self.strength == "required" else NONE

    def _finding(self, text: str, found: str) -> Finding:
        severity = _SEVERITY[self.strength]
        return Finding(severity, "code-invalid", "", text, f"binding-{self.strength}", self._expected(), shown(found))

    def _expected(self) -> str:
        """The codes, where they are few enough to be read, and the address of the set."""
        plain = self.terminology.expand(self.value_set).plain()
        if not plain or len(plain) > _FEW:
            return self.value_set
        return f"{', '.join(sorted(plain))} ({self.value_set})"


@dataclass(frozen=True, slots=True)
class Coded:
    """A bound element: its form or shape first, then its codes by the binding. `codes` takes a value apart, None where it has none."""

    shape: Rule
    codes: Callable[[Any], list[Code] | None]
    binding: Binding

    def check(self, node: Any, scope: Scope) -> Findings:
        """The findings of the datatype and 0..1 of the binding."""
        found = self.shape.check(node, scope)
        if found and unsound(found):
            return found
        codes = self.codes(node)
        if codes:
            return found + self.binding.judge(codes)
        return found if codes is None else found + self.binding.no_code()


def quick_member(binding: Binding) -> Callable[[Any], bool]:
    """A quick yes for a bare code: of a set that is wholly known, else for what was judged to belong before."""
    binding.good.update(binding.terminology.expand(binding.value_set).plain() or ())
    return binding.good.__contains__


def of_code(node: Any) -> list[Code] | None:
    """An element of type code, string or uri: in any system of the set."""
    return [(None, node)] if isinstance(node, str) else None


def of_coding(node: Any) -> list[Code] | None:
    """A Coding; one without a code cannot be judged."""
    code = _code(node)
    return [code] if code else None


def of_concept(node: Any) -> list[Code] | None:
    """A CodeableConcept: its 0..* codings that have a code; None when there are codings without any."""
    if type(node) is not dict:
        return None
    codings = node.get("coding")
    if type(codings) is not list:
        return [] if "extension" not in node else None
    return [code for each in codings if (code := _code(each))] or None


def _code(coding: Any) -> Code | None:
    code = coding.get("code") if type(coding) is dict else None
    if type(code) is not str:
        return None
    system = coding.get("system")
    return (system if type(system) is str else ""), code  # a code without a system is in no value set


_CODES: Mapping[str, Callable[[Any], list[Code] | None]] = {
    "code": of_code, "string": of_code, "uri": of_code, "Coding": of_coding, "CodeableConcept": of_concept,
    "Quantity": of_coding,
}  # fmt: skip


def coded(shape: Rule, type_name: str, binding: Binding) -> Rule:
    """The rule of a bound element of a type; types without a code keep the rule they have."""
    codes = _CODES.get(type_name)
    return shape if codes is None else Coded(shape, codes, binding)


def bindings(element_binding: Any, terminology: Terminology) -> tuple[Binding, ...]:
    """The 0..* bindings of an element that can say something: the value set by its strength, the widest, and additional ones."""
    if element_binding is None:
        return ()
    made: tuple[Binding, ...] = ()
    if element_binding.value_set and element_binding.strength in ("required", "extensible", "preferred"):
        made += (Binding(element_binding.value_set, element_binding.strength, terminology),)
    if element_binding.widest:
        made += (Binding(element_binding.widest, "maximum", terminology),)
    for purpose, value_set in element_binding.additional:
        if value_set and purpose in _SEVERITY:
            made += (Binding(value_set, purpose, terminology),)
    return made
