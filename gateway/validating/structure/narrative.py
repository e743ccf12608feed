"""The XHTML of a narrative: the elements and attributes FHIR allows, something to read, nothing that runs (FHIR R4, Narrative, txt-1, txt-2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from gateway.data import data_path
from gateway.errors import Unusable
from gateway.model.wire import read_json
from gateway.model.xml import read_xml
from gateway.validating.structure.finding import NONE, Findings, error

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
    )


@dataclass(frozen=True, slots=True)
class NarrativeRule:
    """`Narrative.div`: one `div` of XHTML as text."""

    def check(self, node: Any) -> Findings:
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
        return _root(root) or _content(root)


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
    says = False
    for node in root.iter():
        if found := _element(node):
            return found
        says = says or bool(node.text and node.text.strip()) or bool(node.tail and node.tail.strip()) or _picture(node)
    if says:
        return NONE
    return error(
        "invariant", "txt-2", "The narrative says nothing: it has no text and no picture.", expected="text or img"
    )


def _picture(node: _Element) -> bool:
    return node.tag == f"{{{allowed().namespace}}}img" and node.get("src") is not None


def _element(node: _Element) -> Findings:
    namespace, _, name = str(node.tag).rpartition("}")
    if namespace.removeprefix("{") != allowed().namespace or name not in allowed().elements:
        return error(
            "invalid", "txt-1", "The narrative holds an element that is not allowed.", expected="see txt-1", found=name
        )
    for attribute, value in node.attrib.items():
        if str(attribute) not in allowed().attributes:
            return error(
                "invalid",
                "txt-1",
                "The narrative holds an attribute that is not allowed.",
                expected="see txt-1",
                found=attribute,
            )
        if str(attribute) in allowed().addresses and _runs(str(value)):
            return error("invalid", "txt-1", "The narrative holds a link that runs a program.", expected="an address")
    return NONE


def _runs(address: str) -> bool:
    """Whether an address would run a program; browsers skip white space and control characters in the scheme."""
    scheme = "".join(c for c in address.partition(":")[0] if c > " ").lower()
    return scheme in allowed().refused_schemes
