"""Segments, repetitions and positions: split when first asked, 1-based everywhere (HL7 v2.8.2, 2.5 and 2.6)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from dataclasses import field as derived
from functools import lru_cache

from gateway.standards.hl7v2.escapes import Delimiters, unescape

NULL = '""'
"""What an explicit null (`""`: delete what you have) reads as; an absent value reads as an empty string (2.5.3)."""

Leaf = tuple[int, int, str]
"""Component, subcomponent (0 where the component is not divided) and text."""

_PATH = re.compile(
    r"([A-Z][A-Z0-9]{2})(?:\[([0-9]{1,6})\])?-([0-9]{1,6})(?:\[([0-9]{1,6})\])?(?:\.([0-9]{1,6}))?(?:\.([0-9]{1,6}))?"
)


@dataclass(frozen=True, slots=True)
class Form:
    """What a segment needs to read itself: the delimiters and the codec of its message."""

    delimiters: Delimiters
    codec: str = "utf-8"


@dataclass(frozen=True, slots=True)
class Path:
    """`PID[2]-3[1].4.1` taken apart; numbers left out are 1, except a subcomponent, which is 0."""

    segment: str
    ordinal: int
    field: int
    repetition: int
    component: int
    subcomponent: int = 0
    numbers: tuple[int, int, int] = derived(init=False, repr=False, compare=False)
    """Repetition, component and subcomponent of the leaf; the first subcomponent where none is named."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", (self.repetition, self.component, self.subcomponent or 1))


@lru_cache(maxsize=4096)
def read_path(text: str) -> Path:
    """A position as written in maps and findings (`PID-3`, `PID-3.1`, `PID[1]-5[2].1.2`) to its numbers. Raises ValueError."""
    match = _PATH.fullmatch(text)
    if match is None:
        raise ValueError("not a position of an HL7 v2 message")
    ordinal, field, repetition, component = (int(match[i] or 1) for i in (2, 3, 4, 5))
    return Path(match[1], ordinal, field, repetition, component, int(match[6] or 0))


class Repetition:
    """One repetition of a field, still in its delimiters."""

    __slots__ = ("_form", "_parts", "raw")

    def __init__(self, raw: str, form: Form) -> None:
        self.raw = raw
        self._form = form
        self._parts: list[str] | None = None

    @property
    def count(self) -> int:
        """How many components there are, empty ones included."""
        return len(self._split())

    def subcomponents(self, component: int) -> int:
        """How many subcomponents a component has; 0 when there is no such component."""
        parts = self._split()
        return parts[component - 1].count(self._form.delimiters.subcomponent) + 1 if 0 < component <= len(parts) else 0

    def value(self, component: int = 1, subcomponent: int = 1) -> str:
        """The text of a component (its first subcomponent) or subcomponent, unescaped; empty when absent, NULL when null."""
        parts = self._split()
        if not 0 < component <= len(parts):
            return ""
        part = parts[component - 1]
        separator = self._form.delimiters.subcomponent
        if separator in part:
            pieces = part.split(separator)
            part = pieces[subcomponent - 1] if 0 < subcomponent <= len(pieces) else ""
        elif subcomponent != 1:
            return ""
        return unescape(part, self._form.delimiters, self._form.codec)

    def text(self, component: int = 0) -> str:
        """A component, or with 0 the whole repetition, read as one text: delimiters that a sender left unescaped are kept."""
        raw = self.raw
        if component:
            parts = self._split()
            raw = parts[component - 1] if component <= len(parts) else ""
        return unescape(raw, self._form.delimiters, self._form.codec)

    def leaves(self) -> Sequence[Leaf]:
        """(component, subcomponent, value) of every non-empty leaf; subcomponent 0 where the component is not divided."""
        return leaves(self.raw, self._form)

    def _split(self) -> list[str]:
        if self._parts is None:
            self._parts = self.raw.split(self._form.delimiters.component)
        return self._parts

    def __bool__(self) -> bool:
        return bool(self.raw)

    def __repr__(self) -> str:
        return "Repetition(…)"


