"""An element of a profile against the one it narrows: never less than the base asks, never more than it allows (FHIR R4, profiling.html 5.1.0.5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gateway.definitions.structure import Element, TypeRef
from gateway.model.report import Finding
from gateway.validating.structure.content.drafted import Draft, type_code
from gateway.validating.structure.content.paths import lineage
from gateway.validating.structure.content.reading import Row, part, rows, text, texts, whole
from gateway.validating.structure.finding import error, warning

_ANY = ("*", "Element", "Resource", "DomainResource", "BackboneElement")
_ANY_TARGET = "http://hl7.org/fhir/StructureDefinition/Resource"


def narrows(draft: Draft, element: Row) -> Iterator[Finding]:
    """0..* findings relative to the element."""
    above = draft.above(element)
    if above is None:
        return
    yield from _cardinality(element, above)
    yield from _types(draft, element, above)
    if element.get("mustSupport") is False and above.must_support:
        says = "The base says that the element must be supported; a profile can not take that back."
        yield from error("business-rule", "must-support", says)
    if above.binding is not None and above.binding.strength == "required":
        strength = text(part(element, "binding"), "strength")
        if strength and strength != "required":
            says = "The base requires its codes; a profile can not be less strict."
            say = warning if above.name.endswith("[x]") else error  # the binding may have been for a type that is gone
            yield from say("business-rule", "binding-strength", says, expected="required", found=strength)


def _cardinality(element: Row, above: Element) -> Iterator[Finding]:
    least, most = whole(element, "min"), _most(text(element, "max"))
    of_slice = "sliceName" in element or text(element, "path").rpartition(".")[2] != above.name
    if least is not None and above.min is not None and least < above.min and not of_slice:
        says = "The profile asks for fewer than the base does."
        yield from error("business-rule", "cardinality", says, expected=f"min {above.min}", found=str(least))
    if most is not None and above.max is not None and above.max >= 0 and (most < 0 or most > above.max):
        says = "The profile allows more than the base does."
        yield from error("business-rule", "cardinality", says, expected=f"max {above.max}", found=text(element, "max"))
    if least is not None and above.max is not None and 0 <= above.max < least:
        says = "The profile asks for more than the base allows."
        yield from error("business-rule", "cardinality", says, expected=f"max {above.max}", found=str(least))


def _most(written: str) -> int | None:
    return (
        -1 if written == "*" else int(written) if written.isascii() and written.isdigit() and len(written) < 9 else None
    )


def _types(draft: Draft, element: Row, above: Element) -> Iterator[Finding]:
    """The types of a profile are among those of the base, or derived from them."""
    allowed = {kind.code for kind in above.types}
    if not allowed or allowed & set(_ANY):
        return
    for place, row in rows(element, "type"):
        code = type_code(row)
        if code and code not in allowed and not allowed & set(lineage(draft.library, code)):
            says = "The base does not allow this type."
            expected = ", ".join(sorted(allowed))
            yield from error("business-rule", "type", says, expected=expected, found=code, at=f"type[{place}]")
            continue
        for kind in above.types:
            if kind.code == code and kind.targets:
                yield from _targets(draft, row, kind, f"type[{place}]")


def _targets(draft: Draft, row: Row, kind: TypeRef, at: str) -> Iterator[Finding]:
    if _ANY_TARGET in kind.targets:
        return
    for place, target in texts(row, "targetProfile"):
        if _proven_other(draft, target, kind.targets):
            says = "The base does not allow references to this type of resource."
            yield from error("business-rule", "target", says, found=target, at=f"{at}.targetProfile[{place}]")


def _proven_other(draft: Draft, target: str, allowed: Iterable[str]) -> bool:
    """Whether the target is about a type that none of the allowed ones is about; nothing is proven by what is not at hand."""
    own = lineage(draft.library, target)
    structures = [draft.library.structure(address) for address in allowed]
    if not own or None in structures:
        return False
    return not any(structure is not None and structure.type in own for structure in structures)
