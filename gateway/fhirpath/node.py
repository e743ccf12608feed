"""One FHIR element seen from an expression: its JSON, its type, and what stands beside a primitive (FHIR R4, fhirpath.html)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

from gateway.model.wire import Exact

_PLAIN = frozenset((str, int, bool, float, list, Exact, type(None)))


def is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    """Whether a value is a JSON object; asked of every value, so what is common is told by its type alone."""
    kind = type(value)
    return kind is dict or (kind not in _PLAIN and isinstance(value, Mapping))


class Node:
    """`value` is the JSON itself (never a copy), or None for a primitive that has only an id or extensions.

    `type` is a FHIR type name (`HumanName`), or the element id of a backbone element (`Patient.contact`); empty when nothing is known.
    `shadow` is the object beside a primitive (`_birthDate`).
    """

    __slots__ = ("shadow", "type", "value")

    def __init__(self, value: Any, type: str, shadow: Mapping[str, Any] | None = None) -> None:
        self.value = value
        self.type = type
        self.shadow = shadow

    def __repr__(self) -> str:
        return f"Node({self.type})"
