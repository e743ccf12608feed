"""Resources as rows for a page: every value with its position (R4 JSON representation)."""

from __future__ import annotations

from typing import Any

from gateway.model.document import Parsed
from gateway.standards.fhir.source import MAPPABLE, FhirNode


def layout(parsed: Parsed, body: bytes) -> list[dict[str, Any]]:  # noqa: ARG001 the form of every standard
    """1..* resources in order: position, type, and their values (position, text)."""
    return [_resource(node) for node in MAPPABLE.source(parsed, {}).nodes]


def _resource(node: FhirNode) -> dict[str, Any]:
    values = [{"position": leaf.position, "text": leaf.text} for leaf in node.leaves()]
    return {"position": node.position, "name": node.name, "values": values}
