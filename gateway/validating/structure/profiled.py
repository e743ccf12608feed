"""Profiles compiled to constraints, once each: only what they say beyond the type they are about (FHIR R4, StructureDefinition).

The rules of the base type judge every document already; a profile's snapshot is compared with it, and what it repeats is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from gateway.definitions.library import Library
from gateway.definitions.structure import Element, Structure
from gateway.fhirpath import Compiler, Node
from gateway.terminology.membership import Terminology
from gateway.validating.structure.beyond import Beyond, addresses, narrowed
from gateway.validating.structure.claims import Fixed
from gateway.validating.structure.constraint import Constraint, Cut
from gateway.validating.structure.content.control import Control, controlled, controls_of
from gateway.validating.structure.discriminator import matcher
from gateway.validating.structure.finding import Findings
from gateway.validating.structure.places import NESTED, Place, place_of
from gateway.validating.structure.scope import Scope
from gateway.validating.structure.slicing import DEFAULT, Slice, Slicing
from gateway.validating.structure.telling import Telling

_EXTENSIONS = ("extension", "modifierExtension")
_DEEPEST = 16
_MOST_ASKED = 2_000
_BY_URL = (("value", "url"),)
_BY_TYPE = (("type", "$this"),)


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile ready to run: the type it is about and what it says of a value of it. `incomplete`: something it stands on is not at hand."""

    url: str
    type: str
    constraint: Constraint
    types: frozenset[str]  # what may be judged by it
    incomplete: bool = False
    controls: tuple[Control, ...] = ()
    imposes: tuple[str, ...] = ()  # profiles that hold with this one

    def of_type(self, type_name: str) -> bool:
        """Whether a value of that type can be judged by it."""
        return type_name in self.types or self.type in ("Resource", "DomainResource", "Element")

    def check(self, node: Node, scope: Scope) -> Findings:
        """0..* findings, relative to the node."""
        found = self.constraint.of_node(node, scope)
        if self.controls:
            found += controlled(self.controls, node.value)
        return found + self._imposed(node, scope) if self.imposes else found

    def _imposed(self, node: Node, scope: Scope) -> Findings:
        """The findings by the profiles that hold with this one, each asked once however many impose it."""
        first = "imposed" not in scope.kept
        asked: set[str] = scope.kept.setdefault("imposed", {self.url})
        found: Findings = ()
        for url in self.imposes:
            profile = scope.tools.profiles.get(url) if url not in asked else None
            asked.add(url)
            if profile is not None and profile.of_type(node.type):
                found += profile.check(node, scope)
        if first:
            del scope.kept["imposed"]
        return found

    def of_value(self, value: Any, scope: Scope) -> Findings:
        """The same for a value of the profile's type."""
        return self.constraint.of_node(Node(value, self.type), scope)


@dataclass(frozen=True, slots=True)
class Base:
    """Where the children of a place stand in the type it is of: a structure and the id of an element in it."""

    structure: Structure
    id: str

    def child(self, name: str) -> Element | None:
        """The element of a name; `valueQuantity` is one of the types of `value[x]`."""
        for element in self.structure.children(self.id):
            stem = element.name.removesuffix("[x]")
            if element.name == name or (stem != element.name and name.startswith(stem) and name != stem):
                return element
        return None


