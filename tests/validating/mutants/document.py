"""Documents with one place changed: what lies beside the way there is shared, never copied, and the document itself is never changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Path = tuple[str | int, ...]
GONE: Final = object()


def at(document: Any, path: Path) -> Any:
    """What stands at a place."""
    for step in path:
        document = document[step]
    return document


def changed(document: Any, path: Path, value: Any) -> Any:
    """The document with another value at a place; GONE takes the place away, a list that becomes empty with it."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    inner = document.get(step) if isinstance(document, Mapping) else document[step] if step < len(document) else None
    made = changed(inner, rest, value)
    if isinstance(document, Mapping):
        if made is GONE:
            return {key: each for key, each in document.items() if key != step}
        return {**document, step: made}
    if made is GONE:
        return [*document[:step], *document[step + 1 :]] or GONE
    return [*document[:step], made, *document[step + 1 :]]


def without(document: Any, path: Path, keys: Sequence[str]) -> Any:
    """The document without some members (and what stands beside them) of the object at a place."""
    gone = {*keys, *(f"_{key}" for key in keys)}
    return changed(document, path, {key: each for key, each in at(document, path).items() if key not in gone})


def shown(path: Path) -> str:
    """`entry[1].resource.name[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every primitive of a value with the way to it."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from leaves(each, (*path, key))
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from leaves(each, (*path, place))
    else:
        yield path, value
