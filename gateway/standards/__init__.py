"""The standards this gateway speaks, one folder each, found by walking the folder; nothing central is edited to add one.

A folder offers the names of `Standard` (`render` and `accepted` only where it is delivered in).
`source.py` beside it (what maps read), `layout.py` (a document as rows for a page) and `doors.py` (routes) are optional.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from gateway.errors import GatewayError, Unsupported, Unusable
from gateway.model.dispatch import Dispatch, Rendition
from gateway.model.document import Parsed, Verdict
from gateway.model.released import Notice, Released
from gateway.model.report import Report


class Part(Protocol):
    """A document of a batch; with `number` 0 what was found about the batch itself, which has no body."""

    @property
    def number(self) -> int:
        """From 1, in order."""
        ...

    @property
    def line(self) -> int:
        """How many lines of the batch stand before it."""
        ...

    @property
    def body(self) -> bytes:
        """As it came."""
        ...

    @property
    def report(self) -> Report:
        """What was odd about it."""
        ...

    @property
    def error(self) -> Unusable | None:
        """With number 0, why the batch is refused whole."""
        ...


class Standard(Protocol):
    """What every standard's folder offers."""

    NAME: str
    CONTENT_TYPES: tuple[str, ...]

    def sniff(self, body: bytes) -> bool:
        """Does this look like mine?"""
        ...

    def parse(self, body: bytes, charset: str = "") -> Parsed:
        """Bytes to a tree. Raises what is Unusable."""
        ...

    def parts(self, body: bytes) -> Iterator[Part] | None:
        """The documents of a batch one after the other; None for what is a document by itself. Raises nothing for what is in it."""
        ...

    def plain(self, body: bytes) -> bytes:
        """What two copies of a document have in common, whichever way they came: without what a channel puts around it and between its lines."""
        ...

    def check(self, parsed: Parsed) -> Report:
        """Findings by the rules of the standard."""
        ...

    def admit(self, parsed: Parsed) -> Report:
        """The same at a door: raises Unsound or Invalid for what an exchange cannot be built on, else gives the findings."""
        ...

    def render(self, released: Released, dispatch: Dispatch) -> Rendition:
        """A Released in this standard for one recipient."""
        ...

    def accepted(self, sent: bytes, answer: bytes) -> None:
        """What the recipient's answer means, where sending alone does not say it: nothing, or raises what is Undeliverable."""
        ...

    def reply(self, body: bytes, error: GatewayError | None, control_id: str, at: datetime) -> Notice:
        """The acknowledgement or refusal in the dialect of this standard, out of the document's own header."""
        ...

    def reply_all(
        self, body: bytes, verdicts: Sequence[Verdict], found: Report, control_id: str, at: datetime
    ) -> Notice:
        """The same for a batch: a verdict on each document, and what was found about the batch itself."""
        ...


@lru_cache(maxsize=1)
def standards() -> Mapping[str, Standard]:
    """Every standard by name."""
    names = sorted(module.name for module in iter_modules(__path__) if module.ispkg)
    return {name: cast(Standard, import_module(f"{__name__}.{name}")) for name in names}


def standard_of(content_type: str) -> Standard:
    """The standard that takes a content type (lower case, no parameters). Raises Unsupported."""
    for standard in standards().values():
        if content_type in standard.CONTENT_TYPES:
            return standard
    raise Unsupported("This content type is not taken here.", "Content-Type")


def sniffed(body: bytes) -> Standard:
    """The standard that a document looks like. Raises Unsupported."""
    for standard in standards().values():
        if standard.sniff(body):
            return standard
    raise Unsupported("The standard of the document could not be recognised.")
