"""The hospital's messages, made of the demo's people and cases: HL7 v2.5.1 ADT and ORU, and FHIR R4 Consents.

The same person, moment and number give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from gateway.demo.people import Person

_FILE = Path(__file__).resolve().parent / "cases.yaml"
_ESCAPES = str.maketrans({"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\"})
_STRUCTURES = {"A01": "ADT_A01", "A03": "ADT_A03", "A08": "ADT_A01", "A40": "ADT_A39", "R01": "ORU_R01"}
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """When a message is written, and its number: together its control id, visit and order."""

    at: datetime
    number: int

    @property
    def stamp(self) -> str:
        """HL7 v2 date and time with offset."""
        return f"{self.at:%Y%m%d%H%M%S%z}"

    @property
    def id(self) -> str:
        """Never the same for two messages of a demo."""
        return f"{self.at:%y%m%d%H%M%S}{self.number:02d}"


@cache
def cases() -> Mapping[str, Any]:
    """What the messages hold."""
    import yaml

    made: Mapping[str, Any] = yaml.safe_load(_FILE.read_text("utf-8"))
    return made


def admission(person: Person, moment: Moment) -> bytes:
    """ADT^A01."""
    return _message("ADT", "A01", moment, [_patient(person), _visit(moment, moment.id, "")])


def update(person: Person, moment: Moment) -> bytes:
    """ADT^A08."""
    return _message("ADT", "A08", moment, [_patient(person), _visit(moment, moment.id, "")])


def merge(person: Person, old_number: str, moment: Moment) -> bytes:
    """ADT^A40: what was known under an old number now belongs to the person."""
    return _message("ADT", "A40", moment, [_patient(person), _segment("MRG", [_number(old_number)])])


def discharge(person: Person, moment: Moment, case: Row) -> bytes:
    """ADT^A03 with diagnoses (KCD-8), allergies (ATC) and measurements (LOINC, UCUM)."""
    segments = [_patient(person), _visit(moment, moment.id, moment.stamp)]
    segments += [_segment("AL1", str(n), "DA", _coded(row, "ATC"), "SV") for n, row in enumerate(case["allergies"], 1)]
    segments += [
        _segment("DG1", str(n), "", _coded(row, "KCD8"), "", moment.stamp, "F")
        for n, row in enumerate(case["diagnoses"], 1)
    ]
    segments += [_measured(n, row, moment) for n, row in enumerate(case["measured"], 1)]
    return _message("ADT", "A03", moment, segments)


def laboratory(person: Person, moment: Moment, case: Row, order: str, corrected: bool = False) -> bytes:
    """ORU^R01 with the rows of one order; corrected: the row that has a correction, with OBX-11 = C."""
    rows = [row for row in case["rows"] if not corrected or "corrected" in row]
    filler = f"{order}^HANBIT-LAB"
    request = ["1", "", filler, _coded(case["panel"], "LN"), "", "", moment.stamp]
    request += [""] * 14 + [moment.stamp, "", "LAB", "C" if corrected else "F"]
    segments = [_patient(person), _segment("ORC", "RE", "", filler), _segment("OBR", *request)]
    segments += [_result(n, row, moment, corrected) for n, row in enumerate(rows, 1)]
    segments.append(_segment("SPM", "1", f"^{order}S", "", _coded(case["specimen"], "SCT")))
    return _message("ORU", "R01", moment, segments)


def consent(person: Person, moment: Moment, recipient: str, status: str = "active") -> dict[str, Any]:
    """A Consent of the person to the sharing of ordinary data with one recipient for continuity of care, for a year.

    `status` inactive is the withdrawal of the same Consent.
    """
    until = (moment.at + timedelta(days=365)).date()
    hl7 = "http://terminology.hl7.org/CodeSystem"
    return {
        "resourceType": "Consent",
        "id": f"community-care-{person.number.lower()}",
        "status": status,
        "scope": {"coding": [{"system": f"{hl7}/consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"identifier": {"system": "https://hanbit-hospital.example/fhir/sid/patient-number", "value": person.number}},
        "dateTime": moment.at.isoformat(),
        "organization": [{"reference": "Organization/hanbit-hospital"}],
        "policy": [{"uri": "https://ieum-gateway.example/policies/community-care/v1"}],
        "provision": {
            "type": "permit",
            "period": {"start": moment.at.date().isoformat(), "end": until.isoformat()},
            "actor": [{
                "role": {"coding": [{"system": f"{hl7}/v3-ParticipationType", "code": "IRCP"}]},
                "reference": {"reference": recipient},
            }],
            "purpose": [{"system": f"{hl7}/v3-ActReason", "code": "COC"}],
        },
    }  # fmt: skip


def _message(kind: str, event: str, moment: Moment, segments: Iterable[str]) -> bytes:
    header = [
        "MSH|^~\\&", "HANBIT-HIS", "HANBIT", "IEUM", "IEUM-DEMO", moment.stamp, "", f"{kind}^{event}^{_STRUCTURES[event]}",
        moment.id, "P", "2.5.1", "", "", "", "", "KOR", "UNICODE UTF-8",
    ]  # fmt: skip
    event_segment = [_segment("EVN", event, moment.stamp, "", "", "N1001^간^호")] if kind == "ADT" else []
    return ("\r".join(["|".join(header), *event_segment, *segments]) + "\r").encode()


def _segment(name: str, *fields: str | Sequence[str]) -> str:
    texts = [field if isinstance(field, str) else "~".join(field) for field in fields]
    return "|".join([name, *texts]).rstrip("|")


def _number(number: str) -> str:
    return f"{number}^^^HANBIT^MR"


def _patient(person: Person) -> str:
    numbers = [_number(person.number), f"{person.resident_number}^^^MOIS^NI"]
    names = ["^".join(person.korean) + "^^^^^L", "^".join(person.english) + "^^^^^L^A"]
    address = f"{_text(person.street)}^^마포구^서울특별시^04000^KOR^H"
    phone = f"^PRN^CP^^82^10^{person.phone}"
    return _segment(
        "PID", "1", "", numbers, "", names, "", f"{person.birth:%Y%m%d}", person.sex, "", "", address, "", phone
    )


def _visit(moment: Moment, number: str, discharged: str) -> str:
    admitted = f"{moment.at - timedelta(days=9) if discharged else moment.at:%Y%m%d%H%M%S%z}"
    place, doctor = "62W^603^1^HANBIT", "D2001^담^당의^^^^^^HANBIT-STAFF"
    fields = ["1", "I", place, "", "", "", doctor, *[""] * 11, f"V{number}^^^HANBIT-VISIT^VN", *[""] * 24]
    return _segment("PV1", *fields, admitted, discharged)


def _coded(row: Row, system: str) -> str:
    return f"{row['code']}^{_text(row['text'])}^{system}"


def _measured(number: int, row: Row, moment: Moment) -> str:
    return _segment(
        "OBX",
        str(number),
        "NM",
        _coded(row, "LN"),
        "",
        row["value"],
        f"{row['unit']}^^UCUM",
        "",
        "",
        "",
        "",
        "F",
        "",
        "",
        moment.stamp,
    )


def _result(number: int, row: Row, moment: Moment, corrected: bool) -> str:
    kind, value, unit = "NM", row.get("value", ""), f"{row.get('unit', '')}^^UCUM"
    if "coded" in row:
        kind, value, unit = "CWE", _coded(row["corrected"] if corrected else row["coded"], "SCT"), ""
    status = "C" if corrected else "F"
    return _segment(
        "OBX",
        str(number),
        kind,
        _coded(row, "LN"),
        "",
        value,
        unit,
        "",
        row["flag"],
        "",
        "",
        status,
        "",
        "",
        moment.stamp,
    )


def _text(text: str) -> str:
    return text.translate(_ESCAPES)
