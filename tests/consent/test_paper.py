"""One row of a file of papers: what is wrong with it, cell by cell, and the Consent that it says, to the letter."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import gateway
from gateway.consent.paper import COLUMNS, MOST_IN_CELL, MOST_ROWS, Fault, papers
from gateway.site import load_site

HL7 = "http://terminology.hl7.org/CodeSystem"
AUTHORITY = "https://ieum.example/fhir/StructureDefinition/consent-authority"
NUMBER = "https://hanbit-hospital.example/fhir/sid/patient-number"
SITE = load_site(Path(gateway.__file__).parent / "demo/site")
TODAY = date(2026, 11, 1)
ROW = {
    "person": f"{NUMBER}|1", "decision": "permit", "purposes": "COC TREAT COC", "recipient": "Organization/mapo-care-team",
    "from": "2026-01-01", "to": "2026-01-01", "signed-on": "2026-11-01", "signed-by": "person", "authority": "",
    "form": "https://h.example/form/v1", "scan-sha256": "0aB1" * 16,
}  # fmt: skip
GUARDIAN = {"signed-by": f"{NUMBER}|2"}


def text(*rows: dict[str, str]) -> str:
    made = io.StringIO()
    writer = csv.DictWriter(made, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return made.getvalue()


def read(content: str) -> tuple[Any, Any]:
    return papers(content.encode(), SITE, "hanbit-hospital", TODAY)


WRONG = [
    ({"person": f"{NUMBER}"}, "person", "identifier"), ({"person": "ftp://x|1"}, "person", "identifier"),
    ({"person": f"{NUMBER}|+1"}, "person", "identifier"), ({"person": f"{NUMBER}|-1"}, "person", "identifier"),
    ({"person": f"{NUMBER}|@1"}, "person", "identifier"), ({"person": f"{NUMBER}|1 2"}, "person", "identifier"),
    ({"person": f"{NUMBER}|1|2"}, "person", "identifier"), ({"person": f"{NUMBER}|\x07"}, "person", "identifier"),
    ({"person": f"{NUMBER}|1\x07"}, "person", "identifier"), ({"person": f" x{NUMBER}|1"}, "person", "identifier"),
    ({"person": "urn:oid:1.2|1"}, "person", "identifier-system"), ({"person": "http://x|1"}, "person", "identifier-system"),
    ({"decision": "Permit"}, "decision", "decision"), ({"decision": ""}, "decision", "decision"),
    ({"purposes": "COC UNHEARD"}, "purposes", "purpose"), ({"purposes": ""}, "purposes", "missing"),
    ({"decision": "deny", "purposes": "UNHEARD"}, "purposes", "purpose"),
    ({"recipient": ""}, "recipient", "missing"), ({"recipient": "Organization/"}, "recipient", "reference"),
    ({"recipient": "organization/x"}, "recipient", "reference"), ({"recipient": "Organization/" + "x" * 65}, "recipient", "reference"),
    ({"recipient": "Organization/é"}, "recipient", "reference"), ({"recipient": "Organization/elsewhere"}, "recipient", "recipient"),
    ({"decision": "deny", "recipient": "Organization/elsewhere"}, "recipient", "recipient"),
    ({"from": ""}, "from", "missing"), ({"from": "2026-1-1"}, "from", "day"), ({"from": "20260101"}, "from", "day"),
    ({"from": "2026-02-29"}, "from", "day"), ({"from": "2026-01-02"}, "to", "order"), ({"to": "soon"}, "to", "day"),
    ({"signed-on": ""}, "signed-on", "missing"), ({"signed-on": "today"}, "signed-on", "day"), ({"signed-on": "2026-11-02"}, "signed-on", "future"),
    ({"signed-by": ""}, "signed-by", "signed-by"), ({"signed-by": "mother", "authority": "parent"}, "signed-by", "signed-by"),
    ({"authority": "parent"}, "authority", "authority-own"), (GUARDIAN, "authority", "authority"),
    (GUARDIAN | {"authority": "friend"}, "authority", "authority"),
    ({"form": ""}, "form", "form"), ({"form": "https://h.example/form"}, "form", "form"), ({"form": "http://h.example/v1"}, "form", "form"),
    ({"form": "https://h.example/v1 x"}, "form", "form"), ({"form": "https://h.example/a|v1"}, "form", "form"),
    ({"scan-sha256": "ab" * 31}, "scan-sha256", "digest"), ({"scan-sha256": "ab" * 33}, "scan-sha256", "digest"),
    ({"scan-sha256": "xy" * 32}, "scan-sha256", "digest"), ({"form": "https://" + "x" * (MOST_IN_CELL - 7)}, "", "cell-too-long"),
]  # fmt: skip


@pytest.mark.parametrize(("over", "column", "code"), WRONG, ids=[f"{row[2]}-{n}" for n, row in enumerate(WRONG)])
def test_a_cell_that_is_not_taken(over, column, code):
    faults = read(text(ROW, ROW | over))[1]
    assert Fault(3, column, code) in faults
    assert {(one.line, one.column) for one in faults} <= {(3, column), (3, "authority")}


def test_a_row_may_have_several_faults_and_a_row_too_long_has_that_one():
    made, faults = read(text(ROW | {"person": "", "decision": "", "purposes": "X", "form": ""}))
    assert (made, [one.code for one in faults]) == ((), ["identifier", "decision", "purpose", "form"])
    _, faults = read(text(ROW | {"person": "x" * (MOST_IN_CELL + 1), "form": ""}))
    assert [one.code for one in faults] == ["cell-too-long"]


RIGHT = [
    {"to": ""}, {"from": "2025-12-31"}, {"signed-on": "2020-02-29"}, {"form": "urn:form:a:1.2.3"}, {"form": "https://h.example/2"},
    {"decision": "deny", "purposes": "", "recipient": ""}, GUARDIAN | {"authority": "parent"}, GUARDIAN | {"authority": "legal-guardian"},
    GUARDIAN | {"authority": "court-order"}, {"form": "https://h/" + "x" * (MOST_IN_CELL - 13) + "/v1"}, {"person": f" {NUMBER}|a-1@2=3 "},
    {"person": "https://ieum-gateway.example/fhir/sid/kr-resident-number|9"},
]  # fmt: skip


@pytest.mark.parametrize("over", RIGHT, ids=str)
def test_a_row_that_is_taken(over):
    made, faults = read(text(ROW | over))
    assert (len(made), faults) == (1, ())
    assert made[0].is_guarded_permit is ("authority" in over)


def test_a_refusal_by_a_guardian_needs_no_authority_on_file():
    (made,), _ = read(text(ROW | GUARDIAN | {"authority": "parent", "decision": "deny"}))
    assert not made.is_guarded_permit


def test_the_consent_of_a_row():
    (own, guarded), faults = read(
        text(
            ROW, ROW | GUARDIAN | {"authority": "parent", "decision": "deny", "to": "", "recipient": "", "purposes": ""}
        )
    )
    assert (faults, own.line, guarded.line, own.person) == ((), 2, 3, (NUMBER, "1"))
    common = {
        "resourceType": "Consent", "status": "active", "scope": {"coding": [{"system": f"{HL7}/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"identifier": {"system": NUMBER, "value": "1"}}, "dateTime": "2026-11-01",
        "organization": [{"reference": SITE.participants["hanbit-hospital"].references[0]}],
        "sourceAttachment": {"url": "ni:///sha-256;CrEKsQqxCrEKsQqxCrEKsQqxCrEKsQqxCrEKsQqxCrE"},
        "policy": [{"uri": "https://h.example/form/v1"}],
    }  # fmt: skip
    role = {"coding": [{"system": f"{HL7}/v3-ParticipationType", "code": "IRCP"}]}
    assert own.consent == common | {
        "provision": {
            "type": "permit", "period": {"start": "2026-01-01", "end": "2026-01-01"},
            "actor": [{"role": role, "reference": {"reference": "Organization/mapo-care-team"}}],
            "purpose": [{"system": f"{HL7}/v3-ActReason", "code": code} for code in ("COC", "TREAT")],
        },
    }  # fmt: skip
    signer = {"type": "RelatedPerson", "identifier": {"system": NUMBER, "value": "2"}}
    assert guarded.consent == common | {
        "performer": [{"extension": [{"url": AUTHORITY, "valueCode": "parent"}], **signer}],
        "provision": {"type": "deny", "period": {"start": "2026-01-01"}},
    }


def test_who_handed_it_in_is_one_organisation():
    keeper = replace(SITE.participants["hanbit-hospital"], references=("Organization/a", "Organization/b"))
    site = replace(SITE, participants={**SITE.participants, "hanbit-hospital": keeper})
    (made,), _ = papers(text(ROW).encode(), site, "hanbit-hospital", TODAY)
    assert made.consent["organization"] == [{"reference": "Organization/a"}]


class TestFiles:
    head = text()

    @pytest.mark.parametrize(
        ("content", "faults"),
        [
            ("", [Fault(1, "", "columns")]),
            (head.replace("form,", ""), [Fault(1, "", "columns")]),
            (head.replace("\n", ",more\n"), [Fault(1, "", "columns")]),
            (head, [Fault(1, "", "empty")]),
            (head + "\n,,,,,,,,,,\n", [Fault(1, "", "empty")]),
            (head + '"', [Fault(1, "", "unreadable")]),
            (head + '"a"b\n', [Fault(1, "", "unreadable")]),
            (head + "\na,b\nc\n", [Fault(3, "", "cells"), Fault(4, "", "cells")]),
            (head + "\n" * (MOST_ROWS + 1), [Fault(MOST_ROWS + 2, "", "too-large")]),
            (head + "\n" * MOST_ROWS, [Fault(1, "", "empty")]),
        ],
    )
    def test_a_file_that_is_not_taken(self, content, faults):
        assert read(content) == ((), tuple(faults))

    def test_one_that_is_too_large_and_one_of_the_largest_size(self):
        assert papers(b"x" * 10_000_001, SITE, "hanbit-hospital", TODAY)[1] == (Fault(1, "", "too-large"),)
        assert papers(b"x" * 10_000_000, SITE, "hanbit-hospital", TODAY)[1] != (Fault(1, "", "too-large"),)
        assert papers(b"\xff", SITE, "hanbit-hospital", TODAY) == ((), (Fault(1, "", "unreadable"),))

    def test_a_cell_that_holds_line_ends_is_counted_and_a_mark_in_front_is_not(self):
        made, faults = read("\ufeff" + text(ROW | {"form": "a\n\nb"}, ROW).replace("\n", "\r\n"))
        assert ([one.line for one in made], [one.line for one in faults]) == ([5], [2])
