"""Whether the facts of a stranger's definition are of the kinds they should be, so that nobody who uses them has to ask again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.definitions.facts import Facts

_TEXT = frozenset((
    "url", "version", "name", "kind", "type", "baseDefinition", "derivation", "path", "id", "sliceName", "contentReference", "card",
    "base", "strength", "maxValueSet", "minValueSet", "code", "fhirType", "regex", "expression", "severity", "source", "key", "rules",
    "property", "op", "system", "content", "hierarchyMeaning", "purpose", "versioning", "startFhirVersion", "endFhirVersion", "namespace",
))  # fmt: skip
_TEXTS = frozenset((
    "profile", "targetProfile", "aggregation", "condition", "representation", "contextInvariant", "imposes", "mimeTypes",
    "valueAlternatives",
))  # fmt: skip
_ROWS = frozenset(["elements", "types", "include", "exclude", "filter", "discriminator", "context", "additional"])
_NUMBERS = frozenset(("maxLength", "minLength", "maxSize", "maxDecimalPlaces"))
_ANYTHING = frozenset(("fixed", "pattern", "minValue", "maxValue"))
_OBJECTS = frozenset(("binding", "slicing", "releases"))


def sound(facts: Facts) -> bool:
    """True when every text is a text and every list a list; values of elements may be anything. Without recursion."""
    waiting: list[Any] = [facts]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, Mapping):
            for key, value in node.items():
                if key in _ANYTHING:
                    continue
                if not _fits(key, value):
                    return False
                if key != "codes":
                    waiting.append(value)
    return True


def _fits(key: str, value: Any) -> bool:
    if key in _TEXT:
        return isinstance(value, str)
    if key in _TEXTS:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if key in _ROWS:
        return isinstance(value, list) and all(isinstance(each, str | Mapping) for each in value)
    if key in _NUMBERS:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if key in _OBJECTS:
        return isinstance(value, Mapping)
    if key == "valueSet":
        return isinstance(value, str) or (isinstance(value, list) and all(isinstance(each, str) for each in value))
    return key != "codes" or _codes(value)


def _codes(rows: Any) -> bool:
    """Codes of a code system or a part: texts, or [code, properties, children]."""
    if not isinstance(rows, list):
        return False
    waiting = list(rows)
    while waiting:
        row = waiting.pop()
        if isinstance(row, str):
            continue
        if (
            not isinstance(row, list)
            or not row
            or not isinstance(row[0], str)
            or (len(row) > 1 and not isinstance(row[1], Mapping))
        ):
            return False
        if len(row) > 2:
            if not isinstance(row[2], list):
                return False
            waiting += row[2]
    return True
