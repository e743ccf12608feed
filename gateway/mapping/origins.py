"""Values on their way out with where they came from; rendering them gives plain JSON and the origin of each element (invariant 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Cites = list[tuple[str, "Leaf"]]


class Leaf:
    """A value that a rule emitted: any JSON value, the 0..* source positions it was made of, the id of the rule."""

    __slots__ = ("rule", "sources", "value")

    def __init__(self, value: Any, sources: tuple[str, ...], rule: str) -> None:
        self.value = value
        self.sources = sources
        self.rule = rule

    def rendered(self) -> Any:
        """The JSON value, None when there is nothing to write."""
        return self.value


class Pointer(Leaf):
    """A reference to something made by the same run; it renders only if that was kept. `beside`: other elements, as its display."""

    __slots__ = ("beside", "target")

    def __init__(self, target: Callable[[], str], sources: tuple[str, ...], rule: str) -> None:
        super().__init__(None, sources, rule)
        self.target = target
        self.beside: dict[str, Any] = {}

    def rendered(self) -> Any:
        """`{"reference": "Type/id"}`, or None."""
        reference = self.target()
        return {"reference": reference} if reference else None


class Distinct(list[Any]):
    """A list in which equal elements (the same order number in ORC-2 and OBR-2) become one that cites all their sources."""


def render(tree: Any, path: str, cites: Cites) -> Any:
    """A tree of dicts, lists and Leaf values to plain JSON without empty parts; `cites` gets the path of every element written."""
    if isinstance(tree, dict):
        return _object(tree, f"{path}." if path else "", cites) or None
    if isinstance(tree, list):
        return _listed(tree, path, cites) or None
    value = tree.rendered()
    if value is not None:
        cites.append((path, tree))
    if isinstance(tree, Pointer) and tree.beside:
        return {**(value or {}), **(render(tree.beside, path, cites) or {})} or None
    return value


def _object(tree: dict[str, Any], start: str, cites: Cites) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, child in tree.items():
        if type(child) is Leaf:  # most of what there is
            if (value := child.value) is not None:
                cites.append((start + key, child))
                made[key] = value
        elif (value := render(child, start + key, cites)) is not None:
            made[key] = value
    return made


def _listed(tree: list[Any], path: str, cites: Cites) -> list[Any]:
    items: list[Any] = []
    for child in tree:
        if items and isinstance(tree, Distinct):
            same = render(child, "", [])
            if same in items:
                render(child, f"{path}[{items.index(same)}]", cites)
                continue
        value = render(child, f"{path}[{len(items)}]", cites)
        if value is not None:
            items.append(value)
    return items
