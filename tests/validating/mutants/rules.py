"""Mutants that break invariants: by the form of an expression where it is simple, by a recipe of their own where it is not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.definitions.library import Library
from gateway.definitions.structure import Element
from tests.validating.mutants.document import changed
from tests.validating.mutants.mutant import Change
from tests.validating.mutants.recipes import PRIMITIVES, RECIPES
from tests.validating.mutants.spots import Spot
from tests.validating.mutants.vocabulary import SAMPLES

Node = Mapping[str, Any]
_NAME = r"[a-zA-Z]+"
_ANY = re.compile(rf"{_NAME}\.exists\(\)|{_NAME}(?:\.exists\(\))?(?: or {_NAME}(?:\.exists\(\))?)+")
_NOT_BOTH = re.compile(rf"({_NAME})\.empty\(\) or ({_NAME})\.empty\(\)")
_NEEDS = re.compile(rf"({_NAME})\.empty\(\) or ({_NAME})\.exists\(\)")
_NONE = re.compile(rf"({_NAME})\.empty\(\)")
_WHEN = re.compile(rf"\(?({_NAME})\s*=\s*'.*implies ({_NAME})\.exists\(\)")


def broken(document: Mapping[str, Any], spot: Spot, library: Library) -> Iterator[Change]:
    """One change for each invariant of the element that a recipe knows to break."""
    for rule in spot.element.invariants:
        if rule.severity != "error" or rule.best_practice or (rule.key == "ele-1"):
            continue
        value = spot.values[0]
        recipe = (RECIPES if isinstance(value, Mapping) else PRIMITIVES).get(rule.key)
        made = recipe(value) if recipe else _by_form(rule.expression, value, _types(library, spot))
        if made is not None and made != value:
            yield Change("invariant broken", spot.first, rule.key, changed(document, spot.first, made))


def _types(library: Library, spot: Spot) -> Mapping[str, Element]:
    """The elements below a spot by name, from the structure that its path starts with."""
    structure = library.structure(spot.element.path.partition(".")[0])
    if structure is None:
        return {}
    return {each.name.removesuffix("[x]"): each for each in structure.children(spot.element.path)}


def _by_form(expression: str, node: Any, children: Mapping[str, Element]) -> Any:
    text = expression.strip()
    if not isinstance(node, Mapping):
        return None
    if _ANY.fullmatch(text):
        return _less(node, [each.removesuffix(".exists()") for each in text.split(" or ")], children)
    if match := _NOT_BOTH.fullmatch(text):
        return _more(node, match.groups(), children)
    if (match := _NEEDS.fullmatch(text)) and _keys(node, match[1], children):
        return _less(node, [match[2]], children)
    if (match := _WHEN.fullmatch(text)) and f"'{node.get(match[1])}'" in text:
        return _less(node, [match[2]], children)
    if match := _NONE.fullmatch(text):
        return _more(node, (match[1],), children)
    return None


def _keys(node: Node, name: str, children: Mapping[str, Element]) -> list[str]:
    """The members of an object that are an element or stand beside it: `value` is `valueQuantity`."""
    element = children.get(name)
    if element is None:
        return []
    choice = element.name.endswith("[x]")
    names = {name + each.code[:1].upper() + each.code[1:] for each in element.types} if choice else {name}
    return [key for key in node if key.removeprefix("_") in names]


def _less(node: Node, names: Sequence[str], children: Mapping[str, Element]) -> Node | None:
    """The object without some elements; None when it has none of them or one is not known."""
    if any(name not in children for name in names):
        return None
    gone = {key for name in names for key in _keys(node, name, children)}
    return {key: value for key, value in node.items() if key not in gone} if gone else None


def _more(node: Node, names: Sequence[str], children: Mapping[str, Element]) -> Node | None:
    """The object with a sample of what is missing of some elements, when just one of them is."""
    missing = [name for name in names if not _keys(node, name, children)]
    if len(missing) != 1 or missing[0] not in children:
        return None
    element = children[missing[0]]
    codes = [each.code for each in element.types if each.code in SAMPLES]
    if not codes:
        return None
    sample = [SAMPLES[codes[0]]] if element.max == -1 else SAMPLES[codes[0]]
    key = missing[0] + codes[0][0].upper() + codes[0][1:] if element.name.endswith("[x]") else missing[0]
    return {**node, key: sample}
