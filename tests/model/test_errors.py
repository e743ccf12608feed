"""Errors between processes and in the words of FHIR."""

import pickle

from gateway.errors import Invalid
from gateway.model.report import outcome_of


def test_each_position_has_its_own_text_and_keeps_it_between_processes():
    error = Invalid("First.", "Patient", "Patient.gender", texts=("First.", "Second."))
    again = pickle.loads(pickle.dumps(error))
    told = [(issue["expression"], issue["details"]["text"]) for issue in outcome_of(again)["issue"]]
    assert told == [(["Patient"], "First."), (["Patient.gender"], "Second.")]


def test_one_text_for_all_positions():
    assert Invalid("Same.", "A", "B").told() == (("A", "Same."), ("B", "Same."))
    assert Invalid("Same.").told() == (("", "Same."),)
