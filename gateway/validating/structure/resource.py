"""Resources where they occur: as the document, in a Bundle entry, in Parameters, contained (FHIR R4, Resource, DomainResource)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.validating.structure.finding import NONE, Findings, Rule, below, error, warning
from gateway.validating.structure.scope import Scope


@dataclass(frozen=True, slots=True)
class ResourceRule:
    """Any resource: judged by the rule of the type it names."""

    known: Callable[[str], bool]
    rule_of: Callable[[str], Rule]

    def check(self, node: Any, scope: Scope) -> Findings:
        """The findings of its type, relative to the resource, which is the one that `scope` is about."""
        name = node.get("resourceType") if isinstance(node, Mapping) else None
        if isinstance(name, str) and self.known(name):
            return self.rule_of(name).check(node, scope)
        return _nameless(node, name)


def _nameless(node: Any, name: Any) -> Findings:
    if not isinstance(node, Mapping):
        return error("structure", "json-object", "A resource is a JSON object.", expected="a resource", found=node)
    if not isinstance(name, str):
        text = "The resource does not say its resourceType."
        return error("structure", "resource-type", text, expected="resourceType", found=name)
    return error("structure", "resource-type", "There is no such type of resource in R4.", found=name)


@dataclass(frozen=True, slots=True)
class Inner:
    """A member that holds one resource (`entry.resource`, `parameter.resource`): judged in a scope of its own."""

    step: str
    resource: Rule
    choice: str = ""
    kind: type | None = None
    fits: Callable[[Any], Any] = bool

    def check(self, value: Any, holder: Mapping[str, Any], scope: Scope) -> Findings:
        """The findings of the resource."""
        inner = scope.inside(value, full_url=holder.get("fullUrl")) if type(value) is dict else scope
        found = self.resource.check(value, inner)
        return below(found, self.step) if found else NONE


@dataclass(frozen=True, slots=True)
class ContainedRule:
    """A contained resource: it has an id, nothing contained in it, and no life of its own (dom-2, dom-4, dom-5)."""

    resource: Rule

    def check(self, node: Any, scope: Scope) -> Findings:
        """The findings of the resource and of being contained."""
        if not isinstance(node, Mapping):
            return self.resource.check(node, scope)
        found = self.resource.check(node, scope.inside(node, contained=True))
        meta = node.get("meta")
        given = meta.keys() if isinstance(meta, Mapping) else frozenset()
        if "contained" in node:
            found += error("invariant", "dom-2", "A contained resource must not contain resources.")
        if "versionId" in given or "lastUpdated" in given:
            text = "A contained resource has no version and no time of change."
            found += error("invariant", "dom-4", text)
        if "security" in given:
            text = "A contained resource has no security label of its own."
            found += error("invariant", "dom-5", text)
        if "id" not in node:
            text = "A contained resource must have an id to be referred to."
            found += error("required", "contained-id", text, expected="id")
        return found


@dataclass(frozen=True, slots=True)
class ImplicitRules:
    """implicitRules: what is said there changes the meaning of the content, and none are known here (R4, resource.html 2.27.3.2)."""

    def check(self, _node: Any, _scope: Scope) -> Findings:
        """One warning."""
        text = "The resource was made under rules that are not known here; its content may mean something else."
        return warning("not-supported", "implicit-rules", text, at="implicitRules")


@dataclass(frozen=True, slots=True)
class ContainedUsed:
    """dom-3: something in the resource refers to each contained resource, or that refers to the resource around it."""

    def check(self, node: Any, _scope: Scope) -> Findings:
        """0..* findings, one for each that nothing refers to."""
        rows = node.get("contained")
        held = [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []
        named = set(_local(node))
        found = NONE
        for place, row in enumerate(held):
            if isinstance(row.get("id"), str) and f"#{row['id']}" not in named and "#" not in _local(row):
                text = "Nothing in the resource refers to this contained resource."
                found += error("invariant", "dom-3", text, found=row["id"], at=f"contained[{place}]")
        return found


_QUOTED = re.compile(r"""["'](#[^"'<>]*)["']""")


def _local(node: Any) -> Iterator[str]:
    """Every text below a node that starts with `#`, without recursion."""
    waiting: list[Any] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            if part.startswith("#"):
                yield part
            elif part.startswith("<"):  # a narrative, where a link or a picture may name it
                yield from _QUOTED.findall(part)
        elif isinstance(part, Mapping):
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)
