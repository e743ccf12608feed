"""A message as rows for a page: every value with its position, and with the line and column of the text (HL7 v2.8.2, 2.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.mapping.readings import fields
from gateway.model.document import Parsed
from gateway.model.report import Finding
from gateway.standards.hl7v2.message import NULL
from gateway.standards.hl7v2.places import located
from gateway.standards.hl7v2.segment import Segment, below

Leaf = tuple[str, int, str]  # position, field, text


def layout(parsed: Parsed, body: bytes) -> list[dict[str, Any]]:
    """1..* segments in order: position, name, and their 0..* values (position, name of the field, text, line, column)."""
    segments = [(segment, list(_leaves(segment))) for segment in parsed.tree.segments]
    asked = tuple(_at(position) for _, leaves in segments for position, _, _ in leaves)
    places = {one.expression: one for one in located(asked, body, parsed)}
    return [
        {
            "position": f"{segment.name}[{segment.ordinal}]",
            "name": segment.name,
            "values": [_value(segment, leaf, places[leaf[0]]) for leaf in leaves],
        }
        for segment, leaves in segments
    ]


def _leaves(segment: Segment) -> Iterator[Leaf]:
    for field in range(1, segment.count + 1):
        for number, repetition in enumerate(segment.repetitions(field), 1):
            where = f"{segment.name}[{segment.ordinal}]-{field}[{number}]"
            for component, subcomponent, text in repetition.leaves():
                yield below(where, component, subcomponent), field, "" if text == NULL else text


def _at(position: str) -> Finding:
    return Finding("information", "informational", position, "")


def _value(segment: Segment, leaf: Leaf, place: Finding) -> dict[str, Any]:
    position, field, text = leaf
    name = fields(segment.name).get(f"{segment.name}-{field}", "")
    found = {"line": place.line, "column": place.column} if place.line else {}
    return {"position": position, **({"name": name} if name else {}), "text": text, **found}
