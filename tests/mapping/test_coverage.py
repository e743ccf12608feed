"""What maps read, in words and in counts: every row is followed down to the positions it reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.data import data_path
from gateway.errors import Misconfigured
from gateway.mapping.coverage import coverage, official, summary
from gateway.mapping.explain import explained
from gateway.mapping.gaps import HIDDEN, is_code, place
from gateway.mapping.load import Library
from gateway.mapping.readings import readings

TOY = """\
map: PID[Patient]
from: PID
to: Patient
source: toy
identity: [[PID-3.1]]
rows:
  - {id: PID-5, from: PID-5, to: "name[+]", use: "XPN[HumanName]"}
  - {id: PID-8, from: PID-8, when: {not: {any: [PID-3, {eq: [PID-1, 2]}]}}, to: gender, table: sex}
  - {id: PID-7, first: [{from: PID-7, to: birthDate, as: date}, {from: PID-9.2, to: birthDate, as: date}]}
ignore: {PID-1: numbers, PID-2: {where: {is: [$, number]}, because: old}}
"""
NAME = """\
map: XPN[HumanName]
from: XPN
to: HumanName
source: toy names
rows:
  - {id: XPN.1, from: XPN.1.1, to: family}
  - {id: whole, where: {prefix: [$, X]}, from: XPN.2, extension: "https://x.example/given", to: valueString, as: whole}
