"""The standards this gateway speaks, one folder each, found by walking the folder; nothing central is edited to add one.

A folder offers the names of `Standard` (`render` only where it is delivered in).
`source.py` beside it (what maps read) and `doors.py` (routes) are optional.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from gateway.errors import GatewayError, Unsupported
from gateway.model.document import Parsed
from gateway.model.released import Notice, Released
from gateway.model.report import Report


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

    def check(self, parsed: Parsed) -> Report:
        """Findings by the rules of the standard."""
        ...

    def admit(self, parsed: Parsed) -> Report:
        """The same at a door: raises Unsound or Invalid for what an exchange cannot be built on, else gives the findings."""
        ...

    def render(
        self, released: Released, interaction: str, exchange: str, at: datetime, recipient: str
    ) -> tuple[bytes, str]:
        """A Released in this standard, and its content type."""
        ...

    def reply(self, body: bytes, error: GatewayError | None, control_id: str, at: datetime) -> Notice:
        """The acknowledgement or refusal in the dialect of this standard, out of the document's own header."""
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
