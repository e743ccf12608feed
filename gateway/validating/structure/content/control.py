"""What a profile asks of a narrative: its languages and where its text comes from (narrative-language-control, narrative-source-control)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.errors import Unusable
from gateway.model.report import Finding
from gateway.model.xml import read_xml
from gateway.validating.structure.content.reading import Row, part, rows, text
from gateway.validating.structure.finding import NONE, Findings, below, error

if TYPE_CHECKING:
    from lxml.etree import _Element

_LANGUAGE = "http://hl7.org/fhir/StructureDefinition/narrative-language-control"
_SOURCE = "http://hl7.org/fhir/StructureDefinition/narrative-source-control"
_SOURCES = frozenset(("boilerplate", "generated", "original"))
_XML_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass(frozen=True, slots=True)
class Control:
    """One thing asked of the narratives at a path below the resource (`text`, `section.text`)."""

    path: tuple[str, ...]
    languages: tuple[str, ...]
    sources: bool


def controls_of(profile: Row) -> tuple[Control, ...]:
    """The 0..* controls of a StructureDefinition as it was loaded; to be read once per profile."""
    found: dict[tuple[str, ...], Control] = {}
    for view in ("snapshot", "differential"):
        for _, element in rows(part(profile, view), "element"):
            control = _control(element)
            if control is not None:
                found[control.path] = control
    return tuple(found.values())


def _control(element: Row) -> Control | None:
    said = [(text(row, "url"), text(row, "valueCode")) for _, row in rows(element, "extension")]
    languages = tuple(code for url, code in said if url == _LANGUAGE and code)
    sources = any(url == _SOURCE for url, _ in said)
    path = tuple(text(element, "path").split(".")[1:])
    return Control(path, languages, sources) if path and (languages or sources) else None


def controlled(controls: tuple[Control, ...], resource: Row) -> Findings:
    """0..* findings, each at its narrative."""
    found = NONE
    for control in controls:
        for at, narrative in _reached(resource, control.path, ""):
            found += below(tuple(_judged(control, narrative, text(resource, "language"))), at)
    return found


def _reached(node: Any, path: tuple[str, ...], at: str) -> Iterator[tuple[str, Row]]:
    """The objects that a path leads to, with their expressions."""
    if isinstance(node, list):
        for place, item in enumerate(node):
            yield from _reached(item, path, f"{at}[{place}]")
    elif isinstance(node, Mapping):
        if not path:
            yield at, node
        elif path[0] in node:
            yield from _reached(node[path[0]], path[1:], f"{at}.{path[0]}" if at else path[0])


def _judged(control: Control, narrative: Row, language: str) -> Iterator[Finding]:
    try:
        root = read_xml(text(narrative, "div").encode("utf-8", "replace"))
    except Unusable:
        return  # reported with the narrative
    if control.sources:
        for _ in _unsourced(root, sourced=False):
            says = "A part of the narrative does not say whether it is original, generated or boilerplate text."
            yield from error("business-rule", "narrative-source", says, expected="a class of that name")
    spoken = frozenset(filter(None, (_tongue(child) for child in root)))
    for asked in control.languages:
        yield from _spoken(asked, spoken, language)


def _tongue(node: _Element) -> str:
    """The language of a section of the narrative: a `div` directly inside it that names one."""
    if str(node.tag).rpartition("}")[2] != "div":
        return ""
    return str(node.get("lang") or node.get(_XML_LANGUAGE) or "")


def _spoken(asked: str, spoken: frozenset[str], language: str) -> Findings:
    """`_no`, `_yes`, `_resource` (the language of the resource), or a language that must be there."""
    if asked == "_no":
        says = "The profile wants a narrative without sections by language."
        return error("business-rule", "narrative-language", says, found=", ".join(sorted(spoken))) if spoken else NONE
    if asked == "_yes":
        says = "The profile wants a narrative with sections by language."
        return NONE if spoken else error("business-rule", "narrative-language", says)
    wanted = language if asked == "_resource" else asked
    if not wanted or any(_covers(wanted, each) for each in spoken):
        return NONE
    says = "The narrative has no section in a language that the profile wants."
    return error("business-rule", "narrative-language", says, expected=wanted, found=", ".join(sorted(spoken)))


def _covers(wanted: str, spoken: str) -> bool:
    return spoken.lower() == wanted.lower() or spoken.lower().startswith(f"{wanted.lower()}-")


def _unsourced(node: _Element, *, sourced: bool) -> Iterator[str]:
    """The pieces of text outside of every element with a class that names a source."""
    sourced = sourced or bool(_SOURCES & set(str(node.get("class") or "").split()))
    if not sourced and node.text and node.text.strip():
        yield node.text
    for child in node:
        yield from _unsourced(child, sourced=sourced)
        if not sourced and child.tail and child.tail.strip():
            yield child.tail
