"""The names that `as:` knows."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.mapping import functions, systems
from gateway.mapping.functions import Emitter

EMITTERS: Mapping[str, Emitter] = {
    "base64": functions.base64_binary,
    "boolean": functions.boolean,
    "code": functions.code,
    "codeSystem": systems.code_system,
    "codingOf": systems.coding_of,
    "date": functions.date,
    "dateTime": functions.date_time,
    "decimal": functions.decimal,
    "endpoint": systems.endpoint,
    "entitySystem": systems.entity_system,
    "id": functions.identifier,
    "identifierSystem": systems.identifier_system,
    "instant": functions.instant,
    "integer": functions.integer,
    "linesAsBase64": functions.lines_as_base64,
    "nationalSystem": systems.national_system,
    "positiveInt": functions.positive,
    "rangeHigh": functions.range_high,
    "rangeLow": functions.range_low,
    "string": functions.string,
    "tableSystem": systems.table_system,
    "textAsBase64": functions.text_as_base64,
    "time": functions.time,
    "timePart": functions.time_part,
    "translated": systems.translated,
    "uri": systems.uri,
    "whole": functions.whole,
}
