"""Profiles compiled to constraints, once each (FHIR R4, StructureDefinition with derivation = constraint)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gateway.definitions.library import Library
from gateway.definitions.structure import Element, Structure
from gateway.terminology.membership import Terminology
from gateway.validating.structure.coded import coded
from gateway.validating.structure.compiled import WRITTEN_OUT
from gateway.validating.structure.constraint import Constraint, ExtensionSlice
from gateway.validating.structure.finding import NONE, Findings, Rule
from gateway.validating.structure.limits import LongestRule, RangeRule
from gateway.validating.structure.reference import ReferenceRule

_EXTENSIONS = ("extension", "modifierExtension")
_DEEPEST = 16
Tree = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile ready to run: the type it is about, its own constraints and those of the profiles it stands on."""

    url: str
    type: str
    constraints: tuple[Constraint, ...]
    partial: bool

    def check(self, node: Any) -> Findings:
        """0..* findings, relative to the resource."""
        findings: Findings = NONE
        for constraint in self.constraints:
            findings += constraint.check(node)
        return findings


@dataclass(frozen=True, slots=True)
class Silent:
    """A rule without anything to say, where the base type has been judged already."""

    def check(self, _node: Any, /) -> Findings:
        """Nothing."""
        return NONE


@dataclass(frozen=True, slots=True)
class InProfile:
    """A value that must keep a profile of its datatype; a profile that is not at hand, or about another type, says nothing."""

    url: str
    profiles: Profiles

    def check(self, node: Any) -> Findings:
        """The findings of the profile."""
        profile = self.profiles.get(self.url)
        if profile is None or (isinstance(node, Mapping) and node.get("resourceType", profile.type) != profile.type):
            return NONE
        return profile.check(node)


class Profiles:
    """Profiles by canonical address, compiled on the first look; None for an address that is not at hand."""

    def __init__(self, library: Library, terminology: Terminology) -> None:
        self._library = library
        self._terminology = terminology
        self._compiled: dict[str, Profile] = {}

    def get(self, url: str) -> Profile | None:
        """The compiled profile."""
        known = self._compiled.get(url)
        if known is None and (known := self._profile(url)) is not None:
            self._compiled[url] = known
        return known

    def _profile(self, url: str) -> Profile | None:
        structures = list(self._chain(url))
        if not structures:
            return None
        constraints = tuple(self._root(s) for s in structures if s.derivation == "constraint" and s.elements)
        return Profile(url, structures[0].type, constraints, any(map(_partial, structures)))

    def _chain(self, url: str) -> Iterable[Structure]:
        """The structure and, when it has no snapshot of its own, those below it up to a snapshot."""
        for _ in range(_DEEPEST):
            structure = self._library.structure(url)
            if structure is None:
                return
            yield structure
            if structure.snapshot or not structure.base:
                return
            url = structure.base

    def _root(self, structure: Structure) -> Constraint:
        root = self._constraint(structure.type, _tree(structure))
        base = self._library.structure(structure.type)
        steps = _choice_steps(base) if base else {}
        return replace(root, children=tuple(replace(c, step=steps.get(c.name, "")) for c in root.children))

    def _constraint(self, name: str, tree: Tree) -> Constraint:
        element: Element | None = tree.get("element")
        children = tuple(self._constraint(key, sub) for key, sub in tree.get("children", {}).items())
        extensions = tuple(
            s for key, rows in tree.get("slices", {}).items() for sub in rows if (s := self._extension(key, sub))
        )
        if element is None:
            return Constraint(name, children=children, extensions=extensions)
        return Constraint(
            name=name,
            least=element.min or 0,
            most=element.max,
            types=_choice_types(element),
            fixed=(element.fixed.value,) if element.fixed else (),
            pattern=(element.pattern.value,) if element.pattern else (),
            rules=tuple(self._rules(element)),
            children=children,
            extensions=extensions,
        )

    def _rules(self, element: Element) -> Iterable[Rule]:
        yield from _limits(element)
        if len(element.types) == 1 and len(element.types[0].profiles) == 1 and element.name not in _EXTENSIONS:
            yield InProfile(element.types[0].profiles[0], self)
        binding = element.binding
        if binding and binding.strength == "required" and binding.value_set:
            for kind in element.types or ():
                if kind.code in ("code", "Coding", "CodeableConcept"):
                    yield coded(Silent(), kind.code, binding.value_set, self._terminology)
        for kind in element.types:
            targets = [self._library.structure(t) for t in kind.targets]
            if kind.code == "Reference" and targets and all(targets):
                names = frozenset(t.type for t in targets if t)
                if not names & {"Resource", "DomainResource"}:
                    yield ReferenceRule(Silent(), names, self._library.resource_types)

    def _extension(self, key: str, tree: Tree) -> ExtensionSlice | None:
        """A slice of extensions: its url is fixed below it, or stands in the profile of its type."""
        element: Element = tree["element"]
        fixed = tree.get("children", {}).get("url", {}).get("element")
        profiles = [p for t in element.types for p in t.profiles]
        url = fixed.fixed.value if fixed and fixed.fixed else (profiles[0].partition("|")[0] if profiles else "")
        if not isinstance(url, str) or not url:
            return None
        inner = self._constraint(key, {k: v for k, v in tree.items() if k != "element"})
        return ExtensionSlice(key, url, element.min or 0, -1 if element.max is None else element.max, inner)


