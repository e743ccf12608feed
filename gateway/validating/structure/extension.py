"""Extensions: a url, and either a value or further extensions; a modifier nobody knows makes the content unsafe (FHIR R4, extensibility.html)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.validating.structure.finding import NONE, Findings, Rule, error

Defined = Callable[[str], Rule | None]


def undefined(_url: str) -> Rule | None:
    """No definitions of extensions."""
    return None


@dataclass(frozen=True, slots=True)
class ValueOrMore:
    """ext-1: an extension has a value or extensions, and not both."""

    def check(self, node: Any) -> Findings:
        """0..1 finding."""
        valued = any(key.lstrip("_").startswith("value") for key in node)
        if valued != ("extension" in node):
            return NONE
        return error(
            "invariant", "ext-1", "An extension must have either a value or extensions, not both and not neither."
        )


@dataclass(frozen=True, slots=True)
class OutermostExtension:
    """An extension outside another one: its url is absolute; inside a complex extension it may be a bare name."""

    shape: Rule
    defined: Defined

    def check(self, node: Any) -> Findings:
        """The findings of the datatype, and 0..1 of the url, or 0..* of the definition of the extension where it is at hand."""
        found = self.shape.check(node)
        url = node.get("url") if isinstance(node, Mapping) else None
        if not isinstance(url, str):
            return found
        if ":" in url:
            definition = None if found else self.defined(url)
            return found if definition is None else found + definition.check(node)
        text = "The url of an extension must be absolute."
        return found + error("value", "extension-url", text, expected="an absolute address", found=url, at="url")


@dataclass(frozen=True, slots=True)
class KnownModifier:
    """A modifierExtension: not to be ignored, so it must be known here (R4, 2.4.0.1)."""

    shape: Rule
    knows: Callable[[str], bool]

    def check(self, node: Any) -> Findings:
        """The findings of the datatype and 0..1 of the url."""
        found = self.shape.check(node)
        url = node.get("url") if isinstance(node, Mapping) else None
        if not isinstance(url, str) or self.knows(url):
            return found
        text = "This modifier extension is not known here, so the content cannot be understood safely."
        return found + error("extension", "modifier-unknown", text, expected="a known modifier extension", found=url)
