"""Segments and their parts as the nodes that maps walk: fields and components by number, the values below them (v2.9 ch. 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from gateway.standards.hl7v2.segment import NULL, Segment, below

Leaf = tuple[str, str, str, str]  # component, subcomponent, position, text


class Segments(Protocol):
    """All segments of a message."""

    def every(self, name: str) -> Sequence[SegmentNode]:
        """Those of a name."""
        ...


class SegmentNode:
    """A segment: `owner_node` is the one it belongs to, `parts` are those that belong to it, `without` the name that it has none of:
    an OBR after an ORC that has one already is of no order of its own, and that of another says nothing about it.
    """

    def __init__(self, segment: Segment, owner: SegmentNode | None, source: Segments) -> None:
        self.segment = segment
        self.source = source
        self.owner_node = owner
        self.owner = owner.name if owner is not None else ""
        self.parts: dict[str, list[SegmentNode]] = {}
        self.without = ""
        self.name: str = segment.name
        self.position = f"{segment.name}[{segment.ordinal}]"
        self.leaf = self.position
        self.text = ""
        self.value: Any = ""
        self._related: dict[str, Sequence[SegmentNode]] = {}

    @cached_property
    def fields(self) -> Mapping[str, Sequence[Part]]:
        """The field repetitions that hold something, by field number."""
        fields: dict[str, Sequence[Part]] = {}
        for field, repetitions in self.segment.written():
            start, parts = f"{self.position}-{field}", []
            for number, leaves in enumerate(repetitions, 1):
                if leaves:
                    where = f"{start}[{number}]"
                    parts.append(Part(self, (field, number), where, _placed(where, leaves), 0))
            if parts:
                fields[str(field)] = parts
        return fields

    @cached_property
    def shape(self) -> str:
        """The fields that hold something, with the shapes of their repetitions."""
        return "|".join(
            [f"{field}:{'~'.join([str(part.shape) for part in parts])}" for field, parts in self.fields.items()]
        )

    def close(self) -> None:
        """It holds nothing any more."""
        self.__dict__.clear()

    def step(self, name: str) -> Sequence[Part]:
        """The repetitions of a field that hold something."""
        return self.fields.get(name, ())

    def related(self, name: str) -> Sequence[SegmentNode]:
        """Itself, its parts, its owners and what belongs to them; at the root only what belongs to nobody."""
        found = self._related.get(name)
        if found is None:
            found = self._related[name] = self._found(name)
        return found

    def _found(self, name: str) -> Sequence[SegmentNode]:
        if name == self.name:
            return (self,)
        node: SegmentNode | None = self
        while node is not None:
            if name in node.parts:
                return node.parts[name]
            if name == node.without:
                return ()
            node = node.owner_node
            if node is not None and node.name == name:
                return (node,)
        found = self.source.every(name)
        return found if self.name == "MSH" else [node for node in found if node.owner_node is None]

    def leaves(self) -> Sequence[Part]:
        """All values of the segment."""
        return [leaf for parts in self.fields.values() for part in parts for leaf in part.leaves()]

    def texts(self) -> Sequence[str]:
        """Their texts."""
        return [text for parts in self.fields.values() for part in parts for text in part.texts()]


def _placed(where: str, leaves: Sequence[tuple[int, int, str]]) -> Sequence[Leaf]:
    return [
        (str(component), str(sub or 1), below(where, component, sub), "" if text == NULL else text)
        if sub
        else (number := str(component), "1", f"{where}.{number}", "" if text == NULL else text)
        for component, sub, text in leaves
    ]


class Part:
    """A field repetition (depth 0), component (1) or subcomponent (2) with the leaves below it."""

    __slots__ = ("_depth", "_field", "_steps", "below", "leaf", "position", "shape", "text", "top")

    leaf: str
    """The position of its first leaf, `PID[1]-7[1].1`."""
    text: str
    """The unescaped text of its first leaf position; "" for what is absent or explicitly null."""
    shape: str | None
    """Which of its components and subcomponents hold something, and which of these are null."""

    def __init__(self, top: SegmentNode, field: tuple[int, int], where: str, below: Sequence[Leaf], depth: int) -> None:
        self.top = top
        self.position = where
        self._field = field
        self.below = below
        self._depth = depth
        self._steps: dict[str, Sequence[Part]] = {}
        component, subcomponent, self.leaf, text = below[0]
        if depth < 2 and (subcomponent != "1" or (component != "1" and not depth)):
            text = ""
        self.text = text
        self.shape = _SINGLE[depth] if text and len(below) == 1 else _shape(below, depth)

    @property
    def name(self) -> str:
        """The segment's name."""
        return self.top.name

    @property
    def owner(self) -> str:
        """The segment's owner."""
        return self.top.owner

    @property
    def value(self) -> Any:
        """The whole text of the repetition or component, delimiters that the sender did not escape included."""
        field, repetition = self._field
        if self._depth == 2:
            return self.text
        return self.top.segment.repetitions(field)[repetition - 1].text(int(self.below[0][0]) if self._depth else 0)

    def step(self, name: str) -> Sequence[Part]:
        """A component of a repetition, a subcomponent of a component, if it holds something."""
        found = self._steps.get(name)
        if found is None:
            if self._depth == 2:
                return (self,) if name == "1" else ()
            found = self._steps[name] = self._divided(name)
        return found

    def _divided(self, name: str) -> Sequence[Part]:
        depth = self._depth
        below = [leaf for leaf in self.below if leaf[depth] == name]
        if not below:
            return ()
        return (Part(self.top, self._field, below[0][2] if depth else f"{self.position}.{name}", below, depth + 1),)

    def related(self, name: str) -> Sequence[SegmentNode]:
        """What is related to the segment."""
        return self.top.related(name)

    def leaves(self) -> Sequence[Part]:
        """Its values, in order."""
        if self._depth == 2:
            return (self,)
        return [Part(self.top, self._field, leaf[2], (leaf,), 2) for leaf in self.below]

    def texts(self) -> Sequence[str]:
        """Their texts."""
        return [text for _, _, _, text in self.below]


_SINGLE = ("01.1", "1.1", "2.1")  # the shapes of what is not divided


def _shape(below: Sequence[Leaf], depth: int) -> str:
    codes = [f"{'' if depth else component}.{sub}{'' if text else '-'}" for component, sub, _, text in below]
    return f"{depth}{' '.join(codes)}"