"""


@pytest.fixture
def library(tmp_path: Path) -> Library:
    for folder, stem, text in (("segments", "PID.Patient", TOY), ("datatypes", "XPN.HumanName", NAME)):
        (tmp_path / "base" / "hl7v2" / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "base" / "hl7v2" / folder / f"{stem}.yaml").write_text(text, encoding="utf-8")
    return Library("hl7v2", (tmp_path / "base",))


def said(library: Library, position: str, *, deep: bool = False) -> list[str]:
    return [one.sentence for one in explained(library, position, deep=deep)]


def test_a_field_is_told_with_its_map_and_deeper_with_the_rows_of_that(library: Library) -> None:
    assert said(library, "PID-5") == ["PID-5 becomes Patient.name[+] by XPN[HumanName]. Source: toy."]
    assert said(library, "PID-5.1") == [
        "PID-5.1.1 becomes Patient.name[+].family. Source: toy names. Through PID[Patient]/PID-5."
    ]
    assert len(said(library, "PID-5", deep=True)) > 2
    assert said(library, "XPN.1.1") == ["XPN.1.1 becomes HumanName.family. Source: toy names."]


def test_conditions_tables_alternatives_and_reasons_are_in_words(library: Library) -> None:
    assert said(library, "PID-8") == [
        "PID-8 becomes Patient.gender, by the code table sex, if not: PID-3 is there or PID-1 is 2. Source: toy."
    ]
    assert said(library, "PID-9.2") == ["PID-9.2 becomes Patient.birthDate as date. Source: toy."]
    assert (
        said(library, "PID-2")
        == [
            "PID-2 is left out because: old, if PID-2 has the form number.",
            "PID-2 is asked before anything is left out: PID-2 has the form number.",
        ][:1]
    )
    assert "PID-3.1 names the Patient that is made." in said(library, "PID-3")
    assert said(library, "PID-40") == []


def test_what_lies_below_a_whole_is_read_with_it(library: Library) -> None:
    assert said(library, "PID-5.2.3") == [
        "PID-5.2 becomes Patient.name[+].extension(given).valueString as whole, if PID-5.2 begins with X. Source: toy names. "
        "Through PID[Patient]/PID-5."
    ]
    assert said(library, "PID-7.1.1") == ["PID-7 becomes Patient.birthDate as date. Source: toy."]
    assert said(library, "PID-7.2") == []


def test_of_overlays_it_says_which_file_wins(library: Library, tmp_path: Path) -> None:
    over = tmp_path / "mappings" / "hl7v2" / "segments" / "PID.Patient.yaml"
    over.parent.mkdir(parents=True)
    over.write_text(
        "map: PID[Patient]\nrows:\n  - {id: PID-8, from: PID-10, to: gender}\n  - {id: PID-5, drop: true}\n", "utf-8"
    )
    both = Library("hl7v2", (*library.roots, tmp_path / "mappings"))
    here, base = "mappings/hl7v2/segments/PID.Patient.yaml", "hl7v2/segments/PID.Patient.yaml"
    (one,) = explained(both, "PID-10")
    assert (one.reading.where, one.wins_over) == (f"{here}:3", (f"{base}:8",))
    assert said(both, "PID-8")[0].endswith(f"NOT IN FORCE: {here}:3 has replaced it.")
    assert said(both, "PID-5")[0].endswith(f"NOT IN FORCE: {here}:4 has replaced it.")
    assert [one.in_force for one in explained(both, "PID-5")] == [False]


def test_fields_have_a_rule_a_reason_or_neither(library: Library) -> None:
    states = {one.position: (one.state, one.by) for one in coverage(library) if one.of == "PID"}
    assert states["PID-5"] == ("rule", ("PID[Patient]/PID-5",))
    assert states["PID-1"] == ("ignored", ("numbers",))
    assert states["PID-2"] == ("none", ())  # a reason for some values only
    assert states["PID-40"] == ("none", ())
    assert summary(coverage(library))["PID"]["rule"] == 4  # 5, 7, 8 and 9


def test_rows_of_the_guide(library: Library, tmp_path: Path) -> None:
    sheet = tmp_path / "guide" / "mappings" / "segments" / "HL7 Segment - FHIR R4_ PID[Patient] - PID.csv"
    sheet.parent.mkdir(parents=True)
    lines = ["HL7 v2,,,", "Sort,Identifier,Name", "1,PID-1,Set ID,SI,0,1,,,,,", "2,PID-5,Name,XPN,1,-1,,,,name[1],,",
             "3,PID-5,Name,XPN,1,-1,,,,name[2],,", "4,PID-11,Address,XAD,0,-1,,,,address,,", "0,PID,,,,,,,,active,,"]  # fmt: skip
    sheet.write_text("\n".join(lines), "utf-8")
    found = coverage(library, tmp_path / "guide")
    assert [(o.of, o.position, o.wanted, o.state) for o in found] == [
        ("PID[Patient]", "PID-5", "name[1], name[2]", "rule"),
        ("PID[Patient]", "PID-11", "address", "none"),
    ]
    with pytest.raises(Misconfigured):
        list(official(tmp_path / "base"))


def test_every_position_of_the_shipped_maps_can_be_followed() -> None:
    for standard in ("hl7v2", "fhir"):
        found = readings(Library(standard, (data_path("mappings"),)))
        assert found
        assert {one.where for one in found if not one.where} == set()
        assert {one.position for one in found if "$" in one.position and not one.rule.startswith("message")} == set()


@pytest.mark.parametrize("text", ["M", "SPO", "99LAB", "L", "2", "I10-9", "UNK", "C+"])
def test_what_looks_like_a_code(text: str) -> None:
    assert is_code(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Kim Gildong",
        "김길동",
        "김",
        "12345",
        "718-7",
        "80022912",
        "M12345678",
        "F0000401",
        "HONG.G",
        "HONG.GILDONG",
        "KIMMINSU",
        "800229-1234567",
        "010-1234-5678",
        "a@b.example",
        "=1+1",
        "x" * 7,
        HIDDEN,
    ],
)
def test_what_is_not_shown(text: str) -> None:
    assert not is_code(text)
    assert not is_code("Smith", frozenset({"smith"}))


def test_places_have_no_ids_and_no_numbers() -> None:
    assert place("ZPI[1]-3[2].1.2") == "ZPI-3.1.2"
    assert place("Patient/p-17#name[0].family") == "Patient.name.family"


def test_what_is_read_of_a_field_counts_for_its_datatype(library: Library, tmp_path: Path) -> None:
    sheets = tmp_path / "guide" / "datatypes"
    sheets.mkdir(parents=True)
    for name, position in (
        ("FN[HumanName]", "FN.1"),
        ("FN[Own]", "FN.3"),
        ("DTM[dateTime]", "DTM.1"),
        ("CX[Id]", "CX.1"),
    ):
        rows = f"1,{position},Part,ST,0,1,,,,there,,\n"
        (sheets / f"HL7 Data Type - FHIR R4_ {name} - Sheet1.csv").write_text(rows, "utf-8")
    states = {one.position: one.state for one in coverage(library, tmp_path / "guide")}
    assert states == {"FN.1": "rule", "FN.3": "none", "DTM.1": "rule", "CX.1": "none"}
