"""What a profile claims of one value: fixed and pattern values, limits, bindings, profiles of its type, targets of references
(FHIR R4, ElementDefinition)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.definitions.library import FHIR
from gateway.definitions.structure import TypeRef
from gateway.fhirpath import Node
from gateway.validating.structure.finding import NONE, Findings, Rule, error, unsound
from gateway.validating.structure.reference import target_type, wrong_target
from gateway.validating.structure.resolving import matches, resolve
from gateway.validating.structure.scope import Scope
from gateway.validating.structure.values import contains, same

if TYPE_CHECKING:
    from gateway.validating.structure.profiled import Profile


_DEEPEST = 24  # resources that lead to each other by their profiles; what lies further is taken as kept


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
        urls = [row.get("url") for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
        if any(isinstance(url, str) and url in self.alternatives for url in urls):
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
class Allowed:
    """What is said of references to one type: profiles of it (0..*, none: any), where the target has to stand, and its version.

    `versioning` independent: names no version; specific: names one; either or empty: both may be.
    """

    profiles: tuple[str, ...] = ()
    aggregation: frozenset[str] = frozenset()
    versioning: str = ""


@dataclass(frozen=True, slots=True)
class Targets:
    """What a Reference may name: by resource type; `anything` stands for every type that is not listed."""

    types: Mapping[str, Allowed]
    anything: Allowed | None = None

    def of_node(self, node: Node, scope: Scope) -> Findings:
        """0..* findings; what does not stand in the document is judged by its type alone."""
        if not isinstance(node.value, Mapping):
            return NONE
        text = node.value.get("reference")
        target = resolve(text, scope) if isinstance(text, str) else None
        named = target.type if target else target_type(node.value, scope.tools.library.resource_types)
        if not named:
            return NONE
        allowed = self.types.get(named, self.anything)
        if allowed is None:
            return wrong_target(frozenset(self.types), named)
        found = self._standing(allowed, text, scope) + self._versioned(allowed, text) if isinstance(text, str) else NONE
        given = [scope.tools.profiles.get(url) for url in allowed.profiles]
        known = [profile for profile in given if profile is not None]
        if target is None or not known or len(known) < len(given) or any(keeps(p, target.node, target) for p in known):
            return found
        said_ = "What the reference names does not keep the profile that is required of it."
        expected = ", ".join(allowed.profiles)
        return found + error("structure", "reference-profile", said_, expected=expected, found=text)

    def _versioned(self, allowed: Allowed, text: str) -> Findings:
        wanted = {"independent": False, "specific": True}.get(allowed.versioning)
        if wanted is None or text.startswith("#") or wanted == ("/_history/" in text):
            return NONE
        said_ = (
            "The profile wants the reference to name a version." if wanted else "The reference must not name a version."
        )
        return error("structure", "reference-version", said_, expected=allowed.versioning, found=text)

    def _standing(self, allowed: Allowed, text: str, scope: Scope) -> Findings:
        if not allowed.aggregation:
            return NONE
        place = "contained" if text.startswith("#") else "bundled" if matches(text, scope) else "referenced"
        if place in allowed.aggregation:
            return NONE
        said_ = "The profile wants the target of the reference elsewhere."
        expected = ", ".join(sorted(allowed.aggregation))
        return error("structure", "reference-aggregation", said_, expected=expected, found=place)


def keeps(profile: Profile, node: Node, scope: Scope) -> bool:
    """Whether a value keeps a profile; a question that is already being asked (profiles that lead to each other) is taken as kept.

    Answers about objects are remembered in the document, unless they rest on such a question.
    """
    if type(node.value) is not dict:  # small values share an identity
        return not unsound(profile.check(node, scope))
    asking: Asking = scope.document.kept.setdefault("asking", Asking())
    mark = (profile.url, id(node.value))
    if mark in asking.answers:
        return asking.answers[mark]
    if mark in asking.open or len(asking.open) >= _DEEPEST:
        asking.assumed = True
        return True
    asking.open.append(mark)
    try:
        answer = not unsound(profile.check(node, scope))
    finally:
        asking.open.pop()
    if not asking.assumed:
        asking.answers[mark] = answer
    asking.assumed = asking.assumed and bool(asking.open)
    return answer


class Asking:
    """The questions about profiles that are open in a document, and those answered for good."""

    __slots__ = ("answers", "assumed", "open")

    def __init__(self) -> None:
        self.open: list[tuple[str, int]] = []
        self.answers: dict[tuple[str, int], bool] = {}
        self.assumed = False


def targets(kinds: tuple[TypeRef, ...], type_of: Callable[[str], str]) -> Targets | None:
    """The rule of the Reference types of an element; None when they say nothing. A profile that is not at hand may be of any type."""
    allowed: dict[str, Allowed] = {}
    anything: Allowed | None = None
    for kind in kinds:
        for url in kind.targets or (f"{FHIR}Resource",):
            name = type_of(url)
            plain = url.partition("|")[0] == FHIR + name
            one = Allowed(() if plain or not name else (url,), frozenset(kind.aggregation), kind.versioning)
            if name in ("", "Resource", "DomainResource"):
                anything = one
            else:
                allowed[name] = _either(allowed[name], one) if name in allowed else one
    every = [*allowed.values(), anything] if anything else [*allowed.values()]
    silent = anything is not None and not any(one.profiles or one.aggregation or one.versioning for one in every)
    return None if silent or not every else Targets(allowed, anything)


def _either(one: Allowed, other: Allowed) -> Allowed:
    """What is allowed when one of two will do."""
    profiles = (*one.profiles, *other.profiles) if one.profiles and other.profiles else ()
    places = one.aggregation | other.aggregation if one.aggregation and other.aggregation else frozenset()
    return Allowed(profiles, places, one.versioning if one.versioning == other.versioning else "")


def said(value: Any) -> str:
    """A value of a definition in short."""
    if not isinstance(value, Mapping):
        return str(value)
    return ", ".join(f"{key}: {said(part)}" for key, part in value.items() if isinstance(part, str | int | Mapping))
