"""The grammar of HL7 v2 over its data: what is missing, what is odd, who owns which segment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.data import data_path
from gateway.errors import Invalid
from gateway.standards.hl7v2 import check, parse
from gateway.standards.hl7v2.message import read_message
from gateway.standards.hl7v2.structure import fields_of, groups, structure_of
from gateway.validating.grammar import Group

FILES = sorted(data_path("validators", "hl7v2").glob("**/*.yaml"))
SCHEMA = jsonschema.Draft202012Validator(json.loads(data_path("validators", "rule.schema.json").read_text()))


def message(trigger: str, *segments: str) -> bytes:
    header = f"MSH|^~\\&|A|H1|GW|KR|20261122090000||{trigger}|1|P|2.5.1"
    return "".join(line + "\r" for line in (header, *segments)).encode()


def shape(group: Group, names: list[str]) -> Any:
    return {group.name: [names[c] if isinstance(c, int) else shape(c, names) for c in group.children]}


def tree(trigger: str, *segments: str) -> Any:
    found = read_message(message(trigger, *segments))
    return shape(groups(found)[0], [s.name for s in found.segments])


def noted(body: bytes) -> set[tuple[str, str]]:
    return {(f.severity, f.expression) for f in check(parse(body)).findings}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.stem))
def test_rule_files_are_well_formed(path: Path) -> None:
    rules = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert [error.message for error in SCHEMA.iter_errors(rules)] == []
    ids = list(ids_of(rules.get("rows") or rules.get("children") or rules["fields"]))
    assert len(ids) == len(set(ids))


def ids_of(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield row["id"]
        yield from ids_of(row.get("children", []))


def test_every_structure_that_a_trigger_names_is_described() -> None:
    rows = yaml.safe_load(data_path("validators", "hl7v2", "structures.yaml").read_text())["rows"]
    assert [row["structure"] for row in rows if structure_of(row["structure"]) is None] == []
    triggers = [trigger for row in rows for trigger in row["triggers"]]
    assert len(triggers) == len(set(triggers))


PID, EVN, PV1 = "PID|1||p1^^^H1^MR||Kim^A", "EVN||20261122", "PV1|1|I"
OBR, OBX = "OBR|1|||X^x", "OBX|1|ST|c||v||||||F"

MISSING = [
    (message("ADT^A01", EVN, PV1), "PID"),
    (message("ADT^A03", EVN, PID), "PV1"),
    (message("ADT^A04", PID, PV1), "EVN"),
    (message("ADT^A40", EVN, PID), "MRG"),
    (message("ADT^A40", EVN), "PID"),
    (message("ORU^R01", PID), "OBR"),
    (message("ACK"), "MSA"),
    (message("ADT^A01", EVN, "PID|1||p1", PV1), "PID[1]-5"),
    (message("ADT^A01", EVN, "PID|1||||Kim", PV1), "PID[1]-3"),
    (message("ADT^A01", EVN, PID, "PV1|1"), "PV1[1]-2"),
    (message("ORU^R01", PID, OBR, "OBX|1|ST|c||v"), "OBX[1]-11"),
]


@pytest.mark.parametrize(("body", "where"), MISSING)
def test_what_is_required_is_missed(body: bytes, where: str) -> None:
    assert ("error", where) in noted(body)


SOUND = [
    message("ADT^A01", EVN, PID, PV1, "AL1|1||x", "DG1|1||I10||20260101|A"),
    message("ADT^A08", EVN, PID, "NK1|1|Kim^B", PV1, "OBX|1|NM|c||7.5||||||F"),
    message("ADT^A40", EVN, PID, "MRG|p2^^^H1^MR"),
    message("ORU^R01", PID, OBR, OBX, "NTE|1||n"),
    message("ACK", "MSA|AA|1"),
]


@pytest.mark.parametrize("body", SOUND)
def test_sound_messages_have_no_finding(body: bytes) -> None:
    assert check(parse(body), at_door=True).findings == ()


VALUES = [
    ("PID|1||p1||K||19801341", "PID[1]-7[1].1"),
    ("PID|x||p1||K", "PID[1]-1[1].1"),
    ("PID|1||p1||K|" + "|" * 23 + "|maybe", "PID[1]-30[1].1"),
    ("PID|1||p1||K||19800101~19800102", "PID[1]-7"),
    ("OBX|1|NM|c||abc||||||F", "OBX[1]-5[1].1"),
    ("OBX|1|DT|c||2026010112||||||F", "OBX[1]-5[1].1"),
    ("OBX|1|TM|c||2560||||||F", "OBX[1]-5[1].1"),
    ("OBX|1|QQ|c||1||||||F", "OBX[1]-2[1].1"),
    ("OBX|1|ST|c||1||||||9", "OBX[1]-11[1].1"),
]


@pytest.mark.parametrize(("segment", "where"), VALUES)
def test_values_against_their_types_and_tables(segment: str, where: str) -> None:
    assert ("warning", where) in noted(message("ADT^A01", EVN, segment))


def test_findings_hold_positions_and_no_values() -> None:
    found = check(parse(message("ADT^A01", EVN, "PID|1||p1||K||SECRET"))).findings
    assert not any("SECRET" in repr(finding) for finding in found)
    assert all(finding.rule for finding in found)


def test_findings_are_bounded() -> None:
    found = check(parse(message("ORU^R01", *["OBX|1|NM|c||" + "x~" * 2_000 + "||||||F"] * 20))).findings
    assert len(found) < 3_000
    assert "hl7v2-findings-limit" in {finding.rule for finding in found}


CIRCULAR = [
    ("PID|1||p1^^^H1^MR", "MRG|p1^^^H1^MR"),
    ("PID|1||p1^^^H1^MR", "MRG|p1"),
    ("PID|1||p1^^^H1&1.2&ISO^MR~900101^^^GOV", "MRG|p1^^^H1&1.2&ISO^MR"),
    ("PID|1||p1^^^H1^MR", "MRG|p2^^^H1^MR~p1^^^H1^MR"),
    ("PID|1||p1^^^H1", "MRG|p2^^^H1", "PID|2||p2^^^H1", "MRG|p1^^^H1"),
    ("PID|1||p1^^^H1", "MRG|p2^^^H1", "PID|2||p3^^^H1", "MRG|p1^^^H1", "PID|3||p2^^^H1", "MRG|p3^^^H1"),
]


@pytest.mark.parametrize("segments", CIRCULAR)
def test_a_merge_into_oneself_is_refused_at_the_door(segments: tuple[str, ...]) -> None:
    found = parse(message("ADT^A40^ADT_A39", EVN, *segments))
    with pytest.raises(Invalid) as caught:
        check(found, at_door=True)
    assert all(place.startswith("MRG[") for place in caught.value.positions)
    assert not check(found).ok


STRAIGHT = [
    ("PID|1||p1^^^H1^MR", "MRG|p2^^^H1^MR"),
    ("PID|1||p1^^^H1^MR", "MRG|p1^^^H2^MR"),
    ("PID|1||p1^^^H1^MR~p2^^^H1^MR", "MRG|p2^^^H1^MR"),
    ("PID|1||p1^^^H1", "MRG|p2^^^H1", "PID|2||p1^^^H1", "MRG|p3^^^H1"),
    ("PID|1||p1^^^H1", "MRG|p2^^^H1", "PID|2||p3^^^H1", "MRG|p1^^^H1"),
]


@pytest.mark.parametrize("segments", STRAIGHT)
def test_other_merges_pass(segments: tuple[str, ...]) -> None:
    assert check(parse(message("ADT^A40^ADT_A39", EVN, *segments)), at_door=True) is not None


def test_results_belong_to_their_orders() -> None:
    found = tree(
        "ORU^R01", PID, "NTE|1", PV1, "ORC|RE", OBR, "NTE|1", OBX, "NTE|1", OBX, "SPM|1", OBX, OBR, OBX, PID, OBR, OBX
    )
    assert found == {"ORU_R01": ["MSH", {"PATIENT_RESULT": [
        {"PATIENT": ["PID", "NTE", {"VISIT": ["PV1"]}]},
        {"ORDER_OBSERVATION": [{"COMMON_ORDER": ["ORC"]}, "OBR", "NTE", {"OBSERVATION": ["OBX", "NTE"]}, {"OBSERVATION": ["OBX"]},
                               {"SPECIMEN": ["SPM", {"SPECIMEN_OBSERVATION": ["OBX"]}]}]},
        {"ORDER_OBSERVATION": ["OBR", {"OBSERVATION": ["OBX"]}]},
    ]}, {"PATIENT_RESULT": [{"PATIENT": ["PID"]}, {"ORDER_OBSERVATION": ["OBR", {"OBSERVATION": ["OBX"]}]}]}]}  # fmt: skip


def test_merges_come_in_pairs() -> None:
    assert tree("ADT^A40", EVN, PID, "MRG|2", PID, "PD1", "MRG|3") == {
        "ADT_A39": ["MSH", "EVN", {"PATIENT": ["PID", "MRG"]}, {"PATIENT": ["PID", "PD1", "MRG"]}]
    }


def test_what_stands_elsewhere_is_kept_and_noted() -> None:
    body = message("ADT^A01", PV1, EVN, PID, "ZAB|1", "RXA|0", PID, OBX)
    found = noted(body)
    assert {
        ("warning", "EVN[1]"),
        ("warning", "PID[1]"),
        ("warning", "PID[2]"),
        ("warning", "RXA[1]"),
        ("information", "ZAB[1]"),
    } <= found
    assert not any(severity == "error" and "-" not in where for severity, where in found)


def test_an_observation_without_its_order_opens_the_group() -> None:
    found = read_message(message("ORU^R01", OBX))
    _, report = groups(found)
    assert tree("ORU^R01", PV1, OBX)["ORU_R01"][0] == "MSH"
    assert ("error", "required") in {(f.severity, f.code) for f in report.findings}


def test_an_unknown_structure_is_flat() -> None:
    assert tree("ZZZ^Z99", PID, OBX) == {"": ["MSH", "PID", "OBX"]}
    assert tree("ZZZ^Z99^../../x", PID) == {"../../x": ["MSH", "PID"]}
    assert ("information", "MSH-9") in noted(message("ZZZ^Z99", PID))
    assert fields_of("../") == ()


NAMES = st.sampled_from(
    [
        "PID",
        "PD1",
        "NK1",
        "NTE",
        "PV1",
        "PV2",
        "ORC",
        "OBR",
        "OBX",
        "SPM",
        "MRG",
        "EVN",
        "ROL",
        "PR1",
        "IN1",
        "ZZZ",
        "RXA",
    ]
)


@given(
    st.lists(NAMES, max_size=30), st.sampled_from(["ORU^R01", "ADT^A01", "ADT^A40", "ORM^O01", "OML^O21", "ZZZ^Z99"])
)
def test_every_segment_has_one_parent(names: list[str], trigger: str) -> None:
    found = read_message(message(trigger, *names))
    group, _ = groups(found)
    assert sorted(group.indexes()) == list(range(len(found.segments)))


def test_the_samples_keep_every_segment() -> None:
    folder = Path(__file__).parents[3] / ".." / "shared" / "samples" / "hl7v2"
    if not folder.exists():
        pytest.skip("the shared samples are not beside this checkout")
    for path in sorted(folder.glob("**/*.hl7")):
        found = parse(path.read_bytes())
        group, _ = groups(found.tree)
        assert sorted(group.indexes()) == list(range(len(found.tree.segments))), path.name
        check(found)
