"""A draft as a message: segments in order, numbered, in one set of delimiters (HL7 v2.8.2, 2.5 to 2.7)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gateway.standards.hl7v2.draft import MessageDraft, SegmentDraft
from gateway.standards.hl7v2.escapes import Delimiters, escape


def ordered(draft: MessageDraft, about: Mapping[str, Any]) -> list[SegmentDraft]:
    """The segments in the order of the layout, each behind its owner, with their ordinals and set ids."""
    places = {name: number for number, name in enumerate(about["order"])}
    apart = frozenset(about.get("apart") or ())
    roots = [one for one in draft.segments if one.owner_node is None or one.name in apart]
    made = list(_below(roots, places, apart))
    seen: dict[str, int] = {}
    for segment in made:
        segment.ordinal = seen[segment.name] = seen.get(segment.name, 0) + 1
    _number(made, about)
    return made


def _below(
    segments: Sequence[SegmentDraft], places: Mapping[str, int], apart: frozenset[str]
) -> Iterator[SegmentDraft]:
    for segment in sorted(segments, key=lambda one: places.get(one.name, len(places))):
        yield segment
        yield from _below([one for one in segment.parts if one.name not in apart], places, apart)


def _number(segments: Sequence[SegmentDraft], about: Mapping[str, Any]) -> None:
    """Field 1 counts the segments of a name: below their owner, or through the message."""
    counts: dict[tuple[str, int], int] = {}
    through = frozenset(about.get("through") or ())
    for segment in segments:
        if segment.name in through or segment.name in (about.get("number") or ()):
            key = segment.name, 0 if segment.name in through else id(segment.owner_node)
            counts[key] = counts.get(key, 0) + 1
            segment.values.setdefault((1, 1, 1, 1), str(counts[key]))


def er7(segments: Sequence[SegmentDraft], delimiters: Delimiters) -> str:
    """Segments as text, each ended by a carriage return."""
    return "".join(f"{_line(segment, delimiters)}\r" for segment in segments)


def _line(segment: SegmentDraft, d: Delimiters) -> str:
    fields: dict[int, dict[int, dict[int, dict[int, str]]]] = {}
    for (field, repetition, component, subcomponent), text in segment.values.items():
        subs = fields.setdefault(field, {}).setdefault(repetition, {}).setdefault(component, {})
        subs[subcomponent] = escape(text, d)
    if segment.name == "MSH":
        fields = {
            number - 2: found for number, found in fields.items()
        }  # MSH-1 and MSH-2 are the delimiters themselves
    shown = _joined({number: _repetitions(found, d) for number, found in fields.items()}, d.field)
    start = f"MSH{d.signs}" if segment.name == "MSH" else segment.name
    return f"{start}{d.field}{shown}" if shown else start


def _repetitions(repetitions: Mapping[int, Mapping[int, Mapping[int, str]]], d: Delimiters) -> str:
    made = {
        number: _joined({n: _joined(subs, d.subcomponent) for n, subs in components.items()}, d.component)
        for number, components in repetitions.items()
    }
    return _joined(made, d.repetition)


def _joined(parts: Mapping[int, str], sign: str) -> str:
    return sign.join(parts.get(number, "") for number in range(1, max(parts, default=0) + 1))
