"""Values on their way out with where they came from; rendering them gives plain JSON and the origin of each element (invariant 8)."""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, Mapping, Sequence, ValuesView
from typing import Any

from gateway.model.report import Origin

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
        return (_distinct if isinstance(tree, Distinct) else _listed)(tree, path, cites) or None
    value = tree.rendered()
    if value is not None:
        cites.append((path, Leaf(value, tree.sources, tree.rule)))  # what it was made by need not stay
    if isinstance(tree, Pointer) and tree.beside:
        return {**(value or {}), **(render(tree.beside, path, cites) or {})} or None
    return value


def _object(tree: dict[str, Any], start: str, cites: Cites) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, child in tree.items():
        kind = type(child)
        if kind is Leaf:  # most of what there is
            if (value := child.value) is not None:
                cites.append((start + key, child))
                made[key] = value
        elif kind is dict:
            if value := _object(child, f"{start}{key}.", cites):
                made[key] = value
        elif kind is list:
            if value := _listed(child, start + key, cites):
                made[key] = value
        elif (value := render(child, start + key, cites)) is not None:
            made[key] = value
    return made


def _listed(tree: list[Any], path: str, cites: Cites) -> list[Any]:
    items: list[Any] = []
    for child in tree:
        if type(child) is dict:
            if value := _object(child, f"{path}[{len(items)}].", cites):
                items.append(value)
        elif (value := render(child, f"{path}[{len(items)}]", cites)) is not None:
            items.append(value)
    return items


def _distinct(tree: list[Any], path: str, cites: Cites) -> list[Any]:
    items: list[Any] = []
    for child in tree:
        value = render(child, "", []) if items else None
        if value in items:
            render(child, f"{path}[{items.index(value)}]", cites)
        elif (value := render(child, f"{path}[{len(items)}]", cites)) is not None:
            items.append(value)
    return items


class Origins(Mapping[str, Origin]):
    """The origins of some resources by element, worked out when first asked for: `starts` is what the paths in each of them begin with."""

    __slots__ = ("_cites", "_made", "_starts")

    def __init__(self, starts: Sequence[str], cites: Sequence[Cites]) -> None:
        self._starts = starts
        self._cites = cites
        self._made: dict[str, Origin] | None = None

    def starting(self, starts: Sequence[str]) -> Origins:
        """The same where the resources are elsewhere."""
        return Origins(starts, self._cites)

    def _all(self) -> dict[str, Origin]:
        if self._made is None:
            made: dict[str, Origin] = {}
            for start, cites in zip(self._starts, self._cites, strict=True):
                for path, leaf in cites:
                    place, sources = start + path, leaf.sources
                    if place in made:
                        made[place] = _both(made[place], sources)
                    else:
                        made[place] = Origin(sources[0] if len(sources) == 1 else " ".join(sources), leaf.rule)
            self._made = made
        return self._made

    def __getitem__(self, path: str) -> Origin:
        return self._all()[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def items(self) -> ItemsView[str, Origin]:
        """Path and origin."""
        return self._all().items()

    def values(self) -> ValuesView[Origin]:
        """The origins alone."""
        return self._all().values()

    def __reduce__(self) -> tuple[type, tuple[dict[str, Origin]]]:
        return dict, (self._all(),)  # another process gets what was asked for, not how it was made


def _both(origin: Origin, sources: tuple[str, ...]) -> Origin:
    """An element that several places of the source say alike comes from all of them; the first rule made it."""
    return Origin(" ".join(dict.fromkeys((*origin.source.split(), *sources))), origin.rule)
