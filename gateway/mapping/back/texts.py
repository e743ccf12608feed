"""Writers (`as:` the other way): a value of R4 to the text that the type of the row would read it from (R4 datatypes; HL7 v2.8.2, 2A).

A writer gets the element, the place, the scope and the rule id; it writes and cites, or returns False.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

from gateway.mapping.back.element import Element
from gateway.mapping.back.place import Place
from gateway.mapping.back.scope import Back
from gateway.mapping.times import moment as forward
from gateway.model.wire import Exact

Writer = Callable[[Element, Place, Back, str], bool]
Shown = Callable[[Any], str | None]
_MOMENT = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d))?)?)?",
    re.ASCII,
)
_FRACTION = re.compile(r":\d\d\.(\d+)", re.ASCII)
_DIGITS, _DAY = 4, len("2026-01-02")
_CLOCK = re.compile(r"(\d\d):(\d\d):(\d\d)(\.\d+)?", re.ASCII)


def text(value: Any) -> str | None:
    """A primitive as text; decimals as they were written."""
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return None
    return value.text if isinstance(value, Exact) else str(value)


def boolean(value: Any) -> str | None:
    """Y and N of HL7 table 0136."""
    return {True: "Y", False: "N"}.get(value) if isinstance(value, bool) else None


def moment(value: Any) -> str | None:
    """`2026-01-02T03:04:05+09:00` to `20260102030405+0900`, in its own precision."""
    found = _MOMENT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    *parts, fraction, zone = found.groups()
    shown = "".join(part for part in parts if part)
    return shown + _fraction(fraction) + (zone or "").replace("Z", "+0000").replace(":", "")


def clock(value: Any) -> str | None:
    """`03:04:05` to `030405`."""
    found = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    return "".join(found.groups()[:3]) + _fraction(found[4]) if found else None


def _fraction(found: str | None) -> str:
    return (found or "")[: 1 + _DIGITS]


def decoded(value: Any) -> str | None:
    """The text that base64 of UTF-8 stands for."""
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def plain(shown: Shown) -> Writer:
    """A writer of one text."""

    def write(element: Element, place: Place, back: Back, rule: str) -> bool:
        made = shown(element.value)
        if not made or not place.put(made):
            return False
        back.cite(element, place, rule)
        return True

    return write


def timed(shown: Shown) -> Writer:
    """A writer of a time: the text that the source had, where the value could not hold all of it (invariant 14)."""
    simple = plain(shown)

    def write(element: Element, place: Place, back: Back, rule: str) -> bool:
        known = _source_text(element, back)
        if known is None or not _agrees(str(known.value), element.value):
            return _cut(element, back, rule) and simple(element, place, back, rule)
        if not place.put(str(known.value)):
            return False
        back.cite(element, place, rule)
        back.run.cite(list(element.beside_leaves()), place, back.frame, rule)
        return True

    return write


def _agrees(told: str, value: Any) -> bool:
    """Does the text that the source had still say what the value says?"""
    read = forward(told)
    return value is None or (read is not None and str(value).startswith(read.text[:_DAY]))


def _cut(element: Element, back: Back, rule: str) -> bool:
    """A fraction of a second has four digits at most there (v2.8.2, 2A.3.22); what is cut is told."""
    fraction = _FRACTION.search(str(element.value))
    if fraction is not None and len(fraction[1]) > _DIGITS:
        back.run.noticed("information", "incomplete", element.path, "A fraction of a second was cut.", rule)
    return True


def _source_text(element: Element, back: Back) -> Element | None:
    url = back.run.name_of("source-text")
    beside = Element(element.beside or {}, "")
    return next(
        (
            value
            for one in beside.children("extension")
            if isinstance(one.value, dict) and one.value.get("url") == url
            for value in one.children("valueString")
        ),
        None,
    )


def bound(own: str, other: str, form: str) -> Writer:
    """A bound of a range that is one text (`3.5-5.1`): written once both are there and no text says it better."""

    def write(element: Element, place: Place, back: Back, rule: str) -> bool:
        holder = back.element
        if holder.children("text"):
            return False  # the text is written by its own row, and then says this as well
        values = [
            text(one.value) for name in (own, other) for side in holder.children(name) for one in side.children("value")
        ]
        if len(values) != 2 or not place.put(form.format(*values)):
            return False
        back.cite(element, place, rule)
        return True

    return write
