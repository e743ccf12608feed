"""What a redactor leaves of a resource, element by element."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.consent.redact import Terms, redact, terms_of

HIDDEN = "Condition/psy-1"
GONE = Terms(withheld=frozenset({HIDDEN, "OperationOutcome/o"}))
PSEUD = Terms(duties=frozenset({"PSEUD"}), shift=10)
MASK = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}]}


def left(of: Terms, **elements: Any) -> dict[str, Any]:
    """What is left of an Observation, beside its type and id."""
    made = redact({"resourceType": "Observation", "id": "o", **elements}, of)
    return {name: value for name, value in made.items() if name not in ("resourceType", "id")}


def changed(path: str, how: str, kind: str = "Observation") -> Terms:
    return Terms(changes=((kind, path, how),))


class TestInside:
    kept = {"resourceType": "Condition", "id": "htn"}
    psy = {"resourceType": "Condition", "id": "psy-1"}

    def test_an_entry_goes_with_its_resource_and_stays_without_its_outcome(self):
        outcome = {"resourceType": "OperationOutcome", "id": "o"}
        bundle = {
            "resourceType": "Bundle",
            "entry": [
                {"fullUrl": "urn:uuid:1", "resource": self.psy},
                {"fullUrl": "urn:uuid:2", "resource": self.kept},
                {"response": {"status": "200", "outcome": outcome}},
                {"response": {"status": "200", "outcome": {**outcome, "id": "other"}}},
            ],
        }
        assert redact(bundle, GONE)["entry"] == [
            {"fullUrl": "urn:uuid:2", "resource": self.kept},
            {"response": {"status": "200"}},
            {"response": {"status": "200", "outcome": {**outcome, "id": "other"}}},
        ]

    def test_a_parameter_goes_with_its_resource(self):
        parameters = {
            "resourceType": "Parameters",
            "parameter": [{"name": "a", "resource": self.psy}, {"name": "b", "valueBoolean": True}],
        }
        assert redact(parameters, GONE)["parameter"] == [{"name": "b", "valueBoolean": True}]

    def test_a_reference_that_is_called_resource_goes_alone(self):
        linkage = {"resourceType": "Linkage", "item": [{"type": "source", "resource": {"reference": HIDDEN}}]}
        assert redact(linkage, GONE)["item"] == [{"type": "source"}]

    def test_a_resource_without_an_id_is_not_the_one_withheld(self):
        nobody = {"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Condition"}}]}
        assert redact(nobody, Terms(withheld=frozenset({"Condition/X", HIDDEN}))) == nobody

    def test_prose_of_a_contained_resource_stays_where_its_path_is_permitted(self):
        inner = {"resourceType": "Condition", "id": "c", "note": [{"text": "x"}]}
        for prose, note in (("contained.note", {"note": [{"text": "x"}]}), ("note", {}), ("contained.text", {})):
            made = left(Terms(prose=frozenset({prose})), contained=[inner], focus=[{"reference": "#c"}])
            assert made["contained"] == [{"resourceType": "Condition", "id": "c", **note}]

    def test_what_nothing_refers_to_any_more_is_not_contained(self):
        used, orphan = {"resourceType": "Device", "id": "used"}, {"resourceType": "Device", "id": "orphan"}
        said = {"device": {"reference": "#used", "display": "#orphan"}, "focus": [{"reference": "xorphan"}]}
        assert left(Terms(), contained=[used, orphan], **said) == {"contained": [used], **said}
        assert left(Terms(), contained=[orphan], status="final") == {"status": "final"}
        assert left(Terms(), contained=[], status="final") == {"status": "final", "contained": []}


class TestChanges:
    def test_what_stands_beside_a_coarse_value_goes(self):
        beside = {"extension": [{"url": "urn:t", "valueDateTime": "1980-03-01"}]}
        made = left(changed("effectiveDateTime", "year"), effectiveDateTime="1980-03-01", _effectiveDateTime=beside)
        assert made == {"effectiveDateTime": "1980"}

    @pytest.mark.parametrize("how", ["year", "month"])
    def test_an_instant_cannot_be_said_less_exactly_and_goes(self, how):
        at = "2026-11-22T09:00:00Z"
        assert left(changed("issued", how), issued=at) == {}
        assert left(changed("meta.lastUpdated", how, "*"), meta={"lastUpdated": at, "versionId": "1"}) == {
            "meta": {"versionId": "1"}
        }
        assert left(changed("effectiveDateTime", how), effectiveDateTime=at) != {}

    def test_a_value_that_is_only_said_to_be_absent_is_masked_all_the_same(self):
        assert left(changed("effectiveDateTime", "mask"), _effectiveDateTime={"id": "e"}) == {
            "_effectiveDateTime": MASK
        }
        assert left(changed("effectivePeriod", "mask"), effectivePeriod={"start": "2026"}) == {"effectivePeriod": MASK}
        assert left(changed("note", "mask"), note=[{"text": "x"}]) == {"note": [MASK]}

    def test_the_first_rule_that_names_a_path_counts(self):
        both = Terms(changes=(("*", "status", "drop"), ("Observation", "status", "mask")))
        assert left(both, status="final") == {}
        assert left(changed("status", "drop", "Condition"), status="final") == {"status": "final"}


class TestUnderAPseudonym:
    @pytest.mark.parametrize(
        "name", ["text", "valueString", "div", "identifier", "valueIdentifier", "valueHumanName", "valueAddress", "signature", "photo"]
    )  # fmt: skip
    def test_nothing_that_names_or_tells_stands_anywhere(self, name):
        made = left(PSEUD, component=[{"valueInteger": 1, name: {"family": "x"}}, {name: "x"}])
        assert made == {"component": [{"valueInteger": 1}]}

    def test_an_identifier_is_one_whatever_it_is_called(self):
        made = left(
            PSEUD,
            component=[{"valueInteger": 1, "other": {"system": "urn:x", "value": "7"}}],
            valueQuantity={"value": 7},
        )
        assert made == {"component": [{"valueInteger": 1}], "valueQuantity": {"value": 7}}

    def test_days_are_moved_and_the_very_old_are_ninety_or_more(self):
        made = left(PSEUD, effectiveDateTime="2026-11-22", valueQuantity={"value": 95, "code": "a"})
        assert made["effectiveDateTime"] == "2026-11-12"
        assert made["valueQuantity"]["value"] == 90


class TestExtensions:
    @pytest.mark.parametrize("name", ["extension", "modifierExtension"])
    @pytest.mark.parametrize("more", [{}, {"id": "1"}])
    def test_one_that_says_nothing_any_more_goes(self, name, more):
        empty = {"url": "urn:e", **more, "valueReference": {"reference": HIDDEN}}
        full = {"url": "urn:e", **more, "valueCode": "x"}
        assert left(GONE, **{name: [empty, full]}) == {name: [full]}
        assert left(GONE, component=[{name: [empty], "valueInteger": 1}]) == {"component": [{"valueInteger": 1}]}


def test_a_concept_with_codings_has_no_words_and_nothing_about_them():
    coding = [{"system": "urn:x", "code": "1"}]
    assert left(Terms(), code={"coding": coding, "text": "x", "_text": {"id": "t"}}) == {"code": {"coding": coding}}
    assert left(Terms(), code={"text": "x", "_text": {"id": "t"}}) == {"code": {"text": "x", "_text": {"id": "t"}}}


def test_prose_that_is_permitted_is_so_with_all_below_it():
    note = [{"text": "x", "time": "2026"}]
    for prose in ("note", "note.text"):
        assert left(Terms(prose=frozenset({prose})), note=note) == {"note": note}
    assert left(Terms(prose=frozenset({"not"})), note=note) == {}


def test_a_reference_that_names_no_part_permits_and_withholds_none():
    terms = terms_of(
        {"released": ["Condition/a", "Condition/a#"], "redacted": [{"reference": "Condition/a#"}], "obligations": []}
    )
    assert (terms["Condition/a"].prose, terms["Condition/a"].without) == (frozenset(), frozenset())
