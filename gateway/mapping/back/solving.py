"""`when:` and `where:` the other way: what they ask for is made so where nothing is written yet, then they are asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gateway.mapping.back.place import Place
from gateway.mapping.back.scope import Back
from gateway.mapping.predicates import predicate

Holds = Callable[[Back, Place], bool]
At = Callable[[str], Callable[[Back], "Place | None"]]


def solved(block: Any, own: str, where: str, at: At) -> Holds:
    """Whether a predicate holds at a place, once the values that it names have been written to places of the map that are empty."""
    asked = predicate(block, own, where)
    settings = list(_settings(block, at))

    def holds(back: Back, place: Place) -> bool:
        scope = back.at(place, back.element)
        for target, value in settings:
            spot = target(scope)
            if spot is not None and not any(leaf.text for leaf in spot.leaves()):
                spot.put(value)
        return asked(back.forward(place))

    return holds


def _settings(block: Any, at: At) -> Any:
    """(place, value) for each `eq`, the first of each `in`, all of an `all`; of an `any` nothing is chosen."""
    if not isinstance(block, Mapping):
        return
    ((kind, about),) = block.items()
    if kind == "all":
        for part in about:
            yield from _settings(part, at)
    elif kind in ("eq", "prefix"):
        yield at(str(about[0])), str(about[1])
    elif kind == "in":
        yield at(str(about[0])), str(about[1][0])
