"""Markdown without HTML in it: what looks like a tag is lost or runs when the text is shown (FHIR R4, markdown; CommonMark 0.31, raw HTML)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from gateway.validating.structure.finding import NONE, Findings, error, warning
from gateway.validating.structure.narrative import allowed
from gateway.validating.structure.primitives import TextRule, is_markdown
from gateway.validating.structure.scope import Scope

_LONGEST_TAG = 300
_CODE = "`"


@dataclass(frozen=True, slots=True)
class MarkdownRule:
    """A `markdown` element: a text, and no HTML in it."""

    kind: ClassVar[type] = str

    def fits(self, text: str) -> bool:
        """Whether there is nothing to look at closely."""
        return text != "" and "<" not in text

    def check(self, node: Any, scope: Scope) -> Findings:
        """The findings of the form, then of what looks like HTML."""
        return _FORM.check(node, scope) or check(node)


_FORM = TextRule("markdown", is_markdown)


def check(node: Any) -> Findings:
    """0..1 finding for the text of one `markdown` element.

    An error for elements that run or load something, a warning for all others: notes of clinicians hold `<low>`, which a reader may
    not see, but which is no reason to refuse a record.
    """
    if not isinstance(node, str) or "<" not in node:
        return NONE
    seen = NONE
    for name in tags(node):
        if name.lower() in allowed().running:
            return error("invalid", "markdown-html", "The text has HTML in it that runs something.", found=f"<{name}>")
        says = "The text has something that is read as an HTML tag and may not be shown; write it as code or escape it."
        seen = seen or warning("invalid", "markdown-html", says, found=f"<{name}>")
    return seen


def tags(text: str) -> Iterator[str]:
    """The names of the 0..* tags that CommonMark reads as raw HTML, outside code and escapes."""
    skip = _coded(text)
    place = text.find("<")
    while place >= 0:
        if place in skip:
            place = text.find("<", skip[place])
            continue
        if not _escaped(text, place) and (name := _tag(text[place + 1 : place + _LONGEST_TAG])):
            yield name
        place = text.find("<", place + 1)


def _coded(text: str) -> dict[int, int]:
    """Every `<` inside code, with the end of that code."""
    runs = list(_runs(text))
    after: dict[int, deque[int]] = {}
    for index, (start, end) in enumerate(runs):
        after.setdefault(end - start, deque()).append(index)
    found: dict[int, int] = {}
    index = 0
    while index < len(runs):
        start, end = runs[index]
        later = after[end - start]
        while later and later[0] <= index:
            later.popleft()
        if not later and not _fence(text, start, end):
            index += 1
            continue
        close = runs[later[0]][1] if later else len(text)
        found |= {place: close for place in range(end, close) if text[place] == "<"}
        index = later[0] + 1 if later else len(runs)
    return found


def _runs(text: str) -> Iterator[tuple[int, int]]:
    """Runs of backticks: start and end."""
    place = text.find(_CODE)
    while place >= 0:
        end = place
        while end < len(text) and text[end] == _CODE:
            end += 1
        yield place, end
        place = text.find(_CODE, end)


def _fence(text: str, start: int, end: int) -> bool:
    """A fence of code that is never closed holds the rest of the text."""
    line = text.rfind("\n", 0, start) + 1
    return end - start >= 3 and start - line < 4 and not text[line:start].strip(" ")


def _escaped(text: str, place: int) -> bool:
    slashes = 0
    while slashes < place and text[place - 1 - slashes] == "\\":
        slashes += 1
    return slashes % 2 == 1


def _tag(rest: str) -> str:
    """The name of an opening or closing tag whose text after `<` this is, else empty."""
    closing = rest.startswith("/")
    rest = rest[closing:]
    length = 0
    while length < len(rest) and (
        rest[length].isascii() and (rest[length].isalnum() or (length and rest[length] == "-"))
    ):
        length += 1
    if not length or not rest[0].isalpha():
        return ""
    return rest[:length] if _ends(rest[length:], attributes=not closing) else ""


def _ends(rest: str, *, attributes: bool) -> bool:
    """Whether 0..* attributes and the end of the tag follow."""
    while rest:
        bare = rest.lstrip(" \t\r\n")
        if bare.startswith((">", "/>")):
            return True
        if bare == rest or not attributes:
            return False
        length = 0
        while length < len(bare) and (bare[length].isalnum() or bare[length] in "_:.-"):
            length += 1
        if not length or not (bare[0].isalpha() or bare[0] in "_:"):
            return False
        rest = _after_value(bare[length:])
    return False


def _after_value(rest: str) -> str:
    """What is left behind the value of an attribute, if it has one."""
    bare = rest.lstrip(" \t\r\n")
    if not bare.startswith("="):
        return rest
    bare = bare[1:].lstrip(" \t\r\n")
    if bare[:1] in ("'", '"'):
        close = bare.find(bare[0], 1)
        return bare[close + 1 :] if close > 0 else ""
    length = 0
    while length < len(bare) and bare[length] not in " \t\r\n\"'=<>`":
        length += 1
    return bare[length:] if length else ""
