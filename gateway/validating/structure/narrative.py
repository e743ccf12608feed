"""The XHTML of a narrative: the elements and attributes FHIR allows, something to read, nothing that runs (FHIR R4, Narrative, txt-1, txt-2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from gateway.data import data_path
from gateway.errors import Unusable
from gateway.model.wire import read_json
from gateway.model.xml import read_xml
from gateway.validating.structure.finding import NONE, Findings, error, warning
from gateway.validating.structure.scope import Scope

if TYPE_CHECKING:
    from lxml.etree import _Element


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may stand in a narrative (profiles/fhir/narrative.json)."""

    namespace: str
    elements: frozenset[str]
    attributes: frozenset[str]
    addresses: frozenset[str]
    refused_schemes: tuple[str, ...]
    running: frozenset[str]


@cache
def allowed() -> Allowed:
    """The list as the specification gives it."""
    row: Mapping[str, Any] = read_json(data_path("profiles", "fhir", "narrative.json").read_bytes())
    return Allowed(
        namespace=row["namespace"],
        elements=frozenset(row["elements"]),
        attributes=frozenset((*row["attributes"], *row["common_attributes"])),
        addresses=frozenset(row["address_attributes"]),
        refused_schemes=tuple(row["refused_schemes"]),
        running=frozenset(row["running_elements"]),
    )


@dataclass(frozen=True, slots=True)
class NarrativeRule:
    """`Narrative.div`: one `div` of XHTML as text."""

    def check(self, node: Any, scope: Scope) -> Findings:
        """0..* findings; the first kind of trouble that is met is reported."""
        if not isinstance(node, str):
            return error(
                "structure", "type-xhtml", "The narrative must be a JSON string of XHTML.", expected="xhtml", found=node
            )
        try:
            root = read_xml(node.encode("utf-8"))
        except Unusable:
            text = "The narrative is not well-formed XHTML, or holds a DOCTYPE or an entity XML does not know."
            return error("invalid", "xhtml-well-formed", text, expected="XHTML")
        except UnicodeEncodeError:
            return error(
                "invalid",
                "xhtml-well-formed",
                "The narrative holds characters that cannot be written.",
                expected="XHTML",
            )
        return _root(root) or _content(root) or _links(root, scope)


def _root(root: _Element) -> Findings:
    if root.tag == f"{{{allowed().namespace}}}div":
        return NONE
    return error(
        "invalid",
        "txt-1",
        "The narrative must be one div element in the XHTML namespace.",
        expected=allowed().namespace,
        found=root.tag,
    )


def _content(root: _Element) -> Findings:
    elements, plain = _names()
    for node in root.iter():
        if node.tag not in elements:
            return _refused_element(node)
        if not plain.issuperset(node.keys()) and (found := _attributes(node, plain)):
            return found
    if _select("normalize-space(.) != ''")(root) or any(map(_picture, root.iter())):
        return NONE
    text = "The narrative says nothing: it has no text and no picture."
    return error("invariant", "txt-2", text, expected="text or img")


@cache
def _select(path: str) -> Callable[[_Element], Any]:
    """An XPath of ours, compiled once."""
    from lxml import etree

    return etree.XPath(path, smart_strings=False)


@cache
def _names() -> tuple[frozenset[str], frozenset[str]]:
    """The elements by their whole name, and the attributes that are no addresses."""
    row = allowed()
    return frozenset(f"{{{row.namespace}}}{name}" for name in row.elements), row.attributes - row.addresses


def _picture(node: _Element) -> bool:
    return node.tag == f"{{{allowed().namespace}}}img" and node.get("src") is not None


def _refused_element(node: _Element) -> Findings:
    text = "The narrative holds an element that is not allowed."
    return error("invalid", "txt-1", text, expected="see txt-1", found=str(node.tag).rpartition("}")[2])


def _attributes(node: _Element, plain: frozenset[str]) -> Findings:
    for name, value in node.attrib.items():
        if name in plain:
            continue
        if name not in allowed().attributes:
            text = "The narrative holds an attribute that is not allowed."
            return error("invalid", "txt-1", text, expected="see txt-1", found=name)
        if _runs(str(value)):
            return error("invalid", "txt-1", "The narrative holds a link that runs a program.", expected="an address")
    return NONE


def _links(root: _Element, scope: Scope) -> Findings:
    """A link inside the document (`#id`) leads to a place in one of its narratives; in a Bundle, whose entries come from elsewhere, a
    dead link is only warned of."""
    addresses = {value[1:] for value in _select("//@href[starts-with(., '#')]")(root) if len(value) > 1}
    missing = addresses - _anchors(root) if addresses else addresses
    if not missing or not (missing := missing - _elsewhere(scope)):
        return NONE
    text = "A link leads to a place that is in no narrative of the document."
    said = error if scope.container.outer is None else warning
    return said("invalid", "xhtml-link", text, expected="an id or name in a narrative", found=f"#{min(missing)}")


def _anchors(root: _Element) -> set[str]:
    return set(_select("//@id | //@name")(root))


def _elsewhere(scope: Scope) -> set[str]:
    """The places in all narratives of the whole document; gathered once, when a link leads out of its own."""
    scope = scope.document
    found: set[str] | None = scope.kept.get("anchors")
    if found is None:
        found = scope.kept["anchors"] = set()
        for div in _narratives(scope.resource):
            try:
                found |= _anchors(read_xml(div.encode("utf-8", "replace")))
            except Unusable:
                continue
    return found


def _narratives(node: Any) -> Iterator[str]:
    """Every `text.div` of a document, without recursion."""
    waiting: list[Any] = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, Mapping):
            text = part.get("text")
            if isinstance(text, Mapping) and isinstance(text.get("div"), str):
                yield text["div"]
            waiting += [value for value in part.values() if not isinstance(value, str)]


def _runs(address: str) -> bool:
    """Whether an address would run a program; browsers skip white space and control characters in the scheme."""
    scheme, colon, _ = address.partition(":")
    if not colon:
        return False
    if not scheme.isalnum():
        scheme = "".join(c for c in scheme if c > " ")
    return scheme.lower() in allowed().refused_schemes
