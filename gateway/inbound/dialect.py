"""In which standard a caller is answered: what it accepts first, else what it sent, else FHIR (ARCHITECTURE.md, promise 4)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gateway.errors import NotAcceptable, Unsupported
from gateway.model.door import Call, Handler
from gateway.model.released import Egress
from gateway.searching.ask import FORMATS
from gateway.standards import Standard, standard_of, standards

_RANGES = frozenset(("*/*", "application/*", "application/fhir+json", "application/json", "text/json"))
_NOT = re.compile(r";\s*q=0(\.0*)?\s*(;|$)", re.ASCII)


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


def in_json(handler: Handler) -> Handler:
    """A handler of the façade, for who takes FHIR in JSON: the only format that is written. Raises NotAcceptable for others.

    `_format` counts before Accept (R4, http.html#mime-type); without either, JSON.
    """

    async def asked(node: Any, call: Call) -> Egress:
        named = [value for name, value in call.query if name == "_format"]
        if wrong := [value for value in named if value not in FORMATS]:
            raise NotAcceptable(None, *["_format"][: len(wrong)])
        if not named and not _takes_json(call.headers.get("accept", "")):
            raise NotAcceptable(None, "Accept")
        return await handler(node, call)

    return asked


def _takes_json(accept: str) -> bool:
    """Whether one of the media ranges holds JSON and is not refused (`q=0`: RFC 9110, 12.5.1)."""
    ranges = [one for one in accept.split(",") if one.strip()]
    return not ranges or any(media_type(one) in _RANGES and not _NOT.search(one) for one in ranges)
