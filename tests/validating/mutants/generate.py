"""Every mutant of the official examples, always the same ones in the same order; at most so many of one kind from one example."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from gateway.definitions.library import Library, library
from tests.validating.examples.packages import Example, examples, paths
from tests.validating.mutants import outside, rules, shapes
from tests.validating.mutants.document import at
from tests.validating.mutants.mutant import Change, Mutant, Recipe
from tests.validating.mutants.spots import Spot, Spots

MOST = 8  # of one kind from one example
_RECIPES: Sequence[Recipe] = (
    shapes.removed, shapes.retyped, shapes.exceeded, shapes.unknown, shapes.empty, shapes.misspelt, shapes.miscoded, shapes.misdirected,
    shapes.refixed, shapes.chosen_twice, shapes.sliced, rules.broken,
    outside.forbidden, outside.other_choice, outside.extended, outside.misplaced, outside.shadowed, outside.nothing, outside.stranger,
)  # fmt: skip


def mutants(most: int = MOST) -> Iterator[Mutant]:
    """Every mutant, example by example."""
    definitions = library((), paths())
    spots = Spots(definitions)
    for example in examples():
        yield from _of(example, spots, definitions, most)


def _of(example: Example, spots: Spots, definitions: Library, most: int) -> Iterator[Mutant]:
    found: dict[str, dict[tuple[object, ...], Change]] = defaultdict(dict)
    for spot in spots.of(example.resource, example.claims):
        for recipe in _RECIPES:
            for change in recipe(example.resource, spot, definitions):
                if _stays(change, spot):
                    found[change.kind].setdefault((change.place, change.why), change)
    for kind, changes in found.items():
        for change in _spread(list(changes.values()), most):
            yield Mutant(kind, example.name, change.place, change.why, change.document, example.claims)


def _stays(change: Change, spot: Spot) -> bool:
    """Whether what was changed is still in the slices whose rules it breaks."""
    try:
        return all(guard.slice.holds(at(change.document, guard.path)) for guard in spot.guards)
    except (KeyError, IndexError, TypeError):
        return False


def _spread(changes: list[Change], most: int) -> list[Change]:
    """At most so many, evenly over all."""
    if len(changes) <= most:
        return changes
    return [changes[place * len(changes) // most] for place in range(most)]
