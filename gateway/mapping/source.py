"""What a map reads from: any document that can be walked by steps and says where each value stands.

A node may tell its shape, and then its source tells its own: two of one shape hold something in the same places (plan.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol


class Node(Protocol):
    """One place of a document: a segment, a field repetition, a component; a resource or an element of it."""

    @property
    def position(self) -> str:
        """Where it stands, unique in the document: `PID[1]-5[1].1`, `Patient/1#name[0].family`."""
        ...

    @property
    def leaf(self) -> str:
        """The position of the value that `text` is: `PID[1]-7[1].1` for the field `PID[1]-7[1]`."""
        ...

    @property
    def name(self) -> str:
        """The segment or resource type it belongs to."""
        ...

    @property
    def owner(self) -> str:
        """The name of the node that this one belongs to (the OBX of an NTE), "" at the root."""
        ...

    @property
    def text(self) -> str:
        """Its value as text, "" when there is none."""
        ...

    @property
    def value(self) -> Any:
        """Its value as JSON (FHIR), or its text."""
        ...

    @property
    def shape(self) -> str | None:
        """Where it holds a text (that is not ""), and where it holds a place without one; None when it does not tell."""
        ...

    def step(self, name: str) -> Sequence[Node]:
        """0..* children under a name or number, in order, empty ones left out."""
        ...

    def related(self, name: str) -> Sequence[Node]:
        """0..* nodes of that name that belong together with this one: itself, its parts, its owners, else all in the document."""
        ...

    def leaves(self) -> Sequence[Node]:
        """1..* nodes with the values below it, in order."""
        ...

    def texts(self) -> Sequence[str]:
        """Their texts."""
        ...


def filled(node: Node) -> bool:
    """Is there a text in a node or below it?"""
    return any(node.texts())


class Source(Protocol):
    """A whole document."""

    @property
    def seed(self) -> str:
        """What names this document among those of its sender (MSH-10, Bundle.identifier): the last resort of ids."""
        ...

    @property
    def sender(self) -> str:
        """The sender as the document names it."""
        ...

    @property
    def shape(self) -> str | None:
        """The names under which there are nodes; None when its nodes do not tell their shapes."""
        ...

    def every(self, name: str) -> Sequence[Node]:
        """0..* nodes of that name, in order of the document."""
        ...

    def positions(self) -> Iterable[str]:
        """The positions of all non-empty leaves: each must be cited, ignored or lost."""
        ...

    def reasons(self) -> Mapping[str, str]:
        """Leaves that no element can carry whatever the map, with why: an explicit null of HL7 v2."""
        ...


class Document(Source, Protocol):
    """A source that was made for one run."""

    def close(self) -> None:
        """Nothing is read of it any more. Nodes that know each other are let go of, so that no collector has to find them."""
        ...
