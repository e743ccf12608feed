"""What a profile says of one element beyond the base: rules of values, types, targets, codes and invariants (FHIR R4, ElementDefinition)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from gateway.definitions.library import Library
from gateway.definitions.structure import Element, TypeRef
from gateway.fhirpath import Compiler, Node
from gateway.model.patterns import matcher
from gateway.terminology.membership import Terminology
from gateway.validating.structure.claims import Conforms, Fixed, OnValue, Pattern, Present, targets
from gateway.validating.structure.coded import bindings, coded
from gateway.validating.structure.constraint import NodeRule
from gateway.validating.structure.finding import NONE, Findings, Silent
from gateway.validating.structure.invariant import Uncompiled, invariant_rules
from gateway.validating.structure.limits import (
    DecimalsRule,
    FormRule,
    KindsRule,
    LargestRule,
    LongestRule,
    RangeRule,
    ShortestRule,
)
from gateway.validating.structure.places import NESTED
from gateway.validating.structure.scope import Scope


@dataclass(frozen=True, slots=True)
class Beyond:
    """Makes the rules of elements; what the base element says already is left out."""

    library: Library
    terminology: Terminology
    compiler: Compiler

    def rules(self, element: Element, base: Element | None) -> Iterator[NodeRule]:
        """0..* rules of a value of the element."""
        if element.fixed:
            yield Fixed(element.fixed.value)
        if element.pattern:
            yield Pattern(element.pattern.value)
        if element.must_have_value or element.value_alternatives:
            yield Present(frozenset(element.value_alternatives))
        yield from (OnValue(rule) for rule in _limits(element, base))
        yield from self._typed(element, base)
        if element.binding and (base is None or element.binding != base.binding):
            for binding in bindings(element.binding, self.terminology):
                for code in dict.fromkeys(kind.code for kind in element.types):
                    rule = coded(_SILENT, code, binding)
                    if rule is not _SILENT:
                        yield OfType(code, OnValue(rule))
        yield from self._invariants(element, base)

    def _typed(self, element: Element, base: Element | None) -> Iterator[NodeRule]:
        """Profiles of the types of an element, and targets of references."""
        known = {kind.code: kind for kind in base.types} if base else {}
        for kind in element.types:
            own = known.get(kind.code)
            if kind.profiles and kind.code != "Extension" and (own is None or own.profiles != kind.profiles):
                yield OfType(kind.code, Conforms(addresses(kind)))
        references = tuple(kind for kind in element.types if kind.code in ("Reference", "canonical"))
        if references and references != tuple(
            k for k in (base.types if base else ()) if k.code in ("Reference", "canonical")
        ):
            rule = targets(tuple(k for k in references if k.code == "Reference"), self._type_of)
            if rule is not None:
                yield OfType("Reference", rule)

    def _invariants(self, element: Element, base: Element | None) -> Iterator[NodeRule]:
        """What the base has not judged: neither its element nor the type itself."""
        known = {i.key for i in base.invariants} if base else set()
        codes = list(dict.fromkeys(kind.code for kind in element.types)) or [element.path]
        for code in codes:
            structure = self.library.structure(code) if code not in NESTED else None
            root = structure.element(structure.type) if structure else None
            skipped = known | ({i.key for i in root.invariants} if root else {"ele-1"})
            name = base.id if base is not None and code in NESTED else code
            held = base is not None and any(kind.code == "Resource" for kind in base.types)
            for rule in invariant_rules(self.compiler, name, [i for i in element.invariants if i.key not in skipped]):
                judged = FromHolder(rule) if held else rule
                yield OfType(name, judged) if len(codes) > 1 else judged

    def _type_of(self, url: str) -> str:
        structure = self.library.structure(url)
        return structure.type if structure else ""


@dataclass(frozen=True, slots=True)
class OfType:
    """A rule for the values of one type of a choice, and of what descends from it."""

    type: str
    rule: NodeRule
    _fits: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)

    def of_node(self, node: Node, scope: Scope) -> Findings:
        """What the rule finds; nothing of another type."""
        kind = node.type
        if kind != self.type:
            fits = self._fits.get(kind)
            if fits is None:
                fits = self._fits[kind] = self.type in scope.tools.compiler.model.lineage(kind)
            if not fits:
                return NONE
        return self.rule.of_node(node, scope)


@dataclass(frozen=True, slots=True)
class FromHolder:
    """An invariant that one resource states of another inside it: `%resource` is the one that states it."""

    rule: NodeRule

    def of_node(self, node: Node, scope: Scope) -> Findings:
        """What the rule finds."""
        return self.rule.of_node(node, scope.outer or scope)


_SILENT = Silent()


def addresses(kind: TypeRef) -> tuple[str, ...]:
    """The profiles of a type; where one element of a profile is meant, `address#id`."""
    elements = kind.profile_elements or ("",) * len(kind.profiles)
    return tuple(f"{url}#{id}" if id else url for url, id in zip(kind.profiles, elements, strict=False))


def _limits(element: Element, base: Element | None) -> Iterator[Any]:
    if element.max_length and (base is None or base.max_length != element.max_length):
        yield LongestRule(element.max_length)
    if element.min_length:
        yield ShortestRule(element.min_length)
    if element.max_decimals is not None:
        yield DecimalsRule(element.max_decimals)
    if element.max_size is not None:
        yield LargestRule(element.max_size)
    if element.mime_types:
        yield KindsRule(tuple(kind.lower() for kind in element.mime_types))
    if base is not None:
        forms = [kind.regex for kind in element.types if kind.regex and kind not in base.types]
        yield from (
            FormRule(regex, fits) if (fits := matcher(regex)) else Uncompiled("profile-regex") for regex in forms
        )
    if element.min_value:
        yield RangeRule(element.min_value.value, 1)
    if element.max_value:
        yield RangeRule(element.max_value.value, -1)


def narrowed(element: Element, base: Element | None) -> frozenset[str]:
    """The types a choice or a resource is narrowed to; empty where nothing is narrowed."""
    codes = frozenset(kind.code for kind in element.types)
    if base is None or not codes or codes & {"Resource", "DomainResource", "Element", "BackboneElement"}:
        return frozenset()
    wider = frozenset(kind.code for kind in base.types)
    return codes if codes != wider and (len(wider) > 1 or "Resource" in wider) else frozenset()
