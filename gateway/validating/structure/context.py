"""Where an extension may stand: the contexts its definition names (FHIR R4, StructureDefinition.context)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gateway.definitions.library import Library
from gateway.fhirpath import Node, NotCompiled, NotEvaluated
from gateway.validating.structure.errata import unplaced
from gateway.validating.structure.finding import MOST, NONE, Findings, error

if TYPE_CHECKING:
    from gateway.definitions.structure import Structure
    from gateway.validating.structure.scope import Scope

_KEYS = ("extension", "modifierExtension")


@dataclass(frozen=True, slots=True)
class InContext:
    """The extensions of a node against what the node is: its paths, its type and what the type descends from."""

    paths: tuple[str, ...] = ()
    type: str = ""

    def check(self, node: Any, scope: Scope) -> Findings:
        """0..1 finding for each extension that is defined, and defined for other places only."""
        findings: Findings = NONE
        for key in _KEYS:
            rows = node.get(key)
            for row in rows if isinstance(rows, list) else ():
                url = row.get("url") if isinstance(row, Mapping) else None
                structure = scope.tools.library.structure(url) if isinstance(url, str) and ":" in url else None
                if structure is None or len(findings) >= MOST:
                    continue
                if structure.url not in unplaced() and not self._fits(structure, node, scope):
                    findings += _misplaced(structure)
                for expression in structure.context_invariants:
                    findings += _broken(expression, (structure.url, row), (self.type, node), scope)
        return findings

    def _fits(self, structure: Structure, node: Mapping[str, Any], scope: Scope) -> bool:
        """True when a context is met, and when one cannot be judged."""
        if not structure.context:
            return True
        return any(_MET.get(kind, _unknown)(self, place, node, scope) for kind, place in structure.context)

    def _element(self, place: str, _node: Mapping[str, Any], scope: Scope) -> bool:
        """An element of the specification by path or type; one R4 does not know cannot be judged."""
        if place in self.paths or place in (self.type, "Element", "*"):
            return True
        library = scope.tools.library
        return place in lineage(library, self.type) or self._inherited(place, library) or not _known(place, library)

    def _inherited(self, place: str, library: Library) -> bool:
        """`DomainResource.text` for `Patient.text`: a path of an ancestor."""
        head, _, tail = place.partition(".")
        return bool(tail) and any(
            own == tail and head in lineage(library, start)
            for start, _, own in (path.partition(".") for path in self.paths)
        )

    def _extension(self, place: str, node: Mapping[str, Any], _scope: Scope) -> bool:
        """Inside another extension."""
        return self.type == "Extension" and node.get("url") == place

    def _selected(self, place: str, node: Mapping[str, Any], scope: Scope) -> bool:
        """Among what an expression selects from the resource."""
        try:
            kind = str(scope.resource.get("resourceType", ""))
            found = scope.tools.compiler.compile(place, kind).evaluate(Node(scope.resource, kind), scope.environment())
        except (NotCompiled, NotEvaluated):
            return True
        return any(isinstance(one, Node) and (one.value is node or one.shadow is node) for one in found)


EVERYWHERE = InContext()
_MET = {"element": InContext._element, "extension": InContext._extension, "fhirpath": InContext._selected}


def _broken(expression: str, extension: tuple[str, Any], holder: tuple[str, Any], scope: Scope) -> Findings:
    """A rule of the definition about what holds the extension, which the rule calls `%extension`."""
    asked = replace(scope.environment(), variables={"extension": Node(extension[1], "Extension")})
    try:
        held = scope.tools.compiler.compile(expression, holder[0]).holds(Node(holder[1], holder[0]), asked)
    except (NotCompiled, NotEvaluated):
        return NONE
    text = "A rule that this extension makes for the place it stands in does not hold."
    return (
        NONE
        if held
        else error("invariant", "extension-context-invariant", text, expected=expression, found=extension[0])
    )


def _unknown(_self: InContext, _place: str, _node: Mapping[str, Any], _scope: Scope) -> bool:
    return True


def _known(place: str, library: Library) -> bool:
    structure = library.structure(place.partition(".")[0])
    return structure is not None and structure.element(place) is not None


def lineage(library: Library, type_name: str) -> frozenset[str]:
    """A type and everything it descends from: Age, Quantity, Element; BackboneElement for an element of that kind."""
    names: list[str] = []
    structure = library.structure(type_name)
    while structure is not None and structure.type not in names:
        names.append(structure.type)
        structure = library.structure(structure.base) if structure.base else None
    return frozenset(names)


def _misplaced(structure: Structure) -> Findings:
    allowed = ", ".join(sorted(place for _, place in structure.context))
    text = "This extension is defined for other places."
    return error("structure", "extension-context", text, expected=allowed, found=structure.url)
