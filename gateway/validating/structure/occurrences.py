"""The values an element has in its holder, as nodes that know their type and what stands beside them (FHIR R4, json.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from gateway.fhirpath import Model, Node
from gateway.fhirpath.model import Child
from gateway.validating.structure.scope import Scope

Occurrence = tuple[str, Node, Scope]  # step from the holder, value, scope of what it is in
Found = tuple[tuple[str, Child], ...]  # the JSON keys of an element in one type, each with its step


class Occurrences:
    """The values of the element of one name. `value[x]` and `value` find a choice of any type, `valueQuantity` one type of it."""

    __slots__ = ("_by_type", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._by_type: dict[str, Found] = {}

    def of(self, holder: Node, scope: Scope) -> list[Occurrence]:
        """0..* values; a primitive that has only an extension counts, with the value None. A resource has a scope of its own."""
        value = holder.value
        if type(value) is not dict:
            return _beside(holder, self.name, scope)
        children = self._by_type.get(holder.type)
        if children is None:
            children = self._by_type[holder.type] = _children(scope.tools.compiler.model, holder.type, self.name)
        found: list[Occurrence] = []
        for step, child in children:
            given = value.get(child.key)
            shadow = value.get(child.shadow) if child.shadow else None
            if given is None and shadow is None:
                continue
            if type(given) is list and shadow is None and not child.resource:
                kind = child.type
                found += [(f"{step}[{place}]", Node(row, kind), scope) for place, row in enumerate(given)]
            elif type(given) is list or type(shadow) is list:
                found += _listed(step, child, (given, shadow), scope)
            elif child.resource:
                found += _resource(step, given, scope, value.get("fullUrl"))
            else:
                found.append((step, Node(given, child.type, shadow), scope))
        return found


@lru_cache(maxsize=2048)
def occurrences_of(name: str) -> Occurrences:
    """The same one for the same name."""
    return Occurrences(name)


def _children(model: Model, type_name: str, name: str) -> Found:
    """Every type of a choice; old profiles name one of them by its JSON key."""
    stem, kind = name.removesuffix("[x]"), model.type(type_name)
    step = kind.steps.get(stem)
    if step is None:
        child = kind.by_key.get(name)
        return ((f"{_stem(name, child)}.ofType({child.type})", child),) if child else ()
    choice = name.endswith("[x]") or len(step.children) > 1
    return tuple((f"{stem}.ofType({child.type})" if choice else stem, child) for child in step.children)


def _stem(key: str, child: Child) -> str:
    """`value` of `valueQuantity`."""
    return key[: len(key) - len(child.type)]


def _listed(step: str, child: Child, values: tuple[Any, Any], scope: Scope) -> Iterator[Occurrence]:
    given, shadow = values
    rows = given if isinstance(given, list) else []
    beside = shadow if isinstance(shadow, list) else []
    for place in range(max(len(rows), len(beside))):
        row = rows[place] if place < len(rows) else None
        if child.resource:
            yield from _resource(f"{step}[{place}]", row, scope, None)
        else:
            yield f"{step}[{place}]", Node(row, child.type, beside[place] if place < len(beside) else None), scope


def _resource(step: str, given: Any, scope: Scope, full_url: Any) -> Iterator[Occurrence]:
    if isinstance(given, Mapping):
        inner = scope.inside(given, full_url=full_url, contained=step.startswith("contained["))
        yield step, inner.node, inner


def _beside(holder: Node, name: str, scope: Scope) -> list[Occurrence]:
    """`id` and `extension` of a primitive."""
    if not isinstance(holder.shadow, Mapping) or name not in ("id", "extension"):
        return []
    given = holder.shadow.get(name)
    if name == "extension":
        return list(_listed(name, Child(name, "Extension"), (given, None), scope))
    return [] if given is None else [(name, Node(given, "string"), scope)]
