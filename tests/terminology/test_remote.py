"""The guard around a terminology server: what is never asked, what is kept, and when it is left alone."""

from __future__ import annotations

import pytest

from gateway.definitions.library import core
from gateway.terminology.membership import Membership, Terminology
from gateway.terminology.remote import Guarded

SNOMED = "http://snomed.info/sct"
SET = "http://hl7.org/fhir/ValueSet/condition-code"


class Server:
    """Gives the answers it was told, and remembers what it was asked."""

    def __init__(self, *answers: Membership | None) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, str]] = []

    def validate_code(self, system: str, code: str, value_set: str) -> Membership | None:
        self.asked.append((system, code, value_set))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def guarded(server: Server, clock: Clock, **more: float) -> Guarded:
    return Guarded(server, frozenset((SNOMED,)), clock, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("system", "code"),
    [
        ("http://example.org/local", "22298006"),
        ("", "22298006"),
        (SNOMED, ""),
        (SNOMED, "Kim Ieum"),
        (SNOMED, "김이음"),
        (SNOMED, "a\nb"),
        (SNOMED, "1" * 101),
    ],
)
def test_what_is_never_asked(system: str, code: str) -> None:
    server = Server(Membership.IN)
    assert guarded(server, Clock()).validate_code(system, code, "") is None
    assert server.asked == []


def test_answers_are_kept_for_their_time() -> None:
    server, clock = Server(Membership.OUT, Membership.IN), Clock()
    guard = guarded(server, clock, lasting=100)
    assert [guard.validate_code(SNOMED, "22298006", "") for _ in range(3)] == [Membership.OUT] * 3
    assert len(server.asked) == 1
    clock.now = 101
    assert guard.validate_code(SNOMED, "22298006", "") is Membership.IN


def test_what_is_kept_is_bounded() -> None:
    server = Server(Membership.IN)
    guard = guarded(server, Clock(), most_kept=2)
    for code in ("1", "2", "3", "1"):
        guard.validate_code(SNOMED, code, "")
    assert [code for _, code, _ in server.asked] == ["1", "2", "3", "1"]


def test_a_server_that_fails_is_left_alone_for_a_while() -> None:
    server, clock = Server(None), Clock()
    guard = guarded(server, clock, pause=10, most_failures=3)
    for code in range(20):
        assert guard.validate_code(SNOMED, str(code), "") is None
    assert len(server.asked) == 3
    clock.now = 11
    guard.validate_code(SNOMED, "21", "")
    guard.validate_code(SNOMED, "22", "")
    assert len(server.asked) == 4  # one question tries again, and it failed
    clock.now = 22
    server.answers = [Membership.IN]
    assert [guard.validate_code(SNOMED, str(code), "") for code in range(30, 34)] == [Membership.IN] * 4


def test_a_server_that_cannot_say_has_not_failed() -> None:
    server = Server(Membership.UNKNOWN)
    guard = guarded(server, Clock(), most_failures=2)
    assert [guard.validate_code(SNOMED, str(code), "") for code in range(9)] == [Membership.UNKNOWN] * 9
    assert len(server.asked) == 9


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, Membership.UNKNOWN),
        (Membership.UNKNOWN, Membership.UNKNOWN),
        (Membership.OUT, Membership.OUT),
        (Membership.IN, Membership.IN),
    ],
)
def test_it_is_asked_for_what_is_not_at_hand(answer: Membership | None, said: Membership) -> None:
    server = Server(answer)
    known = Terminology(core(), remote=server)
    assert known.member(SET, "22298006", SNOMED) is said
    assert known.verdict(SET, "22298006", SNOMED).membership is said
    assert known.in_system(SNOMED, "22298006") is said
    assert server.asked == [(SNOMED, "22298006", SET)] * 2 + [(SNOMED, "22298006", "")]


def test_it_is_not_asked_for_what_is_at_hand() -> None:
    server = Server(Membership.IN)
    known = Terminology(core(), remote=server)
    assert (
        known.member(
            "http://hl7.org/fhir/ValueSet/administrative-gender", "x", "http://hl7.org/fhir/administrative-gender"
        )
        is Membership.OUT
    )
    assert known.member(SET, "22298007", SNOMED) is Membership.OUT
    assert known.member(SET, "22298006") is Membership.UNKNOWN  # without a system there is nothing to ask
    assert server.asked == []
