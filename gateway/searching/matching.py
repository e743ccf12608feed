"""Whether a released resource meets one filter, by the type of the parameter (FHIR R4, search.html#ptypes)."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Any

from gateway.model.document import Resource
from gateway.model.search import Filter, Flag, Span, Target, Text, Token, Value
from gateway.searching.held import held, listed, objects, primitive
from gateway.searching.spans import Bounds, dates, exactly, meets, touches

_WORDS = ("text", "family", "given", "prefix", "suffix", "line", "city", "district", "state", "postalCode", "country")


def matches(resource: Resource, asked: Filter, zone: tzinfo) -> bool:
    """Whether a resource meets a filter that follows no reference."""
    nodes = held(resource, asked.code)
    if asked.modifier == "missing":
        return any(isinstance(flag, Flag) and flag.yes is not bool(nodes) for flag in asked.values)
    if asked.kind == "date":
        found = any(_timed(node, value, zone) for node in nodes for value in asked.values)
    else:
        test = _token if asked.modifier == "identifier" else _TESTS[asked.kind]
        found = any(test(node, value, asked.modifier) for node in nodes for value in asked.values)
    return found is not (asked.modifier == "not")


def _token(node: Any, value: Value, modifier: str) -> bool:
    assert isinstance(value, Token)  # noqa: S101 values are read by the type of the parameter
    said = objects(node)
    if modifier == "identifier":
        return _coded(said.get("identifier") or {}, value, "value")
    if not said:
        text = primitive(node)
        return text is not None and not value.system and (value.code is None or _same(text, value.code))
    if "coding" in said or "text" in said:
        return any(_coded(one, value, "code") for one in listed(said.get("coding")))
    return _coded(said, value, "code" if "code" in said else "value")


def _coded(said: Mapping[str, Any], value: Token, name: str) -> bool:
    """A Coding, Identifier or ContactPoint; case is not told apart, because most systems do not (R4, search.html#token)."""
    code, system = said.get(name), said.get("system")
    if value.system is not None and (system or "") != value.system:
        return False
    return code is not None and (value.code is None or _same(str(code), value.code))


def _same(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()


def texts(node: Any) -> Iterator[str]:
    """The texts that a string parameter looks at: of a name or address its parts, else the value itself."""
    said = objects(node)
    if said:
        yield from (str(part) for name in _WORDS for part in listed(said.get(name)))
    elif (text := primitive(node)) is not None:
        yield text


def folded(text: str) -> str:
    """Without case and accents (R4, search.html#string)."""
    parts = unicodedata.normalize("NFD", text.casefold())
    return unicodedata.normalize("NFC", "".join(one for one in parts if not unicodedata.combining(one)))


def _string(node: Any, value: Value, modifier: str) -> bool:
    assert isinstance(value, Text)  # noqa: S101 values are read by the type of the parameter
    if modifier == "exact":
        return value.text in texts(node)
    asked = folded(value.text)
    if modifier == "contains":
        return any(asked in folded(text) for text in texts(node))
    return any(folded(text).startswith(asked) for text in texts(node))


def _uri(node: Any, value: Value, modifier: str) -> bool:
    assert isinstance(value, Text)  # noqa: S101 values are read by the type of the parameter
    text = primitive(node) or ""
    below = value.text if value.text.endswith("/") else value.text + "/"
    return text == value.text or (modifier == "below" and text.startswith(below))


def _reference(node: Any, value: Value, modifier: str) -> bool:  # noqa: ARG001 the form of every test
    assert isinstance(value, Target)  # noqa: S101 values are read by the type of the parameter
    text = reference_of(node)
    if value.url:
        return text == value.url
    kind, _, id = text.partition("/")
    return id == value.id and (not value.type or kind == value.type)


def reference_of(node: Any) -> str:
    """The `reference` of a Reference, or the address that a canonical or uri is; empty for none."""
    said = objects(node)
    return str(said.get("reference", "")) if said else primitive(node) or ""


def _number(node: Any, value: Value, modifier: str) -> bool:  # noqa: ARG001 the form of every test
    assert isinstance(value, Span)  # noqa: S101 values are read by the type of the parameter
    held_at = exactly(primitive(node) or "")
    return held_at is not None and touches(value.prefix, (value.low, value.high), held_at)


def _quantity(node: Any, value: Value, modifier: str) -> bool:  # noqa: ARG001 the form of every test
    assert isinstance(value, Span)  # noqa: S101 values are read by the type of the parameter
    said = objects(node)
    unit = said.get("low") or said.get("high") or said
    if value.system is not None and unit.get("system") != value.system:
        return False
    if value.code is not None and value.code not in (unit.get("code"), None if value.system else unit.get("unit")):
        return False
    held_at = amount(said)
    return held_at is not None and touches(value.prefix, (value.low, value.high), held_at)


def amount(said: Mapping[str, Any]) -> Bounds | None:
    """The numbers that a Quantity (with its comparator) or a Range stands for."""
    if "low" in said or "high" in said:
        low, high = (_at(said.get(name) or {}) for name in ("low", "high"))
        return (-math.inf if low is None else low, math.inf if high is None else high)
    number = _at(said)
    if number is None:
        return None
    below, above = said.get("comparator") in ("<", "<="), said.get("comparator") in (">", ">=")
    return (-math.inf if below else number, math.inf if above else number)


def _at(said: Mapping[str, Any]) -> float | None:
    found = exactly(primitive(said.get("value")) or "")
    return found[0] if found else None


def _timed(node: Any, value: Value, zone: tzinfo) -> bool:
    assert isinstance(value, Span)  # noqa: S101 values are read by the type of the parameter
    return any(meets(value.prefix, (value.low, value.high), one) for one in times(node, zone))


def times(node: Any, zone: tzinfo) -> Sequence[Bounds]:
    """The spans of a date, dateTime, instant, Period or Timing; an open end is without limit."""
    said = objects(node)
    if not said:
        found = [dates(primitive(node) or "", zone)]
    elif "event" in said or "repeat" in said:
        bounds = (said.get("repeat") or {}).get("boundsPeriod")
        found = [dates(str(one), zone) for one in listed(said.get("event"))] + (
            [_period(bounds, zone)] if bounds else []
        )
    else:
        found = [_period(said, zone)]
    return [one for one in found if one is not None]


def _period(said: Mapping[str, Any], zone: tzinfo) -> Bounds | None:
    start, end = (dates(str(said[name]), zone) if name in said else None for name in ("start", "end"))
    if start is None and end is None:
        return None
    return (-math.inf if start is None else start[0], math.inf if end is None else end[1])


_TESTS: Mapping[str, Callable[[Any, Value, str], bool]] = {
    "token": _token, "string": _string, "uri": _uri, "reference": _reference, "number": _number, "quantity": _quantity,
}  # fmt: skip
