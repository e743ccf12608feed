"""Which operator is compiled by which chapter (FHIRPath 2.0, 6)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from gateway.fhirpath.code import Code
from gateway.fhirpath.collections import contains, inside
from gateway.fhirpath.combining import united
from gateway.fhirpath.comparison import comparison
from gateway.fhirpath.equality import different, equal, equivalent, unlike
from gateway.fhirpath.logic import both, either, implied, one_of_two

OPERATORS: Mapping[str, Callable[[list[Code]], Code]] = {
    "and": both,
    "or": either,
    "xor": one_of_two,
    "implies": implied,
    "in": inside,
    "contains": contains,
    "=": equal,
    "!=": different,
    "~": equivalent,
    "!~": unlike,
    "|": united,
    "<": lambda parts: comparison("<", parts),
    "<=": lambda parts: comparison("<=", parts),
    ">": lambda parts: comparison(">", parts),
    ">=": lambda parts: comparison(">=", parts),
}
