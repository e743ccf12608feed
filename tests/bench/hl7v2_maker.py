"""HL7 v2 messages as hospitals send them, made of nothing but numbers: ADT, ORU, VXU and SIU with their fields filled, no two alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

_TIME = "20261122090000+0900"
_DOCTOR = "{n}^Yoon^Doctor{n}^M^^Dr^MD^^HANBIT&1.2.410.100&ISO^L^^^EI"
_PLACE = "W{n}^R{n}^B{n}^HANBIT&1.2.410.100&ISO^^N^MAIN^3"
_ADDRESS = "{n} Gasang-ro^Apt {n}^Seoul^^04500^KOR^H^^Jung-gu"


def adt(number: int) -> bytes:
    """ADT^A01: a patient with two relatives, two allergies, three diagnoses and an insurance."""
    relatives = (_row("NK1", n, f"Kim^Relative{n}", "SPO^Spouse^HL70063", _address(n), _phone(n), _phone(n + 1), "N^Next-of-Kin^HL70131", _TIME)
                 for n in (1, 2))  # fmt: skip
    allergies = (
        _row(
            "AL1",
            n,
            "DA^Drug allergy^HL70127",
            f"J01C{n}^Penicillin {n}^ATC",
            "SV^Severe^HL70128",
            "Rash~Fever",
            "20200101",
        )
        for n in (1, 2)
    )
    diagnoses = (
        _row(
            "DG1",
            n,
            "",
            f"I1{n}^Hypertension \\T\\ more^KCD8^^^^8",
            f"Diagnosis {n}",
            _TIME,
            "W",
            *[""] * 8,
            n,
            _doctor(n),
            "D",
        )
        for n in (1, 2, 3)
    )
    insurance = _row("IN1", 1, "NHIS^National health^HANBIT", "NHIS01^^^HANBIT", "NHIS", _address(9), "", _phone(9), f"G{number}",
                     "Group", "", "", "20200101", "20301231", "", "HMO", f"Kim^Gil{number}^Dong",
                    "SEL^Self^HL70063", "19800101", _address(number))  # fmt: skip
    segments = [
        _event("A01"),
        _patient(number),
        _row("PD1", "", "", "HANBIT^L^1", _doctor(4)),
        *relatives,
        _visit(number),
    ]
    return _message("ADT^A01^ADT_A01", number, *segments, *allergies, *diagnoses, insurance)


def oru(number: int, results: int = 12) -> bytes:
    """ORU^R01: an order with so many results, numbers and texts, and a note to every fifth."""
    segments = [_patient(number), _visit(number), _row("ORC", "RE", f"P{number}^HIS", f"L{number}^LAB", "", "CM", *[""] * 4, _TIME),
                _row("OBR", 1, f"P{number}^HIS", f"L{number}^LAB", "58410-2^Complete blood count^LN", "", "", _TIME, *[""] * 8, _doctor(2),
                     *[""] * 5, _TIME, "", "LAB", "F")]  # fmt: skip
    for n in range(1, results + 1):
        segments.append(_observation(n))
        if n % 5 == 0:
            segments.append(_row("NTE", 1, "L", f"Repeated \\T\\ confirmed, specimen {n}"))
    return _message("ORU^R01^ORU_R01", number, *segments)


def large_oru(number: int) -> bytes:
    """ORU^R01 with 200 results."""
    return oru(number, 200)


def vxu(number: int) -> bytes:
    """VXU^V04: three vaccinations, each with what was observed about it."""
    segments = [
        _patient(number),
        _row("PD1", *[""] * 10, "02^Reminder^HL70215", "N", "20260101", "", "", "A", "20260101"),
    ]
    for n in (1, 2, 3):
        segments += [
            _row("ORC", "RE", f"P{number}{n}^HIS", f"V{number}{n}^HIS", *[""] * 6, _doctor(n), "", _doctor(n + 1)),
            _row("RXA", 0, 1, _TIME, _TIME, f"{n}0^Vaccine {n}^CVX", "0.5", "mL^^UCUM", "", "00^New record^NIP001", _doctor(n), _place(n),
                 *[""] * 3, f"LOT{n}", "20271231", "MSD^Maker^MVX", "", "", "CP", "A"),
            _row("RXR", "IM^Intramuscular^HL70162", "LA^Left arm^HL70163"),
            *[_observation(k) for k in (1, 2, 3)],
        ]  # fmt: skip
    return _message("VXU^V04^VXU_V04", number, *segments)


def siu(number: int) -> bytes:
    """SIU^S12: an appointment with its service, people and place."""
    schedule = _row("SCH", f"A{number}^HIS", f"A{number}^LAB", "", "", "", "ROUTINE^Routine^HL70276", "FOLLOWUP^Follow \\T\\ up^L",
                    "NORMAL^Normal^HL70277", 30, "min^minutes^UCUM", f"^^30^{_TIME}^20261122093000+0900",
                    _doctor(1), _phone(1), _address(1), "", _doctor(2), _phone(2))  # fmt: skip
    resources = (
        _row("RGS", 1, "A"),
        _row("AIS", 1, "A", "30^Consultation^L", _TIME, 0, "min", 30, "min", "", "Booked"),
        _row("AIG", 1, "A", "ECG^Recorder^L", "DEV^Device^L", "", "", "", _TIME, 0, "min", 30, "min", "", "Booked"),
        _row("AIL", 1, "A", _place(1), "CLINIC^Clinic^L", "", _TIME, 0, "min", 30, "min", "", "Booked"),
        _row("AIP", 1, "A", _doctor(3), "ATND^Attending^L", "", _TIME, 0, "min", 30, "min", "", "Booked"),
    )
    notes = (_row("NTE", n, "P", f"Please come fasting, note {n}") for n in (1, 2))
    return _message("SIU^S12^SIU_S12", number, schedule, *notes, _patient(number), _visit(number), *resources)


KINDS: Mapping[str, Callable[[int], bytes]] = {
    "ADT^A01": adt,
    "ORU^R01": oru,
    "ORU^R01, 200 results": large_oru,
    "VXU^V04": vxu,
    "SIU^S12": siu,
}


def _message(kind: str, number: int, *segments: str) -> bytes:
    header = (
        f"MSH|^~\\&|HIS^1.2.410.100.1^ISO|HANBIT|IEUM|KR|{_TIME}||{kind}|{number:08d}|P|2.5.1|||AL|NE|KOR|UNICODE UTF-8"
    )
    return "".join(f"{segment}\r" for segment in (header, *segments)).encode()


def _row(name: str, *fields: object) -> str:
    return "|".join((name, *map(str, fields)))


def _event(event: str) -> str:
    return _row("EVN", event, _TIME, "", "", _doctor(7), _TIME)


def _patient(number: int) -> str:
    numbers = f"B{number:07d}^^^HANBIT&1.2.410.100&ISO^MR~{number:06d}-2000000^^^KR^NI~PP{number:07d}^^^KOR^PPN"
    names = f"Kim^Gil{number}^Dong^^Ms^^L^A~김^길동{number}^^^^^L^I"
    return _row("PID", 1, "", numbers, "", names, "Lee^Mother", "19800101", "F", "", "2^Asian^L", f"{_address(number)}~{_address(number + 1)}", "",
                f"{_phone(number)}~{_phone(number + 1)}", _phone(3), "KOR^Korean^ISO", "M^Married^HL70002", "BUD^Buddhist^HL70006", f"AC{number}",
                *[""] * 4, "Seoul", "N", 1, "KOR^Korea^ISO", "", "KOR", "", "N")  # fmt: skip


def _visit(number: int) -> str:
    return _row("PV1", 1, "I", _place(number), "R", "", _place(8), _doctor(1), f"{_doctor(2)}~{_doctor(3)}", _doctor(4), "MED", "", "",
                "R", "1", "", "N", _doctor(5), "IP", f"V{number:08d}^^^HANBIT&1.2.410.100&ISO^VN", *[""] * 24, _TIME)  # fmt: skip


def _observation(number: int) -> str:
    value = (
        ("NM", f"{number % 40}.{number % 10}", "g/dL^g/dL^UCUM", "12.0-16.0")
        if number % 4
        else ("TX", f"Seen \\T\\ noted {number}", "", "")
    )
    kind, said, unit, usual = value
    return _row("OBX", number, kind, f"{700 + number}-7^Hemoglobin {number}^LN^HB{number}^Hb^L", "", said, unit, usual,
                "N", "", "", "F", "", "", _TIME, "HANBIT^Laboratory^L", _doctor(number % 9), "AUTO^Analyser^L", "", _TIME)  # fmt: skip


def _doctor(number: int) -> str:
    return _DOCTOR.format(n=number)


def _place(number: int) -> str:
    return _PLACE.format(n=number)


def _address(number: int) -> str:
    return _ADDRESS.format(n=number)


def _phone(number: int) -> str:
    return f"^PRN^PH^^82^2^{number:07d}"
