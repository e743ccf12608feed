"""Typed emitters (`as:`): text of the source to a value that is lexically valid in R4, or nothing and a finding (R4 datatypes).

An emitter gets the node, the scope and the rule id and returns a value, an Emitted, or None when the text is no such thing.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gateway.mapping.scope import Scope
from gateway.mapping.source import Node
from gateway.mapping.times import Moment, clock, moment
from gateway.model.wire import Exact

CODE = re.compile(r"[^\s]+( [^\s]+)*")
_NUMBER = re.compile(r"(?P<sign>[+-]?)(?P<whole>\d*)(?P<rest>\.\d*)?(?P<exp>[eE][+-]?\d{1,3})?", re.ASCII)
_RANGE = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*-\s*(-?\d+(?:\.\d+)?)\s*", re.ASCII)
MAX_DIGITS = 40
_SECONDS = "Missing seconds were added."


@dataclass(slots=True, eq=False)
class Emitted:
    """A value with more to say: an extension of the primitive, or other source positions than the node's own."""

    value: Any
    beside: Any = None
    sources: tuple[str, ...] | None = None


Emitter = Callable[[Node, Scope, str], Any]


def string(node: Node, _scope: Scope, _rule: str) -> str | None:
    """Text without white space around it."""
    return node.text.strip() or None


def whole(node: Node, _scope: Scope, _rule: str) -> Emitted | None:
    """All text of the node, separators that the sender did not escape included."""
    leaves = [leaf for leaf in node.leaves() if leaf.text.strip()]
    text = str(node.value).strip()
    return Emitted(text, sources=tuple(leaf.leaf for leaf in leaves)) if leaves and text else None


def code(node: Node, _scope: Scope, _rule: str) -> str | None:
    """A code: no white space around it, single blanks within."""
    text = node.text.strip()
    return text if CODE.fullmatch(text) else None


def identifier(node: Node, _scope: Scope, _rule: str) -> str | None:
    """A FHIR id."""
    return node.text if re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", node.text, re.ASCII) else None


def boolean(node: Node, _scope: Scope, _rule: str) -> bool | None:
    """Y and N of HL7 table 0136, and the words."""
    return {"Y": True, "N": False, "TRUE": True, "FALSE": False, "1": True, "0": False}.get(node.text.strip().upper())


def decimal(node: Node, _scope: Scope, _rule: str) -> Exact | int | None:
    """An NM as a JSON number with its digits as sent (`5.10` stays `5.10`); a plus sign and leading zeros have no place there."""
    return number(node.text.strip())


def number(text: str) -> Exact | int | None:
    """Text to a number that keeps its decimal places, or None."""
    found = _NUMBER.fullmatch(text)
    if found is None or not (found["whole"] or len(found["rest"] or "") > 1) or len(text) > MAX_DIGITS:
        return None
    digits = (found["whole"] or "").lstrip("0") or "0"
    rest = found["rest"] if found["rest"] and len(found["rest"]) > 1 else ""
    sign = "-" if found["sign"] == "-" else ""
    if not rest and not found["exp"]:
        return int(sign + digits)
    return Exact(f"{sign}{digits}{rest}{(found['exp'] or '').lower()}")


def integer(node: Node, _scope: Scope, _rule: str) -> int | None:
    """A whole number within 32 bits."""
    text = node.text.strip()
    value = int(text) if re.fullmatch(r"[+-]?\d{1,10}", text, re.ASCII) else None
    return value if value is not None and -(2**31) <= value < 2**31 else None


def positive(node: Node, scope: Scope, rule: str) -> int | None:
    """A whole number from 1."""
    value = integer(node, scope, rule)
    return value if value is not None and value > 0 else None


def base64_binary(node: Node, _scope: Scope, _rule: str) -> str | None:
    """Base64 without line breaks; None when it does not decode."""
    text = "".join(node.text.split())
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return text or None


def text_as_base64(node: Node, _scope: Scope, _rule: str) -> str | None:
    """Plain text as base64 of its UTF-8."""
    return as_base64(node.text) or None


def lines_as_base64(node: Node, _scope: Scope, _rule: str) -> Emitted | None:
    """All text of the node, separators included, as base64 of its UTF-8."""
    text = str(node.value).strip()
    leaves = tuple(leaf.leaf for leaf in node.leaves())
    return Emitted(as_base64(text), sources=leaves) if text else None


def as_base64(text: str) -> str:
    """Base64 of the UTF-8 of a text."""
    return base64.b64encode(text.encode()).decode()


def date(node: Node, scope: Scope, rule: str) -> Any:
    """The date of a date/time; the time is not part of a FHIR date."""
    made = _moment(node, scope, rule)
    return made if not isinstance(made, Moment) else made.text[:10]


def date_time(node: Node, scope: Scope, rule: str) -> Any:
    """A dateTime in the precision of the source (invariant 14)."""
    made = _moment(node, scope, rule)
    if not isinstance(made, Moment):
        return made
    return Emitted(made.text, _source_text(node, scope)) if made.cut else made.text


def time_part(node: Node, scope: Scope, rule: str) -> Any:
    """A dateTime only when there is a time in the source (patient-birthTime)."""
    made = moment(node.text.strip(), scope.run.context.zone)
    if made is None or (len(made.text) <= 10 and not made.cut):
        return None
    return date_time(node, scope, rule)


def instant(node: Node, scope: Scope, rule: str) -> Any:
    """An instant; without a time and a zone only the source text is kept, in an extension."""
    made = _moment(node, scope, rule)
    if not isinstance(made, Moment):
        return made
    return made.text if len(made.text) > 10 else Emitted(None, _source_text(node, scope))


def time(node: Node, scope: Scope, rule: str) -> str | None:
    """A time of day; seconds that are added are flagged (invariant 14)."""
    made = clock(node.text.strip())
    if made is not None and len(node.text.strip().replace(":", "").partition("+")[0]) < len("HHMMSS"):
        scope.run.find("information", "informational", node.leaf, _SECONDS, rule)
    return made


def _moment(node: Node, scope: Scope, rule: str) -> Moment | Emitted | None:
    if not node.text.strip():
        return None
    made = moment(node.text.strip(), scope.run.context.zone)
    if made is None:
        scope.run.find(
            "warning", "invalid", node.leaf, "This is not a date or time; its text is kept in an extension.", rule
        )
        return Emitted(None, _source_text(node, scope))
    if made.cut:
        scope.run.find("information", "incomplete", node.leaf, "A time without a zone was cut to its date.", rule)
    if made.zone_assumed:
        scope.run.find("information", "informational", node.leaf, "The sender's declared zone was assumed.", rule)
    if made.seconds_added:
        scope.run.find("information", "informational", node.leaf, _SECONDS, rule)
    return made


def _source_text(node: Node, scope: Scope) -> dict[str, Any]:
    return {"url": scope.run.name_of("source-text"), "valueString": node.text.strip()}


def range_low(node: Node, _scope: Scope, _rule: str) -> Exact | int | None:
    """The lower bound of a text like `3.5-5.1`."""
    found = _RANGE.fullmatch(node.text)
    return number(found[1]) if found else None


def range_high(node: Node, _scope: Scope, _rule: str) -> Exact | int | None:
    """The upper bound of a text like `3.5-5.1`."""
    found = _RANGE.fullmatch(node.text)
    return number(found[2]) if found else None
