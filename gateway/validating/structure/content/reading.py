"""What is there of a resource that may be wrong anywhere: members of the wrong kind read as absent (the structural rules report them)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Row = Mapping[str, Any]
_NOTHING: Row = {}


def text(node: Row, key: str) -> str:
    """A member that is a string, else empty."""
    value = node.get(key)
    return value if isinstance(value, str) else ""


def whole(node: Row, key: str) -> int | None:
    """A member that is a whole number, else None."""
    value = node.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def part(node: Row, key: str) -> Row:
    """A member that is an object, else an empty one."""
    value = node.get(key)
    return value if isinstance(value, Mapping) else _NOTHING


def rows(node: Row, key: str) -> list[tuple[int, Row]]:
    """The 0..* objects of a list with their places; other items are left out."""
    value = node.get(key)
    if not isinstance(value, list):
        return []
    return [(place, item) for place, item in enumerate(value) if isinstance(item, Mapping)]


def texts(node: Row, key: str) -> list[tuple[int, str]]:
    """The 0..* strings of a list with their places."""
    value = node.get(key)
    if not isinstance(value, list):
        return []
    return [(place, item) for place, item in enumerate(value) if isinstance(item, str)]


def chosen(node: Row, stem: str) -> tuple[str, Any] | None:
    """The type name (`Coding`, `string`) and value of a choice element, as the key spells it; None when there is no value."""
    for key, value in node.items():
        if key.startswith(stem) and len(key) > len(stem) and key[len(stem)].isupper():
            return key[len(stem) :], value
    return None


def extensions(node: Row, url: str) -> Iterator[Row]:
    """The 0..* extensions of that address, directly on the node."""
    for _, extension in rows(node, "extension"):
        if extension.get("url") == url:
            yield extension


def extended(node: Row, url: str) -> Any:
    """The value of the first extension of that address, else None."""
    for extension in extensions(node, url):
        if value := chosen(extension, "value"):
            return value[1]
    return None
