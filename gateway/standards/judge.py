"""One entrance for documents of every standard that is plugged in: told by content, judged by its own rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import TYPE_CHECKING, cast

from gateway.errors import Unusable
from gateway.model.report import Finding, Report

if TYPE_CHECKING:
    from gateway.standards import Standard
    from gateway.validating import Validator

FHIR = "fhir"
Judge = Callable[[bytes], Report]
_SNIFFED = 4096
_MOST = 1_000  # findings on a batch
_READABLE = "readable"
_NAMESPACE = b'"http://hl7.org/fhir"'
_STARTS = (b"{", b"[", b"<")


def names() -> tuple[str, ...]:
    """The standards that are plugged in, FHIR first; none of them is imported for it."""
    from gateway import standards

    found = sorted(module.name for module in iter_modules(standards.__path__) if module.ispkg)
    return tuple(sorted(found, key=lambda name: name != FHIR))


def known(name: str) -> bool:
    """Whether a standard of that name is plugged in."""
    return name.isidentifier() and name in names() and find_spec(f"gateway.standards.{name}") is not None


def told(body: bytes) -> str:
    """The standard that a document looks like; `fhir` for JSON or XML that no other takes; "" for what nobody knows."""
    start = body[:_SNIFFED].replace(b"\0", b"")  # UTF-16 as well
    if _NAMESPACE in start.replace(b"'", b'"') and b"<" in start:
        return FHIR
    for name in names():
        if _plugged(name).sniff(body):
            return name
    return FHIR if start.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(_STARTS) else ""


def judged(body: bytes, fhir: Judge, standard: str = "", charset: str = "") -> Report:
    """The findings on a document, by the standard named or told by content; `fhir` is the judge of FHIR documents.

    What cannot be read, or is of no known standard, is one fatal finding with rule `readable`, `standard-unknown` or the fault's own.
    """
    name = standard or told(body)
    if name == FHIR:
        return fhir(body)
    if not name:
        return Report((_unknown(body),))
    return _other(name, body, charset)


def judge_of(validator: Callable[[], Validator], profiles: Sequence[str] = ()) -> Judge:
    """The judge of FHIR documents in JSON or XML. The validator is asked for when the first of them comes."""
    return lambda body: pointed(validator().report(body, profiles), body)


def pointed(report: Report, body: bytes, inside: str = "") -> Report:
    """A report on a FHIR document with a line and a column wherever there is a place; see `located` and `why`."""
    if not report.findings:
        return report
    from gateway.validating.positions import located, why  # here, because most documents are sound

    if report.findings[0].rule == _READABLE and not report.findings[0].line:
        return Report((why(body),))
    return Report(located(report.findings, body, inside))


def moved(report: Report, line: int) -> Report:
    """The findings on a document that begins further down in its file, by the lines of the file."""
    if not line:
        return report
    return Report(tuple(replace(f, line=f.line + line, column=f.column or 1) if f.line else f for f in report.findings))


def _other(name: str, body: bytes, charset: str) -> Report:
    """By the plug-in, a batch document by document; where it has a `places.py`, that says line and column."""
    standard = _plugged(name)
    parts = standard.parts(body)
    if parts is None:
        return _alone(name, standard, body, charset)
    found: list[Finding] = []
    for part in parts:
        report = _alone(name, standard, part.body, charset) if part.number else part.report
        found.extend(moved(report, part.line).findings)
        if len(found) >= _MOST:
            break
    return Report(tuple(found[:_MOST]))


def _alone(name: str, standard: Standard, body: bytes, charset: str) -> Report:
    try:
        parsed = standard.parse(body, charset)
    except Unusable as unusable:
        places = unusable.positions or ("",)
        return Report(tuple(Finding("fatal", unusable.issue, place, unusable.text, _READABLE) for place in places))
    report = standard.check(parsed)
    places_of = f"gateway.standards.{name}.places"
    if not report.findings or find_spec(places_of) is None:
        return report
    made: tuple[Finding, ...] = import_module(places_of).located(report.findings, body, parsed)
    return Report(made)


def _unknown(body: bytes) -> Finding:
    if not body.strip():
        return Finding("fatal", "structure", "", "The document is empty.", "empty")
    text = "The document is of no standard that is known here."
    return Finding("fatal", "not-supported", "", text, "standard-unknown", ", ".join(names()), line=1, column=1)


def _plugged(name: str) -> Standard:
    return cast("Standard", import_module(f"gateway.standards.{name}"))


__all__ = ["FHIR", "Judge", "judge_of", "judged", "known", "moved", "names", "pointed", "told"]
