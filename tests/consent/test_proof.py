"""The second reading of what is about to leave: each finding, where it is, and what is none."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.consent.hidden import Hidden
from gateway.consent.proof import violations
from gateway.consent.redact import Terms

HIDDEN = "Condition/psy-1"
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
WITHHELD = Terms(withheld=frozenset({HIDDEN}))
PSEUD = Terms(duties=frozenset({"PSEUD"}), shift=10)
TEXTS = {
    "named": "Something withheld is still named.", "inside": "Something withheld stands inside.",
    "reference": "A reference to what the recipient does not get.", "element": "An element outside the allow-list.",
    "resource": "A resource inside what an allow-list lets out.", "part": "A part that is withheld.", "prose": "Prose that was not permitted.",
    "national": "An identifier that stays with the sender.", "identifying": "An identifying element.",
    "reach": "An identifier or a way to reach somebody.", "tells": "What could name somebody, or words that could.",
    "exact": "A value that has to be said less exactly.", "date": "A date that did not move.", "age": "An age that singles somebody out.",
    "duty": "A duty is not on the resource.",
}  # fmt: skip
RULES = {
    "named": "withheld", "inside": "withheld", "reference": "named", "element": "elements", "resource": "elements", "part": "part",
    "prose": "prose", "national": "national-identifier", "identifying": "pseudonym", "reach": "pseudonym", "tells": "pseudonym",
    "exact": "exact", "date": "date", "age": "age", "duty": "duty",
}  # fmt: skip


def output(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "id": "o", **elements}


def found(of: dict[str, Any], terms: Terms, source: Any = None, hidden: Hidden | None = None) -> list[tuple[str, str]]:
    """(what, where) of each finding; its rule, its text and its kind are those of the table."""
    told = []
    for one in violations(of, terms, source, hidden):
        what = next(name for name, text in TEXTS.items() if text == one.text)
        assert (one.severity, one.code, one.rule) == ("error", "security", f"release-{RULES[what]}")
        told.append((what, one.expression))
    return told


class TestWithheld:
    def test_named_and_inside(self):
        inner = {
            "resourceType": "Condition",
            "id": "psy-1",
            "contained": [{"resourceType": "Condition", "id": "other"}],
        }
        assert found(output(contained=[inner], focus=[{}, {"reference": f"https://h/{HIDDEN}"}]), WITHHELD) == [
            ("named", "Observation.contained[0].id"), ("named", "Observation.focus[1].reference"), ("inside", "Observation.contained[0]"),
        ]  # fmt: skip
        assert (
            found(output(contained=[{"resourceType": "Condition"}], focus=[{"reference": "Condition/htn"}]), WITHHELD)
            == []
        )

    def test_a_short_id_is_found_where_it_stands(self):
        short = Terms(withheld=frozenset({"Condition/1"}))
        bundle = {"resourceType": "Bundle", "entry": [{}, {"resource": {"resourceType": "Condition", "id": "1"}}]}
        assert found(bundle, short) == [("inside", "Bundle.entry[1].resource")]

    def test_what_was_made_ready_for_another_release_is_not_used(self):
        other = Hidden(frozenset({"Condition/other"}))
        said = output(focus=[{"reference": HIDDEN}])
        assert found(said, WITHHELD, hidden=other) == [("named", "Observation.focus[0].reference")]
        assert found(said, WITHHELD, hidden=Hidden(WITHHELD.withheld)) == [("named", "Observation.focus[0].reference")]

    def test_only_what_may_be_named_is_referred_to(self):
        terms = Terms(named=frozenset({"Patient/p"}))
        said = output(
            subject={"reference": "https://h/fhir/Patient/p/_history/1"}, device={"reference": "#d"},
            focus=[{"reference": "Patient/q", "display": "x"}],
            performer=[{"reference": None}], reference="x",
        )  # fmt: skip
        assert found(said, terms) == [
            ("reference", "Observation.focus[0].reference"),
            ("reference", "Observation.reference"),
        ]
        assert found(said, Terms(named=None)) == []

    def test_elements_beside_the_allow_list(self):
        terms = Terms(elements=("status", "contained"))
        said = output(
            status="final", _status={"id": "s"}, _code={"id": "c"}, meta={}, contained=[{"resourceType": "Device"}]
        )
        assert found(said, terms) == [("element", "Observation._code"), ("resource", "Observation.contained[0]")]


class TestParts:
    def test_a_part_and_all_below_it_and_beside_it(self):
        terms = Terms(without=frozenset({"component.value", "issued"}))
        said = output(component=[{"valueInteger": 1}, {"value": {"code": "x"}}], _issued={"id": "i"}, issuedBy="x")
        assert found(said, terms) == [
            ("part", "Observation.component[1].value.code"),
            ("part", "Observation._issued.id"),
        ]

    def test_prose_and_what_is_permitted_of_it(self):
        note = [{"text": "x"}, {"time": "2026"}]
        both = [("prose", "Observation.note[0].text"), ("prose", "Observation.note[1].time")]
        assert found(output(note=note), Terms()) == both
        assert found(output(note=note), Terms(prose=frozenset({"not", "noteworthy", "status"}))) == both
        assert found(output(note=note), Terms(prose=frozenset({"note"}))) == []
        assert found(output(note=[{"text": "x"}]), Terms(prose=frozenset({"note.text"}))) == []
        assert found(output(_note=[{"id": "x"}], notes="x"), Terms()) == [("prose", "Observation._note[0].id")]

    def test_prose_of_what_is_inside_is_permitted_by_its_own_path(self):
        inside = output(contained=[{"resourceType": "Condition", "id": "c", "note": [{"text": "x"}]}])
        wrong = [("prose", "Observation.contained[0].note[0].text")]
        assert found(inside, Terms(prose=frozenset({"contained.note"}))) == []
        assert set(found(inside, Terms(prose=frozenset({"note"})))) == set(wrong)

    def test_a_code_where_prose_may_stand_is_none(self):
        goal = {"resourceType": "Goal", "id": "g", "description": {"coding": [{"system": "urn:x", "code": "1"}]}}
        assert found(goal, Terms()) == []
        assert found({**goal, "description": {"text": "x"}}, Terms()) == [("prose", "Goal.description.text")]
        assert found({**goal, "description": {"coding": "x"}}, Terms()) == [("prose", "Goal.description.coding")]


class TestIdentifiers:
    def test_national_ones(self):
        terms = Terms(national=frozenset({"urn:rrn"}))
        said = output(
            identifier=[{"system": "urn:x"}, {"system": "urn:rrn"}],
            code={"coding": [{"code": "urn:rrn", "system": None}]},
        )
        assert found(said, terms) == [("national", "Observation.identifier[1].system")]

    def test_under_a_pseudonym(self):
        patient = {"resourceType": "Patient", "id": "p", "_name": [{"id": "n"}], "gender": "female"}
        assert found(output(contained=[patient], code={"coding": [{"code": "1"}]}), PSEUD) == [
            ("identifying", "Observation.contained[0].name")
        ]
        for elements, where in (
            ({"component": [{"value": "7"}]}, ("reach", "Observation.component[0].value")),
            ({"component": [{"valueSignature": {"who": 1}}]}, ("tells", "Observation.component[0].valueSignature.who")),
            ({"component": [{"_valueAddress": {"id": "x"}}]}, ("tells", "Observation.component[0]._valueAddress.id")),
            ({"valueString": "x"}, ("tells", "Observation.valueString")),
            ({"component": [{"_valueString": {"id": "x"}}]}, ("tells", "Observation.component[0]._valueString.id")),
            ({"summary": ["x"]}, ("tells", "Observation.summary[0]")),
            ({"code": {"text": "x"}}, ("tells", "Observation.code.text")),
        ):
            assert found(output(**elements), PSEUD) == [where]
            assert found(output(**elements), Terms()) == []
        assert found(output(valueQuantity={"value": 7}, status="final"), PSEUD) == []


class TestChanged:
    @pytest.mark.parametrize(
        ("how", "value", "exact"),
        [
            ("year", "2026", []), ("year", "2026-11", [""]), ("year", 2026, [""]), ("month", "2026", []), ("month", "2026-11", []),
            ("month", "2026-11-22", [""]), ("drop", "x", [""]), ("district", {"use": "home", "type": "both", "city": "c", "district": "d",
             "state": "s", "country": "k"}, []), ("district", {"line": ["x"], "text": "x"}, [".line[0]", ".text"]),
            ("mask", {"extension": [{"url": ABSENT, "valueCode": "masked"}]}, []),
            ("mask", {"extension": [{"url": "urn:x", "valueCode": "x"}]}, [".extension[0].url", ".extension[0].valueCode"]),
            ("mask", "masked", [""]), ("mask", {"code": "masked"}, [".code"]),
            ("mask", {"extension": [{"valueString": ABSENT}]}, [".extension[0].valueString"]),
            ("unheard", "2026", [""]),
        ],
    )  # fmt: skip
    def test_a_value_and_how_it_is_said(self, how, value, exact):
        for kind in ("Observation", "*"):
            terms = Terms(changes=((kind, "status", how),), prose=frozenset({"status", "extension"}))
            assert found(output(status=value, statuses="x"), terms) == [
                ("exact", f"Observation.status{end}") for end in exact
            ]
        assert (
            found(output(status=value), Terms(changes=(("Condition", "status", how),), prose=frozenset({"status"})))
            == []
        )

    def test_inside_as_well(self):
        terms = Terms(changes=(("Device", "status", "drop"),))
        assert found(output(contained=[{"resourceType": "Device", "status": "x"}], status="x"), terms) == [
            ("exact", "Observation.contained[0].status")
        ]


class TestDates:
    source = output(
        code="2026-02-30", effectiveDateTime="2026-11-22", issued="2026-11-22T09:00:00Z", period={"start": "2026-11"}
    )

    def test_of_a_pseudonymous_output_are_those_of_its_source_each_earlier(self):
        moved = output(
            effectiveDateTime="2026-11-12", issued="2026-11-12T09:00:00Z", period={"start": "2026-11"}, begins="2026-11"
        )
        assert found(moved, PSEUD, self.source) == []
        for elements in (
            {"effectiveDateTime": "2026-11-22"},
            {"issued": "2026-11-22T09:00:00Z"},
            {"effectiveDateTime": "2026-11-11"},
            {"issued": "2026-10"},
        ):
            assert found(output(**elements), PSEUD, self.source) == [("date", f"Observation.{next(iter(elements))}")]
        assert found(output(begins="2026-11T09:00:00Z"), PSEUD, self.source) == []
        assert found(output(effectiveDateTime=["2026-11-22"]), PSEUD, self.source) == [
            ("date", "Observation.effectiveDateTime[0]")
        ]
        assert found(output(effectiveDateTime="2026-11-22"), Terms(), self.source) == []

    def test_a_month_moves_from_its_middle(self):
        far = Terms(duties=PSEUD.duties, shift=16)
        assert found(output(begins="2026-10"), far, output(begins="2026-11")) == []
        assert found(output(begins="2026-11"), far, output(begins="2026-11")) == [("date", "Observation.begins")]
        assert (
            found(output(begins="2026-11"), PSEUD, output(begins="2026-11-22")) == []
        )  # a day may be said as its month

    def test_none_may_be_there_without_a_source_or_without_a_shift(self):
        moved = output(effectiveDateTime="2026-11-22")
        assert found(moved, PSEUD) == [("date", "Observation.effectiveDateTime")]
        for shift in (0, -1):
            earlier = output(effectiveDateTime="2026-11-22" if shift == 0 else "2026-11-21")
            assert found(moved, Terms(duties=PSEUD.duties, shift=shift), earlier) == [
                ("date", "Observation.effectiveDateTime")
            ]
        one = Terms(duties=PSEUD.duties, shift=1)
        assert found(output(effectiveDateTime="2026-11-21"), one, moved) == []

    @pytest.mark.parametrize(
        "name", ["code", "system", "version", "id", "url", "uri", "reference", "unit", "display", "versionId", "fullUrl"]
    )  # fmt: skip
    def test_a_code_that_looks_like_one_is_none(self, name):
        assert found(output(component=[{name: ["2026-11-22"]}]), PSEUD, self.source) == []

    def test_a_value_that_looks_like_one_is_found_out_as_a_value(self):
        assert found(output(component={"value": "2026-11-22"}), PSEUD, self.source) == [
            ("reach", "Observation.component.value")
        ]


class TestAges:
    @pytest.mark.parametrize(
        ("node", "old"),
        [
            ({"value": 89, "code": "a"}, False), ({"value": 89.1, "code": "a"}, True), ({"value": 90, "code": "a"}, True),
            ({"value": 90, "code": "a", "comparator": ">="}, False), ({"value": 91, "code": "a", "comparator": ">="}, True),
            ({"value": 89 * 12, "code": "mo"}, False), ({"value": 89 * 12 + 1, "code": "mo"}, True), ({"value": 89 * 52, "unit": "wk"}, False),
            ({"value": 89 * 52 + 1, "unit": "wk"}, True), ({"value": 89 * 365, "code": "d"}, False), ({"value": 89 * 365 + 1, "code": "d"}, True),
            ({"value": 5, "code": "century"}, True), ({"value": 5}, True), ({"value": True, "code": "a"}, False), ({"code": "a"}, False),
        ],
    )  # fmt: skip
    def test_which_single_somebody_out(self, node, old):
        condition = {"resourceType": "Condition", "id": "c", "onset": [{"onsetAge": node}]}
        assert found(condition, PSEUD) == ([("age", "Condition.onset[0].onsetAge")] if old else [])
        listed = {"resourceType": "Condition", "id": "c", "onsetAge": [node]}
        assert found(listed, PSEUD) == ([("age", "Condition.onsetAge[0]")] if old else [])
        assert found(condition, Terms()) == []

    def test_a_quantity_in_years_is_one_by_its_code(self):
        assert found(output(valueQuantity={"value": 95, "code": "a"}), PSEUD) == [("age", "Observation.valueQuantity")]
        assert found(output(valueQuantity={"value": 95, "code": "kg"}), PSEUD) == []


def test_a_duty_that_is_not_on_the_resource():
    terms = Terms(duties=frozenset({"NOREUSE"}))
    mark = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "NOREUSE"}
    for meta in ({}, {"meta": None}, {"meta": {"security": []}}, {"meta": {"security": [{**mark, "system": "urn:x"}]}}):
        assert found(output(**meta), terms) == [("duty", "Observation.meta.security")]
    assert found(output(meta={"security": [{"code": "R"}, mark]}), terms) == []


def test_one_of_several_changes_that_was_not_made_is_found():
    terms = Terms(changes=(("*", "address", "district"), ("Patient", "birthDate", "year")))
    patient = {"resourceType": "Patient", "id": "p", "birthDate": "1980-03-01", "address": [{"district": "x"}]}
    assert found(patient, terms) == [("exact", "Patient.birthDate")]
    assert found({**patient, "birthDate": "1980"}, terms) == []
