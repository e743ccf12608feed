"""From structures to rules: every type, backbone element and resource becomes one ObjectRule, its parts compiled when it is first met.

Rules that every document passes often are written by hand (`WRITTEN_OUT`); all other invariants are compiled from their FHIRPath.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from gateway.definitions.library import FHIR, Library
from gateway.definitions.structure import Element, Invariant, Structure, TypeRef
from gateway.fhirpath import Compiler
from gateway.terminology.membership import Terminology
from gateway.validating.structure import bundle
from gateway.validating.structure.attachment import SizeRule
from gateway.validating.structure.coded import Coded, bindings, coded, of_code, quick_member
from gateway.validating.structure.coding import AbsoluteSystem, KnownCode, Remembered, UriValue
from gateway.validating.structure.content import CONTENT
from gateway.validating.structure.content.markdown import MarkdownRule
from gateway.validating.structure.context import EVERYWHERE, InContext
from gateway.validating.structure.extension import KnownModifier, OutermostExtension, ValueOrMore
from gateway.validating.structure.finding import Findings, Rule
from gateway.validating.structure.invariant import InvariantRule, Ordered, invariant_rules
from gateway.validating.structure.narrative import NarrativeRule
from gateway.validating.structure.places import NESTED
from gateway.validating.structure.primitives import PrimitiveRule, TextRule, is_id, primitive
from gateway.validating.structure.reference import CanonicalRule, NamedReference, ReferenceRule
from gateway.validating.structure.resource import ContainedRule, ContainedUsed, ImplicitRules, Inner, ResourceRule
from gateway.validating.structure.scope import Scope
from gateway.validating.structure.shape import (
    Fits,
    Guarded,
    Judged,
    Many,
    Member,
    Need,
    ObjectRule,
    Parts,
    Shadow,
    Single,
    never,
)  # fmt: skip

WRITTEN_OUT = frozenset((
    *bundle.RULES, "ele-1", "ext-1", "dom-2", "dom-3", "dom-4", "dom-5", "txt-1", "txt-2", "ref-1",
))  # fmt: skip
_RESOURCE = f"{FHIR}Resource"
_WRITTEN: Mapping[str, tuple[Guarded, ...]] = {
    "Extension": (Guarded(None, ValueOrMore()),),
    "Bundle": (Guarded(None, bundle.BundleRule()),),
    "Attachment": (Guarded(frozenset(("size",)), SizeRule()),),
    "Coding": (Guarded(frozenset(("system",)), AbsoluteSystem()),),
    "Identifier": (Guarded(frozenset(("system",)), AbsoluteSystem()), Guarded(frozenset(("system",)), UriValue())),
}
_CODES = ("Coding", "Quantity")


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A datatype that the base type itself narrows by a profile (SimpleQuantity)."""

    shape: Rule
    profile: str
    type: str

    def check(self, node: Any, scope: Scope) -> Findings:
        """The findings of the datatype, else those of the profile."""
        found = self.shape.check(node, scope)
        profile = None if found else scope.tools.profiles.get(self.profile)
        return found if profile is None else profile.of_value(node, scope)


@dataclass(frozen=True, slots=True)
class ContentRule:
    """A rule of a resource type that is a function."""

    judge: Callable[[Any, Scope], Findings]

    def check(self, node: Any, scope: Scope) -> Findings:
        """What the function finds."""
        return self.judge(node, scope)


