"""The engine on small maps: what is refused when loading, overlays, tables, and that nothing is lost in silence."""

from pathlib import Path

import pytest

from gateway.data import data_path
from gateway.errors import Misconfigured
from gateway.mapping import MapContext, compiler
from gateway.mapping.compile import Compiler
from gateway.mapping.load import Library, read_yaml
from gateway.stages.map import map_document
from gateway.standards.hl7v2 import parse

HEAD = "MSH|^~\\&|APP|FAC|||20260101000000Z||ADT^A01|C1|P|2.5\r"


def library(root: Path, **maps: str) -> Compiler:
    folder = root / "toy" / "segments"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in maps.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return Compiler(Library("toy", (root,)))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("  - {id: a, from: PID-5, to: name, as: nonsense}", "toy/segments/M.yaml:5: there is no type nonsense"),
        ("  - {id: a, from: PID-5, to: name, colour: red}", "toy/segments/M.yaml:5: unknown: colour"),
        ("  - {id: a, from: 'PID 5', to: name}", "toy/segments/M.yaml:5: 'PID 5' is not a path"),
        ("  - {id: a, to: x, join: [{from: PID-5, take: ['$ 1']}]}", "toy/segments/M.yaml:5: '$ 1' is not a path"),
        ("  - {id: a, from: PID-5, to: 'name..x'}", "toy/segments/M.yaml:5: 'name..x' is not a target"),
        (
            "  - {id: a, from: PID-5, to: name, when: {sometimes: PID-5}}",
            "toy/segments/M.yaml:5: there is no predicate sometimes",
        ),
        ("  - {id: a, from: PID-5, to: name, use: Missing}", "mappings/toy: there is no map Missing"),
        ("  - {id: a}", "toy/segments/M.yaml:5: this row does nothing"),
        (
            "  - {id: a, from: PID-5, to: x}\n  - {id: a, from: PID-6, to: y}",
            "toy/segments/M.yaml:1: row ids used twice: a",
        ),
        ("  - {id: a, id: b}", "toy/segments/M.yaml:5: id is there twice"),
        ("  - {id: a", "toy/segments/M.yaml:6: "),
    ],
)
def test_a_broken_map_names_file_and_line(tmp_path: Path, rows: str, said: str) -> None:
    maps = library(tmp_path, M=f"map: M\nfrom: PID\nsource: test\nrows:\n{rows}\n")
    with pytest.raises(Misconfigured) as refused:
        maps.rules("M")
    assert refused.value.text.startswith(said)


def test_yaml_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(Misconfigured):
        read_yaml(b"- a\n- b\n", "x.yaml")


NO_SITE = MapContext()


def converted(text: str, context: MapContext = NO_SITE):
    return map_document(parse((HEAD + text).encode()), context=context)


def resource(mapped, kind: str) -> dict:
    return next(item.resource for item in mapped.items if item.resource["resourceType"] == kind)


def overlay(root: Path, text: str) -> Path:
    folder = root / "hl7v2" / "segments"
    folder.mkdir(parents=True)
    (folder / "PID.Patient.yaml").write_text(text, encoding="utf-8")
    return root


def test_an_overlay_replaces_adds_and_drops_rows_by_id(tmp_path: Path) -> None:
    over = overlay(
        tmp_path,
        "map: PID[Patient]\nrows:\n"
        "  - {id: PID-8, from: PID-8, to: gender, const: other}\n"
        "  - {id: PID-7, drop: true}\n"
        "  - {id: Z, from: ZPI-1, extension: 'https://x.example/z', to: valueString}\n",
    )
    text = "PID|1||1^^^A^MR||Doe^Ann||19800229|F\rZPI|special\r"
    plain, changed = converted(text), converted(text, MapContext(overlays=(over,)))
    assert (resource(plain, "Patient")["gender"], resource(changed, "Patient")["gender"]) == ("female", "other")
    assert "birthDate" not in resource(changed, "Patient")
    assert resource(changed, "Patient")["extension"] == [{"url": "https://x.example/z", "valueString": "special"}]
    assert "PID[1]-7[1].1" in {loss.source for loss in changed.losses}
    assert plain.map != changed.map


def test_the_version_is_of_the_files_that_were_used() -> None:
    def version(name: str) -> str:
        maps = Compiler(Library("hl7v2", (data_path("mappings"),)))
        maps.rules("ADT_A03") if name == "ORU_R01" else None
        maps.rules(name)
        return maps.version(name)

    fresh = Compiler(Library("hl7v2", (data_path("mappings"),)))
    fresh.rules("ORU_R01")
    assert fresh.version("ORU_R01") == version("ORU_R01")


