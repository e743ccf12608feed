"""The FHIR side of the way back: elements with their paths, found by the targets that rows write to (`name[+].given[+]`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Parts = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, eq=False)
class Element:
    """An element of a resource: its JSON, its path (`Patient/1#name[0]`), what holds it, and the extensions beside a primitive."""

    value: Any
    path: str
    holder: Element | None = None
    beside: Mapping[str, Any] | None = None

    def children(self, name: str) -> list[Element]:
        """0..* elements of a name, one per repetition."""
        if not isinstance(self.value, dict):
            return []
        found, extra = self.value.get(name), self.value.get(f"_{name}")
        where = f"{self.path}{'' if self.path.endswith('#') else '.'}{name}"
        if isinstance(found, list) or isinstance(extra, list):
            return list(self._listed(found or [], extra or [], where))
        if found is None and not isinstance(extra, Mapping):
            return []
        return [Element(found, where, self, extra if isinstance(extra, Mapping) else None)]

    def _listed(self, found: Sequence[Any], extra: Sequence[Any], where: str) -> Iterator[Element]:
        for number in range(max(len(found), len(extra))):
            value = found[number] if number < len(found) else None
            beside = extra[number] if number < len(extra) else None
            if value is not None or beside is not None:
                yield Element(value, f"{where}[{number}]", self, beside)

    def leaves(self) -> Iterator[str]:
        """The paths of all primitives in it, not of what stands beside it."""
        if isinstance(self.value, dict):
            for name in self.value:
                for child in self.children(name):
                    yield from child.leaves()
        elif self.value is not None:
            yield self.path

    def beside_leaves(self) -> Iterator[str]:
        """The paths of all primitives that stand beside a primitive."""
        if self.beside is not None:
            head, _, name = self.path.replace("#", "#.").rpartition(".")
            yield from Element(self.beside, f"{head}._{name}".replace("#.", "#")).leaves()


def reached(
    start: Element, parts: Parts, taken: Callable[[str], bool], latest: Mapping[str, str] | None = None
) -> list[Element]:
    """The elements that a target names. An element of a list that was `taken` by another row is left out at the last step.

    `latest`: which element of a list was taken last, that is `[=]`; without it `[=]` is any.
    """
    found = [start]
    for name, index in parts[:-1]:
        found = [child for one in found for child in _indexed(one.children(name), index, latest or {})]
    name, index = parts[-1]
    return [
        child
        for one in found
        for child in _indexed(one.children(name), index, latest or {})
        if not (index in ("+", "*") and taken(child.path))
    ]


def _indexed(children: list[Element], index: str, latest: Mapping[str, str]) -> list[Element]:
    if index == "=" and children and (known := latest.get(children[0].path.rpartition("[")[0])):
        return [child for child in children if child.path == known]
    return children[int(index) : int(index) + 1] if index.isdigit() else children


def agrees(element: Element | None, wanted: Any) -> list[str] | None:
    """The paths by which an element says at least what is wanted (a `const`, a `default`), or None when it does not."""
    if element is None:
        return None
    if isinstance(wanted, Mapping):
        return _joined(_of_key(element, key, value) for key, value in wanted.items())
    return [element.path] if element.value == wanted else None


def _of_key(element: Element, key: str, wanted: Any) -> list[str] | None:
    children = element.children(key)
    if key.startswith("_") and not children and isinstance(element.value, dict):
        return None
    if not isinstance(wanted, list):
        return agrees(children[0], wanted) if children else None
    return _joined(
        next((paths for child in children if (paths := agrees(child, one)) is not None), None) for one in wanted
    )


def _joined(found: Iterator[list[str] | None]) -> list[str] | None:
    paths: list[str] = []
    for one in found:
        if one is None:
            return None
        paths += one
    return paths
