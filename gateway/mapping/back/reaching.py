"""Places that rows write to: down from where they are, or in another segment."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.mapping.back.place import Place
from gateway.mapping.back.rows import PlaceOf
from gateway.mapping.back.scope import Back


def within(place: PlaceOf, path: str) -> PlaceOf:
    """The last of the places below it that the way there would take: what is there when nothing else is."""
    steps = tuple(path.split("."))[1:]

    def inner(back: Back, many: bool) -> Place | None:
        found = place(back, many)
        return None if found is None else walked(found, steps, False)

    return inner


def walked(start: Place, steps: Sequence[str], many: bool) -> Place:
    """Down from a place; with `many` to a new repetition where the first step leaves a segment."""
    for number, step in enumerate(steps):
        start = start.added(step) if many and number == 0 and start.whole else start.at(step)
    return start


def elsewhere(back: Back, head: str, steps: Sequence[str], many: bool) -> Place | None:
    """The same from another segment, where one of that name may be reached from here."""
    start = back.top.made(head, new=many)
    return None if start is None else walked(start, steps, False)
