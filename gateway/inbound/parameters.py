"""Names and values of a question, from an address, a form, an entry of a batch or Parameters: read the same, strictly and once.

UTF-8, no U+0000, bounded in number and length; what is encoded is decoded here and never again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from gateway.errors import Malformed, TooLarge, Unanswerable, Unsupported
from gateway.inbound.dialect import media_type
from gateway.model.search import Pairs
from gateway.model.wire import read_json

MOST_FORM = 65_536
_MAX_QUERY = 16_384
_MOST_FIELDS = 100
_FORM = "application/x-www-form-urlencoded"
_JSON = ("application/fhir+json", "application/json")


def pairs_of(raw: bytes, most: int = _MAX_QUERY) -> Pairs:
    """The parameters of a query string or form. Raises TooLarge, Malformed."""
    if len(raw) > most:
        raise TooLarge("The question is too long.")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except (UnicodeDecodeError, ValueError) as error:
        raise Malformed("The parameters of the question cannot be read.") from error
    if any("\0" in text for pair in pairs for text in pair):
        raise Malformed("The parameters of the question hold a character that is not taken.")
    return tuple(pairs)


def of_form(content_type: str, body: bytes) -> Pairs:
    """The parameters of a form. Raises Unsupported for another content type, TooLarge, Malformed."""
    if not body:
        return ()
    if media_type(content_type) != _FORM:
        raise Unsupported("A search is posted as a form.", "Content-Type")
    return pairs_of(body, MOST_FORM)


def of_parameters(content_type: str, body: bytes) -> Pairs:
    """The parameters of a Parameters resource, each with one primitive value. Raises Unsupported, Malformed, Unanswerable."""
    if not body:
        return ()
    if media_type(content_type) not in _JSON:
        raise Unsupported("An operation is asked with Parameters in JSON.", "Content-Type")
    read = read_json(body, max_bytes=MOST_FORM)
    rows = read.get("parameter", []) if isinstance(read, dict) and read.get("resourceType") == "Parameters" else None
    if not isinstance(rows, list) or len(rows) > _MOST_FIELDS:
        raise Malformed("The body is no Parameters.")
    return tuple(_pair(row) for row in rows)


def _pair(row: Any) -> tuple[str, str]:
    said: Mapping[str, Any] = row if isinstance(row, dict) else {}
    values = [value for name, value in said.items() if name.startswith("value") and isinstance(value, str | int)]
    name = said.get("name")
    if not isinstance(name, str) or len(values) != 1 or len(said) != 2:
        raise Unanswerable("A parameter has a name and one value.")
    return name, str(values[0])