def _choice_steps(base: Structure) -> dict[str, str]:
    """`valueQuantity` → `value.ofType(Quantity)`: profiles may name a choice by one of its types."""
    stems = [(e.name.removesuffix("[x]"), e.types) for e in base.children(base.type) if e.name.endswith("[x]")]
    return {
        f"{stem}{t.code[:1].upper()}{t.code[1:]}": f"{stem}.ofType({t.code})" for stem, types in stems for t in types
    }


def _limits(element: Element) -> Iterable[Rule]:
    if element.max_length:
        yield LongestRule(element.max_length)
    if element.min_value:
        yield RangeRule(element.min_value.value, 1)
    if element.max_value:
        yield RangeRule(element.max_value.value, -1)


def _partial(structure: Structure) -> bool:
    """Whether a profile has slices of other elements than extensions, or invariants of its own."""
    if structure.derivation != "constraint":
        return False
    return any((e.slice_name and e.name not in _EXTENSIONS) or any(_own(i.source, structure.url) for i in e.invariants
               if i.key not in WRITTEN_OUT) for e in structure.elements)  # fmt: skip


def _own(source: str, url: str) -> bool:
    return source in ("", url)


def _choice_types(element: Element) -> frozenset[str]:
    """The types a choice is narrowed to, as they appear in JSON keys (`Quantity`, `DateTime`)."""
    if not element.name.endswith("[x]"):
        return frozenset()
    return frozenset(t.code[:1].upper() + t.code[1:] for t in element.types)


def _tree(structure: Structure) -> Tree:
    """The elements as nodes {element, children by name, slices by name}; what is inside other slices is left out."""
    root: Tree = {}
    for element, parts in _placed(structure):
        node: Tree | None = root
        for part in parts:
            node = _step(node, part, element if part is parts[-1] else None) if node is not None else None
        if node is not None:
            node["element"] = element
    return root


def _placed(structure: Structure) -> Iterable[tuple[Element, list[str]]]:
    """Each element with its parts (`extension:race`, `url`). Without ids, elements after a slice and below it belong to it."""
    inside = ""
    for element in structure.elements:
        if element.slice_name and ":" not in element.id:
            inside = element.path + "."
            continue
        if inside and element.path.startswith(inside) and ":" not in element.id:
            continue
        inside = ""
        yield element, element.id.split(".")[1:]


def _step(node: Tree, part: str, element: Element | None) -> Tree | None:
    name, _, slice_name = part.partition(":")
    if not slice_name:
        child: Tree = node.setdefault("children", {}).setdefault(name, {})
        return child
    if name not in _EXTENSIONS:
        return None
    rows: list[Tree] = node.setdefault("slices", {}).setdefault(name, [])
    known = next((row for row in rows if row["name"] == slice_name), None)
    if known is None and element is not None:
        known = {"name": slice_name}
        rows.append(known)
    return known


def supported(urls: Any) -> tuple[str, ...]:
    """The profiles a resource claims in `meta.profile`: 0..* canonical addresses; what is not a list of strings is judged elsewhere."""
    if not isinstance(urls, Mapping) or not isinstance(urls.get("profile"), list):
        return ()
    return tuple(url for url in urls["profile"] if isinstance(url, str))
