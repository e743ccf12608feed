"""What was rendered is held to what a door of its standard would refuse; refused there, it is our own defect."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.errors import Defect
from gateway.model.dispatch import Rendition
from gateway.stages.deliver import render
from gateway.standards import standards

HEADER = "MSH|^~\\&|A|B|C|D|20261102090000||{}|M1|P|2.5.1"
BARE = f"{HEADER.format('ADT^A08^ADT_A01')}\rEVN||20261102090000\rPID|1\rPV1|1|I\r"  # PID-3 and PID-5 are required
SAME = f"{HEADER.format('ADT^A40^ADT_A39')}\rEVN||20261102090000\rPID|1||7^^^H^MR||A^B\rMRG|7^^^H^MR\r"


def rendered(monkeypatch: pytest.MonkeyPatch, name: str, body: str) -> Any:
    standard = standards()[name]
    monkeypatch.setattr(standard, "render", lambda *_: Rendition(body.encode(), standard.CONTENT_TYPES[0]))
    told: Any = SimpleNamespace(agreement=SimpleNamespace(standard=name), exchange="x")
    return render(told, told)


def test_findings_that_no_door_refuses_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    hl7v2 = standards()["hl7v2"]
    assert not hl7v2.check(hl7v2.parse(BARE.encode())).ok
    assert rendered(monkeypatch, "hl7v2", BARE).body == BARE.encode()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("hl7v2", ""),
        ("hl7v2", BARE.replace("|M1|", "||")),
        ("hl7v2", BARE.replace("2.5.1", "9.9")),
        ("hl7v2", SAME),
        ("fhir", "[]"),
        ("fhir", '{"resourceType": "Patient", "id": "not an id"}'),
        ("fhir", '{"resourceType": "Patient", "id": "p", "gender": 7}'),
    ],
)
def test_what_a_door_would_refuse_is_our_defect(monkeypatch: pytest.MonkeyPatch, name: str, body: str) -> None:
    with pytest.raises(Defect):
        rendered(monkeypatch, name, body)