def test_maps_are_compiled_once() -> None:
    roots = (data_path("mappings"),)
    assert compiler("hl7v2", roots).rules("CX[Identifier]") is compiler("hl7v2", roots).rules("CX[Identifier]")


def test_a_code_without_a_row_is_reported_and_lost() -> None:
    made = converted("PID|1||1^^^A^MR||Doe^Ann||19800229|Q\r")
    assert resource(made, "Patient")["gender"] == "unknown"
    assert ("PID[1]-8[1].1", "no row in the table administrative-sex") in {
        (loss.source, loss.reason) for loss in made.losses
    }
    assert any(f.expression == "PID[1]-8[1].1" and f.code == "code-invalid" for f in made.report.findings)


def test_every_leaf_is_cited_ignored_or_lost() -> None:
    parsed = parse((HEAD + "PID|1||1^^^A&1.2&ISO^MR||Doe^Ann\rZZZ|lost^here|x&y\r").encode())
    made = map_document(parsed, context=MapContext())
    cited = {part for origin in made.origins.values() for part in origin.source.split()}
    lost = {loss.source for loss in made.losses}
    leaves = {
        f"{s.name}[{s.ordinal}]-{f}[{r}].{c}" + (f".{u}" if u else "")
        for s in parsed.tree.segments
        for f, r, c, u, _ in s.positions()
    }
    assert leaves == cited | lost
    assert not cited & lost
    assert {"ZZZ[1]-1[1].1", "ZZZ[1]-1[1].2", "ZZZ[1]-2[1].1.1", "ZZZ[1]-2[1].1.2"} <= lost


def test_same_code_twice_is_two_results_and_never_an_overwrite() -> None:
    made = converted("PID|1||1^^^A^MR\rOBR|1||F1|X^Panel^L\rOBX|1|ST|A^B^L||one||||||F\rOBX|2|ST|A^B^L||two||||||F\r")
    found = [item.resource for item in made.items if item.resource["resourceType"] == "Observation"]
    assert [one["valueString"] for one in found] == ["one", "two"]
    assert len({one["id"] for one in found}) == 2


def test_two_doctors_with_one_number_are_told_apart() -> None:
    made = converted("PID|1||1^^^A^MR\rPV1|1|I|||||7^Who^Jane|7^Ref^Rob|7^Who^Jane\r")
    doctors = [item.resource for item in made.items if item.resource["resourceType"] == "Practitioner"]
    assert [one["name"][0]["family"] for one in doctors] == ["Who", "Ref"]
    people = [p["individual"]["reference"] for p in resource(made, "Encounter")["participant"]]
    assert people[0] == people[2] != people[1]


def test_each_result_belongs_to_its_own_patient_and_order() -> None:
    one = "PID|{0}||{0}^^^A^MR\rOBR|{0}||F{0}|X^Panel^L\rOBX|{0}|NM|K^K^L||{0}||||||F\rNTE|1||note {0}\r"
    made = converted(one.format(1) + one.format(2))
    patients = {
        i.resource["identifier"][0]["value"]: i.reference for i in made.items if i.resource["resourceType"] == "Patient"
    }
    for item in made.items:
        if item.resource["resourceType"] == "Observation":
            value = str(item.resource["valueQuantity"]["value"])
            assert item.resource["subject"]["reference"] == patients[value]
            assert item.resource["note"] == [{"text": f"note {value}"}]


def test_what_is_named_by_its_patient_is_named_by_its_own() -> None:
    one = "PID|{0}||{0}^^^A^MR\rAL1|1||^pollen\r"
    made = converted(one.format(1) + one.format(2))
    allergies = [item for item in made.items if item.resource["resourceType"] == "AllergyIntolerance"]
    assert len({item.reference for item in allergies}) == 2
    alone = converted("PID|1||2^^^A^MR\rAL1|1||^pollen\r")
    assert allergies[1].reference in {item.reference for item in alone.items}


def test_an_explicit_null_is_no_value_and_is_named() -> None:
    made = converted('PID|1||1^^^A^MR||""||""\r')
    assert not {"name", "birthDate", "_birthDate"} & resource(made, "Patient").keys()
    assert {loss.source for loss in made.losses if loss.reason == "explicit null"} == {"PID[1]-5[1].1", "PID[1]-7[1].1"}
