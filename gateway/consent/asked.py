"""One item of a request with what the rules ask about it; each attribute is read when a rule first asks for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any

from gateway.consent.marks import Coding, Marks, plain, type_of
from gateway.consent.period import Span, span_of
from gateway.consent.question import listed


@dataclass(frozen=True, slots=True)
class Frame:
    """What reading an item takes beside the item: the site's zone, its code maps, and the items of the request."""

    zone: tzinfo
    maps: Mapping[Coding, Coding]
    items: Sequence[Mapping[str, Any]]
    referring: dict[str, frozenset[str]] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)

    def has(self, reference: str) -> bool:
        """Whether it is an item of the request."""
        if not self.present:
            self.present.update(item["reference"] for item in self.items)
        return reference in self.present

    def referring_to(self, reference: str) -> frozenset[str]:
        """The items of the request that refer to it; worked out for all when one is first asked for.

        One that cannot be read makes it unknown for all of them, each time: raises one of UNREADABLE.
        """
        if not self.referring:
            found: dict[str, frozenset[str]] = {"": frozenset()}
            for item in self.items:
                for target in listed(item.get("refersTo")):
                    found[target] = found.get(target, frozenset()) | {item["reference"]}
            self.referring.update(found)
        return self.referring.get(reference, frozenset())


class Asked:
    """An item as matched against rules; lives for one call.

    `base` is the reference without its fragment; `codings` are (system, code) pairs and `targets` what they are mapped to;
    `names` are both as a deny compares them: without the variety of writing, with and without the system;
    `author`, `custodian` (references) and `made` (a span of time) are None when unknown; `refers_to` are the references in it,
    `referred_by` the items of the same request that refer to it; `raw` is the item of the request.
    Reading an attribute may raise one of UNREADABLE, which withholds the item.
    """

    __slots__ = (
        "author", "base", "codings", "custodian", "frame", "made", "marks", "names", "raw", "reference", "referred_by", "refers_to",
        "targets", "type",
    )  # fmt: skip
    author: frozenset[str] | None
    base: str
    custodian: frozenset[str] | None
    made: Span | None
    names: frozenset[Coding]
    referred_by: frozenset[str]
    refers_to: frozenset[str]
    targets: frozenset[Coding]
    type: str

    def __init__(self, raw: Mapping[str, Any], codings: frozenset[Coding], marks: Marks, frame: Frame) -> None:
        self.raw = raw
        self.reference: str = raw["reference"]
        self.codings = codings
        self.marks = marks
        self.frame = frame

    def __getattr__(self, name: str) -> Any:
        read = _READ.get(name)
        if read is None:
            raise AttributeError(name)
        value = read(self)
        setattr(self, name, value)
        return value


def _names(item: Asked) -> frozenset[Coding]:
    found: set[Coding] = set()
    for system, code in item.codings | item.targets if item.frame.maps else item.codings:
        if code is not None:
            bare = plain(code)
            found |= {(system, bare), (None, bare)}
    return frozenset(found)


_READ: Mapping[str, Callable[[Asked], Any]] = {
    "author": lambda item: frozenset(listed(item.raw.get("author"))) or None,
    "base": lambda item: item.reference.partition("#")[0],
    "custodian": lambda item: frozenset(listed(item.raw.get("custodian"))) or None,
    "made": lambda item: span_of(item.raw.get("date"), item.frame.zone),
    "names": _names,
    "referred_by": lambda item: item.frame.referring_to(item.reference),
    "refers_to": lambda item: frozenset(listed(item.raw.get("refersTo"))),
    "targets": lambda item: frozenset(item.frame.maps[c] for c in item.codings if c in item.frame.maps),
    "type": lambda item: type_of(item.reference),
}
