"""What a map writes into on the way back: places of a document in the making, which can also be read, so that `when:` can be asked of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol

from gateway.mapping.back.journal import Journal
from gateway.mapping.source import Node, Source


class Place(Node, Protocol):
    """A segment, a field repetition or a component, written or not yet."""

    def related(self, name: str) -> Sequence[Place]:
        """As of any node."""
        ...

    @property
    def whole(self) -> bool:
        """Is this a segment, whose children repeat?"""
        ...

    @property
    def key(self) -> Hashable:
        """What tells it from all other places."""
        ...

    @property
    def begun(self) -> bool:
        """Is anything written in its segment?"""
        ...

    def at(self, name: str) -> Place:
        """The child of that number; of a segment the first repetition of a field. Nothing is written by asking."""
        ...

    def added(self, name: str) -> Place:
        """A repetition of a field behind those that are written."""
        ...

    def made(self, name: str, *, new: bool = False) -> Place | None:
        """The segment of that name that belongs together with this one, or None where none may be written from here.

        It is made when there is none; with `new` another one is made where such segments repeat.
        """
        ...

    def put(self, text: str) -> bool:
        """Write; False when something else stands there already, or nothing may be written."""
        ...


class Draft(Source, Protocol):
    """A document in the making."""

    @property
    def journal(self) -> Journal:
        """What was done to it."""
        ...

    @property
    def written(self) -> int:
        """How many values are in it."""
        ...

    def every(self, name: str) -> Sequence[Place]:
        """All segments of a name."""
        ...

    def segment(self, name: str, owner: Place | None = None) -> Place:
        """A new segment that belongs to another, or to nobody."""
        ...

    def owners(self, name: str) -> Sequence[str]:
        """The names of segments that one of that name may belong to, nearest first."""
        ...
