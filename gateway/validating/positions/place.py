"""Findings and the document they are about, brought together: JSON or XML, one walk for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.model.report import Finding
from gateway.validating.positions.json_text import JsonText
from gateway.validating.positions.path import Marks, steps, tree
from gateway.validating.positions.text import decoded, is_xml, lines
from gateway.validating.positions.xml_text import XmlText

_NAMED = frozenset({"unknown-element", "xml-order"})  # rules whose `found` is the name of a member


def placed(findings: tuple[Finding, ...], body: bytes, inside: str = "") -> tuple[Finding, ...]:
    """Findings with line and column; see `located`."""
    document = is_xml(body)
    if not document and body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b"["):
        return findings
    text = decoded(body)
    before = steps(f"_.{inside}") if inside else ()
    wanted = [((*before, *steps(f.expression)), f.found if f.rule in _NAMED else "") for f in findings]
    marks = Marks.of(wanted)
    (XmlText if document else JsonText)(text, marks).walk(tree(wanted))
    return _with_lines(findings, text, marks.at)


def _with_lines(findings: tuple[Finding, ...], text: str, at: Sequence[tuple[int, int]]) -> tuple[Finding, ...]:
    places = lines(text, (offset for _, offset in at))
    made = []
    for finding, (_, offset) in zip(findings, at, strict=True):
        line, column = places[offset]
        made.append(finding if finding.line else replace(finding, line=line, column=column))
    return tuple(made)
