"""Rows made of rows on the way back: objects in place, groups, alternatives, conditions, extensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from gateway.mapping.back.element import Element, agrees, reached
from gateway.mapping.back.place import Place
from gateway.mapping.back.rows import MEANT, MOST, PLAIN, Carry, Each, Mark, Rows, Spot, carried
from gateway.mapping.back.scope import Back
from gateway.mapping.back.solving import Holds
from gateway.mapping.paths import Target
from gateway.mapping.plan import NOTHING, SOURCED


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What must hold of an element that rows in place carry: constants it has, parts that have to be carried if they are there."""

    marks: Sequence[Mark] = ()
    musts: Sequence[Target] = ()

    def fits(self, element: Element, *, loose: bool) -> bool:
        """Does it have the constants?"""
        return all(mark(element, loose) for mark in self.marks)

    def met(self, element: Element, back: Back) -> bool:
        """Are the parts carried?"""
        parts = (part for must in self.musts for part in reached(element, must.parts, lambda _: False))
        return all(leaf in back.frame.carried for part in parts for leaf in part.leaves())


def inline(target: Target, spot: Spot | None, rows: Rows, asked: Asked, default: Mapping[str, Any]) -> Carry:
    """An object by rows written in place; constants among them say which elements are meant."""

    def one(element: Element, back: Back) -> int:
        if not asked.fits(element, loose=bool(spot and spot.assume)):
            return NOTHING
        place = spot.place(back, target.many and not spot.once) if spot is not None else back.place
        if place is None or carried(rows, back.at(place, element)) < SOURCED or not asked.met(element, back):
            return NOTHING
        if spot is not None and not spot.good(back, place):
            return NOTHING
        back.run.cite((agrees(element, default) if default else None) or [], None, back.frame, "")
        return MEANT if asked.marks else PLAIN

    return Each(target, one, most=1 if spot is None or spot.own else 0)


def grouped(spot: Spot | None, rows: Rows, *, each: bool) -> Carry:
    """Rows that share a condition, or a place; `each`: a place of its own for as much as one place holds, until nothing is left."""

    def row(back: Back, place: Place | None) -> int:
        if place is None:
            return NOTHING
        done = carried(rows, back.at(place, back.element))
        return done if spot is None or not done or spot.good(back, place) else NOTHING

    def group(back: Back) -> int:
        if spot is None or not each:
            return back.run.tried(lambda: row(back, back.place if spot is None else spot.place(back, False)))
        done = NOTHING
        for _ in range(MOST):
            if back.run.tried(lambda: row(back, spot.place(back, True))) < SOURCED:
                break
            done = SOURCED
        return done

    return group


def first_of(rows: Sequence[Carry], turns: Sequence[int]) -> Carry:
    """The alternative that carries most; on a tie that of the lower turn, then the one that writes least, then the first."""
    return lambda back: back.run.best([lambda one=one: one(back) for one in rows], turns)  # type: ignore[misc]


def guarded(row: Carry, holds: Holds) -> Carry:
    """A row whose condition must hold of what is written."""
    if isinstance(row, Each):
        inner = row.one
        return replace(row, one=lambda element, back: _kept(inner(element, back), holds, back))
    return lambda back: back.run.tried(lambda: _kept(row(back), holds, back))


def _kept(done: int, holds: Holds, back: Back) -> int:
    return done if done and holds(back, back.place) else NOTHING


def extended(url: str, spot: Spot | None, inner: Carry) -> Carry:
    """The extensions of a URL, each by the row that writes its value."""

    def one(element: Element, back: Back) -> int:
        said = agrees(element, {"url": url})
        place = spot.place(back, not spot.once) if spot is not None else back.place
        if said is None or place is None or (done := inner(back.at(place, element))) < SOURCED:
            return NOTHING
        back.run.cite(said, None, back.frame, "")
        return done if spot is None or spot.good(back, place) else NOTHING

    return Each(Target("extension[+]", url), one, most=1 if spot is not None and spot.own else 0)
