"""Consents on paper, one row of a CSV file each, as FHIR R4 Consents (R4 Consent; RFC 4180; RFC 6920 for the digest of the scan).

| column | what | needed |
|---|---|---|
| `person` | identifier of the person, `system\\|value` | always |
| `decision` | `permit` or `deny` | always |
| `purposes` | codes of v3-ActReason, with blanks between | for a permit |
| `recipient` | reference of a participant, `Organization/…` | for a permit |
| `from`, `to` | first and last day (ISO 8601); without `to` until withdrawn | `from` |
| `signed-on` | the day of the signature | always |
| `signed-by` | `person`, or the guardian's identifier `system\\|value` | always |
| `authority` | `parent`, `legal-guardian` or `court-order` | for a guardian |
| `form` | address of the form in its version (`https://…/care/v2`) | always |
| `scan-sha256` | SHA-256 of the scan, 64 hexadecimal digits | always |

No cell is free text, and one that a spreadsheet would run as a formula has no form that is taken. A fault names row and column, never
what stood there.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from gateway.consent.codes import codes
from gateway.model.agreement import Site
from gateway.model.base64url import encoded

COLUMNS = (
    "person", "decision", "purposes", "recipient", "from", "to", "signed-on", "signed-by", "authority", "form", "scan-sha256",
)  # fmt: skip
AUTHORITIES = frozenset({"parent", "legal-guardian", "court-order"})
AUTHORITY = "https://ieum.example/fhir/StructureDefinition/consent-authority"
MOST_ROWS, MOST_BYTES, MOST_IN_CELL = 5_000, 10_000_000, 300
_HL7 = "http://terminology.hl7.org/CodeSystem"
_IDENTIFIER = re.compile(r"(?:https?://|urn:)[^\s|]+\|[^\s|=+@\-\x00-\x1f][^\s|\x00-\x1f]*")
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9\-.]{1,64}", re.ASCII)
_FORM = re.compile(r"(?:https://|urn:)[^\s|]*[/:]v?\d+(?:\.\d+)*", re.ASCII)
_SHA256 = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a file: `line` from 1, the column (empty for all of it), and a code of gateway/cli/paper.json."""

    line: int
    column: str
    code: str


@dataclass(frozen=True, slots=True)
class Paper:
    """One sound row: where it stands, the person's identifier, and the Consent that it says."""

    line: int
    person: tuple[str, str]
    consent: Mapping[str, Any]

    @property
    def is_guarded_permit(self) -> bool:
        """Whether it permits something and somebody else than the person signed."""
        return "performer" in self.consent and self.consent["provision"]["type"] == "permit"


