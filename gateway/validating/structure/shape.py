"""Objects and their members: which are known, how many, in which JSON shape (FHIR R4, json.html 2.6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.validating.structure.finding import MOST, NONE, Findings, Rule, below, error
from gateway.validating.structure.hints import Hints


@dataclass(frozen=True, slots=True)
class Single:
    """A member that is written as one value (max 1). `step` is its place in an expression, `choice` the `value[x]` it belongs to."""

    step: str
    rule: Rule
    choice: str = ""

    def check(self, value: Any, _holder: Mapping[str, Any]) -> Findings:
        """The value by the rule of its type."""
        if type(value) is list:
            return error(
                "structure", "json-single", "Only one value is allowed here, not a list.", found=value, at=self.step
            )
        found = self.rule.check(value)
        return below(found, self.step) if found else NONE


@dataclass(frozen=True, slots=True)
class Many:
    """A member that is written as a list (max more than 1); `least` and `most` count its values, `most` -1 has no limit."""

    step: str
    rule: Rule
    least: int = 0
    most: int = -1
    choice: str = ""

    def check(self, value: Any, holder: Mapping[str, Any]) -> Findings:
        """Every value by the rule of its type; null only where a `_name` beside it says more."""
        if type(value) is not list:
            return error("structure", "json-list", "A list is required here.", found=value, at=self.step)
        if not value:
            return error(
                "structure", "json-empty", "A list must not be empty; leave the element out instead.", at=self.step
            )
        findings: Findings = self._counted(len(value))
        for place, item in enumerate(value):
            found = self.rule.check(item) if item is not None else self._null(place, holder)
            if found:
                findings += below(found, f"{self.step}[{place}]")
                if len(findings) > MOST:
                    break
        return findings

    def _counted(self, size: int) -> Findings:
        if size < self.least:
            return error(
                "required",
                "cardinality-min",
                "There are fewer values than required.",
                expected=f"at least {self.least}",
                at=self.step,
            )
        if 0 <= self.most < size:
            return error(
                "structure",
                "cardinality-max",
                "There are more values than allowed.",
                expected=f"at most {self.most}",
                at=self.step,
            )
        return NONE

    def _null(self, place: int, holder: Mapping[str, Any]) -> Findings:
        shadow = holder.get("_" + self.step)
        if isinstance(shadow, list) and place < len(shadow) and shadow[place]:
            return NONE
        return error("structure", "json-null", "null is allowed only where an extension stands in its place.")


@dataclass(frozen=True, slots=True)
class Shadow:
    """`_name`, where id and extensions of a primitive are written (json.html 2.6.2.3)."""

    step: str
    rule: Rule
    many: bool
    choice: str = ""

    def check(self, value: Any, _holder: Mapping[str, Any]) -> Findings:
        """An object with `id` and `extension`, or a list of such and null beside a list."""
        if not self.many:
            found = self.rule.check(value)
            return below(found, self.step) if found else NONE
        if type(value) is not list or not value:
            return error("structure", "json-list", "A list is required here.", found=value, at=self.step)
        findings: Findings = NONE
        for place, item in enumerate(value):
            found = self.rule.check(item) if item is not None else NONE
            if found and len(findings) < MOST:
                findings += below(found, f"{self.step}[{place}]")
        return findings


@dataclass(frozen=True, slots=True)
class Anything:
    """A member that another rule has judged already (`resourceType`, `fhir_comments` never)."""

    step: str
    choice: str = ""

    def check(self, _value: Any, _holder: Mapping[str, Any]) -> Findings:
        """Nothing to say."""
        return NONE


Member = Single | Many | Shadow | Anything


@dataclass(frozen=True, slots=True)
class Need:
    """An element that must be there: any of the `keys` (choices and `_name` count)."""

    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ObjectRule:
    """A JSON object of one type. `further` are rules of the whole node: extension rules, Bundle rules, invariants."""

    type: str
    members: Mapping[str, Member]
    needs: tuple[Need, ...] = ()
    further: tuple[Rule, ...] = ()
    hints: Hints = field(default_factory=Hints)

    def check(self, node: Any) -> Findings:
        """Members in the order they were written, then what is missing, then the rules of the whole node."""
        if not isinstance(node, dict) and not isinstance(node, Mapping):
            return error("structure", "json-object", "An object is required here.", expected=self.type, found=node)
        if not node:
            return error("structure", "ele-1", "An element must not be empty.", expected="a value or children")
        findings: Findings = NONE
        chosen: list[Member] = []
        members = self.members
        for key, value in node.items():
            member = members.get(key)
            if member is None:
                if len(findings) <= MOST:
                    findings += self._unknown(key)
                continue
            if member.choice:
                chosen.append(member)
            if found := member.check(value, node):
                findings += found
                if len(findings) > MOST:
                    return findings
        if len(chosen) > 1:
            findings += _chosen_once(chosen)
        return findings + self._whole(node)

    def _whole(self, node: Mapping[str, Any]) -> Findings:
        findings: Findings = NONE
        for need in self.needs:
            if node.keys().isdisjoint(need.keys):
                findings += error(
                    "required", "cardinality-min", "A required element is missing.", expected=f"{self.type}.{need.name}"
                )
        for rule in self.further:
            if found := rule.check(node):
                findings += found
        return findings

    def _unknown(self, key: str) -> Findings:
        for choice in {m.choice for m in self.members.values() if m.choice}:
            stem = choice.removesuffix("[x]")
            if key.startswith(stem) and key[len(stem) :][:1].isupper():
                return error(
                    "structure",
                    "choice-type",
                    "This element does not allow a value of that type.",
                    expected=choice,
                    found=key,
                    at=stem,
                )
        near = self.hints.near(key, self.members)
        text = "There is no such element here." + (f" Did you mean `{near}`?" if near else "")
        return error("structure", "unknown-element", text, expected=near, found=key)


def _chosen_once(chosen: list[Member]) -> Findings:
    """`value[x]` has one type at a time; `valueString` and `_valueString` are one."""
    seen: dict[str, str] = {}
    for member in chosen:
        if seen.setdefault(member.choice, member.step) != member.step:
            return error("structure", "choice-once", "Only one of the types may be used.", expected=member.choice)
    return NONE