class Catalogue(dict[str, ObjectRule]):
    """Rules by type name (`Patient`, `HumanName`) or element id (`Patient.contact`)."""

    def __init__(self, library: Library, terminology: Terminology, compiler: Compiler) -> None:
        super().__init__()
        self._library = library
        self._terminology = terminology
        self._compiler = compiler
        self._known_code = KnownCode(terminology)
        self._concept = Remembered(self["CodeableConcept"])
        self.resource = ResourceRule(library.resource_types.__contains__, self.__getitem__)

    def __missing__(self, name: str) -> ObjectRule:
        rule = self[name] = ObjectRule(name, partial(self._parts, name))
        return rule

    def _parts(self, id: str) -> Parts:
        structure = self._library.structure(id.partition(".")[0])
        if structure is None:
            raise KeyError(id)
        children = [e for e in structure.children(id) if e.max != 0]
        members: dict[str, Member] = {}
        for child in children:
            members.update(self._members(child))
        if structure.kind == "resource" and id == structure.type:
            members["resourceType"] = Judged("resourceType")
        needs = tuple(Need(c.name, tuple(key for key, _ in self._members(c))) for c in children if c.min)
        return Parts(members, needs, self._whole(structure, id))

    def _whole(self, structure: Structure, id: str) -> tuple[Guarded, ...]:
        """The rules of the node as a whole."""
        rules: tuple[Guarded, ...] = ()
        if structure.kind == "resource" and id == structure.type:
            rules += (Guarded(frozenset(("extension", "modifierExtension")), InContext((id,), id)),)
            rules += (Guarded(frozenset(("contained",)), ContainedUsed()),)
            rules += (Guarded(frozenset(("implicitRules",)), ImplicitRules()),)
            rules += tuple(Guarded(None, ContentRule(judge)) for judge in CONTENT.get(id, ()))
        rules += _WRITTEN.get(id, ())
        if id == "Reference":
            rules += (Guarded(frozenset(("reference",)), NamedReference(self._library.resource_types)),)
        if id in _CODES:
            rules += (Guarded(frozenset(("code",)), self._known_code),)
        element = structure.element(id)
        return rules + (self._invariants(element.invariants, id) if element else ())

    def _invariants(self, invariants: tuple[Invariant, ...], id: str) -> tuple[Guarded, ...]:
        kept = [i for i in invariants if i.key not in WRITTEN_OUT]
        return tuple(guarded(rule) for rule in invariant_rules(self._compiler, id, kept))

    def _members(self, element: Element) -> Iterator[tuple[str, Member]]:
        """The JSON keys of an element: one, or one per type of a choice, and `_key` for primitives."""
        if element.content_reference:
            rule = self._with_invariants(element, "", self[element.content_reference])
            yield element.name, self._member(element, element.name, rule, TypeRef("BackboneElement"))
            return
        stem = element.name.removesuffix("[x]")
        for kind in element.types:
            choice = element.name.endswith("[x]")
            key = stem + kind.code[:1].upper() + kind.code[1:] if choice else stem
            step = f"{stem}.ofType({kind.code})" if choice else stem
            yield key, self._member(element, step, self._rule(element, kind), kind)
            if primitive(kind.code) is not None and "xmlAttr" not in element.representation:
                choice_of = element.name if choice else ""
                place = self._place(element, kind.code)
                yield f"_{key}", Shadow(step, self["Element"], _listed(element), choice_of, place)

    def _member(self, element: Element, step: str, rule: Rule, kind: TypeRef) -> Member:
        if isinstance(rule, ResourceRule):
            return Inner(step, rule)
        choice = element.name if element.name.endswith("[x]") else ""
        place = EVERYWHERE if kind.code in ("Resource", "Extension", "xhtml") else self._place(element, kind.code)
        json_kind, fits = quick(rule)
        if not _listed(element):
            return Single(step, rule, choice, place, json_kind, fits)
        most = -1 if element.max is None else element.max
        return Many(step, rule, element.min or 0, most, choice, place, json_kind, fits)

    def _place(self, element: Element, type_name: str) -> InContext:
        return InContext((element.content_reference or element.path, element.base_path), type_name)

    def _rule(self, element: Element, kind: TypeRef) -> Rule:
        rule = self._bound(element, kind, self._with_invariants(element, kind.code, self._shape(element, kind)))
        if element.name == "modifierExtension":
            return KnownModifier(
                OutermostExtension(rule, modifier=True), lambda url: self._library.structure(url) is not None
            )
        inside_another = element.path.startswith("Extension.")
        return OutermostExtension(rule) if kind.code == "Extension" and not inside_another else rule

    def _shape(self, element: Element, kind: TypeRef) -> Rule:
        if kind.code == "Resource":
            return ContainedRule(self.resource) if element.name == "contained" else self.resource
        if kind.code == "xhtml":
            return NarrativeRule()
        if kind.code in NESTED:
            return self[element.id]
        if element.base_path == "Resource.id":  # R4 types it string; resource.html 2.28.3 makes it an id
            return TextRule("id", is_id)
        if kind.code == "CodeableConcept":
            return self._concept
        rule: Rule = MarkdownRule() if kind.code == "markdown" else primitive(kind.code) or self._datatype(kind.code)
        return Narrowed(rule, kind.profiles[0], kind.code) if len(kind.profiles) == 1 else rule

    def _datatype(self, name: str) -> Rule:
        """The rule of a datatype; some bind their own code (Age, Duration, Distance)."""
        rule: Rule = self[name]
        structure = self._library.structure(name)
        root = structure.element(structure.type) if structure else None
        for binding in bindings(root.binding, self._terminology) if root else ():
            rule = coded(rule, "Quantity", binding)
        return rule

    def _with_invariants(self, element: Element, type_name: str, rule: Rule) -> Rule:
        """The invariants that the element has beside those of its type; a backbone element has them in its own parts."""
        own = self._own(element, type_name)
        if not own or type_name in NESTED:
            return rule
        return Held(rule, invariant_rules(self._compiler, type_name or element.content_reference, own))

    def _own(self, element: Element, type_name: str) -> list[Invariant]:
        structure = self._library.structure(type_name) if type_name else None
        root = structure.element(structure.type) if structure else None
        known = {i.key for i in root.invariants} if root else set()
        return [i for i in element.invariants if i.key not in known and i.key not in WRITTEN_OUT]

    def _bound(self, element: Element, kind: TypeRef, rule: Rule) -> Rule:
        if kind.code == "Reference" and kind.targets and _RESOURCE not in kind.targets:
            names = frozenset(url.rsplit("/", 1)[-1] for url in kind.targets)
            return ReferenceRule(rule, names, self._library.resource_types)
        if kind.code == "canonical" and kind.targets and _RESOURCE not in kind.targets:
            return CanonicalRule(rule, tuple(url.rsplit("/", 1)[-1] for url in kind.targets))
        for binding in bindings(element.binding, self._terminology):
            rule = coded(rule, kind.code, binding)
        return rule


