"""The discriminators of a slicing: paths that lead somewhere (FHIR R4, profiling.html 5.1.0.14 and the restricted FHIRPath of discriminators)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gateway.definitions.structure import TypeRef
from gateway.model.report import Finding
from gateway.validating.structure.content.drafted import Draft
from gateway.validating.structure.content.paths import Spot, Spots
from gateway.validating.structure.content.reading import Row, part, rows, text
from gateway.validating.structure.finding import error

_LONGEST = 400
_SAME = ("$this", "first()", "single()")
_FUNCTIONS = ("resolve", "ofType", "as", "extension")


class Step(NamedTuple):
    """One part of a discriminator: a name, or a function with its argument."""

    name: str
    argument: str | None = None


def discriminated(draft: Draft, element: Row) -> Iterator[Finding]:
    """0..* findings relative to the element."""
    start = _start(draft, element)
    for place, row in rows(part(element, "slicing"), "discriminator"):
        path = text(row, "path")
        at = f"slicing.discriminator[{place}]"
        steps = steps_of(path)
        if not path:
            continue
        if steps is None:
            says = "The path of the discriminator is not one of the restricted expressions that are allowed."
            yield from error("invalid", "discriminator", says, found=path, at=at)
        elif start is not None and not _leads(draft, start, steps):
            says = "The path of the discriminator leads to no element."
            yield from error("invalid", "discriminator", says, found=path, at=at)


def _start(draft: Draft, element: Row) -> Spots | None:
    """The element itself, with the types it names."""
    spots = draft.paths.find(text(element, "path")) if draft.paths is not None else None
    if not spots:
        return None
    types = draft.types(element)
    return tuple(Spot(s.structure, s.element, types or s.types, s.place) for s in spots)


def _leads(draft: Draft, spots: Spots, steps: list[Step]) -> bool:
    """Whether the steps lead to an element; what can not be told counts as led."""
    here: Spots | None = spots
    for step in steps:
        if here is None or draft.paths is None:
            return True
        if step.argument is None:
            here = draft.paths.step(here, step.name)
        elif step.name in ("ofType", "as"):
            here = _narrowed(here, step.argument)
        elif step.name == "extension":
            here = draft.paths.step(here, "extension")
        elif step.name == "resolve":
            here = None
        if here == ():
            return False
    return True


def _narrowed(spots: Spots, type_name: str) -> Spots:
    bare = type_name.rpartition(".")[2].strip("`")
    open_ended = any(kind.code in ("Resource", "*", "Element") for spot in spots for kind in spot.types)
    kinds = [(spot, tuple(k for k in spot.types if k.code == bare)) for spot in spots]
    found = tuple(Spot(s.structure, s.element, types, s.place) for s, types in kinds if types)
    if found or not open_ended:
        return found
    return tuple(Spot(s.structure, s.element, (TypeRef(bare),), s.place) for s in spots)


def steps_of(path: str) -> list[Step] | None:
    """A discriminator in its steps: names, `$this`, `resolve()`, `ofType(T)`, `extension('url')`; None for anything else."""
    if len(path) > _LONGEST:
        return None
    found = []
    for piece in _pieces(path):
        if piece in _SAME:
            continue
        name, bracket, rest = piece.partition("(")
        if not bracket:
            if not name.replace("_", "").removesuffix("[x]").isalnum():
                return None
            found.append(Step(name))
        elif rest.endswith(")") and name in _FUNCTIONS:
            found.append(Step(name, rest[:-1]))
        else:
            return None
    return found


def _pieces(path: str) -> Iterator[str]:
    """The text between points that stand outside brackets."""
    depth, start = 0, 0
    for place, sign in enumerate(path):
        depth += (sign == "(") - (sign == ")")
        if sign == "." and depth == 0:
            yield path[start:place].strip()
            start = place + 1
    yield path[start:].strip()
