"""Value sets and code systems as values (FHIR R4, ValueSet.compose and CodeSystem.concept)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Filter:
    """A selection inside a code system: property, operator (`is-a`, `=` …), value."""

    property: str
    op: str
    value: str


@dataclass(frozen=True, slots=True)
class Part:
    """One include or exclude: a system (whole, enumerated or filtered) and 0..* value sets it is cut with."""

    system: str = ""
    version: str = ""
    codes: tuple[str, ...] | None = None
    filters: tuple[Filter, ...] = ()
    value_sets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValueSet:
    """A composition; `expansion` (system, code) is used only when there is no composition.

    `inactive` False leaves inactive codes out; `partial` says that the expansion is not all of it.
    """

    url: str
    include: tuple[Part, ...] = ()
    exclude: tuple[Part, ...] = ()
    expansion: tuple[tuple[str, str], ...] | None = None
    version: str = ""
    inactive: bool = True
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Concept:
    """A code with its parents (0..*, more than one through `child` and `parent` properties) and properties (0..* values each)."""

    code: str
    parents: tuple[str, ...] = ()
    properties: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CodeSystem:
    """A code system. `content` complete | fragment | example | supplement | not-present; only complete content proves absence."""

    url: str
    content: str
    case_sensitive: bool
    concepts: Mapping[str, Concept]
    version: str = ""
    value_set: str = ""
    supplements: str = ""

    def below(self, code: str) -> frozenset[str]:
        """The descendants of a code, without itself; empty when there are none."""
        children: dict[str, list[str]] = {}
        for concept in self.concepts.values():
            for parent in concept.parents:
                children.setdefault(parent, []).append(concept.code)
        found: set[str] = set()
        waiting = list(children.get(code, ()))
        while waiting:
            next_one = waiting.pop()
            if next_one not in found:
                found.add(next_one)
                waiting.extend(children.get(next_one, ()))
        return frozenset(found)


def value_set_from(facts: Mapping[str, Any]) -> ValueSet:
    """The facts of a ValueSet (facts.py) as a ValueSet."""
    rows = facts.get("expansion")
    expansion = tuple((r.get("system", ""), r["code"]) for r in rows) if rows is not None else None
    return ValueSet(
        facts["url"], _parts(facts.get("include", ())), _parts(facts.get("exclude", ())), expansion,
        facts.get("version", ""), facts.get("inactive", True), facts.get("partial", False),
    )  # fmt: skip


def _parts(rows: Iterable[Mapping[str, Any]]) -> tuple[Part, ...]:
    return tuple(
        Part(
            system=row.get("system", ""),
            version=row.get("version", ""),
            codes=tuple(row["codes"]) if "codes" in row else None,
            filters=tuple(Filter(f["property"], f["op"], f["value"]) for f in row.get("filter", ())),
            value_sets=tuple(row.get("valueSet", ())),
        )
        for row in rows
    )


def code_system_from(facts: Mapping[str, Any]) -> CodeSystem:
    """The facts of a CodeSystem (facts.py) as a CodeSystem; parents gathered from nesting, `parent` and `child` properties."""
    rows = list(_walk(facts["codes"], None))
    parents: dict[str, list[str]] = {code: [] for code, _, _ in rows}
    for code, parent, properties in rows:
        parents[code] += ([parent] if parent else []) + properties.get("parent", [])
        for child in properties.get("child", ()):
            parents.setdefault(child, []).append(code)
    known = {code: properties for code, _, properties in rows}
    concepts = {
        code: Concept(code, tuple(dict.fromkeys(parents[code])), {k: tuple(v) for k, v in properties.items()})
        for code, properties in known.items()
    }
    return CodeSystem(
        facts["url"], facts.get("content", "complete"), facts.get("caseSensitive", True), concepts,
        facts.get("version", ""), facts.get("valueSet", ""), facts.get("supplements", ""),
    )  # fmt: skip


def _walk(rows: Iterable[Any], parent: str | None) -> Iterator[tuple[str, str | None, Mapping[str, Any]]]:
    for entry in rows:
        code, properties, children = (entry, {}, ()) if isinstance(entry, str) else (*entry, ())[:3]
        yield code, parent, properties
        yield from _walk(children, code)
