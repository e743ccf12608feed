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
from gateway.standards.hl7v2.nodes import Leaf, Part, SegmentNode


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
        self.shape = " ".join(sorted(self._named))

    def every(self, name: str) -> Sequence[SegmentNode]:
        """All segments of a name."""
        return self._named.get(name, ())

    def close(self) -> None:
        """Segments and their parts know each other; they are let go of."""
        for node in self.nodes:
            node.close()

    @cached_property
    def _leaves(self) -> list[Leaf]:
        return [leaf for node in self.nodes for parts in node.fields.values() for part in parts for leaf in part.below]

    def positions(self) -> Iterable[str]:
        """The positions of all non-empty leaves, in order."""
        return [position for _, _, position, _ in self._leaves]

    def reasons(self) -> Mapping[str, str]:
        """Explicit nulls: R4 has no element that says "delete what you have"."""
        return {position: EXPLICIT_NULL for _, _, position, text in self._leaves if not text}


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
