"""One element of a definition in itself: what it says fits its types, and its expressions can be read (FHIR R4, ElementDefinition)."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.errors import Misconfigured
from gateway.model.report import Finding
from gateway.validating.structure.content.discriminator import discriminated
from gateway.validating.structure.content.drafted import Draft, type_code
from gateway.validating.structure.content.paths import lineage
from gateway.validating.structure.content.reading import Row, chosen, extended, part, rows, text, texts
from gateway.validating.structure.finding import below, error, warning

_BINDABLE = frozenset(
    ("code", "Coding", "CodeableConcept", "Quantity", "string", "uri", "CodeableReference", "oid", "uuid", "url")
)
_MEASURES = frozenset(("Quantity", "Age", "Count", "Distance", "Duration", "Money"))
_ORDERED = frozenset(
    ("integer", "integer64", "decimal", "unsignedInt", "positiveInt", "instant", "date", "dateTime", "time")
)
_WORDS = frozenset(("string", "uri", "url", "canonical", "oid", "uuid", "code", "id", "markdown"))
_REFERRING = ("Reference", "canonical", "CodeableReference")
_MUST_SUPPORT = "http://hl7.org/fhir/StructureDefinition/elementdefinition-type-must-support"
_VALUES = ("fixed", "pattern", "defaultValue")
_ANY = ("*", "Element", "")
_LIMITED = (("maxLength", _WORDS | _ORDERED), ("minValue", _ORDERED | _MEASURES), ("maxValue", _ORDERED | _MEASURES))


def sound(draft: Draft, element: Row, said: dict[str, str], *, snapshot: bool) -> Iterator[Finding]:
    """0..* findings relative to the element; `said` keeps the expression of every invariant met so far."""
    path = text(element, "path")
    if "slicing" in element and path and "." not in path:
        yield from error("invalid", "slicing-root", "The root of a definition can not be sliced.")
    types = draft.types(element)
    codes = frozenset(kind.code for kind in types)
    yield from _fitting(draft, element, codes)
    yield from _values(draft, element, codes, snapshot=snapshot)
    for place, row in rows(element, "type"):
        yield from below(tuple(_type(draft, row)), f"type[{place}]")
    yield from _value_set(draft, element)
    for place, row in rows(element, "constraint"):
        yield from below(tuple(_invariant(draft, row, said)), f"constraint[{place}]")
    if snapshot:
        yield from _supported(element)
    else:
        yield from discriminated(draft, element)


def _supported(element: Row) -> Iterator[Finding]:
    """elementdefinition-type-must-support: on a type or profile of an element that itself must be supported."""
    if element.get("mustSupport") is True:
        return
    for place, row in rows(element, "type"):
        marked = [row, *(each for key in ("_profile", "_targetProfile") for _, each in rows(row, key))]
        if any(extended(each, _MUST_SUPPORT) is True for each in marked):
            says = "A type of the element must be supported, but the element need not be."
            yield from error("exception", "must-support-type", says, expected="mustSupport", at=f"type[{place}]")


def _fitting(draft: Draft, element: Row, codes: frozenset[str]) -> Iterator[Finding]:
    """Codes and limits on types that have them."""
    if not codes or codes & set(_ANY):
        return
    if "binding" in element and not _some(draft, codes, _BINDABLE):
        says = "A binding is only for types that hold codes."
        yield from error("business-rule", "binding-type", says, found=", ".join(sorted(codes)))
    for stem, fitting in _LIMITED:
        given = stem in element if stem == "maxLength" else chosen(element, stem) is not None
        if given and not _some(draft, codes, fitting):
            says = "None of the types of the element can be limited in this way."
            yield from error("business-rule", "limit-type", says, expected=stem, found=", ".join(sorted(codes)))


def _some(draft: Draft, codes: frozenset[str], fitting: frozenset[str]) -> bool:
    """Whether a type is one of the fitting, derived from one, or not known."""
    for code in codes:
        above = lineage(draft.library, code)
        if code in fitting or not above or fitting & set(above):
            return True
    return False


def _values(draft: Draft, element: Row, codes: frozenset[str], *, snapshot: bool) -> Iterator[Finding]:
    """ElementDefinition.fixed[x], pattern[x], defaultValue[x]: of a type the element has."""
    inner = "." in text(element, "path")
    if snapshot and inner and not rows(element, "type") and "contentReference" not in element:
        says = "An element of a snapshot has a type or refers to the content of another element."
        yield from error("exception", "snapshot-type", says, found=text(element, "path"))
    if not codes or codes & set(_ANY):
        return
    for stem in _VALUES:
        value = chosen(element, stem)
        if value is None:
            continue
        code = value[0] if draft.library.structure(value[0]) else value[0][:1].lower() + value[0][1:]
        if not codes & {code, *lineage(draft.library, code)}:
            says = "The value is not of a type that the element has."
            expected = ", ".join(sorted(codes))
            yield from error("invalid", "value-type", says, expected=expected, found=code, at=f"{stem}.ofType({code})")


def _type(draft: Draft, row: Row) -> Iterator[Finding]:
    """ElementDefinition.type: profiles on the type, target profiles on what refers."""
    code = type_code(row)
    for place, url in texts(row, "profile"):
        known = lineage(draft.library, url)
        if known and code and code not in known and not set(known) & set(lineage(draft.library, code)[:2]):
            says = "The profile is about another type."
            yield from error("business-rule", "type-profile", says, expected=code, found=url, at=f"profile[{place}]")
        elif not known and url and not url.startswith("#"):
            yield from warning(
                "not-found", "type-profile", "The profile is not at hand.", found=url, at=f"profile[{place}]"
            )
    targets = texts(row, "targetProfile")
    if targets and code and code not in _REFERRING and not set(_REFERRING) & set(lineage(draft.library, code)):
        says = "Only a type that refers to resources has target profiles."
        yield from error("business-rule", "target-type", says, expected=", ".join(_REFERRING), found=code)
    for place, url in targets:
        structure = draft.library.structure(url) if url else None
        if structure is not None and structure.kind in ("primitive-type", "complex-type"):
            says = "A reference leads to a resource, but the target profile is about a datatype."
            yield from error("business-rule", "target", says, found=url, at=f"targetProfile[{place}]")


def _value_set(draft: Draft, element: Row) -> Iterator[Finding]:
    address = text(part(element, "binding"), "valueSet")
    if address and draft.library.value_set(address) is None and draft.library.code_system(address) is not None:
        says = "The binding is to a code system, not to a value set."
        yield from error("business-rule", "binding-value-set", says, found=address, at="binding.valueSet")


def _invariant(draft: Draft, row: Row, said: dict[str, str]) -> Iterator[Finding]:
    """ElementDefinition.constraint: one key has one expression, which can be read."""
    key, expression = text(row, "key"), text(row, "expression")
    if not key or not expression:
        says = "The invariant has no expression, so that it can not be checked."
        yield from warning("informational", "invariant-expression", says, expected="key and expression", found=key)
        return
    if said.setdefault(key, expression) != expression and key != "ele-1":
        says = "The same key stands for another expression elsewhere in this definition."
        yield from error("invalid", "invariant-key", says, found=key)
    if text(row, "source") in ("", text(draft.row, "url")):
        yield from expressed(draft, expression, "")


def expressed(draft: Draft, expression: str, at: str) -> Iterator[Finding]:
    """A finding when the text is not FHIRPath."""
    try:
        draft.tools.compiler.compile(expression)
    except Misconfigured:
        says = "This is not a FHIRPath expression that can be read."
        yield from error("invalid", "fhirpath", says, found=expression, at=at)
