"""The labels of an item: own, known, by code and by what it was derived from; every source is read by itself, and none lowers another."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.consent import decide
from tests.consent.conftest import World

W = World()
LEVELS = ("U", "L", "M", "N", "R", "V")
STRANGE = [{"system": "urn:nobody-knows", "code": "1"}]


def levels(*what: dict[str, Any], leaving_out: tuple[str, ...] = (), **over: Any) -> str:
    """The levels whose permit covers the last item, at a site whose register leaves some parts out."""
    covered = ""
    for name in LEVELS:
        permit = W.consent(W.rule("permit", securityLabel=[name]))
        request, given, register = W.asked(permit, what=list(what), **over)
        kept = {part: value for part, value in register.items() if part not in leaving_out}
        covered += name if what[-1]["reference"] in decide(request, given, kept)["released"] else ""
    return covered


def item(name: str = "o", **over: Any) -> dict[str, Any]:
    return {**W.a1c, "reference": f"Observation/{name}", **over}


class TestWhatIsNotClassified:
    @pytest.mark.parametrize("left_out", ["classifiedSystems", "unclassified"])
    def test_is_restricted_when_a_site_says_what_is_or_how_the_rest_counts(self, left_out):
        assert levels(item(code=STRANGE), leaving_out=(left_out,)) == "RV"

    def test_counts_as_the_site_says(self):
        assert levels(item(code=STRANGE), register={"unclassified": ["V"]}) == "V"
        assert levels(item(code=STRANGE), register={"unclassified": ["M", "R", "N"]}) == "RV"

    def test_is_as_it_is_labelled_where_a_site_classifies_nothing(self):
        site = ("classifiedSystems", "unclassified")
        assert levels(item(code=STRANGE, securityLabel=["U"]), leaving_out=site) == "ULMNRV"
        assert levels(item(code=STRANGE), leaving_out=site) == "NRV"


@pytest.mark.parametrize("labels", [["N", "R"], ["R", "N"], ["HIV"], ["HIV", "U", "R"]])
def test_of_two_levels_the_higher_counts_and_a_sensitivity_alone_is_restricted(labels):
    assert levels(item(securityLabel=labels)) == "RV"


@pytest.mark.parametrize("code", ["B20", "B 20.1", "\u3000b2 0", "Ｂ20", " b20"])
def test_a_code_is_known_however_it_is_written(code):
    assert levels(item(code=[{"system": W.ICD, "code": code}])) == "RV"


class TestWhatIsDerived:
    def test_is_as_its_source_is_also_when_another_has_the_same_source(self):
        source = item("source")
        derived = [item(name, derivedFrom=["Observation/source"]) for name in ("a", "b", "c")]
        assert levels(source, *derived) == "NRV"
        assert levels(item("source", securityLabel=["R"]), *derived) == "RV"

    def test_and_has_no_code_is_as_low_as_its_source_while_a_code_makes_it_normal(self):
        known = {"knownLabels": {"Observation/source": ["L"]}}
        assert levels(item(code=[], derivedFrom=["Observation/source"]), given=known) == "LMNRV"
        assert levels(item(derivedFrom=["Observation/source"]), given=known) == "NRV"
        assert levels(item(code=[]), given=known) == "RV"

    def test_and_in_free_text_is_restricted_however_low_its_source_is(self):
        known = {"knownLabels": {"Observation/source": ["L"]}}
        assert levels(item(code=[], derivedFrom=["Observation/source"], freeText=True), given=known) == "RV"


def test_two_items_of_one_reference_are_labelled_together_though_each_looks_like_one_that_is_permitted():
    permits = [W.consent(W.rule("permit", securityLabel=[label]), label) for label in ("PSY", "HIV")]
    alike = [item(label, securityLabel=[label]) for label in ("PSY", "HIV")]
    both = [item("both", securityLabel=[label]) for label in ("PSY", "HIV")]
    for others in (alike, [*alike, *alike]):
        assert W.ask(*permits, what=[*others, *both])["released"] == ["Observation/PSY", "Observation/HIV"]


def test_items_that_differ_in_a_bound_of_their_time_or_in_saying_whose_they_are_are_not_decided_together():
    permit = W.consent(W.rule("permit", dataPeriod={"start": "2026-01-01", "end": "2026-06-30"}))
    inside = {"start": "2026-02-01", "end": "2026-03-01"}
    for other in ({**inside, "start": "2025-02-01"}, {**inside, "end": "2026-07-01"}):
        what = [item("in", date=inside), item("out", date=other)]
        assert W.ask(permit, what=what)["released"] == W.ask(permit, what=what[::-1])["released"] == ["Observation/in"]
    nobody = [item("plain"), item("nobody", subject="")]
    assert W.ask(W.consent(W.rule("permit")), what=nobody)["released"] == ["Observation/plain"]
