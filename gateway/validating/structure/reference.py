"""References: whether what they name may stand there (FHIR R4, references.html; ElementDefinition.type.targetProfile)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.validating.structure.finding import Findings, Rule, error
from gateway.validating.structure.primitives import is_id


@dataclass(frozen=True, slots=True)
class ReferenceRule:
    """A Reference that may only name some resource types; `known` are the resource types of R4."""

    shape: Rule
    targets: frozenset[str]
    known: frozenset[str]

    def check(self, node: Any) -> Findings:
        """The findings of the datatype and 0..1 of the target; what cannot be told from the text is left alone."""
        found = self.shape.check(node)
        if not isinstance(node, Mapping):
            return found
        named = target_type(node, self.known)
        if not named or named in self.targets:
            return found
        return found + error(
            "structure", "reference-target", "The reference names a type of resource that is not allowed here.",
            expected=", ".join(sorted(self.targets)), found=named,
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
    parts = text.split("?")[0].split("/")
    if len(parts) >= 4 and parts[-2] == "_history":
        parts = parts[:-2]
    if len(parts) < 2 or parts[-2] not in known or not is_id(parts[-1]):
        return ""
    return parts[-2] if len(parts) == 2 or parts[0] in ("http:", "https:") else ""
