"""Text to expressions, each kept once per type it is compiled for; the number kept is bounded (FHIRPath 2.0)."""

from __future__ import annotations

from gateway.definitions.library import Library
from gateway.fhirpath.expression import Expression
from gateway.fhirpath.given import repairs
from gateway.fhirpath.model import Model
from gateway.fhirpath.parser import parse
from gateway.fhirpath.syntax import Syntax

_MOST_KEPT = 10_000


class Compiler:
    """Compiles for the types of one library."""

    def __init__(self, library: Library) -> None:
        self.model = Model(library)
        self._kept: dict[tuple[str, str], Expression] = {}
        self._syntax: dict[str, Syntax] = {}

    def compile(self, text: str, context_type: str = "") -> Expression:
        """The expression for nodes of a type (or element id of a backbone element), or of any type when none is said.

        Raises NotCompiled: not FHIRPath, an unknown function or type, too long, too deep.
        """
        key = (text, context_type)
        found = self._kept.get(key)
        if found is None:
            found = Expression(text, self._parsed(text), context_type, self.model, self.compile)
            found.check()
            if len(self._kept) < _MOST_KEPT:
                self._kept[key] = found
        return found

    def _parsed(self, text: str) -> Syntax:
        found = self._syntax.get(text)
        if found is None:
            found = parse(repairs().get(text, text))
            if len(self._syntax) < _MOST_KEPT:
                self._syntax[text] = found
        return found
