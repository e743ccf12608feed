"""The concepts of one code system in memory: hierarchy, properties, selection by filters (FHIR R4, CodeSystem and ValueSet.compose)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from gateway.definitions.vocabulary import CodeSystem, Concept, Filter
from gateway.model.patterns import matcher

_CODE = ("concept", "code")
_LOST = ("deprecationDate",)  # properties that are not kept (definitions/facts.py)
_ENDED = ("retired", "inactive", "withdrawn")


class Concepts:
    """A code system as sets. `displays` gives code → display where displays are kept; it is called when a filter asks for them."""

    def __init__(self, system: CodeSystem, displays: Callable[[], Mapping[str, str]] = dict) -> None:
        self.url = system.url
        self.version = system.version
        self.complete = system.content == "complete"
        self.case_sensitive = system.case_sensitive
        self._concepts = system.concepts
        self._named = displays

    @cached_property
    def codes(self) -> frozenset[str]:
        """Every code."""
        return frozenset(self._concepts)

    def ordered(self) -> Iterator[str]:
        """Every code, in the order of the code system."""
        return iter(self._concepts)

    @cached_property
    def _children(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for concept in self._concepts.values():
            for parent in concept.parents:
                found.setdefault(parent, []).append(concept.code)
        return {code: tuple(children) for code, children in found.items()}

    @cached_property
    def _displays(self) -> Mapping[str, str]:
        return self._named()

    @cached_property
    def _spelled(self) -> Mapping[str, str]:
        return {code.lower(): code for code in self._concepts}

    def concept(self, code: str) -> Concept | None:
        """The concept of a code, whatever its case in a system that ignores it."""
        if self.case_sensitive or code in self._concepts:
            return self._concepts.get(code)
        return self._concepts.get(self._spelled.get(code.lower(), ""))

    def below(self, code: str) -> frozenset[str]:
        """The descendants, without the code itself."""
        return _reached(code, lambda each: self._children.get(each, ()))

    def above(self, code: str) -> frozenset[str]:
        """The ancestors, without the code itself."""
        known = self._concepts
        return _reached(code, lambda each: known[each].parents if each in known else ())

    def abstract(self, code: str) -> bool:
        """Whether a concept is there to group others and not to be chosen."""
        concept = self.concept(code)
        return concept is not None and any(True in concept.properties.get(p, ()) for p in ("notSelectable", "abstract"))

    def inactive(self, code: str) -> bool:
        """Whether a concept is no longer to be used."""
        concept = self.concept(code)
        if concept is None:
            return False
        properties = concept.properties
        return True in properties.get("inactive", ()) or any(v in _ENDED for v in properties.get("status", ()))

    def selected(self, filters: Iterable[Filter]) -> frozenset[str] | None:
        """The codes that pass all filters, or None when a filter cannot be applied to what is at hand."""
        codes = self.codes
        for each in filters:
            passed = self._passing(each)
            if not passed:  # a selection of nothing means that the hierarchy or property is not at hand
                return None
            codes &= passed
        return codes

    def _passing(self, each: Filter) -> frozenset[str] | None:
        if each.property in _CODE and each.op in _BY_HIERARCHY:
            concept = self.concept(each.value)
            if concept is None:
                return None
            return self.codes & _BY_HIERARCHY[each.op](self, concept.code)
        test = _TESTS.get(each.op)
        passes = test(each.value) if test else None
        if passes is None or not self._has(each.property, each.op):
            return None
        return frozenset(c.code for c in self._concepts.values() if passes(self.values(c, each.property)))

    def _has(self, name: str, op: str) -> bool:
        """Whether a property can be judged: that nobody has it may only mean that it is not at hand."""
        if name in _CODE:
            return op != "exists"
        if name in ("parent", "child"):
            return bool(self._children)
        if name == "display":
            return bool(self._displays)
        return name not in _LOST and any(name in concept.properties for concept in self._concepts.values())

    def values(self, concept: Concept, name: str) -> tuple[str, ...]:
        """The 0..* values of a property of a concept as texts."""
        if name in _CODE:
            return (concept.code,)
        if name == "parent":
            return concept.parents
        if name == "child":
            return self._children.get(concept.code, ())
        if name == "display":
            return (self._displays[concept.code],) if concept.code in self._displays else ()
        return tuple(text for value in concept.properties.get(name, ()) for text in _texts(value))


def _reached(code: str, step: Callable[[str], Iterable[str]]) -> frozenset[str]:
    found: set[str] = set()
    waiting = list(step(code))
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting.extend(step(each))
    return frozenset(found - {code})


def _texts(value: Any) -> tuple[str, ...]:
    """A property value as it can be compared: a Coding as its code and as system|code."""
    if isinstance(value, bool):
        return (str(value).lower(),)
    if isinstance(value, Mapping):
        code = str(value.get("code", ""))
        return code, f"{value.get('system', '')}|{code}"
    return (repr(value) if isinstance(value, float) else str(value),)


_BY_HIERARCHY: Mapping[str, Callable[[Concepts, str], frozenset[str]]] = {
    "is-a": lambda system, code: system.below(code) | {code},
    "descendent-of": lambda system, code: system.below(code),
    "is-not-a": lambda system, code: system.codes - system.below(code) - {code},
    "generalizes": lambda system, code: system.above(code) | {code},
    "child-of": lambda system, code: frozenset(system._children.get(code, ())),
    "descendent-leaf": lambda system, code: frozenset(c for c in system.below(code) if not system._children.get(c)),
}

Test = Callable[[tuple[str, ...]], bool]


def _equal(value: str) -> Test:
    return lambda found: value in found


def _among(value: str) -> Test:
    asked = frozenset(each.strip() for each in value.split(","))
    return lambda found: not asked.isdisjoint(found)


def _not_among(value: str) -> Test:
    asked = frozenset(each.strip() for each in value.split(","))
    return lambda found: asked.isdisjoint(found)


def _exists(value: str) -> Test | None:
    if value not in ("true", "false"):
        return None
    return lambda found: bool(found) == (value == "true")


def _matching(value: str) -> Test | None:
    matches = matcher(value)
    return None if matches is None else lambda found: any(matches(text) for text in found)


_TESTS: Mapping[str, Callable[[str], Test | None]] = {
    "=": _equal,
    "in": _among,
    "not-in": _not_among,
    "exists": _exists,
    "regex": _matching,
}
