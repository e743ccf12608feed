"""FHIR XML to FHIR JSON, driven by the facts: lists by cardinality, values by type, resources where they stand (FHIR R4, xml.html).

What XML alone can get wrong (namespaces, attributes, stray text) is said as findings; everything else is left for the rules on the
JSON form: an element nobody knows stays in the result under its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.definitions.library import Library
from gateway.definitions.structure import Element, Structure
from gateway.errors import Malformed
from gateway.model.report import Finding
from gateway.model.wire import Exact, bounded, read_json
from gateway.model.xml import read_xml

if TYPE_CHECKING:
    from lxml.etree import _Element

FHIR = "http://hl7.org/fhir"
XHTML = "http://www.w3.org/1999/xhtml"
_SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_WHOLE = ("integer", "unsignedInt", "positiveInt")
Findings = tuple[Finding, ...]


def read_fhir(body: bytes, library: Library) -> tuple[Any, Findings]:
    """JSON or XML bytes to the JSON form, with 0..* findings of the XML form. Raises Malformed, Unsupported, TooLarge."""
    head = body[:64].lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")
    if head[:1] == b"<":
        value, findings = Reader(library).document(read_xml(body))
        return bounded(value), findings
    return read_json(body), ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the reader is: the type whose children are read (`HumanName`), the id of the element inside it, and the path."""

    structure: Structure | None
    id: str
    path: str

    def children(self) -> Mapping[str, tuple[Element, str]]:
        """XML name → its element and, for a choice, the type the name says."""
        return dict(_named(self.structure.children(self.id))) if self.structure else {}


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads by the element trees of a library."""

    library: Library

    def document(self, root: _Element) -> tuple[Any, Findings]:
        """A whole document. Raises Malformed when the root is not in the FHIR namespace."""
        namespace, name = _name(root)
        if namespace != FHIR:
            raise Malformed("The root element is not in the FHIR namespace.")
        return self._resource(root, name)

    def _resource(self, node: _Element, path: str) -> tuple[dict[str, Any], Findings]:
        _, name = _name(node)
        structure = self.library.structure(name) if name in self.library.resource_types else None
        made, findings = self._object(node, Place(structure, name, path))
        return {**made, "resourceType": name}, findings + _attributes(node, path, ("xmlns",))

    def _object(self, node: _Element, place: Place) -> tuple[dict[str, Any], Findings]:
        """The children of a node as members; `id` and `url` attributes become members."""
        made: dict[str, Any] = {key: str(node.attrib[key]) for key in ("id", "url") if key in node.attrib}
        findings: Findings = _stray(node, place.path)
        known = place.children()
        findings += _order(node, place.path, known)
        counts: dict[str, int] = {}
        for child in node:
            namespace, name = _name(child)
            element, kind = known.get(name, (None, ""))
            many = element is not None and (element.max is None or element.max == -1 or element.max > 1)
            index = counts.get(name, 0)
            counts[name] = index + 1
            path = f"{place.path}.{_step(name, element, kind)}" + (f"[{index}]" if many else "")
            if name == "resourceType" or (element is not None and "xmlAttr" in element.representation):
                findings += (_said("structure", path, "xml-element", "This is no element in XML.", name),)
                continue
            value, shadow, found = self._value(child, namespace, (element, kind), path)
            _put(made, (name, many, index), value, shadow)
            findings += found if len(findings) < 1000 else ()
        return made, findings

    def _value(
        self, node: _Element, namespace: str, known: tuple[Element | None, str], path: str
    ) -> tuple[Any, Any, Findings]:
        """A child as (value, what stands in `_name`, findings)."""
        element, kind = known
        if kind == "xhtml":
            return _markup(node), None, ()
        wrong = (
            ()
            if namespace == FHIR
            else (_said("structure", path, "xml-namespace", "The element is not in the FHIR namespace."),)
        )
        if kind == "Resource" or (
            element is None and len(node) == 1 and _name(node[0])[1] in self.library.resource_types
        ):
            inner, found = self._inner(node, path)
            return inner, None, wrong + found
        if "value" in node.attrib or (element is not None and kind[:1].islower()):
            value, shadow, found = self._primitive(node, kind, path)
            return value, shadow, wrong + found
        made, found = self._object(node, self._place(element, kind, path))
        return made, None, wrong + found + _attributes(node, path, ("id", "url") if kind == "Extension" else ("id",))

    def _inner(self, node: _Element, path: str) -> tuple[Any, Findings]:
        """A resource inside `contained` or `resource`."""
        if len(node) != 1:
            return {}, (_said("structure", path, "xml-resource", "Exactly one resource is expected here."),)
        return self._resource(node[0], path)

    def _primitive(self, node: _Element, kind: str, path: str) -> tuple[Any, Any, Findings]:
        shadow, found = self._object(node, Place(self.library.structure("Element"), "Element", path))
        text = node.attrib.get("value")
        value = None if text is None else typed(str(text), kind)
        return value, shadow or None, found + _attributes(node, path, ("id", "value"))

    def _place(self, element: Element | None, kind: str, path: str) -> Place:
        if element is not None and element.content_reference:
            return Place(
                self.library.structure(element.content_reference.partition(".")[0]), element.content_reference, path
            )
        if element is not None and kind in ("BackboneElement", "Element"):
            return Place(self.library.structure(element.id.partition(".")[0]), element.id, path)
        return Place(self.library.structure(kind) if kind else None, kind, path)


def typed(text: str, kind: str) -> Any:
    """The text of a `value` attribute as JSON writes the type; a text that does not fit stays text, for the rules to refuse."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if kind in _WHOLE or kind == "decimal":
        return _number(text, whole=kind in _WHOLE)
    return text


