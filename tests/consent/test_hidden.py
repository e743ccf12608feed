"""What is withheld is looked for by look-up: the same answers as one search for each reference, at a cost that does not grow with them."""

from __future__ import annotations

import random

import pytest

from gateway.consent.hidden import Hidden


def slowly(text: str, reference: str) -> bool:
    """The rule, said for one reference."""
    own = reference.rpartition("/")[2]
    places = [start for start in range(len(text)) if text.startswith(reference, start)]
    return any(alone(text, start, start + len(reference)) for start in places) or (
        (len(own) >= 4 and text == own) or (len(own) >= 12 and own in text)
    )


def alone(text: str, start: int, end: int) -> bool:
    after = text[end:]
    goes_on = after[:1].isalnum() or (after[:1] in ("-", ".") and after[1:2].isalnum())
    return not (start and text[start - 1].isalnum()) and not goes_on


@pytest.mark.parametrize("seed", range(8))
def test_it_answers_as_one_search_for_each_reference(seed: int) -> None:
    chance = random.Random(seed)
    ids = ["".join(chance.choices("ab1-", k=chance.choice((1, 3, 4, 5, 12, 14)))) for _ in range(12)]
    references = frozenset(f"{chance.choice(('Condition', 'Basic'))}/{id}" for id in ids)
    hidden, answers = Hidden(references), set()
    for _ in range(400):
        inside = chance.choice((*references, *ids, "Condition/none"))
        text = chance.choice(("", "x", " ", "see ")) + inside + chance.choice(("", "-", ".", "-b", ".b", " .", "1"))
        answers.add(hidden.named_in(text))
        assert hidden.named_in(text) is any(slowly(text, one) for one in references), text
    assert answers == {True, False}


def test_nothing_hidden_is_named_nowhere() -> None:
    assert not Hidden(frozenset()).named_in("Condition/psy-1")
    assert Hidden(frozenset({"Condition/psy-1"})).named_in("Condition/psy-1")


@pytest.mark.parametrize(
    "text", ["Condition/psy-1-b", "Condition/psy-1-b-", "Condition/psy-1.b c", "Condition/psy-12", "xCondition/psy-1"]
)
def test_an_id_that_goes_on_is_another_one(text: str) -> None:
    assert not Hidden(frozenset({"Condition/psy-1"})).named_in(text)


@pytest.mark.parametrize(
    "text", ["Condition/psy-1-", "Condition/psy-1. See", "see Condition/psy-1.", "/Condition/psy-1/_history/1", "psy-1"]
)
def test_an_id_that_ends_there_is_that_one(text: str) -> None:
    assert Hidden(frozenset({"Condition/psy-1"})).named_in(text)
