"""A StructureDefinition as it is written, with what it is derived from at hand (FHIR R4, StructureDefinition)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.definitions.structure import Element, Structure, TypeRef
from gateway.validating.structure.content.paths import Paths
from gateway.validating.structure.content.reading import Row, rows, text

if TYPE_CHECKING:
    from gateway.definitions.library import Library
    from gateway.validating.structure.scope import Tools

_FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
_SYSTEM = "http://hl7.org/fhirpath/System."
_STRUCTURE = "http://hl7.org/fhir/StructureDefinition/"
_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Draft:
    """A definition under judgement. `paths` are those of the type it constrains, None when that is not at hand."""

    row: Row
    tools: Tools
    base: Structure | None
    paths: Paths | None

    @property
    def constrains(self) -> bool:
        """Whether it is a profile (derivation constraint)."""
        return text(self.row, "derivation") == "constraint"

    @property
    def library(self) -> Library:
        """The definitions at hand."""
        return self.tools.library

    def above(self, element: Row) -> Element | None:
        """The element of the base that this one narrows; of a slice, the element that is sliced. None when it can not be told."""
        if self.base is None or not self.constrains:
            return None
        id, path = text(element, "id"), text(element, "path")
        own = self.base.element(id) or self.base.element(_unsliced(id))
        if own is not None and own.path == path:
            return own
        spots = self.paths.find(path) if self.paths is not None else None
        return spots[0].element if spots and len(spots) == 1 else None

    def types(self, element: Row) -> tuple[TypeRef, ...]:
        """The types of an element: those it names, else those of the element it narrows; empty when they are not known."""
        own = tuple(TypeRef(type_code(row)) for _, row in rows(element, "type"))
        if own:
            return own
        spots = self.paths.find(text(element, "path")) if self.paths is not None else None
        if spots and len(spots) == 1 and not spots[0].element.name.endswith("[x]"):
            return spots[0].types
        above = self.above(element)
        if above is None or not above.name.endswith("[x]") or above.name == text(element, "path").rpartition(".")[2]:
            return above.types if above is not None else ()
        return spots[0].types if spots else ()


def draft_of(row: Row, tools: Tools) -> Draft:
    """A StructureDefinition with its base, when that is at hand."""
    library = tools.library
    address = text(row, "baseDefinition")
    base = library.structure(address) if address else None
    root, steps = base, 0
    while root is not None and root.derivation == "constraint" and steps < _DEEPEST:
        root, steps = library.structure(root.base), steps + 1
    usable = root is not None and root.derivation != "constraint" and bool(root.elements)
    return Draft(row, tools, base, Paths(library, root) if root is not None and usable else None)


def type_code(row: Row) -> str:
    """ElementDefinition.type.code as a FHIR type name, also where R4 writes a System type beside an extension."""
    code = text(row, "code")
    for _, extension in rows(row, "extension"):
        if extension.get("url") == _FHIR_TYPE:
            return text(extension, "valueUrl") or text(extension, "valueUri") or code
    if code.startswith(_SYSTEM):
        return code.removeprefix(_SYSTEM)[:1].lower() + code.removeprefix(_SYSTEM)[1:]
    return code.removeprefix(_STRUCTURE)


def _unsliced(id: str) -> str:
    """An id without the slice name of its last part."""
    start, point, last = id.rpartition(".")
    return f"{start}{point}{last.partition(':')[0]}"
