"""The stage `parse`: bytes to a tree by the standard their sender names."""

from __future__ import annotations

from gateway.model.document import Parsed, Received
from gateway.standards import standard_of


def parse_document(received: Received) -> Parsed:
    """The document of a known caller, read. Raises Unsupported, Malformed, TooLarge."""
    return standard_of(received.content_type).parse(received.body, received.charset)