class Profiles:
    """Profiles by canonical address, compiled on the first look; None for an address that is not at hand."""

    def __init__(self, library: Library, terminology: Terminology, compiler: Compiler) -> None:
        self._library = library
        self._terminology = terminology
        self._compiler = compiler
        self._compiled: dict[str, Profile] = {}
        self._asked: dict[str, Profile] = {}
        self._places: dict[str, Place | None] = {}
        self._telling = Telling(self, terminology)
        self._beyond = Beyond(library, terminology, compiler)

    def get(self, url: str) -> Profile | None:
        """The compiled profile. Documents may ask for one under any number of addresses; it is compiled once."""
        asked = self._asked.get(url)
        return asked if asked is not None else self._found(url)

    def _found(self, url: str) -> Profile | None:
        structure = self._library.structure(url.partition("#")[0])
        if structure is None:
            return None
        name = _name(structure, url)
        known = self._compiled.get(name)
        if known is None and (known := self._profile(structure, url)) is not None:
            self._compiled[name] = known
        if known is not None and len(self._asked) < _MOST_ASKED:
            self._asked[url] = known
        return known

    def place(self, url: str) -> Place | None:
        """The elements of a profile or type as places; `address#id` is one element of a profile."""
        address, _, id = url.partition("#")
        structure = self._library.structure(address)
        if structure is None:
            return None
        name = _name(structure, url)
        if name not in self._places:
            self._places[name] = place_of(structure, id)
        return self._places[name]

    def roots(self, element: Element) -> Iterator[Place]:
        """What the types of an element say of their own: the profiles they name, else the types."""
        for kind in element.types:
            urls = addresses(kind) or ((kind.code,) if kind.code not in NESTED else ())
            yield from (root for url in urls if (root := self.place(url) or self.place(kind.code)) is not None)

    def telling(self, place: Place) -> Constraint | None:
        """What a place says that can tell a value from others."""
        return self._telling.of(place)

    def type_of(self, url: str) -> str:
        """The type that a profile is about; empty when it is not at hand."""
        structure = self._library.structure(url)
        return structure.type if structure else ""

    def _profile(self, structure: Structure, url: str) -> Profile | None:
        root = self.place(url)
        base = self._library.structure(structure.type)
        if root is None or base is None:
            return None
        id = root.element.path if "#" in url else base.type
        constraint = replace(self._constraint(root, base.element(id), Base(base, id)), least=0, most=-1)
        types = frozenset((id,))
        incomplete = not structure.snapshot or bool(structure.missing)
        chain = tuple(self._chain(structure))
        raw = (self._library.resource("StructureDefinition", each.url) for each in chain)
        controls = tuple(control for each in raw if each is not None for control in controls_of(each))
        imposes = tuple(dict.fromkeys(imposed for each in chain for imposed in each.imposes))
        return Profile(url, structure.type, constraint, types, incomplete, controls, imposes)

    def _chain(self, structure: Structure) -> Iterator[Structure]:
        """A profile and the profiles it stands on."""
        at: Structure | None = structure
        for _ in range(_DEEPEST):
            if at is None or at.derivation != "constraint":
                return
            yield at
            at = self._library.structure(at.base) if at.base else None

    def _constraint(self, place: Place, base: Element | None, at: Base | None) -> Constraint:
        element = place.element
        children = tuple(c for name, child in place.children.items() if not (c := self._child(name, child, at)).silent)
        least, most = element.min or 0, -1 if element.max is None else element.max
        if base is not None and not element.slice_name:
            least, most = (0 if least == (base.min or 0) else least), (-1 if most == base.max else most)
        made = Constraint(
            name=element.name,
            least=least,
            most=most,
            types=narrowed(element, base),
            rules=tuple(self._beyond.rules(element, base)),
            children=children,
            cuts=tuple(self._cuts(place, base, at)),
        )
        return replace(made, quick=quick(made))

    def _child(self, name: str, child: Place, at: Base | None) -> Constraint:
        base = at.child(name) if at else None
        return self._constraint(child, base, self._below(child.element, base, at))

    def _below(self, element: Element, base: Element | None, at: Base | None) -> Base | None:
        """Where the children of an element stand: in its own structure, or in its type."""
        if base is None or at is None:
            return None
        if base.content_reference:
            return Base(at.structure, base.content_reference)
        kinds = element.types or base.types
        code = kinds[0].code if len({kind.code for kind in kinds}) == 1 else "Element"
        if code in NESTED and base.types and base.types[0].code in NESTED:
            return Base(at.structure, base.id)
        structure = self._library.structure(code)
        return Base(structure, structure.type) if structure else None

    def _cuts(self, place: Place, base: Element | None, at: Base | None) -> Iterator[Cut]:
        if not place.slices:
            return
        slicing = place.element.slicing
        name = place.element.name
        implied = _BY_URL if name in _EXTENSIONS else _BY_TYPE if name.endswith("[x]") else ()
        discriminators = (slicing.discriminators if slicing else ()) or implied
        slices = tuple(self._slice(cut, discriminators, base, at) for cut in place.slices.values())
        unjudged = tuple(each.name for each in slices if each.match is None and each.name != DEFAULT)
        rules, ordered = (slicing.rules, slicing.ordered) if slicing else ("open", False)
        yield Slicing(slices, rules, ordered, unjudged)

    def _slice(
        self, cut: Place, discriminators: tuple[tuple[str, str], ...], base: Element | None, at: Base | None
    ) -> Slice:
        name = cut.element.slice_name
        below = at
        if base is not None and len(base.types) > 1 and at is not None:
            below = self._below(cut.element, base, at)
        match = None if name == DEFAULT else matcher(cut, discriminators, self)
        return Slice(name, match, self._constraint(cut, base, below))


def quick(made: Constraint) -> Callable[[dict[str, Any]], bool] | None:
    """A quick yes for what profiles ask most often: that a single element is there, or that it is one fixed text."""
    name, rules = made.name, made.rules
    if (
        made.children
        or made.cuts
        or made.types
        or made.most >= 0
        or made.least > 1
        or name.endswith("[x]")
        or len(rules) > 1
    ):
        return None
    if not rules:
        return lambda value: value.get(name) is not None
    text = rules[0].value if isinstance(rules[0], Fixed) else None
    return (lambda value: value.get(name) == text) if isinstance(text, str) else None


def _name(structure: Structure, url: str) -> str:
    """The same for the same definition, however it was asked for."""
    return f"{structure.url}|{structure.version}#{url.partition('#')[2]}"


def supported(meta: Any) -> tuple[str, ...]:
    """The profiles a resource claims in `meta.profile`: 0..* canonical addresses; what is not a list of strings is judged elsewhere."""
    if not isinstance(meta, dict) or not isinstance(meta.get("profile"), list):
        return ()
    return tuple(url for url in meta["profile"] if isinstance(url, str))
