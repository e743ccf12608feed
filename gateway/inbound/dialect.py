"""In which standard a caller is answered: what it accepts first, else what it sent, else FHIR (ARCHITECTURE.md, promise 4)."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.errors import Unsupported
from gateway.standards import Standard, standard_of, standards


def media_type(header: str) -> str:
    """A media type without its parameters, in lower case."""
    return header.partition(";")[0].strip().lower()


def dialect_of(headers: Mapping[str, str]) -> Standard:
    """The standard to answer a request in, by its headers (lower-case names)."""
    for asked in (*headers.get("accept", "").split(","), headers.get("content-type", "")):
        try:
            return standard_of(media_type(asked))
        except Unsupported:
            continue
    return standards()["fhir"]
