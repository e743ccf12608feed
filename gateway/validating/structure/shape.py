"""Objects and their members: which are known, how many, in which JSON shape (FHIR R4, json.html 2.6.2).

Every member offers a quick yes (`kind` and `fits`) for the values that nearly all documents hold; only what it does not take is judged
by `check`. Both are made of the same rule, so that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.validating.structure.context import EVERYWHERE, InContext
from gateway.validating.structure.finding import ENOUGH, MOST, NONE, Findings, Rule, below, error, more
from gateway.validating.structure.hints import Hints
from gateway.validating.structure.resource import Inner
from gateway.validating.structure.scope import Scope

Fits = Callable[[Any], Any]


def never(_value: Any) -> bool:
    """No quick yes."""
    return False


@dataclass(frozen=True, slots=True)
class Single:
    """A member that is written as one value (max 1). `step` is its place in an expression, `choice` the `value[x]` it belongs to."""

    step: str
    rule: Rule
    choice: str = ""
    place: InContext = EVERYWHERE
    kind: type | None = None
    fits: Fits = never

    def check(self, value: Any, _holder: Mapping[str, Any], scope: Scope) -> Findings:
        """The value by the rule of its type."""
        if type(value) is list:
            text = "Only one value is allowed here, not a list."
            return error("structure", "json-single", text, found=value, at=self.step)
        found = self.rule.check(value, scope)
        if type(value) is dict and ("extension" in value or "modifierExtension" in value):
            found += self.place.check(value, scope)
        return below(found, self.step) if found else NONE


@dataclass(frozen=True, slots=True)
class Many:
    """A member that is written as a list (max more than 1); `least` and `most` count its values, `most` -1 has no limit."""

    step: str
    rule: Rule
    least: int = 0
    most: int = -1
    choice: str = ""
    place: InContext = EVERYWHERE
    item: type | None = None  # the kind of one value, where there is a quick yes for it
    fit: Fits = never
    kind: type | None = None  # a list itself has no quick yes
    fits: Fits = never

    def check(self, value: Any, holder: Mapping[str, Any], scope: Scope) -> Findings:
        """Every value by the rule of its type; null only where a `_name` beside it says more."""
        if type(value) is not list:
            return error("structure", "json-list", "A list is required here.", found=value, at=self.step)
        if not value:
            text = "A list must not be empty; leave the element out instead."
            return error("structure", "json-empty", text, at=self.step)
        findings = NONE if self.least <= len(value) and self.most < 0 else self._counted(len(value))
        kind, fit, rule = self.item, self.fit, self.rule
        for place, item in enumerate(value):
            if type(item) is kind and fit(item):
                continue
            found = rule.check(item, scope) if item is not None else self._null(place, holder)
            if type(item) is dict and ("extension" in item or "modifierExtension" in item):
                found += self.place.check(item, scope)
            if found:
                findings = more(findings, below(found, f"{self.step}[{place}]"))
                if len(findings) > ENOUGH:
                    break
        return findings

    def _counted(self, size: int) -> Findings:
        if size < self.least:
            text = "There are fewer values than required."
            return error("required", "cardinality-min", text, expected=f"at least {self.least}", at=self.step)
        if 0 <= self.most < size:
            text = "There are more values than allowed."
            return error("structure", "cardinality-max", text, expected=f"at most {self.most}", at=self.step)
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
    place: InContext = EVERYWHERE
    kind: type | None = None
    fits: Fits = never

    def check(self, value: Any, holder: Mapping[str, Any], scope: Scope) -> Findings:
        """An object with `id` and `extension`, or a list of such and null beside a list."""
        if not self.many:
            found = self._one(value, scope)
            return below(found, self.step) if found else NONE
        if type(value) is not list or not value:
            return error("structure", "json-list", "A list is required here.", found=value, at=self.step)
        beside = holder.get(self.step)
        findings: Findings = NONE
        if isinstance(beside, list) and len(beside) != len(value):
            text = "The list of values and the list of their extensions must be of one length."
            findings = error("structure", "json-shadow", text, at=self.step)
        for place, item in enumerate(value):
            found = self._one(item, scope) if item is not None else NONE
            if found and len(findings) <= ENOUGH:
                findings = more(findings, below(found, f"{self.step}[{place}]"))
        return findings

    def _one(self, value: Any, scope: Scope) -> Findings:
        found = self.rule.check(value, scope)
        return found + self.place.check(value, scope) if type(value) is dict else found


@dataclass(frozen=True, slots=True)
class Judged:
    """A member that another rule has judged already (`resourceType`)."""

    step: str
    choice: str = ""
    kind: type | None = None
    fits: Fits = never

    def check(self, _value: Any, _holder: Mapping[str, Any], _scope: Scope) -> Findings:
        """Nothing to say."""
        return NONE


Member = Single | Many | Shadow | Judged | Inner
_MOST_PLANS = 512  # sets of names of one type; documents of a stranger may bring any number


@dataclass(frozen=True, slots=True)
class Need:
    """An element that must be there: any of the `keys` (choices and `_name` count)."""

    name: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Guarded:
    """A rule of a whole node that has nothing to say unless one of the `triggers` is there; None: it always has."""

    triggers: frozenset[str] | None
    rule: Rule


@dataclass(frozen=True, slots=True)
class Parts:
    """What an object is made of. `further` are rules of the whole node: invariants, rules of the type."""

    members: Mapping[str, Member]
    needs: tuple[Need, ...] = ()
    further: tuple[Guarded, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done for an object with certain names: its members in their order with their quick yes, the rules that may have
    something to say, and what the names alone are enough to find."""

    members: tuple[tuple[type | None, Fits, Member], ...]
    rules: tuple[Rule, ...]
    findings: Findings


