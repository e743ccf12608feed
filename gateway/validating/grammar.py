"""A sequence of segment names to the tree of groups that a message structure describes, forgivingly (HL7 v2.8.2, 2.5.2 and 2.12).

Every segment gets exactly one parent and none is dropped: what the structure does not expect stays at the nearest place that
could hold it, with a finding. Compiled once per structure; building is one pass with a stack of open groups.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.model.report import Finding, Report

_UNBOUNDED = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Group:
    """A group as found: `children` are groups and indexes into the sequence, in order."""

    name: str
    children: tuple[Group | int, ...] = ()

    def indexes(self) -> Iterator[int]:
        """Every segment below, in order of the tree."""
        for child in self.children:
            if isinstance(child, int):
                yield child
            else:
                yield from child.indexes()


@dataclass(frozen=True, slots=True)
class Part:
    """One row of a structure: a segment (no `parts`) or a group.

    `starts` are the segments it may begin with, `holds` all of those below, `where` per segment name the numbers of the parts
    that hold it.
    """

    id: str
    name: str
    low: int
    high: int
    parts: tuple[Part, ...] = ()
    starts: frozenset[str] = frozenset()
    holds: frozenset[str] = frozenset()
    where: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def is_group(self) -> bool:
        """Whether it has parts of its own."""
        return bool(self.parts)


def compile_structure(rows: Mapping[str, Any]) -> Part:
    """A structure file (`structure`, `children` of `segment` or `group` rows with `id`, `min`, `max`) to its root Part."""
    root = {"id": rows["structure"], "group": rows["structure"], "min": 1, "max": 1, "children": rows["children"]}
    return _part(root)


def build(structure: Part | None, names: Sequence[str], name: str = "") -> tuple[Group, Report]:
    """Segment names in the order of the message to their group tree and what was odd about it.

    Findings: `error` for a missing required segment, `warning` for one that is out of order, too often or not expected,
    `information` for a local (Z) segment. Without a structure the tree is flat, with a finding; `name` names it then.
    """
    if structure is None:
        text = "The structure of this message is not known; its segments are taken one by one."
        finding = Finding("information", "not-supported", "MSH-9", text, "hl7v2-structure-unknown")
        return Group(name, tuple(range(len(names)))), Report((finding,))
    builder = _Builder(structure, names)
    for index, segment in enumerate(names):
        builder.place(index, segment)
    return builder.finish()


def _part(row: Mapping[str, Any]) -> Part:
    high = _UNBOUNDED if row["max"] == "*" else int(row["max"])
    if "segment" in row:
        only = frozenset((row["segment"],))
        return Part(row["id"], row["segment"], row["min"], high, (), only, only)
    parts = tuple(_part(child) for child in row["children"])
    holds = frozenset(name for part in parts for name in part.holds)
    where = {name: tuple(i for i, part in enumerate(parts) if name in part.holds) for name in holds}
    return Part(row["id"], row["group"], row["min"], high, parts, _starts(parts), holds, where)


def _starts(parts: Sequence[Part]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for part in parts:
        found |= part.starts
        if part.low:
            break
    return found


class _Open:
    """A group that is being filled: the number of the part in use, and how often each part was seen."""

    __slots__ = ("at", "children", "part", "seen")

    def __init__(self, part: Part) -> None:
        self.part = part
        self.at = 0
        self.seen = [0] * len(part.parts)
        self.children: list[_Open | int] = []

    def closed(self) -> Group:
        return Group(self.part.name, tuple(c if isinstance(c, int) else c.closed() for c in self.children))


class _Builder:
    __slots__ = ("_counts", "_findings", "_names", "_root", "_stack")

    def __init__(self, structure: Part, names: Sequence[str]) -> None:
        self._root = _Open(structure)
        self._stack = [self._root]
        self._names = names
        self._counts: dict[str, int] = {}
        self._findings: list[Finding] = []

    def place(self, index: int, name: str) -> None:
        self._counts[name] = self._counts.get(name, 0) + 1
        if not (self._in_order(index, name) or self._out_of_order(index, name) or self._deeper(index, name)):
            self._stack[-1].children.append(index)
            self._unexpected(name)

    def finish(self) -> tuple[Group, Report]:
        self._close_to(0)
        self._missing(self._root)
        return self._root.closed(), Report(tuple(self._findings))

    def _in_order(self, index: int, name: str) -> bool:
        """As the structure says: from the innermost open group outwards, here or further on, where it may stand or start."""
        for depth in range(len(self._stack) - 1, -1, -1):
            opened = self._stack[depth]
            for number in opened.part.where.get(name, ()):
                part = opened.part.parts[number]
                if number >= opened.at and name in part.starts and opened.seen[number] < part.high:
                    self._enter(depth, number, index, name)
                    return True
        return False

    def _out_of_order(self, index: int, name: str) -> bool:
        """Into the nearest open group that knows the segment itself, too late or too often."""
        for depth in range(len(self._stack) - 1, -1, -1):
            opened = self._stack[depth]
            for number in opened.part.where.get(name, ()):
                part = opened.part.parts[number]
                if part.is_group:
                    continue
                often = opened.seen[number] >= part.high
                self._close_to(depth)
                opened.seen[number] += 1
                opened.children.append(index)
                said = "The segment stands more often than" if often else "The segment stands later than"
                self._note("warning", name, f"{said} the structure allows.", part.id)
                return True
        return False

    def _deeper(self, index: int, name: str) -> bool:
        """Into a group that is not open yet and cannot start with it; what it should start with will be missed."""
        for depth in range(len(self._stack) - 1, -1, -1):
            opened = self._stack[depth]
            numbers = opened.part.where.get(name, ())
            if numbers:
                later = [number for number in numbers if number >= opened.at]
                self._enter(depth, (later or list(numbers))[0], index, name)
                return True
        return False

    def _enter(self, depth: int, number: int, index: int, name: str) -> None:
        """Use part `number` of the open group at `depth`: the segment itself, or a new group opened down to it."""
        self._close_to(depth)
        opened = self._stack[depth]
        while True:
            part = opened.part.parts[number]
            opened.at = max(opened.at, number)
            opened.seen[number] += 1
            if not part.is_group:
                opened.children.append(index)
                return
            inner = _Open(part)
            opened.children.append(inner)
            self._stack.append(inner)
            opened = inner
            number = _entry(part, name)

    def _close_to(self, depth: int) -> None:
        while len(self._stack) > depth + 1:
            self._missing(self._stack.pop())

    def _missing(self, opened: _Open) -> None:
        for part, seen in zip(opened.part.parts, opened.seen, strict=True):
            if part.low > seen:
                required = part
                while required.is_group:
                    required = next((p for p in required.parts if p.low), required.parts[0])
                text = f"A segment that {opened.part.name} requires is missing."
                self._findings.append(Finding("error", "required", required.name, text, required.id))

    def _unexpected(self, name: str) -> None:
        if name.startswith("Z"):
            self._note("information", name, "A local segment.", "hl7v2-segment-local")
        else:
            self._note("warning", name, "The structure does not expect this segment.", "hl7v2-segment-unexpected")

    def _note(self, severity: Any, name: str, text: str, rule: str) -> None:
        place = f"{name}[{self._counts[name]}]"
        self._findings.append(Finding(severity, "structure", place, text, rule))


def _entry(part: Part, name: str) -> int:
    """Which part of a group to use for a segment: one that may start with it, else the first that holds it."""
    numbers = part.where[name]
    return next((n for n in numbers if name in part.parts[n].starts), numbers[0])
