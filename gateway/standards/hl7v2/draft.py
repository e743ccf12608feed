"""A message in the making: segments that belong to each other, fields that are written and can be taken back (HL7 v2.8.2, ch. 2).

It is what maps write into on the way back (`gateway/mapping/back/`), and is read by their conditions meanwhile. Which segment belongs
to which is the `scopes:` of the message map, as on the way there.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from gateway.mapping.back.journal import Journal
from gateway.standards.hl7v2.escapes import writable
from gateway.standards.hl7v2.part import PartDraft, Sealed
from gateway.standards.hl7v2.segment import NULL
from gateway.standards.hl7v2.structure import most

Key = tuple[int, int, int, int]  # field, repetition, component, subcomponent


class MessageDraft:
    """Segments in the order they were made; `written` gives them in the order of the layout."""

    sender, seed = "", ""
    shape: str | None = None

    def __init__(self, scopes: Mapping[str, Any], repeating: Iterable[str], codec: str) -> None:
        self.scopes = scopes
        self.repeating = frozenset(repeating)
        self.codec = codec
        self.segments: list[SegmentDraft] = []
        self.journal = Journal()
        self.written = 0
        self._named: dict[str, list[SegmentDraft]] = {}

    def segment(self, name: str, owner: Any = None) -> SegmentDraft:
        """A new segment."""
        made = SegmentDraft(self, name, owner)
        self.journal.do(partial(self._enter, made), partial(self._leave, made))
        return made

    def _enter(self, made: SegmentDraft) -> None:
        self.segments.append(made)
        self._named.setdefault(made.name, []).append(made)
        if made.owner_node is not None:
            made.owner_node.parts.append(made)

    def _leave(self, made: SegmentDraft) -> None:
        for held in (self.segments, self._named[made.name], made.owner_node.parts if made.owner_node else [made]):
            held.remove(made)

    def owners(self, name: str) -> Sequence[str]:
        """The names of segments that one of that name may belong to."""
        return tuple((self.scopes.get(name) or {}).get("of") or ())

    def every(self, name: str) -> Sequence[SegmentDraft]:
        """All segments of a name."""
        return self._named.get(name, [])

    def positions(self) -> Iterable[str]:
        """Nothing: what has to be carried is on the other side."""
        return ()

    def reasons(self) -> Mapping[str, str]:
        """Nothing, as for `positions`."""
        return {}


class SegmentDraft:
    """A segment; `ordinal` is its number among those of its name, given when the message is written."""

    whole = True
    shape: str | None = None
    text = ""
    value: Any = ""

    def __init__(self, message: MessageDraft, name: str, owner: SegmentDraft | None) -> None:
        self.message = message
        self.name = name
        self.owner_node = owner
        self.parts: list[SegmentDraft] = []  # what belongs to it, in the order it was made
        self.values: dict[Key, str] = {}
        self.ordinal = 0

    @property
    def position(self) -> str:
        """`PID[1]`."""
        return f"{self.name}[{self.ordinal}]"

    @property
    def leaf(self) -> str:
        """Its own position."""
        return self.position

    @property
    def owner(self) -> str:
        """The name of the segment it belongs to."""
        return self.owner_node.name if self.owner_node is not None else ""

    @property
    def key(self) -> Hashable:
        """Itself."""
        return id(self)

    @property
    def begun(self) -> bool:
        """Is anything written in it?"""
        return bool(self.values)

    def step(self, name: str) -> Sequence[PartDraft]:
        """The repetitions of a field that hold something."""
        return [PartDraft(self, (int(name), number)) for number in self.repetitions(int(name))]

    def repetitions(self, field: int) -> list[int]:
        """The numbers of the repetitions of a field that hold something."""
        return sorted({key[1] for key in self.values if key[0] == field})

    def at(self, name: str) -> PartDraft:
        """The first repetition of a field."""
        return PartDraft(self, (int(name), 1))

    def added(self, name: str) -> PartDraft:
        """The next repetition of a field."""
        return PartDraft(self, (int(name), max(self.repetitions(int(name)), default=0) + 1))

    def related(self, name: str) -> Sequence[SegmentDraft]:
        """Itself, its parts, its owners and what belongs to them; else those that belong to nobody."""
        if name == self.name:
            return (self,)
        node: SegmentDraft | None = self
        while node is not None:
            if parts := [part for part in node.parts if part.name == name]:
                return parts
            node = node.owner_node
            if node is not None and node.name == name:
                return (node,)
        found = self.message.every(name)
        return found if self.name == "MSH" else [one for one in found if one.owner_node is None]

    def leaves(self) -> Sequence[PartDraft]:
        """All values."""
        return [PartDraft(self, key) for key in sorted(self.values)]

    def texts(self) -> Sequence[str]:
        """Their texts."""
        return [self.values[key] for key in sorted(self.values)]

    def made(self, name: str, *, new: bool = False) -> SegmentDraft | Sealed | None:
        """The segment of that name: a part (made when missing), the order it details; any other can only be read."""
        if name == self.name:
            return self
        found = self.related(name)
        repeats = new and name in self.message.repeating
        holder = self._holder(name, repeats)
        if holder is not None:
            own = [one for one in found if one.owner_node is holder]
            return self.message.segment(name, holder) if repeats or not own else own[0]
        if self._details(name):
            return self.owner_node if self.owner == name else self._under(name)
        if not found:
            return None
        return found[0] if self.name == "MSH" else Sealed(found[0])

    def _holder(self, name: str, repeats: bool) -> SegmentDraft | None:
        """Who a segment of that name would belong to, made from here: this one or, when that comes first, its owner.

        A segment that repeats may also be made for an owner further up (the diagnoses of a visit belong to the person).
        """
        owners = self.message.owners(name)
        above = [self]
        while above[-1].owner_node is not None:
            above.append(above[-1].owner_node)
        holders = [one for one in above[: None if repeats else 2] if one.name in owners]
        if not holders or not (repeats or self.name in owners):
            return None
        return min(holders, key=lambda one: owners.index(one.name))

    def _details(self, name: str) -> bool:
        """Is this one of those that have an order of their own before them?"""
        about = self.message.scopes.get(self.name) or {}
        return bool(about.get("alone")) and name == next(iter(about.get("of") or ()), "")

    def _under(self, name: str) -> SegmentDraft:
        before, made = self.owner_node, self.message.segment(name, self.owner_node)
        self.message.journal.do(partial(self._moved, before, made), partial(self._moved, made, before))
        return made

    def _moved(self, before: SegmentDraft | None, to: SegmentDraft | None) -> None:
        if before is not None:
            before.parts.remove(self)
        if to is not None:
            to.parts.append(self)
        self.owner_node = to

    def put(self, _text: str) -> bool:
        """A segment is no value."""
        return False

    def write(self, key: Key, text: str) -> bool:
        """One leaf; what stands there stays."""
        there = self.values.get(key)
        if there is not None or text == NULL or not writable(text, self.message.codec):
            return there == text
        if key[1] > most(self.name, key[0]):
            return False
        self.message.journal.do(lambda: self._set(key, text), lambda: self._unset(key))
        return True

    def _set(self, key: Key, text: str) -> None:
        self.values[key] = text
        self.message.written += 1

    def _unset(self, key: Key) -> None:
        del self.values[key]
        self.message.written -= 1
