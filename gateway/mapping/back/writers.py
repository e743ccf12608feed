"""The names that `as:` knows, the other way."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.mapping.back import codings, systems, texts
from gateway.mapping.back.texts import Writer, plain, timed

WRITERS: Mapping[str, Writer] = {
    "base64": plain(texts.text),
    "boolean": plain(texts.boolean),
    "code": plain(texts.text),
    "codeSystem": systems.code_system,
    "codingOf": codings.coding_of,
    "date": timed(texts.moment),
    "dateTime": timed(texts.moment),
    "decimal": plain(texts.text),
    "endpoint": systems.endpoint,
    "entitySystem": systems.entity_system,
    "id": plain(texts.text),
    "identifierSystem": systems.identifier_system,
    "instant": timed(texts.moment),
    "integer": plain(texts.text),
    "linesAsBase64": plain(texts.decoded),
    "nationalSystem": systems.national_system,
    "positiveInt": plain(texts.text),
    "rangeHigh": texts.bound("low", "high", "{}-{}"),
    "rangeLow": texts.bound("low", "high", "{}-{}"),
    "string": plain(texts.text),
    "tableSystem": systems.table_system,
    "textAsBase64": plain(texts.decoded),
    "time": plain(texts.clock),
    "timePart": timed(texts.moment),
    "translated": codings.translated,
    "uri": plain(texts.text),
    "whole": plain(texts.text),
}
