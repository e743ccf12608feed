"""Codes and concepts by themselves, whatever a binding says: a code that its system does not have means nothing (FHIR R4, Coding.code)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gateway.terminology.grammars import kind_of
from gateway.terminology.membership import Membership, Terminology
from gateway.validating.structure.errata import extended
from gateway.validating.structure.finding import NONE, Findings, Rule, error, warning
from gateway.validating.structure.scope import Scope

_CERTAIN = (
    "",
    "unit",
    "listed",
)  # content at hand, the grammar of units, published lists; of other forms an unlikely one may be right
_MOST_SYSTEMS = 2_000
_MOST_KEPT = 20_000
_LONGEST_TEXT = 80


class KnownCode:
    """For a Coding or a Quantity with a system: the code is one of it, as far as that is certain, and is called as it says."""

    __slots__ = ("_certain", "_right", "_terminology")

    def __init__(self, terminology: Terminology) -> None:
        self._terminology = terminology
        self._certain: dict[str, bool] = {}
        # what was found right before; the same codes come again and again
        self._right: set[tuple[str, str, str]] = set()

    def check(self, node: Any, _scope: Scope) -> Findings:
        """0..1 finding."""
        system, code, display = node.get("system"), node.get("code"), node.get("display", "")
        if type(system) is not str or type(code) is not str or type(display) is not str:
            return NONE
        mark = (system, code, display)
        if mark in self._right:
            return NONE
        found = self._judged(*mark)
        if not found:
            if len(self._right) >= _MOST_KEPT:
                self._right.clear()
            if len(display) <= _LONGEST_TEXT:
                self._right.add(mark)
        return found

    def _judged(self, system: str, code: str, display: str) -> Findings:
        if not self._can_tell(system) or self._terminology.in_system(system, code) is not Membership.OUT:
            return self._called(system, code, display) if display else NONE
        text = "The code is not one of its code system."
        said = warning if system.startswith(extended()) else error
        return said("code-invalid", "code-unknown", text, expected=system, found=code, at="code")

    def _called(self, system: str, code: str, display: str) -> Findings:
        """A display that is none of the concept's names, where those are at hand."""
        if not self._terminology.display_differs(system, code, display):
            return NONE
        name = self._terminology.display_of(system, code) or ""
        text = "The display is none of the names that the code system has for this code."
        return warning("invalid", "display-differs", text, expected=name, found=display, at="display")

    def _can_tell(self, system: str) -> bool:
        known = self._certain.get(system)
        if known is None:
            known = kind_of(system) in _CERTAIN and self._terminology.system_at_hand(system)
            if len(self._certain) < _MOST_SYSTEMS:
                self._certain[system] = known
        return known


@dataclass(frozen=True, slots=True)
class AbsoluteSystem:
    """The system of a code or an identifier is an absolute URI (R4, Coding.system, Identifier.system)."""

    def check(self, node: Any, _scope: Scope) -> Findings:
        """0..1 finding."""
        system = node.get("system")
        if type(system) is not str or ":" in system:
            return NONE
        text = "The system must be an absolute address."
        return error("value", "system-absolute", text, expected="an absolute URI", found=system, at="system")


@dataclass(frozen=True, slots=True)
class UriValue:
    """An identifier that is a URI (system urn:ietf:rfc:3986) has a whole one as its value (R4, Identifier.system)."""

    def check(self, node: Any, _scope: Scope) -> Findings:
        """0..1 finding."""
        value = node.get("value")
        if node.get("system") != _URIS or type(value) is not str or ":" in value:
            return NONE
        text = "The value of this identifier must be a whole URI."
        return error("value", "identifier-uri", text, expected="an absolute URI", found=value, at="value")


_URIS = "urn:ietf:rfc:3986"


class Remembered:
    """Concepts with one coding that were found sound before: a record has a few, again and again."""

    __slots__ = ("_shape", "_sound")

    def __init__(self, shape: Rule) -> None:
        self._shape = shape
        self._sound: set[tuple[Any, ...]] = set()

    def check(self, node: Any, scope: Scope) -> Findings:
        """The findings of the datatype."""
        mark = _mark(node) if type(node) is dict else None
        try:
            if mark in self._sound:
                return NONE
        except TypeError:  # something in it is no text
            return self._shape.check(node, scope)
        found = self._shape.check(node, scope)
        if mark is not None and not found:
            if len(self._sound) >= _MOST_KEPT:
                self._sound.clear()
            self._sound.add(mark)
        return found


def _mark(node: dict[str, Any]) -> tuple[Any, ...] | None:
    """What a concept says, when it is one coding and perhaps a short text; None for any other."""
    codings, text = node.get("coding"), node.get("text", "")
    if (
        type(text) is not str
        or len(node) != (2 if text else 1)
        or type(codings) is not list
        or len(codings) != 1
        or len(text) > _LONGEST_TEXT
    ):
        return None
    coding = codings[0]
    if type(coding) is not dict or "userSelected" in coding:  # true and 1 would look alike
        return None
    return (*coding, *coding.values(), text)
