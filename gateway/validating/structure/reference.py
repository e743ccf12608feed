"""References: whether what they name may stand there (FHIR R4, references.html; ElementDefinition.type.targetProfile)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.validating.structure.finding import NONE, Findings, Rule, error, warning
from gateway.validating.structure.primitives import is_id
from gateway.validating.structure.resolving import bundle_of, type_named
from gateway.validating.structure.scope import Scope


@dataclass(frozen=True, slots=True)
class ReferenceRule:
    """A Reference that may only name some resource types; `known` are the resource types of R4."""

    shape: Rule
    targets: frozenset[str]
    known: frozenset[str]

    def check(self, node: Any, scope: Scope) -> Findings:
        """The findings of the datatype and 0..1 of the target; what cannot be told from the text is left alone."""
        found = self.shape.check(node, scope)
        if type(node) is not dict:
            return found
        named = target_type(node, self.known) or _inside(node, scope)
        if not named or named in self.targets:
            return found
        return found + wrong_target(self.targets, named)


def _inside(node: Mapping[str, Any], scope: Scope) -> str:
    """The type of what a reference names that does not tell it itself, when that is in the document."""
    text = node.get("reference")
    return type_named(text, scope) if type(text) is str else ""


def wrong_target(allowed: frozenset[str], named: str) -> Findings:
    """The finding of a reference to another type."""
    text = "The reference names a type of resource that is not allowed here."
    return error("structure", "reference-target", text, expected=", ".join(sorted(allowed)), found=named)


@dataclass(frozen=True, slots=True)
class NamedReference:
    """What `reference` says: `#id` names a contained resource that is there (ref-1), a relative address is `Type/id` or a search of a
    type, and a stated `type` is that of what is named (R4, references.html 2.3.0.1)."""

    known: frozenset[str]

    def check(self, node: Any, scope: Scope) -> Findings:
        """0..1 finding."""
        text = node.get("reference")
        if type(text) is not str:
            return NONE
        if text[:1] == "#" or text[:4] == "urn:":
            return self._inside(text, node, scope)
        if ":" not in text and not self._relative(text):
            return error("value", "reference-form", _NO_FORM, expected="Type/id", found=text)
        return self._typed(node, type_in(text, self.known)) if "type" in node else NONE

    def _inside(self, text: str, node: Any, scope: Scope) -> Findings:
        """A reference that can only mean something in the document."""
        named = type_named(text, scope)
        if named:
            return self._typed(node, named) if "type" in node else NONE
        if text[:1] == "#":
            return error("not-found", "ref-1", _NOT_THERE, found=text)
        return warning("not-found", "reference-local", _NO_ENTRY, found=text) if bundle_of(scope) else NONE

    def _typed(self, node: Any, named: str) -> Findings:
        stated = node["type"]
        if not named or not isinstance(stated, str) or stated not in self.known or stated == named:
            return NONE
        return error("structure", "reference-type", _OTHER_TYPE, expected=stated, found=named)

    def _relative(self, text: str) -> bool:
        kind, mark, _ = text.partition("?")
        return bool(type_in(text, self.known)) or (bool(mark) and kind in self.known)


_NOT_THERE = "A reference names a contained resource that is not there."
_NO_ENTRY = "No entry of the Bundle is what this reference names."
_NO_FORM = "A relative reference is a type and an id, or a search of a type."
_OTHER_TYPE = "The reference names another type of resource than it states."


class CanonicalRule:
    """A canonical that may only name some kinds of definitions; one that is not at hand is left alone. The same come again and again."""

    __slots__ = ("_fine", "_shape", "_targets")

    def __init__(self, shape: Rule, targets: tuple[str, ...]) -> None:
        self._shape = shape
        self._targets = targets
        self._fine: set[str] = set()

    def check(self, node: Any, scope: Scope) -> Findings:
        """The findings of the form, and 0..1 of the kind."""
        if type(node) is str and node in self._fine:
            return NONE
        found = self._shape.check(node, scope) or self._kind(node, scope)
        if not found and len(self._fine) < _MOST_KEPT:
            self._fine.add(node)
        return found

    def _kind(self, node: Any, scope: Scope) -> Findings:
        library = scope.tools.library
        if not isinstance(node, str) or any(library.resource(kind, node) for kind in self._targets):
            return NONE
        other = next((kind for kind in _DEFINITIONS if library.resource(kind, node)), "")
        return wrong_target(frozenset(self._targets), other) if other else NONE


_MOST_KEPT = 2_000
_DEFINITIONS = (
    "StructureDefinition", "ValueSet", "CodeSystem", "ConceptMap", "Questionnaire", "Measure", "Library", "PlanDefinition",
    "ActivityDefinition", "SearchParameter", "OperationDefinition", "CapabilityStatement",
)  # fmt: skip


def target_type(reference: Mapping[str, Any], known: frozenset[str]) -> str:
    """The resource type a Reference names in its `reference` or its `type`, or empty when neither tells a known one."""
    text = reference.get("reference")
    if isinstance(text, str) and (named := type_in(text, known)):
        return named
    declared = reference.get("type")
    return declared if isinstance(declared, str) and declared in known else ""


def type_in(text: str, known: frozenset[str]) -> str:
    """`Patient` of `Patient/1`, `Patient/1/_history/2` and `https://host/fhir/Patient/1`; else empty."""
    if text[:4] == "urn:":
        return ""
    parts = text.split("?")[0].split("/")
    if len(parts) >= 4 and parts[-2] == "_history":
        parts = parts[:-2]
    if len(parts) < 2 or parts[-2] not in known or not is_id(parts[-1]):
        return ""
    return parts[-2] if len(parts) == 2 or parts[0] in ("http:", "https:") else ""