class ObjectRule:
    """A JSON object of one type; its parts are compiled when the first such object is met, a plan for each set of names it comes with."""

    __slots__ = ("_compile", "_hints", "_parts", "_plans", "type")

    def __init__(self, type_name: str, compile: Callable[[], Parts]) -> None:
        self.type = type_name
        self._compile = compile
        self._parts: Parts | None = None
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._hints = Hints()

    @property
    def parts(self) -> Parts:
        """The parts, compiled on the first look."""
        if self._parts is None:
            self._parts = self._compile()
        return self._parts

    def check(self, node: Any, scope: Scope) -> Findings:
        """What the names tell, then the members in the order they were written, then the rules of the whole node."""
        if type(node) is not dict:
            if not isinstance(node, Mapping):
                return error("structure", "json-object", "An object is required here.", expected=self.type, found=node)
            node = dict(node)
        names = tuple(node)
        plan = self._plans.get(names) or self._plan(names)
        findings = plan.findings
        for (kind, fits, member), value in zip(plan.members, node.values(), strict=True):
            if type(value) is kind and fits(value):
                continue
            if found := member.check(value, node, scope):
                findings = more(findings, found) if findings else found
                if len(findings) > ENOUGH:
                    return findings
        for rule in plan.rules:
            if found := rule.check(node, scope):
                findings = more(findings, found)
        return findings

    def _plan(self, names: tuple[str, ...]) -> Plan:
        parts = self.parts
        members = tuple(_quick(parts.members.get(name, _UNKNOWN)) for name in names)
        keys = frozenset(names)
        rules = tuple(g.rule for g in parts.further if g.triggers is None or not g.triggers.isdisjoint(keys))
        plan = Plan(members, rules if names else (), self._told(keys, names))
        if len(names) <= len(parts.members):
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            self._plans[names] = plan
        return plan

    def _told(self, keys: frozenset[str], names: tuple[str, ...]) -> Findings:
        """What is wrong with the names: none, unknown, two types of a choice, missing."""
        if not names:
            return error("structure", "ele-1", "An element must not be empty.", expected="a value or children")
        known, findings = self.parts.members, NONE
        for name in names:
            if name not in known and len(findings) <= MOST:
                findings += self._unknown(name)
        findings += _chosen_once([m for name in names if (m := known.get(name)) is not None and m.choice])
        for need in self.parts.needs:
            if keys.isdisjoint(need.keys):
                text = "A required element is missing."
                findings += error("required", "cardinality-min", text, expected=f"{self.type}.{need.name}")
        return findings

    def _unknown(self, key: Any) -> Findings:
        if not isinstance(key, str):
            return error("structure", "unknown-element", "The name of an element is a text.", found=key)
        members = self.parts.members
        for choice in {m.choice for m in members.values() if m.choice}:
            stem = choice.removesuffix("[x]")
            if key.startswith(stem) and key[len(stem) :][:1].isupper():
                text = "This element does not allow a value of that type."
                return error("structure", "choice-type", text, expected=choice, found=key)
        near = self._hints.near(key, members)
        text = "There is no such element here." + (f" Did you mean `{near}`?" if near else "")
        return error("structure", "unknown-element", text, expected=near, found=key)


_UNKNOWN = Judged("")


def _quick(member: Member) -> tuple[type | None, Fits, Member]:
    return member.kind, member.fits, member


def _chosen_once(chosen: list[Member]) -> Findings:
    """`value[x]` has one type at a time; `valueString` and `_valueString` are one."""
    seen: dict[str, str] = {}
    for member in chosen:
        if seen.setdefault(member.choice, member.step) != member.step:
            return error("structure", "choice-once", "Only one of the types may be used.", expected=member.choice)
    return NONE
