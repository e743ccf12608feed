"""What a profile claims of one value: fixed and pattern values, limits, bindings, profiles of its type, targets of references
(FHIR R4, ElementDefinition)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.fhirpath import Node
from gateway.validating.structure.finding import MOST, NONE, Findings, Rule, error, unsound
from gateway.validating.structure.reference import target_type, wrong_target
from gateway.validating.structure.resolving import matches, resolve
from gateway.validating.structure.scope import Scope
from gateway.validating.structure.values import contains, same

if TYPE_CHECKING:
    from gateway.validating.structure.profiled import Profile

_CORE = "http://hl7.org/fhir/StructureDefinition/"


@dataclass(frozen=True, slots=True)
class OnValue:
    """A rule of plain values, for a node that has one."""

    rule: Rule

    def of_node(self, node: Node, scope: Scope) -> Findings:
        """What the rule finds; nothing where only an extension stands."""
        return NONE if node.value is None else self.rule.check(node.value, scope)


@dataclass(frozen=True, slots=True)
class Fixed:
    """Exactly this value."""

    value: Any

    def of_node(self, node: Node, _scope: Scope) -> Findings:
        """0..1 finding."""
        value = node.value
        if value is None or (value == self.value if type(value) is str else same(value, self.value)):
            return NONE
        text = "The value is not the one the profile fixes."
        return error("value", "profile-fixed", text, expected=said(self.value), found=node.value)


@dataclass(frozen=True, slots=True)
class Pattern:
    """At least this value."""

    value: Any

    def of_node(self, node: Node, _scope: Scope) -> Findings:
        """0..1 finding."""
        if node.value is None or contains(node.value, self.value):
            return NONE
        text = "The value does not have the pattern of the profile."
        return error("value", "profile-pattern", text, expected=said(self.value), found=node.value)


@dataclass(frozen=True, slots=True)
class Present:
    """A primitive that must have a value (mustHaveValue), or else one of these extensions (valueAlternatives; FHIR R5 in R4 extensions)."""

    alternatives: frozenset[str] = frozenset()

    def of_node(self, node: Node, _scope: Scope) -> Findings:
        """0..1 finding."""
        if node.value is not None:
            return NONE
        rows = node.shadow.get("extension") if isinstance(node.shadow, Mapping) else None
        urls = {row.get("url") for row in rows if isinstance(row, Mapping)} if isinstance(rows, list) else set()
        if urls & self.alternatives:
            return NONE
        text = "The profile requires a value here, or an extension that it names."
        return error("required", "profile-value", text, expected=", ".join(sorted(self.alternatives)))


@dataclass(frozen=True, slots=True)
class Conforms:
    """A value whose type has profiles: it keeps at least one of them. Profiles that are not at hand say nothing."""

    urls: tuple[str, ...]

    def of_node(self, node: Node, scope: Scope) -> Findings:
        """The findings of the only profile, or one finding when it keeps none of several."""
        given = [scope.tools.profiles.get(url) for url in self.urls]
        profiles = [p for p in given if p is not None and p.of_type(node.type)]
        if len(profiles) == 1 and len(given) == 1:
            return profiles[0].check(node, scope)
        if not profiles or len(profiles) < len(given) or any(keeps(p, node, scope) for p in profiles):
            return NONE
        text = "The value keeps none of the profiles that are allowed here."
        return error("structure", "profile-none", text, expected=", ".join(self.urls))


@dataclass(frozen=True, slots=True)
class Targets:
    """What a Reference may name: types, profiles by type, and where the target has to stand (aggregation)."""

    profiles: Mapping[str, tuple[str, ...]]  # resource type → profiles of it, empty: any
    aggregation: frozenset[str] = frozenset()
    versioning: str = ""  # independent: names no version; specific: names one; either or empty: both may be

    def of_node(self, node: Node, scope: Scope) -> Findings:
        """0..* findings; what does not stand in the document is judged by its type alone."""
        if not isinstance(node.value, Mapping):
            return NONE
        text = node.value.get("reference")
        target = resolve(text, scope) if isinstance(text, str) else None
        named = target.type if target else target_type(node.value, scope.tools.library.resource_types)
        if named and self.profiles and named not in self.profiles:
            return wrong_target(frozenset(self.profiles), named)
        found = self._standing(text, scope) + self._versioned(text) if isinstance(text, str) else NONE
        urls = self.profiles.get(named, ())
        if target is None or not urls:
            return found
        given = [scope.tools.profiles.get(url) for url in urls]
        known = [profile for profile in given if profile is not None]
        if len(known) < len(given) or any(keeps(p, target.node, target) for p in known):
            return found
        said_ = "What the reference names does not keep the profile that is required of it."
        return found + error("structure", "reference-profile", said_, expected=", ".join(urls), found=text)

    def _versioned(self, text: str) -> Findings:
        wanted = {"independent": False, "specific": True}.get(self.versioning)
        if wanted is None or wanted == ("/_history/" in text):
            return NONE
        said_ = (
            "The profile wants the reference to name a version." if wanted else "The reference must not name a version."
        )
        return error("structure", "reference-version", said_, expected=self.versioning, found=text)

    def _standing(self, text: str, scope: Scope) -> Findings:
        if not self.aggregation:
            return NONE
        place = "contained" if text.startswith("#") else "bundled" if matches(text, scope) else "referenced"
        if place in self.aggregation:
            return NONE
        said_ = "The profile wants the target of the reference elsewhere."
        return error(
            "structure", "reference-aggregation", said_, expected=", ".join(sorted(self.aggregation)), found=place
        )


def keeps(profile: Profile, node: Node, scope: Scope) -> bool:
    """Whether a value keeps a profile; a question that is already being asked (profiles that lead to each other) is taken as kept.

    Answers about objects are remembered, unless they rest on such a question.
    """
    asked: dict[tuple[str, int], None] = scope.kept.setdefault("asked", {})
    known: dict[tuple[str, int], bool] = scope.kept.setdefault("answers", {})
    mark = (profile.url, id(node.value))
    if type(node.value) is not dict:  # small values share an identity
        return not unsound(profile.check(node, scope))
    if mark in known:
        return known[mark]
    if mark in asked or len(asked) > MOST:
        scope.kept["assumed"] = True
        return True
    outermost = not asked
    asked[mark] = None
    answer = not unsound(profile.check(node, scope))
    del asked[mark]
    if outermost or not scope.kept.get("assumed"):
        known[mark] = answer
    if outermost:
        scope.kept["assumed"] = False
    return answer


def targets(kinds: tuple[Any, ...], type_of: Any) -> Targets | None:
    """The rule of the Reference types of an element: profile addresses by the type they are about; None when one is not at hand."""
    allowed: dict[str, tuple[str, ...]] = {}
    aggregation: set[str] = set()
    versioning = next((kind.versioning for kind in kinds if kind.versioning), "")
    for kind in kinds:
        aggregation |= set(kind.aggregation)
        for url in kind.targets:
            name = type_of(url)
            if name in ("", "Resource", "DomainResource"):
                return Targets({}, frozenset(aggregation), versioning) if aggregation or versioning else None
            plain = url.startswith(_CORE) and url.partition("|")[0].removeprefix(_CORE) == name
            urls = allowed.get(name)
            allowed[name] = () if plain or urls == () else (*(urls or ()), url)
    return Targets(allowed, frozenset(aggregation), versioning) if allowed or aggregation or versioning else None


def said(value: Any) -> str:
    """A value of a definition in short."""
    if not isinstance(value, Mapping):
        return str(value)
    return ", ".join(f"{key}: {said(part)}" for key, part in value.items() if isinstance(part, str | int | Mapping))