def papers(body: bytes, site: Site, keeper: str, today: date) -> tuple[tuple[Paper, ...], tuple[Fault, ...]]:
    """The Consents of a file handed in by the participant `keeper`, and its faults; what has a fault is to be taken nowhere."""
    if len(body) > MOST_BYTES:
        return (), (Fault(1, "", "too-large"),)
    try:
        rows = list(csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        return (), (Fault(1, "", "unreadable"),)
    if not rows or sorted(rows[0]) != sorted(COLUMNS):
        return (), (Fault(1, "", "columns"),)
    if len(rows) - 1 > MOST_ROWS:
        return (), (Fault(MOST_ROWS + 2, "", "too-large"),)
    return _each(_numbered(body), rows[0], _Checks(site, today), site.participants[keeper].references[:1])


def _numbered(body: bytes) -> Iterator[tuple[int, list[str]]]:
    """Rows after the first with the line that each begins at: a quoted cell may hold line ends."""
    reader = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
    next(reader)
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return


def _each(
    rows: Iterator[tuple[int, list[str]]], header: Sequence[str], checks: _Checks, keeper: Sequence[str]
) -> tuple[tuple[Paper, ...], tuple[Fault, ...]]:
    made: list[Paper] = []
    faults: list[Fault] = []
    for line, cells in rows:
        if not any(cells):
            continue
        if len(cells) != len(header):
            faults.append(Fault(line, "", "cells"))
            continue
        row = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
        found = [Fault(line, column, code) for column, code in checks.faults(row)]
        faults += found
        if not found:
            made.append(Paper(line, _pair(row["person"]), _consent(row, keeper)))
    if not made and not faults:
        faults.append(Fault(1, "", "empty"))
    return tuple(made), tuple(faults)


class _Checks:
    """What a row has to keep at one site on one day."""

    def __init__(self, site: Site, today: date) -> None:
        self._persons = frozenset(site.person_systems)
        self._recipients = frozenset(r for one in site.participants.values() for r in one.references)
        self._today = today

    def faults(self, row: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """(column, code), 0..*."""
        if any(len(cell) > MOST_IN_CELL for cell in row.values()):
            yield "", "cell-too-long"
            return
        yield from self._person(row)
        yield from self._rule(row)
        yield from self._days(row)
        yield from _signature(row)
        if not _FORM.fullmatch(row["form"]):
            yield "form", "form"
        if not _SHA256.fullmatch(row["scan-sha256"]):
            yield "scan-sha256", "digest"

    def _person(self, row: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        if not _IDENTIFIER.fullmatch(row["person"]):
            yield "person", "identifier"
        elif self._persons and _pair(row["person"])[0] not in self._persons:
            yield "person", "identifier-system"

    def _rule(self, row: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        permit = row["decision"] == "permit"
        if row["decision"] not in ("permit", "deny"):
            yield "decision", "decision"
        purposes = row["purposes"].split()
        if any(purpose not in codes().purposes for purpose in purposes):
            yield "purposes", "purpose"
        elif permit and not purposes:
            yield "purposes", "missing"
        if row["recipient"] and not _REFERENCE.fullmatch(row["recipient"]):
            yield "recipient", "reference"
        elif row["recipient"] and row["recipient"] not in self._recipients:
            yield "recipient", "recipient"
        elif permit and not row["recipient"]:
            yield "recipient", "missing"

    def _days(self, row: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        days = {name: _day(row[name]) for name in ("from", "to", "signed-on")}
        for name, day in days.items():
            if day is None and (row[name] or name != "to"):
                yield name, "day" if row[name] else "missing"
        start, end, signed = days.values()
        if start and end and end < start:
            yield "to", "order"
        if signed and signed > self._today:
            yield "signed-on", "future"


def _signature(row: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    own = row["signed-by"] == "person"
    if not own and not _IDENTIFIER.fullmatch(row["signed-by"]):
        yield "signed-by", "signed-by"
    if own and row["authority"]:
        yield "authority", "authority-own"
    if not own and row["authority"] not in AUTHORITIES:
        yield "authority", "authority"


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None


def _pair(text: str) -> tuple[str, str]:
    system, _, value = text.partition("|")
    return system, value


def _identified(text: str) -> dict[str, str]:
    return dict(zip(("system", "value"), _pair(text), strict=True))


def _consent(row: Mapping[str, str], keeper: Sequence[str]) -> dict[str, Any]:
    """The same row, the same Consent to the byte. The scan is named by its digest: Attachment.hash of R4 is SHA-1."""
    digest = encoded(bytes.fromhex(row["scan-sha256"]))
    return {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"system": f"{_HL7}/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"identifier": _identified(row["person"])},
        "dateTime": row["signed-on"],
        **_performer(row),
        "organization": [{"reference": reference} for reference in keeper],
        "sourceAttachment": {"url": f"ni:///sha-256;{digest}"},
        "policy": [{"uri": row["form"]}],
        "provision": _provision(row),
    }


def _performer(row: Mapping[str, str]) -> dict[str, Any]:
    """Who signed, when it was not the person; without proof of the authority on file a permit of theirs is void."""
    if row["signed-by"] == "person":
        return {}
    authority = {"url": AUTHORITY, "valueCode": row["authority"]}
    return {
        "performer": [{"extension": [authority], "type": "RelatedPerson", "identifier": _identified(row["signed-by"])}]
    }


def _provision(row: Mapping[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": row["decision"],
        "period": {"start": row["from"], **({"end": row["to"]} if row["to"] else {})},
    }
    if row["recipient"]:
        role = {"coding": [{"system": f"{_HL7}/v3-ParticipationType", "code": "IRCP"}]}
        made["actor"] = [{"role": role, "reference": {"reference": row["recipient"]}}]
    if row["purposes"]:
        made["purpose"] = [
            {"system": f"{_HL7}/v3-ActReason", "code": code} for code in dict.fromkeys(row["purposes"].split())
        ]
    return made


__all__ = ["AUTHORITIES", "COLUMNS", "Fault", "Paper", "papers"]
