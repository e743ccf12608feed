"""References inside resources: found and rewritten without touching anything else (R4 References, `Reference.reference`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def rewritten(tree: Any, new: Mapping[str, str]) -> Any:
    """A copy of the tree in which every `reference` text that is a key of `new` is its value."""
    if isinstance(tree, Mapping):
        return {
            key: new.get(child, child) if key == "reference" and isinstance(child, str) else rewritten(child, new)
            for key, child in tree.items()
        }
    return [rewritten(child, new) for child in tree] if isinstance(tree, list) else tree


def references_in(tree: Any) -> Iterator[str]:
    """Every `reference` text in the tree."""
    if isinstance(tree, Mapping):
        for key, child in tree.items():
            if key == "reference" and isinstance(child, str):
                yield child
            else:
                yield from references_in(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from references_in(child)
