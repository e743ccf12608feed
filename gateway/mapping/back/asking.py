"""What rows ask for on the way back under `back:`, and by what they know an element (mappings/README.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.mapping.back.element import Element, agrees, reached
from gateway.mapping.back.rows import Mark
from gateway.mapping.blocks import plain
from gateway.mapping.load import Block
from gateway.mapping.paths import Target

_FIRST, _LAST = "first", "last"


def told(block: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a row says of the way back under `back:`, besides why it is not taken."""
    said = block.get("back")
    return said if isinstance(said, Mapping) else {}


def turn(block: Mapping[str, Any]) -> int:
    """What is told apart by a constant or a default comes before what takes anything; `back: {turn: first}` and `last` say otherwise."""
    if said := told(block).get("turn"):
        return 0 if said == _FIRST else 9
    named = "default" in block or any("const" in one and "from" not in one for one in block.get("rows") or ())
    return 1 if named else 2


def rank(block: Mapping[str, Any]) -> int:
    """Among rows that carry the same: 0 before, 2 behind the others."""
    return {_FIRST: 0, _LAST: 2}.get(str(told(block).get("turn")), 1)


def list_of(block: Mapping[str, Any]) -> str:
    """The list whose elements rows compete for: that of the extensions, or the target without its indices."""
    return "extension" if "extension" in block else str(block["to"]).replace("[*]", "[+]")


def mark_of(block: Block) -> Mark:
    """Does an element hold the constant that the row would have written into it (or, where that is allowed, nothing there)?"""
    target, fixed = Target(str(block["to"]), block.where), plain(block["const"])

    def mark(element: Element, loose: bool) -> bool:
        found = reached(element, target.parts, lambda _: False)
        return any(agrees(one, fixed) is not None for one in found) or (loose and not found)

    return mark