class Segment:
    """One segment. MSH-1 is the field separator and MSH-2 the encoding characters; both are read as they are written."""

    __slots__ = ("_fields", "_form", "_read", "name", "ordinal", "raw")

    _fields: list[str] | None
    _read: dict[int, tuple[Repetition, ...]] | None

    def __init__(self, raw: str, ordinal: int, form: Form) -> None:
        self.name = raw[:3]
        self.ordinal = ordinal
        self.raw = raw
        self._form = form
        self._fields = None
        self._read = None

    @property
    def count(self) -> int:
        """The number of the last field."""
        return len(self._split()) - 1

    def repetitions(self, field: int) -> tuple[Repetition, ...]:
        """0..* repetitions; empty for an absent field. An empty repetition between others keeps its place."""
        if self._read is None:
            self._read = {}
        found = self._read.get(field)
        if found is None:
            found = self._read[field] = self._repetitions(field)
        return found

    def written(self) -> Iterator[tuple[int, Sequence[Sequence[Leaf]]]]:
        """The number of every field that has something written in it, in order, and of its 1..* repetitions the non-empty leaves."""
        form, sign = self._form, self._form.delimiters.repetition
        for field, raw in enumerate(self._split()):
            if not raw or not field:
                continue
            if field <= 2 and self.name == "MSH":
                yield field, (((1, 0, raw),),)
            else:
                yield field, [leaves(part, form) for part in raw.split(sign)] if sign in raw else (leaves(raw, form),)

    def value(self, field: int, repetition: int = 1, component: int = 1, subcomponent: int = 1) -> str:
        """One leaf, unescaped; empty when absent, NULL when null. A component that is divided gives its first subcomponent."""
        fields = self._fields or self._split()
        if not 0 < field < len(fields):
            return ""
        if field <= 2 and self.name == "MSH":
            return fields[field] if repetition == component == subcomponent == 1 else ""
        return leaf(fields[field], self._form, (repetition, component, subcomponent))

    def positions(self) -> Iterator[tuple[int, int, int, int, str]]:
        """(field, repetition, component, subcomponent, value) of every non-empty leaf; subcomponent 0 where not divided."""
        for field, repetitions in self.written():
            for number, found in enumerate(repetitions, 1):
                for component, subcomponent, value in found:
                    yield field, number, component, subcomponent, value

    def _repetitions(self, field: int) -> tuple[Repetition, ...]:
        fields = self._split()
        raw = fields[field] if 0 < field < len(fields) else ""
        if not raw:
            return ()
        if self.name == "MSH" and field <= 2:
            return (Repetition(raw, Form(_VERBATIM, self._form.codec)),)
        return tuple(Repetition(part, self._form) for part in raw.split(self._form.delimiters.repetition))

    def _split(self) -> list[str]:
        if self._fields is None:
            separator = self._form.delimiters.field
            self._fields = self.raw.split(separator)
            if self.name == "MSH":
                self._fields.insert(1, separator)
        return self._fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Segment) and (self.ordinal, self.raw) == (other.ordinal, other.raw)

    def __hash__(self) -> int:
        return hash((self.ordinal, self.raw))

    def __repr__(self) -> str:
        return f"{self.name}[{self.ordinal}]"


_VERBATIM = Delimiters("\0", "\0", "\0", "\0", "\0")


def leaves(raw: str, form: Form) -> Sequence[Leaf]:
    """The non-empty leaves of a repetition as it is written, unescaped."""
    delimiters, codec = form.delimiters, form.codec
    component, separator = delimiters.component, delimiters.subcomponent
    if component not in raw and separator not in raw and delimiters.escape not in raw:
        return [(1, 0, raw)] if raw else []
    found = [(number, 0, part) for number, part in enumerate(raw.split(component), 1) if part]
    if separator in raw:
        found = [
            (number, index, piece)
            for number, _, part in found
            for index, piece in enumerate(part.split(separator), 1 if separator in part else 0)
            if piece
        ]
    if delimiters.escape in raw:
        return [(number, index, unescape(text, delimiters, codec)) for number, index, text in found]
    return found


def leaf(raw: str, form: Form, numbers: tuple[int, int, int] = (1, 1, 1)) -> str:
    """One leaf of a field as it is written, by repetition, component and subcomponent; unescaped, empty when absent."""
    repetition, component, subcomponent = numbers
    delimiters = form.delimiters
    if delimiters.repetition in raw or repetition != 1:
        raw = _part(raw, delimiters.repetition, repetition)
    if delimiters.component in raw or component != 1:
        raw = _part(raw, delimiters.component, component)
    if delimiters.subcomponent in raw or subcomponent != 1:
        raw = _part(raw, delimiters.subcomponent, subcomponent)
    return unescape(raw, delimiters, form.codec) if delimiters.escape in raw else raw


def _part(raw: str, sign: str, number: int) -> str:
    if number == 1:
        return raw[: raw.find(sign)] if sign in raw else raw
    parts = raw.split(sign)
    return parts[number - 1] if 0 < number <= len(parts) else ""


def position(segment: Segment, field: int, repetition: int, component: int, subcomponent: int = 0) -> str:
    """`PID[1]-5[1].1`, and `PID[1]-5[1].1.2` for a subcomponent: the one form in findings, origins and losses."""
    return below(f"{segment.name}[{segment.ordinal}]-{field}[{repetition}]", component, subcomponent)


def below(repetition: str, component: int, subcomponent: int = 0) -> str:
    """The position of a leaf below that of its repetition, `PID[1]-5[1]`."""
    return f"{repetition}.{component}.{subcomponent}" if subcomponent else f"{repetition}.{component}"
