"""The grammar of this standard: message structures and segment fields as data, compiled when first asked (validators/hl7v2)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from gateway.data import data_path
from gateway.errors import Misconfigured
from gateway.model.report import Report
from gateway.standards.hl7v2.message import Message
from gateway.standards.hl7v2.tables import read_rules
from gateway.validating.grammar import Group, Part, build, compile_structure

_UNBOUNDED = 10**9


def groups(message: Message) -> tuple[Group, Report]:
    """The group tree of a message, with indexes into `message.segments`, and what was odd about the order.

    Every segment has exactly one parent. A structure nobody described gives a flat tree with a finding.
    """
    name = message.structure
    return build(structure_of(name), [segment.name for segment in message.segments], name)


@lru_cache(maxsize=256)
def structure_of(name: str) -> Part | None:
    """The compiled structure of a name such as `ADT_A01`, or None."""
    rules = _rules("messages", name)
    return compile_structure(rules) if rules else None


@lru_cache(maxsize=512)
def fields_of(segment: str) -> tuple[Mapping[str, Any], ...]:
    """The field rows of a segment, none for one that nobody described."""
    rules = _rules("segments", segment)
    return tuple(rules["fields"]) if rules else ()


def most(segment: str, field: int) -> int:
    """How often a field may repeat; of a field that nobody described as often as anybody likes."""
    return _most(segment).get(field, _UNBOUNDED)


@lru_cache(maxsize=512)
def _most(segment: str) -> Mapping[int, int]:
    return {row["field"]: _UNBOUNDED if row["max"] == "*" else int(row["max"]) for row in fields_of(segment)}


def _rules(folder: str, name: str) -> dict[str, Any] | None:
    if name not in _shelf(folder):  # also keeps what a sender wrote out of file paths
        return None
    return read_rules(folder, f"{name}.yaml")


@lru_cache(maxsize=4)
def _shelf(folder: str) -> frozenset[str]:
    try:
        return frozenset(path.stem for path in data_path("validators", "hl7v2", folder).glob("*.yaml"))
    except Misconfigured:
        return frozenset()
