"""Why a body could not be read at all: what is wrong, in words, and where; never a value of it (RFC 8259; XML 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from gateway.errors import Malformed, TooLarge, Unsupported
from gateway.model.report import Finding
from gateway.model.wire import MAX_BYTES, MAX_DEPTH, read_json
from gateway.model.xml import read_xml
from gateway.validating.positions.json_fault import json_fault
from gateway.validating.positions.text import decoded, is_xml, line_of, offset_of
from gateway.validating.positions.xml_text import deepest_allowed

_ISSUES = {"too-large": "too-long", "json-deep": "too-long", "xml-deep": "too-long", "encoding-xml": "not-supported"}


@cache
def _faults() -> Mapping[str, Mapping[str, str]]:
    made: dict[str, Any] = read_json((Path(__file__).parent / "faults.json").read_bytes())
    return made


def refused(body: bytes) -> Finding:
    """One fatal finding; see `why`."""
    if len(body) > MAX_BYTES:
        return _finding("too-large")
    if not body:
        return _finding("empty")
    xml = is_xml(body)
    try:
        text = decoded(body)
    except UnicodeDecodeError as error:
        before = bytes(error.object[: error.start]).decode(error.encoding, "replace")
        return _finding("encoding" if xml or error.start else "encoding-json", before, len(before))
    if xml:
        return _xml(body, text)
    if "\0" in text[:2] or body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return _finding("encoding-json", text)
    return _json(text)


def _json(text: str) -> Finding:
    fault = json_fault(text)
    if fault is None or fault.kind == "json-broken":
        return _said(fault.kind if fault else "unreadable", 0, 0)
    neither = fault.at == len(text) - len(text.lstrip()) and fault.kind in ("json-word", "json-sign", "json-number")
    return _finding("neither" if neither else fault.kind, text, fault.at)


def _xml(body: bytes, text: str) -> Finding:
    try:
        read_xml(body)
    except TooLarge:
        return _finding("xml-deep", text, deepest_allowed(text, MAX_DEPTH))
    except Unsupported:
        return _finding("encoding-xml", text)
    except Malformed as error:
        return _broken(error.__cause__, text)
    root = text.find("<", text.find("?>") + 2 if text.startswith("<?xml") else 0)
    return _finding("xml-namespace", text, max(root, 0))


def _broken(cause: BaseException | None, text: str) -> Finding:
    """By what the parser says: its number of the error, line and column. Its words may quote the document and stay behind."""
    if cause is None:
        return _finding("xml-doctype", text, max(text.find("<!DOCTYPE"), 0))
    kind = _faults()["libxml2"].get(str(getattr(cause, "code", "")), "xml-broken")
    line, column = getattr(cause, "lineno", None) or 1, (getattr(cause, "offset", None) or 0) + 1
    if kind == "xml-tag":  # the parser stands behind the end tag
        line, column = line_of(text, max(text.rfind("</", 0, offset_of(text, line, column)), 0))
    return _said(kind, line, column)


def _finding(kind: str, text: str = "", at: int = 0) -> Finding:
    return _said(kind, *line_of(text, at))


def _said(kind: str, line: int, column: int) -> Finding:
    return Finding("fatal", _ISSUES.get(kind, "structure"), "", _faults()["said"][kind], kind, line=line, column=column)
