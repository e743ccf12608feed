"""Where an extension may stand: the contexts its definition names (FHIR R4, StructureDefinition.context).

The extensions of R4 core are left out: their contexts are not kept by the specification itself (`standards-status` says Element and
stands on resources, `capabilitystatement-expectation` on search parameters).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.definitions.library import FHIR, Library
from gateway.definitions.structure import Structure
from gateway.validating.structure.finding import MOST, NONE, Findings, Rule, error

_KEYS = ("extension", "modifierExtension")


@dataclass(frozen=True, slots=True)
class InContext:
    """The extensions of a node against what the node is: its paths, its type and what the type descends from."""

    paths: tuple[str, ...]
    type: str
    library: Library

    def check(self, node: Any) -> Findings:
        """0..1 finding for each extension that is defined, and defined for other places only."""
        if not isinstance(node, Mapping):
            return NONE
        findings: Findings = NONE
        for key in _KEYS:
            rows = node.get(key)
            for row in rows if isinstance(rows, list) else ():
                url = row.get("url") if isinstance(row, Mapping) else None
                structure = self.library.structure(url) if isinstance(url, str) else None
                if (
                    len(findings) < MOST
                    and structure is not None
                    and not structure.url.startswith(FHIR)
                    and not self._fits(structure)
                ):
                    findings += _misplaced(structure)
        return findings

    def _fits(self, structure: Structure) -> bool:
        """True when a context is met, and when any cannot be judged here (FHIRPath, extensions, paths into datatypes)."""
        contexts = structure.context
        if not contexts or any(place in (*self.paths, self.type, "Element") for _, place in contexts):
            return True
        if lineage(self.library, self.type) & {place for _, place in contexts}:
            return True
        return any(kind != "element" or not self._known(place) for kind, place in contexts)

    def _known(self, place: str) -> bool:
        structure = self.library.structure(place.partition(".")[0])
        return structure is not None and structure.element(place) is not None


@dataclass(frozen=True, slots=True)
class Placed:
    """The rule of a value, then where its extensions may stand."""

    shape: Rule
    context: InContext

    def check(self, node: Any) -> Findings:
        """The findings of both."""
        found = self.shape.check(node)
        if type(node) is dict and "extension" not in node and "modifierExtension" not in node:
            return found
        return found + self.context.check(node)


def lineage(library: Library, type_name: str) -> frozenset[str]:
    """A type and everything it descends from: Age, Quantity, Element."""
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
