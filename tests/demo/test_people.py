"""The people of the demo are nobody: no resident number of theirs can be real, and their names say what they are."""

from __future__ import annotations

import pytest

from gateway.demo.people import Person, people

_WEIGHTS = (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)


@pytest.mark.parametrize("person", people().values(), ids=lambda person: person.id)
def test_the_resident_number_fails_its_check_digit(person: Person) -> None:
    number = person.resident_number
    assert len(number) == 13
    assert number.startswith(f"{person.birth:%y%m%d}")
    right = (11 - sum(int(d) * w for d, w in zip(number[:12], _WEIGHTS, strict=True)) % 11) % 10
    assert int(number[12]) != right


def test_nobody_shares_a_number() -> None:
    everybody = people().values()
    for numbers in (
        [p.number for p in everybody],
        [p.resident_number for p in everybody],
        [p.phone for p in everybody],
    ):
        assert len(set(numbers)) == len(numbers)


def test_names_say_that_they_are_invented() -> None:
    invented = {"Demo", "Example", "Virtual", "Mock"}
    assert {person.english[1] for person in people().values()} <= invented
