"""The hospital's messages: sound in their standard, the same twice, and saying only what the stories need."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from gateway.demo.messages import Moment, admission, cases, consent, discharge, laboratory, merge, update
from gateway.demo.people import people
from gateway.model.wire import write_json
from gateway.standards import standards
from gateway.validating import Validator

AT = datetime(2026, 11, 22, 14, 0, tzinfo=timezone(timedelta(hours=9)))
WHO = people()["consenting"]
CASE = cases()["discharges"]["consenting"]
RESULTS = cases()["results"]["reported"]
Make = Callable[[Moment], bytes]
MESSAGES: dict[str, Make] = {
    "ADT^A01": lambda moment: admission(WHO, moment),
    "ADT^A03": lambda moment: discharge(WHO, moment, CASE),
    "ADT^A08": lambda moment: update(WHO, moment),
    "ADT^A40": lambda moment: merge(WHO, "H9999999", moment),
    "ORU^R01": lambda moment: laboratory(WHO, moment, RESULTS, "L1"),
    "ORU^R01 corrected": lambda moment: laboratory(WHO, moment, RESULTS, "L1", corrected=True),
}


@pytest.mark.parametrize("name", MESSAGES)
def test_the_same_moment_gives_the_same_bytes_and_another_gives_others(name: str) -> None:
    make = MESSAGES[name]
    assert make(Moment(AT, 1)) == make(Moment(AT, 1))
    assert len({make(Moment(AT, 1)), make(Moment(AT, 2)), make(Moment(AT + timedelta(seconds=1), 1))}) == 3


@pytest.mark.parametrize("name", MESSAGES)
def test_every_message_is_sound(name: str) -> None:
    standard = standards()["hl7v2"]
    parsed = standard.parse(MESSAGES[name](Moment(AT, 1)), "")
    assert parsed.trigger == name.partition(" ")[0]
    assert [str(f) for f in standard.admit(parsed).findings if f.severity != "information"] == []


def test_a_correction_repeats_the_order_and_only_what_changed() -> None:
    first, second = (laboratory(WHO, Moment(AT, n), RESULTS, "L1", n == 2).decode() for n in (1, 2))
    assert first.count("\rOBX|") == 3
    assert second.count("\rOBX|") == 1
    assert [line.split("|")[3] for text in (first, second) for line in text.split("\r") if line.startswith("OBR")] == [
        "L1^HANBIT-LAB"
    ] * 2


@pytest.mark.parametrize("status", ["active", "inactive"])
def test_a_consent_is_valid_r4(status: str) -> None:
    made = consent(WHO, Moment(AT, 1), "Organization/mapo-care-team", status)
    outcome = Validator().validate(write_json(made))
    assert [issue for issue in outcome["issue"] if issue["severity"] in ("error", "fatal")] == []


def test_a_withdrawal_is_of_the_same_consent() -> None:
    given = consent(WHO, Moment(AT, 1), "Organization/x")
    gone = consent(WHO, Moment(AT + timedelta(days=1), 2), "Organization/x", "inactive")
    assert (given["id"], given["patient"]) == (gone["id"], gone["patient"])
    assert (given["status"], gone["status"]) == ("active", "inactive")
