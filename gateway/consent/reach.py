"""How far the Consents on file could reach before anything of a record is known: whether asking for it could give anybody anything.

`widest` says no less than the Consents say, whatever the items are: permits without what only an item can meet, and no deny that only
some items meet. What it refuses, they refuse for every item of the type; what it permits is decided again, item by item.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.consent.codes import codes

Json = Mapping[str, Any]
_OF_AN_ITEM = ("code", "dataPeriod", "data", "securityLabel")  # class is told by the type, the rest by the question


def widest(consents: Sequence[Json]) -> list[dict[str, Any]]:
    """The Consents as wide as they could be for any item; one that looks at who made or keeps an item is wide open."""
    return [
        {**one, "provision": _root(one["provision"])} if _is_tree(one.get("provision")) else {**one} for one in consents
    ]


def _root(node: Json) -> dict[str, Any]:
    if _looks_at_source(node):
        return {"type": "permit"}
    narrow = _is_narrow(node)
    made = _wide(node, narrow)
    return {**made, "type": "permit"} if narrow else made


def _wide(node: Json, narrow: bool) -> dict[str, Any]:
    """A provision without what only an item meets; `narrow`: it, or one that it inherits from, has some of that."""
    made = {name: child for name, child in node.items() if name not in (*_OF_AN_ITEM, "provision")}
    below = list(_below(node, narrow))
    return {**made, "provision": below} if below else made


def _below(node: Json, narrow: bool) -> Iterator[Any]:
    for child in node.get("provision") or ():
        if not _is_tree(child):
            yield child
            continue
        here = narrow or _is_narrow(child)
        made = _wide(child, here)
        if not (here and child.get("type") == "deny"):
            yield made
        elif "provision" in made:  # what is permitted below a deny that may meet nothing
            yield {**made, "type": "permit"}


def _is_narrow(node: Json) -> bool:
    return any(node.get(name) for name in _OF_AN_ITEM)


def _looks_at_source(node: Json) -> bool:
    """Whether an actor anywhere in the tree is looked for on the side of the item: whatever is no recipient."""
    below = (child for child in node.get("provision") or () if _is_tree(child))
    return not all(map(_is_recipient, node.get("actor") or ())) or any(map(_looks_at_source, below))


def _is_recipient(actor: Any) -> bool:
    role = actor.get("role") if isinstance(actor, Mapping) else None
    rows = role.get("coding") if isinstance(role, Mapping) else None
    sides = (
        {codes().roles.get(str(row.get("code"))) for row in rows if _is_tree(row)} if isinstance(rows, list) else set()
    )
    return sides == {"recipient"}


def _is_tree(node: Any) -> bool:
    return isinstance(node, Mapping)
