"""Extensions: a url, and either a value or further extensions; a modifier nobody knows makes the content unsafe (FHIR R4, extensibility.html)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.fhirpath import Node
from gateway.validating.structure.finding import MOST, NONE, Findings, Rule, error
from gateway.validating.structure.places import Place
from gateway.validating.structure.scope import Scope


@dataclass(frozen=True, slots=True)
class ValueOrMore:
    """ext-1: an extension has a value or extensions, and not both."""

    def check(self, node: Any, _scope: Scope) -> Findings:
        """0..1 finding."""
        valued = any(key.startswith(("value", "_value")) for key in node)
        if valued != ("extension" in node):
            return NONE
        text = "An extension must have either a value or extensions, not both and not neither."
        return error("invariant", "ext-1", text)


@dataclass(frozen=True, slots=True)
class OutermostExtension:
    """An extension outside another one: its url is absolute; inside a complex extension it may be a bare name."""

    shape: Rule
    modifier: bool = False

    def check(self, node: Any, scope: Scope) -> Findings:
        """The findings of the datatype, and 0..1 of the url, or 0..* of the definition of the extension where it is at hand."""
        found = self.shape.check(node, scope)
        url = node.get("url") if type(node) is dict else None
        if not isinstance(url, str):
            return found
        if ":" not in url:
            text = "The url of an extension must be absolute."
            return found + error("value", "extension-url", text, expected="an absolute address", found=url, at="url")
        definition = None if found or "#" in url else scope.tools.profiles.get(url)
        if definition is None or definition.type != "Extension":
            return found
        return (
            found
            + _kind(url, self.modifier, scope)
            + definition.check(Node(node, "Extension"), scope)
            + _parts(url, node, scope)
        )


def _kind(url: str, modifier: bool, scope: Scope) -> Findings:
    """A modifier stands among the modifiers, everything else among the ordinary extensions."""
    place = scope.tools.profiles.place(url)
    if place is None or place.element.is_modifier == modifier:
        return NONE
    text = "A modifier extension must stand in modifierExtension." if not modifier else "This extension is no modifier."
    return error("structure", "extension-modifier", text, found=url)


def _parts(url: str, node: Mapping[str, Any], scope: Scope) -> Findings:
    """The parts of a complex extension that have bare names: those that its definition names."""
    place = scope.tools.profiles.place(url)
    parts = place.children.get("extension") if place is not None else None
    names = {fixed for cut in parts.slices.values() if (fixed := _named(cut))} if parts else set()
    rows = node.get("extension")
    if not names or not isinstance(rows, list):
        return NONE
    found = NONE
    text = "The definition of the extension has no part of that name."
    for number, row in enumerate(rows):
        part = row.get("url") if isinstance(row, Mapping) else None
        if isinstance(part, str) and ":" not in part and part not in names and len(found) < MOST:
            found += error(
                "structure",
                "extension-part",
                text,
                expected=", ".join(sorted(names)),
                found=part,
                at=f"extension[{number}]",
            )
    return found


def _named(cut: Place) -> str:
    url = cut.children.get("url")
    return str(url.element.fixed.value) if url is not None and url.element.fixed else ""


@dataclass(frozen=True, slots=True)
class KnownModifier:
    """A modifierExtension: not to be ignored, so it must be known here (R4, 2.4.0.1)."""

    shape: Rule
    knows: Callable[[str], bool]

    def check(self, node: Any, scope: Scope) -> Findings:
        """The findings of the datatype and 0..1 of the url."""
        found = self.shape.check(node, scope)
        url = node.get("url") if type(node) is dict else None
        if not isinstance(url, str) or self.knows(url):
            return found
        text = "This modifier extension is not known here, so the content cannot be understood safely."
        return found + error("extension", "modifier-unknown", text, expected="a known modifier extension", found=url)
