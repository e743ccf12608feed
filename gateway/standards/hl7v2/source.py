"""An HL7 v2 message as a source of maps: segments that know what they belong to, fields and components by number (v2.9 ch. 2).

Which segment an OBX or NTE belongs to is data (`scopes:` of the message map): the nearest one before it of the named kinds. So each
has exactly one owner in every message, also where the order is not that of the standard or the message type is unfamiliar.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any

from gateway.model.document import Parsed
from gateway.model.report import EXPLICIT_NULL
from gateway.standards.hl7v2.message import NULL, Message, Segment, read_message
from gateway.standards.hl7v2.segment import below

Leaf = tuple[int, int, str, str]  # component, subcomponent, position, text


class Hl7Source:
    """A message with its segments placed."""

    def __init__(self, message: Message, scopes: Mapping[str, Any]) -> None:
        header = message.first("MSH")
        self.seed = _seed(message, header)
        self.sender = "|".join(_text(header, field) for field in (4, 3)).strip("|")
        self.nodes = _placed(message, scopes, self)
        self._named: dict[str, list[SegmentNode]] = {}
        for node in self.nodes:
            self._named.setdefault(node.name, []).append(node)
        self.names = frozenset(self._named)

    def every(self, name: str) -> Sequence[SegmentNode]:
        """All segments of a name."""
        return self._named.get(name, ())

    def positions(self) -> Iterable[str]:
        """The positions of all non-empty leaves, in order."""
        return (
            leaf[2] for node in self.nodes for parts in node.fields.values() for part in parts for leaf in part.below
        )

    def reasons(self) -> Mapping[str, str]:
        """Explicit nulls: R4 has no element that says "delete what you have"."""
        parts = (part for node in self.nodes for parts in node.fields.values() for part in parts)
        return {leaf[2]: EXPLICIT_NULL for part in parts for leaf in part.below if not leaf[3]}


def _seed(message: Message, header: Segment | None) -> str:
    """Control id and time (control ids start again, some every day); without a control id a digest of the message."""
    if control := _text(header, 10):
        return f"{control}|{_text(header, 7)}"
    return sha256("\r".join(segment.raw for segment in message.segments).encode()).hexdigest()


def _text(segment: Segment | None, field: int) -> str:
    text = segment.value(field) if segment is not None else ""
    return "" if text == NULL else text


def _placed(message: Message, scopes: Mapping[str, Any], source: Hl7Source) -> list[SegmentNode]:
    nodes: list[SegmentNode] = []
    latest: dict[str, tuple[int, SegmentNode]] = {}
    for number, segment in enumerate(message.segments):
        about = scopes.get(segment.name) or {}
        names: Sequence[str] = about.get("of") or ()
        owner = _owner(latest, names, segment.name if about.get("alone") else "")
        node = SegmentNode(segment, owner, source)
        if about.get("alone") and (owner is None or owner.name != names[0]):
            node.without = names[0]
        if owner is not None:
            owner.parts.setdefault(segment.name, []).append(node)
        nodes.append(node)
        latest[segment.name] = (number, node)
    return nodes


def _owner(latest: Mapping[str, tuple[int, SegmentNode]], names: Sequence[str], alone: str) -> SegmentNode | None:
    """The nearest of the named kinds; the first named kind takes only one segment that must be `alone`."""
    near = sorted((latest[name] for name in names if name in latest), key=lambda found: -found[0])
    free = [node for _, node in near if not (alone and node.name == names[0] and alone in node.parts)]
    return free[0] if free else None


class SegmentNode:
    """A segment: `owner_node` is the one it belongs to, `parts` are those that belong to it, `without` the name that it has none of:
    an OBR after an ORC that has one already is of no order of its own, and that of another says nothing about it.
    """

    def __init__(self, segment: Segment, owner: SegmentNode | None, source: Hl7Source) -> None:
        self.segment = segment
        self.source = source
        self.owner_node = owner
        self.parts: dict[str, list[SegmentNode]] = {}
        self.without = ""
        self.name = segment.name
        self.position = f"{segment.name}[{segment.ordinal}]"
        self.leaf = self.position
        self.text = ""
        self.value: Any = ""

    @property
    def owner(self) -> str:
        """The name of the segment it belongs to."""
        return self.owner_node.name if self.owner_node is not None else ""

    @cached_property
    def fields(self) -> Mapping[int, Sequence[Part]]:
        """The field repetitions that hold something, by field number."""
        fields: dict[int, list[Part]] = {}
        for field, repetitions in self.segment.filled():
            parts = []
            for number, repetition in enumerate(repetitions, 1):
                where = f"{self.position}-{field}[{number}]"
                leaves = [
                    (component, sub or 1, below(where, component, sub), "" if text == NULL else text)
                    for component, sub, text in repetition.leaves()
                ]
                if leaves:
                    parts.append(Part(self, (field, number), where, leaves, 0))
            if parts:
                fields[field] = parts
        return fields

    @cached_property
    def names(self) -> frozenset[str]:
        """The numbers of the fields that hold something."""
        return frozenset(map(str, self.fields))

    def step(self, name: str) -> Sequence[Part]:
        """The repetitions of a field that hold something."""
        return self.fields.get(int(name), ())

    def related(self, name: str) -> Sequence[SegmentNode]:
        """Itself, its parts, its owners and what belongs to them; at the root only what belongs to nobody."""
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


class Part:
    """A field repetition (depth 0), component (1) or subcomponent (2) with the leaves below it."""

    __slots__ = ("_depth", "_field", "_names", "_steps", "below", "leaf", "position", "text", "top")

    leaf: str
    """The position of its first leaf, `PID[1]-7[1].1`."""
    text: str
    """The unescaped text of its first leaf position; "" for what is absent or explicitly null."""

    def __init__(self, top: SegmentNode, field: tuple[int, int], where: str, below: Sequence[Leaf], depth: int) -> None:
        self.top = top
        self.position = where
        self._field = field
        self.below = below
        self._depth = depth
        self._steps: dict[str, Sequence[Part]] | None = None
        self._names: frozenset[str] | None = None
        component, subcomponent, self.leaf, self.text = below[0]
        if (depth == 0 and component != 1) or (depth < 2 and subcomponent != 1):
            self.text = ""

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
        return self.top.segment.repetitions(field)[repetition - 1].text(self.below[0][0] if self._depth else 0)

    @property
    def names(self) -> frozenset[str]:
        """The numbers of the components or subcomponents that hold something."""
        if self._names is None:
            if self._depth < 2 and self._steps is None:
                self._steps = self._divided()
            self._names = frozenset(self._steps or "1")
        return self._names

    def step(self, name: str) -> Sequence[Part]:
        """A component of a repetition, a subcomponent of a component, if it holds something."""
        if self._depth == 2:
            return (self,) if name == "1" else ()
        if self._steps is None:
            self._steps = self._divided()
        return self._steps.get(name, ())

    def _divided(self) -> dict[str, Sequence[Part]]:
        depth = self._depth
        if len(self.below) == 1:
            component, subcomponent, _, _ = self.below[0]
            number = subcomponent if depth else component
            return {str(number): (Part(self.top, self._field, self._place(number, self.below), self.below, depth + 1),)}
        below: dict[int, list[Leaf]] = {}
        for leaf in self.below:
            below.setdefault(leaf[1] if depth else leaf[0], []).append(leaf)
        return {
            str(number): (Part(self.top, self._field, self._place(number, leaves), leaves, depth + 1),)
            for number, leaves in below.items()
        }

    def _place(self, number: int, leaves: Sequence[Leaf]) -> str:
        return f"{self.position}.{number}" if self._depth == 0 else leaves[0][2]

    def related(self, name: str) -> Sequence[SegmentNode]:
        """What is related to the segment."""
        return self.top.related(name)

    def leaves(self) -> Sequence[Part]:
        """Its values, in order."""
        if self._depth == 2:
            return (self,)
        return [Part(self.top, self._field, leaf[2], (leaf,), 2) for leaf in self.below]


class _Mappable:
    """What the stage `map` asks of this standard."""

    def map_name(self, parsed: Parsed, library: Any) -> str:
        """`ADT_A01` when there is a map of that name, else `message`: any type maps by its segments."""
        name = parsed.trigger.replace("^", "_")
        return name if library.has(name) else GENERIC

    def source(self, parsed: Parsed, scopes: Mapping[str, Any]) -> Hl7Source:
        """The message with its segments placed."""
        return Hl7Source(parsed.tree, scopes)

    def trial(self, text: str, own: str, scopes: Mapping[str, Any]) -> tuple[Hl7Source, SegmentNode | Part]:
        """The text of a map's test: segments, one per line, when they start with the map's segment; else the text of one field."""
        header = "MSH|^~\\&|APP|test|||20260101000000+0900||ADT^A01|1|P|2.5.1"
        if text.startswith(f"{own}|"):
            source = Hl7Source(read_message(f"{header}\r{text}".encode()), scopes)
            return source, source.every(own)[0]
        source = Hl7Source(read_message(f"{header}\rZZZ|{text}".encode()), scopes)
        return source, source.every("ZZZ")[0].step("1")[0]


GENERIC = "message"
MAPPABLE = _Mappable()
