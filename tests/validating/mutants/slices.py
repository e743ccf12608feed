"""Which values belong to a slice, where that can be told without doubt: by fixed or pattern values, by a url, by a type (R4 profiling.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.definitions.library import Library
from gateway.definitions.structure import Element, Structure
from tests.validating.mutants.document import Path, changed


@dataclass(frozen=True, slots=True)
class Mark:
    """One sign of membership: at `path` in the value stands `value` (`exact`: nothing else)."""

    path: tuple[str, ...]
    value: Any
    exact: bool

    def seen(self, node: Any) -> bool:
        """Whether some value at the path is as it must be."""
        return any(kept(each, self.value, self.exact) for each in _reached(node, self.path))


@dataclass(frozen=True, slots=True)
class Slice:
    """A slice whose members are known: all marks are seen. `key` is the name in JSON that a type slice needs."""

    element: Element
    marks: tuple[Mark, ...]
    rules: str = "open"
    key: str = ""

    def holds(self, value: Any) -> bool:
        """Whether a value is a member."""
        return bool(self.marks or self.key) and all(mark.seen(value) for mark in self.marks)

    def broken(self, value: Any) -> Any:
        """The value with what marks it as a member changed."""
        for mark in self.marks:
            for path, found in [*_ways(value, mark.path)]:
                value = changed(value, path, other(found, mark.value))
        return value


def slices_of(
    library: Library, structure: Structure, element: Element, named: Sequence[Element], key: str
) -> tuple[Slice, ...]:
    """The slices of an element that a value under a JSON name can belong to; none when one of them is not understood."""
    slicing = element.slicing
    if slicing is None or any("/" in each.slice_name or each.slice_name == "@default" for each in named):
        return ()
    made: list[Slice] = []
    for each in named:
        if slicing.discriminators == (("type", "$this"),):
            if (
                len(each.types) == 1
                and key == element.name[:-3] + each.types[0].code[:1].upper() + each.types[0].code[1:]
            ):
                made.append(Slice(each, (), slicing.rules, key))
            continue
        marks = [_mark(library, structure, each, kind, path) for kind, path in slicing.discriminators]
        if not marks or None in marks:
            return ()
        made.append(Slice(each, tuple(mark for mark in marks if mark), slicing.rules))
    return tuple(made)


def _mark(library: Library, structure: Structure, element: Element, kind: str, path: str) -> Mark | None:
    if kind not in ("value", "pattern") or any(sign in path for sign in "()"):
        return None
    steps = () if path == "$this" else tuple(path.split("."))
    found = element
    for place, step in enumerate(steps):
        below = [each for each in structure.children(found.id) if each.name == step and not each.slice_name]
        profiles = found.types[0].profiles if len(found.types) == 1 else ()
        if not below and len(profiles) == 1 and (own := library.structure(profiles[0])):
            structure, below = own, [e for e in own.children(own.type) if e.name == step and not e.slice_name]
        if not below:
            return None
        found = below[0]
        if found.pattern and found.types[0].code in ("CodeableConcept", "Coding") and place + 1 < len(steps):
            return None
    wanted = found.fixed or found.pattern
    return Mark(steps, wanted.value, found.fixed is not None) if wanted else None


def kept(value: Any, wanted: Any, exact: bool = False) -> bool:
    """Whether a value is the wanted one, or (not exact) holds it."""
    if exact:
        return bool(value == wanted)
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and all(kept(value.get(key), each) for key, each in wanted.items())
    if isinstance(wanted, list):
        return isinstance(value, list) and all(any(kept(v, w) for v in value) for w in wanted)
    return bool(value == wanted)


def other(value: Any, wanted: Any) -> Any:
    """A value of the same shape that does not keep what is wanted."""
    if isinstance(wanted, Mapping):
        key = next((k for k in ("coding", "code", "system", "value") if k in wanted), next(iter(wanted)))
        return {**value, key: other(value[key], wanted[key])} if key in value else value
    if isinstance(wanted, list):
        return [other(each, wanted[0]) for each in value]
    if isinstance(wanted, bool):
        return not value
    if isinstance(wanted, str):
        return "http://example.org/no-such-thing" if ":" in wanted else "no-such-thing"
    return value + 1


def _reached(node: Any, path: tuple[str, ...]) -> Iterator[Any]:
    return (value for _, value in _ways(node, path))


def _ways(node: Any, path: tuple[str, ...], way: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(node, list):
        for place, each in enumerate(node):
            yield from _ways(each, path, (*way, place))
    elif not path:
        yield way, node
    elif isinstance(node, Mapping) and path[0] in node:
        yield from _ways(node[path[0]], path[1:], (*way, path[0]))
