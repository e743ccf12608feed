"""References: whether what they name may stand there (FHIR R4, references.html; ElementDefinition.type.targetProfile)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.validating.structure.finding import NONE, Findings, Rule, error
from gateway.validating.structure.primitives import is_id
from gateway.validating.structure.resolving import resolve, type_named
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
class LocalReference:
    """ref-1: a reference that starts with `#` names a contained resource that is there; a stated type is the type of what is named."""

    def check(self, node: Any, scope: Scope) -> Findings:
        """0..1 finding."""
        text = node.get("reference")
        if not isinstance(text, str) or not text.startswith("#") or resolve(text, scope) is not None:
            return NONE
        said = "A reference names a contained resource that is not there."
        return error("not-found", "ref-1", said, found=text)


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
