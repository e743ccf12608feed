"""What a profile says of elements, over the rules of their types: how many, of which type, and rules of each value (FHIR R4, profiling.html)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.fhirpath import Node
from gateway.validating.structure.finding import ENOUGH, NONE, Findings, below, error, more
from gateway.validating.structure.occurrences import Occurrence, occurrences_of
from gateway.validating.structure.scope import Scope

ANY_TYPE: frozenset[str] = frozenset()


class NodeRule(Protocol):
    """One thing to hold of a value that knows its type and what stands beside it."""

    def of_node(self, node: Node, scope: Scope, /) -> Findings:
        """0..* findings."""
        ...


class Cut(Protocol):
    """The slices of an element."""

    def of_all(self, found: list[Occurrence], /) -> Findings:
        """0..* findings of all values of the element, from their holder's view."""
        ...


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a profile says of one element and what is below it. `most` -1 has no limit; `types` empty allows all."""

    name: str
    least: int = 0
    most: int = -1
    types: frozenset[str] = ANY_TYPE
    rules: tuple[NodeRule, ...] = ()
    children: tuple[Constraint, ...] = ()
    cuts: tuple[Cut, ...] = ()
    quick: Callable[[dict[str, Any]], bool] | None = None  # a yes to all of it, from the JSON of the holder alone

    @property
    def silent(self) -> bool:
        """Whether there is nothing it could find."""
        return not (self.least or self.most >= 0 or self.types or self.rules or self.children or self.cuts)

    def of_node(self, node: Node, scope: Scope) -> Findings:
        """The findings of one value of the element."""
        found = NONE
        for rule in self.rules:
            found += rule.of_node(node, scope)
        for child in self.children:
            if inside := child.inside(node, scope):
                found = more(found, inside)
                if len(found) > ENOUGH:
                    break
        return found

    def inside(self, holder: Node, scope: Scope) -> Findings:
        """The findings of the element in its holder: how many there are, each of them, and its slices."""
        if self.quick is not None and type(holder.value) is dict and self.quick(holder.value):
            return NONE
        values = occurrences_of(self.name).of(holder, scope)
        found = NONE if self.least <= len(values) and self.most < 0 else self.counted(len(values))
        for step, node, inner in values:
            if self.types and node.type not in self.types:
                found += self._other_type(step, node.type)
            elif here := self.of_node(node, inner):
                found = more(found, below(here, step))
            if len(found) > ENOUGH:
                break
        for cut in self.cuts:
            found = more(found, cut.of_all(values))
        return found

    def counted(self, size: int, cut: str = "") -> Findings:
        """0..1 finding of how many there are, of the element or of a slice of it."""
        name = f"{self.name}:{cut}" if cut else self.name
        if size < self.least:
            text = "The profile requires more values of an element."
            return error("required", "profile-min", text, expected=f"{name}: at least {self.least}", found=size)
        if 0 <= self.most < size:
            text = "The profile allows fewer values of an element."
            return error("structure", "profile-max", text, expected=f"{name}: at most {self.most}", found=size)
        return NONE

    def _other_type(self, step: str, kind: str) -> Findings:
        text = "The profile does not allow a value of this type."
        return error("structure", "profile-type", text, expected=", ".join(sorted(self.types)), found=kind, at=step)
