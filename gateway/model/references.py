"""References inside resources: found and rewritten without touching anything else (R4 References, `Reference.reference`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def rewritten(tree: Any, new: Mapping[str, str]) -> Any:
    """A copy of the tree in which every `reference` text that is a key of `new` is its value."""
    if tree.__class__ is str:  # most of a tree
        return tree
    if isinstance(tree, Mapping):
        return {
            key: new.get(child, child) if key == "reference" and isinstance(child, str) else rewritten(child, new)
            for key, child in tree.items()
        }
    return [rewritten(child, new) for child in tree] if isinstance(tree, list) else tree


def references_in(tree: Any) -> list[str]:
    """Every `reference` text in the tree, in its order."""
    found: list[str] = []
    _gather(tree, found)
    return found


def _gather(tree: Any, found: list[str]) -> None:
    if tree.__class__ is str:
        return
    if isinstance(tree, Mapping):
        for key, child in tree.items():
            if key == "reference" and isinstance(child, str):
                found.append(child)
            else:
                _gather(child, found)
    elif isinstance(tree, list):
        for child in tree:
            _gather(child, found)
