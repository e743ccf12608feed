"""What a released resource holds for a parameter: the elements its expression reads, as FHIRPath nodes (R4, SearchParameter.expression)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.fhirpath import Environment, Node, NotEvaluated
from gateway.model.document import Resource
from gateway.searching.offered import expression_of, offered


def held(resource: Resource, code: str) -> Sequence[Any]:
    """0..* nodes, or booleans of an expression that asks. What cannot be evaluated holds nothing."""
    kind = resource["resourceType"]
    found = offered(kind).get(code)
    expression = expression_of(kind, found) if found else None
    if expression is None:
        return ()
    node = Node(resource, kind)
    try:
        return expression.evaluate(node, Environment(resource=node, resolve=_by_its_address))
    except NotEvaluated:
        return ()


def _by_its_address(reference: str) -> Node | None:
    """`resolve()` inside an expression asks for the type alone, which the reference itself says."""
    kind = reference.rpartition("/")[0].rpartition("/")[2]
    return Node({"resourceType": kind}, kind) if kind else None


def objects(node: Any) -> Mapping[str, Any]:
    """The JSON object of a node, an empty one for everything else."""
    value = node.value if isinstance(node, Node) else node
    return value if isinstance(value, Mapping) else {}


def primitive(node: Any) -> str | None:
    """The text of a primitive value (`true`, `5.0`, a code); None for an object or nothing."""
    value = node.value if isinstance(node, Node) else node
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return repr(value) if isinstance(value, float) else str(value)
    return None


def listed(value: Any) -> list[Any]:
    """The items of a list, the one value, or nothing."""
    if isinstance(value, list | tuple):
        return list(value)
    return [] if value is None else [value]
