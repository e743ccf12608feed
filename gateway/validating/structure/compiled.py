"""From structures to rules: every type, backbone element and resource becomes one ObjectRule, made when it is first met.

A further kind of rule (invariants in FHIRPath, slices) is one more `Rule` in `ObjectRule.further` or around the rule of a member:
give `Catalogue` a maker of such rules as `further`; keys that are written out by hand here are in `WRITTEN_OUT`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gateway.definitions.library import Library
from gateway.definitions.structure import Element, Structure, TypeRef
from gateway.terminology.membership import Terminology
from gateway.validating.structure import bundle
from gateway.validating.structure.attachment import SizeRule
from gateway.validating.structure.coded import coded
from gateway.validating.structure.context import InContext, Placed
from gateway.validating.structure.extension import Defined, KnownModifier, OutermostExtension, ValueOrMore, undefined
from gateway.validating.structure.finding import Findings, Rule
from gateway.validating.structure.narrative import NarrativeRule
from gateway.validating.structure.primitives import TextRule, is_id, primitive
from gateway.validating.structure.reference import ReferenceRule
from gateway.validating.structure.resource import ContainedRule, LocalReferences, ResourceRule
from gateway.validating.structure.shape import Anything, Many, Member, Need, ObjectRule, Shadow, Single

Further = Callable[[Structure, Element], tuple[Rule, ...]]
WRITTEN_OUT = frozenset((*bundle.RULES, "ele-1", "ext-1", "dom-2", "dom-4", "dom-5", "txt-1", "txt-2", "ref-1"))
_RESOURCE = "http://hl7.org/fhir/StructureDefinition/Resource"
_WRITTEN: tuple[tuple[str, Rule], ...] = (
    ("Extension", ValueOrMore()),
    ("Bundle", bundle.BundleRule()),
    ("Attachment", SizeRule()),
)
_NESTED = ("Element", "BackboneElement")


@dataclass(frozen=True, slots=True)
class Named:
    """The rule of a type or element id, looked up when run, so that types may hold themselves."""

    name: str
    rules: Catalogue

    def check(self, node: object) -> Findings:
        """What the named rule says."""
        return self.rules[self.name].check(node)


@dataclass(frozen=True, slots=True)
class Narrowed:
    """A datatype that the base type itself narrows by a profile (SimpleQuantity)."""

    shape: Rule
    profile: str
    defined: Defined

    def check(self, node: object) -> Findings:
        """The findings of the datatype, else those of the profile."""
        found = self.shape.check(node)
        profile = None if found else self.defined(self.profile)
        return found if profile is None else profile.check(node)


class Catalogue(dict[str, Rule]):
    """Rules by type name (`Patient`, `HumanName`) or element id (`Patient.contact`), compiled on the first look."""

    def __init__(
        self, library: Library, terminology: Terminology, defined: Defined = undefined, further: Further | None = None
    ) -> None:
        super().__init__()
        self._library = library
        self._terminology = terminology
        self._defined = defined
        self._further = further
        self.resource = ResourceRule(library.resource_types.__contains__, self.__getitem__)

    def __missing__(self, name: str) -> Rule:
        structure = self._library.structure(name.partition(".")[0])
        if structure is None:
            raise KeyError(name)
        rule = self[name] = self._object(structure, name)
        return rule

    def _object(self, structure: Structure, id: str) -> Rule:
        children = [e for e in structure.children(id) if e.max != 0]
        members: dict[str, Member] = {}
        for child in children:
            members.update(self._members(child))
        if structure.kind == "resource" and id == structure.type:
            members["resourceType"] = Anything("resourceType")
        needs = tuple(Need(c.name, tuple(key for key, _ in self._members(c))) for c in children if c.min)
        return ObjectRule(id, members, needs, self._whole(structure, id))

    def _whole(self, structure: Structure, id: str) -> tuple[Rule, ...]:
        """The rules of the node as a whole."""
        rules: tuple[Rule, ...] = ()
        if structure.kind == "resource" and id == structure.type:
            rules += (InContext((id,), id, self._library),)
        rules += tuple(rule for name, rule in _WRITTEN if name == id)
        if any(e.name == "contained" for e in structure.children(id)):
            rules += (LocalReferences(),)
        element = structure.element(id)
        if self._further is not None and element is not None:
            rules += self._further(structure, element)
        return rules

    def _members(self, element: Element) -> Iterator[tuple[str, Member]]:
        """The JSON keys of an element: one, or one per type of a choice, and `_key` for primitives."""
        if element.content_reference:
            rule: Rule = Placed(Named(element.content_reference, self), self._context(element, "BackboneElement"))
            yield element.name, _member(element, element.name, rule, "")
            return
        choice = element.name if element.name.endswith("[x]") else ""
        stem = element.name.removesuffix("[x]")
        for kind in element.types:
            key = stem + kind.code[:1].upper() + kind.code[1:] if choice else stem
            step = f"{stem}.ofType({kind.code})" if choice else stem
            yield key, _member(element, step, self._rule(element, kind), choice)
            if primitive(kind.code) is not None and "xmlAttr" not in element.representation:
                yield f"_{key}", Shadow(step, self._beside(element, kind), _listed(element), choice)

    def _rule(self, element: Element, kind: TypeRef) -> Rule:
        rule = self._bound(element, kind, self._shape(element, kind))
        if element.name == "modifierExtension":
            return KnownModifier(
                OutermostExtension(rule, self._defined), lambda url: self._library.structure(url) is not None
            )
        if kind.code == "Extension" and not element.path.startswith("Extension."):
            return OutermostExtension(rule, self._defined)
        simple = kind.code in ("Resource", "Extension", "xhtml") or primitive(kind.code) is not None
        return rule if simple else Placed(rule, self._context(element, kind.code))

    def _beside(self, element: Element, kind: TypeRef) -> Rule:
        """What stands in `_key`: id and extensions of a primitive."""
        return Placed(Named("Element", self), self._context(element, kind.code))

    def _context(self, element: Element, type_name: str) -> InContext:
        paths = (element.content_reference or element.path, element.base_path)
        return InContext(paths, type_name, self._library)

    def _shape(self, element: Element, kind: TypeRef) -> Rule:
        if kind.code == "Resource":
            return ContainedRule(self.resource) if element.name == "contained" else self.resource
        if kind.code == "xhtml":
            return NarrativeRule()
        if kind.code in _NESTED:
            return Named(element.id, self)
        if element.base_path == "Resource.id":  # R4 types it string; resource.html 2.28.3 makes it an id
            return TextRule("id", is_id)
        rule = primitive(kind.code) or Named(kind.code, self)
        return Narrowed(rule, kind.profiles[0], self._defined) if len(kind.profiles) == 1 else rule

    def _bound(self, element: Element, kind: TypeRef, rule: Rule) -> Rule:
        if kind.code == "Reference" and kind.targets and _RESOURCE not in kind.targets:
            names = frozenset(url.rsplit("/", 1)[-1] for url in kind.targets)
            return ReferenceRule(rule, names, self._library.resource_types)
        binding = element.binding
        if binding is None:
            return rule
        if binding.strength == "required" and binding.value_set:
            return coded(rule, kind.code, binding.value_set, self._terminology)
        return coded(rule, kind.code, binding.widest, self._terminology) if binding.widest else rule


def _listed(element: Element) -> bool:
    """Whether JSON writes a list; a profile that says 0..1 of a list does not change that."""
    return element.max == -1 or (element.max or 0) > 1


def _member(element: Element, step: str, rule: Rule, choice: str) -> Member:
    if not _listed(element):
        return Single(step, rule, choice)
    return Many(step, rule, element.min or 0, -1 if element.max is None else element.max, choice)
