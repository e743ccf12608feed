"""What the bench sends: the demo's kinds of HL7 v2 messages about as many invented people as are asked for, no two messages alike.

The figures of a message depend on what is in it, so that these stay as they are: an ADT^A01 of 4 segments, an ORU^R01 of 9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from gateway.demo.messages import Moment, admission, laboratory
from gateway.demo.people import Person

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
_FIRST_BIRTH = date(1930, 1, 1)
_BIRTHS = 25_000  # each of their own, because the resident number is made of it
_HEMOGRAM: Mapping[str, Any] = {
    "panel": {"code": "58410-2", "text": "Complete blood count panel"},
    "specimen": {"code": "119297000", "text": "Blood specimen"},
    "rows": [
        {"code": "718-7", "text": "Hemoglobin", "value": "13.2", "unit": "g/dL", "flag": "N"},
        {"code": "6690-2", "text": "Leukocytes", "value": "7.4", "unit": "10*3/uL", "flag": "N"},
        {"code": "777-3", "text": "Platelets", "value": "251", "unit": "10*3/uL", "flag": "N"},
        {"code": "1988-5", "text": "C reactive protein", "value": "48.0", "unit": "mg/L", "flag": "H"},
    ],
}
Make = Callable[[int, int], bytes]


def person(number: int) -> Person:
    """Somebody invented; the same number, the same person."""
    return Person(
        id=f"bench-{number}",
        number=f"B{number:07d}",
        korean=("김", "계측"),
        english=("Kim", "Bench"),
        birth=_FIRST_BIRTH + timedelta(days=number % _BIRTHS),
        sex="FM"[number % 2],
        street=f"가상로 {number}",
        phone=f"{number:08d}",
    )


def adt(whom: int, number: int) -> bytes:
    """An ADT^A01 about a person; `number` makes it different from every other."""
    return admission(person(whom), _moment(number))


def oru(whom: int, number: int) -> bytes:
    """An ORU^R01 with four results about a person, an order of its own."""
    return laboratory(person(whom), _moment(number), _HEMOGRAM, f"L{number:08d}")


KINDS: Mapping[str, Make] = {"ADT^A01": adt, "ORU^R01": oru}


def _moment(number: int) -> Moment:
    return Moment(START + timedelta(seconds=number), number % 100)