@dataclass(frozen=True, slots=True)
class Held:
    """A value with invariants of its own element, after the rule of its type."""

    shape: Rule
    invariants: tuple[Rule, ...]

    def check(self, node: Any, scope: Scope) -> Findings:
        """The findings of the type, then of the invariants."""
        found = self.shape.check(node, scope)
        for rule in self.invariants:
            found += rule.check(node, scope)
        return found


def guarded(rule: Any) -> Guarded:
    """An invariant with what it can be skipped without."""
    if not isinstance(rule, InvariantRule):
        return Guarded(None, rule)
    quicker = Ordered(rule) if rule.invariant.key == "per-1" and rule.type == "Period" else rule
    return Guarded(rule.expression.triggers, quicker)


def quick(rule: Rule) -> tuple[type | None, Fits]:
    """The JSON kind and the check of a quick yes that says all the rule would; (None, never) where there is none."""
    if isinstance(rule, PrimitiveRule | MarkdownRule):
        return rule.kind, rule.fits
    if isinstance(rule, Coded) and rule.codes is of_code and isinstance(rule.shape, TextRule):
        return str, quick_member(rule.binding)
    return None, never


def _listed(element: Element) -> bool:
    """Whether JSON writes a list; a profile that says 0..1 of a list does not change that."""
    return element.max == -1 or (element.max or 0) > 1
