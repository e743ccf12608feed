"""Places of a draft below its segments: a field repetition, a component, a subcomponent; and a segment that may only be read."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gateway.standards.hl7v2.segment import below

if TYPE_CHECKING:
    from gateway.standards.hl7v2.draft import Key, SegmentDraft


class PartDraft:
    """A field repetition, component or subcomponent: `path` has 2 to 4 numbers."""

    __slots__ = ("path", "sealed", "top")
    whole = False
    shape: str | None = None

    def __init__(self, top: SegmentDraft, path: tuple[int, ...], *, sealed: bool = False) -> None:
        self.top = top
        self.path = path
        self.sealed = sealed

    @property
    def key(self) -> Hashable:
        """The segment and the path."""
        return id(self.top), self.path

    @property
    def place(self) -> Key:
        """The leaf that its text is."""
        field, repetition, component, subcomponent = (*self.path, 1, 1)[:4]
        return field, repetition, component, subcomponent

    @property
    def name(self) -> str:
        """The segment's name."""
        return self.top.name

    @property
    def owner(self) -> str:
        """The segment's owner."""
        return self.top.owner

    @property
    def position(self) -> str:
        """`PID[1]-5[1]`, `PID[1]-5[1].1`."""
        where = f"{self.top.position}-{self.path[0]}[{self.path[1]}]"
        return ".".join((where, *map(str, self.path[2:])))

    @property
    def leaf(self) -> str:
        """The position of its text, as it is read back."""
        field, repetition, component, subcomponent = self.place
        divided = any(key[:3] == (field, repetition, component) and key[3] > 1 for key in self.top.values)
        return below(f"{self.top.position}-{field}[{repetition}]", component, subcomponent if divided else 0)

    @property
    def begun(self) -> bool:
        """Is anything written in its segment?"""
        return self.top.begun

    @property
    def text(self) -> str:
        """The text that is written there."""
        return self.top.values.get(self.place, "")

    @property
    def value(self) -> Any:
        """All that is written there, with plain separators."""
        depth = len(self.path)
        under = {key[depth:]: text for key, text in self.top.values.items() if key[:depth] == self.path}
        if depth == 4 or not under:
            return self.text
        return _composed(under) if depth == 2 else _composed({(1, *key): text for key, text in under.items()})

    def step(self, name: str) -> Sequence[PartDraft]:
        """A child that holds something."""
        child = self.at(name)
        depth = len(child.path)
        return (child,) if any(key[:depth] == child.path for key in self.top.values) else ()

    def at(self, name: str) -> PartDraft:
        """A component, a subcomponent; a subcomponent is its own first."""
        return self if len(self.path) == 4 else PartDraft(self.top, (*self.path, int(name)), sealed=self.sealed)

    def added(self, name: str) -> PartDraft:
        """Components do not repeat."""
        return self.at(name)

    def related(self, name: str) -> Sequence[SegmentDraft]:
        """What is related to the segment."""
        return self.top.related(name)

    def leaves(self) -> Sequence[PartDraft]:
        """What is written below it."""
        depth = len(self.path)
        return [PartDraft(self.top, key) for key in sorted(self.top.values) if key[:depth] == self.path]

    def texts(self) -> Sequence[str]:
        """Their texts."""
        return [leaf.text for leaf in self.leaves()]

    def made(self, name: str, *, new: bool = False) -> SegmentDraft | Sealed | None:
        """As for the segment."""
        return self.top.made(name, new=new)

    def put(self, text: str) -> bool:
        """Write the leaf."""
        return self.text == text if self.sealed else self.top.write(self.place, text)


def _composed(under: Mapping[tuple[int, ...], str]) -> str:
    components = []
    for component in range(1, max(key[0] for key in under) + 1):
        subs = {key[1]: text for key, text in under.items() if key[0] == component}
        components.append("&".join(subs.get(number, "") for number in range(1, max(subs, default=0) + 1)))
    return "^".join(components)


class Sealed:
    """A segment that is read from another's map: what is there may say it, nothing is written."""

    __slots__ = ("segment",)
    whole = True
    shape: str | None = None

    def __init__(self, segment: SegmentDraft) -> None:
        self.segment = segment

    def at(self, name: str) -> PartDraft:
        """The first repetition of a field, to be read."""
        return PartDraft(self.segment, (int(name), 1), sealed=True)

    def added(self, name: str) -> PartDraft:
        """The same: nothing is added."""
        return self.at(name)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.segment, name)