def _number(text: str, *, whole: bool) -> Any:
    if not text.isascii() or text != text.strip():
        return text
    try:
        value = read_json(text.encode())
    except Malformed:
        return text
    if isinstance(value, bool) or not isinstance(value, int | Exact) or (whole and not isinstance(value, int)):
        return text
    return value


def _named(elements: Iterable[Element]) -> Iterable[tuple[str, tuple[Element, str]]]:
    for element in elements:
        if not element.name.endswith("[x]"):
            yield element.name, (element, element.types[0].code if element.types else "")
            continue
        stem = element.name.removesuffix("[x]")
        for kind in element.types:
            yield stem + kind.code[:1].upper() + kind.code[1:], (element, kind.code)


def _put(made: dict[str, Any], key: tuple[str, bool, int], value: Any, shadow: Any) -> None:
    """Add a value to its member: a list where the type says so, or where a name comes twice (a finding for the rules)."""
    name, many, index = key
    if not many and index == 0:
        if value is not None or shadow is None:
            made[name] = value if value is not None else {}
        if shadow is not None:
            made[f"_{name}"] = shadow
        return
    if not many and not isinstance(made.get(name), list):
        made[name] = [made[name]] if name in made else [None]
    if name not in made:
        made[name] = [None] * index
    made[name].append(value)
    if shadow is not None or f"_{name}" in made:
        if f"_{name}" not in made:
            made[f"_{name}"] = [None] * index
        rows = made[f"_{name}"]
        if isinstance(rows, list):
            rows.append(shadow)


def _markup(node: _Element) -> str:
    from lxml import etree

    return etree.tostring(node, encoding="unicode", with_tail=False)


def _step(name: str, element: Element | None, kind: str) -> str:
    if element is None or not element.name.endswith("[x]"):
        return name
    return f"{element.name.removesuffix('[x]')}.ofType({kind})"


def _name(node: _Element) -> tuple[str, str]:
    namespace, brace, name = str(node.tag).rpartition("}")
    return namespace.removeprefix("{") if brace else "", name


def _attributes(node: _Element, path: str, allowed: tuple[str, ...]) -> Findings:
    wrong = [a for a in node.attrib if a not in allowed and a != _SCHEMA_LOCATION]
    return tuple(
        _said("structure", path, "xml-attribute", "There is no such attribute here.", str(a)) for a in wrong[:10]
    )


def _order(node: _Element, path: str, known: Mapping[str, Any]) -> Findings:
    """Elements stand in the order of the specification (xml.html 2.6.1); names nobody knows are judged elsewhere."""
    ranks = {name: rank for rank, name in enumerate(known)}
    last = -1
    for child in node:
        _, name = _name(child)
        rank = ranks.get(name, last)
        if rank < last:
            return (
                _said("structure", path, "xml-order", "The elements are not in the order of the specification.", name),
            )
        last = rank
    return ()


def _stray(node: _Element, path: str) -> Findings:
    texts = [node.text, *(child.tail for child in node)]
    if any(text and text.strip() for text in texts):
        return (_said("structure", path, "xml-text", "Text stands between the elements."),)
    return ()


def _said(code: str, path: str, rule: str, text: str, found: str = "") -> Finding:
    return Finding("error", code, path, text, rule, "", found)
