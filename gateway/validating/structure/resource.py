"""Resources where they occur: as the document, in a Bundle entry, in Parameters, contained (FHIR R4, Resource, DomainResource)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.validating.structure.finding import NONE, Findings, Rule, error


@dataclass(frozen=True, slots=True)
class ResourceRule:
    """Any resource: judged by the rule of the type it names."""

    known: Callable[[str], bool]
    rule_of: Callable[[str], Rule]

    def check(self, node: Any) -> Findings:
        """The findings of its type, relative to the resource."""
        if not isinstance(node, Mapping):
            return error("structure", "json-object", "A resource is a JSON object.", expected="a resource", found=node)
        name = node.get("resourceType")
        if not isinstance(name, str):
            return error(
                "structure",
                "resource-type",
                "The resource does not say its resourceType.",
                expected="resourceType",
                found=name,
            )
        if not self.known(name):
            return error("structure", "resource-type", "There is no such type of resource in R4.", found=name)
        return self.rule_of(name).check(node)


@dataclass(frozen=True, slots=True)
class ContainedRule:
    """A contained resource: it has an id, nothing contained in it, and no life of its own (dom-2, dom-4, dom-5)."""

    resource: Rule

    def check(self, node: Any) -> Findings:
        """The findings of the resource and of being contained."""
        found = self.resource.check(node)
        if not isinstance(node, Mapping):
            return found
        meta = node.get("meta")
        given = meta.keys() if isinstance(meta, Mapping) else frozenset()
        if "contained" in node:
            found += error("invariant", "dom-2", "A contained resource must not contain resources.", at="contained")
        if "versionId" in given or "lastUpdated" in given:
            found += error(
                "invariant", "dom-4", "A contained resource has no version and no time of change.", at="meta"
            )
        if "security" in given:
            found += error(
                "invariant", "dom-5", "A contained resource has no security label of its own.", at="meta.security"
            )
        if "id" not in node:
            found += error(
                "required", "contained-id", "A contained resource must have an id to be referred to.", expected="id"
            )
        return found


def local_references(node: Any) -> Findings:
    """ref-1 over a whole resource: every `#id` names a contained resource. Entries and parameters are documents of their own."""
    contained = node.get("contained")
    resources = [c for c in contained if isinstance(c, Mapping)] if isinstance(contained, list) else []
    ids = {f"#{c.get('id')}" for c in resources} | {"#"}
    waiting: list[Any] = [value for key, value in node.items() if key not in ("entry", "parameter")]
    while waiting:
        part = waiting.pop()
        if type(part) is str:
            continue
        if isinstance(part, list):
            waiting.extend(part)
        elif isinstance(part, Mapping):
            waiting.extend(part.values())
            text = part.get("reference")
            if isinstance(text, str) and text.startswith("#") and text not in ids:
                return error(
                    "not-found", "ref-1", "A reference names a contained resource that is not there.", found=text
                )
    return NONE


@dataclass(frozen=True, slots=True)
class LocalReferences:
    """ref-1 for the resource types that can contain others."""

    def check(self, node: Any) -> Findings:
        """0..1 finding."""
        return local_references(node)
