"""`gateway maps …` as an analyst types it: check, explain, coverage, gaps, and a filled-in CSV loaded into the site."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.audit.row import row_of
from gateway.cli import app
from gateway.model.records import GapCount, Unit
from gateway.model.wire import read_json
from gateway.site.new import new_site
from gateway.store import open_store

MESSAGE = (
    "MSH|^~\\&|EMR|HOSPITAL|||20261105080000+0900||ADT^A01|C1|P|2.5\r"
    "PID|1||778899^^^A^MR||Secretname^Ann||19800229|F|||1 High St|||||QQ\rNK1|1|Other^Bea|Secretname\rZPI|private words|x\r"
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    new_site(tmp_path / "site")
    return tmp_path / "site"


def maps(*arguments: str | Path) -> Any:
    return CliRunner().invoke(app, ["maps", *(str(one) for one in arguments)])


def overlay(site: Path, text: str, of: str = "", name: str = "hl7v2/segments/PID.Patient.yaml") -> Path:
    path = site / "mappings" / of / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def messages(folder: Path, **texts: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.hl7").write_bytes(text.encode())
    return folder


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_site_is_checked_in_every_order(site: Path) -> None:
    assert maps("check", "--site", site).exit_code == 0
    overlay(site, "map: PID[Patient]\nrows:\n  - {id: PID-8, colour: red}\n", of="senders/hospital")
    overlay(site, "map: PID[Patient]\nrows: []\n", of="receivers/ghost")
    told = maps("check", "--site", site)
    assert told.exit_code == 1
    assert "mappings/senders/hospital/hl7v2/segments/PID.Patient.yaml:3: " in told.output
    assert "mappings/receivers/ghost:1: there is no such participant" in told.output


def test_an_overlay_alone_is_checked_and_tested(site: Path) -> None:
    overlay(site, "map: PID[Patient]\nrows:\n  - {id: PID-8, from: PID-8, to: gender, const: other}\n")
    assert maps("check", "--overlay", site / "mappings").exit_code == 0
    changed = maps("test", "--site", site)
    assert changed.exit_code == 1  # a test beside the rows says otherwise
    assert "PID.Patient.yaml:" in changed.output


def test_a_position_is_explained(site: Path) -> None:
    plain = maps("explain", "PID-8")
    assert plain.exit_code == 0
    assert "PID-8 becomes Patient.gender, by the code table administrative-sex" in plain.output
    overlay(
        site, "map: PID[Patient]\nrows:\n  - {id: PID-8, from: PID-8, to: gender, as: code}\n", of="senders/hospital"
    )
    told = maps("explain", "PID-8", "--site", site, "--sender", "hospital", "--json")
    (one, *_) = read_json(told.stdout_bytes)
    assert one["at"] == "mappings/senders/hospital/hl7v2/segments/PID.Patient.yaml:3"
    assert one["winsOver"][0].startswith("hl7v2/segments/PID.Patient.yaml:")
    assert maps("explain", "ZZZ-99").exit_code == 1
    assert maps("explain", "PID 5; x").exit_code == 2


def test_coverage_is_a_table_or_json(tmp_path: Path) -> None:
    table = maps("coverage", "--missing")
    assert table.exit_code == 0
    assert "PID" in table.output
    found = read_json(maps("coverage", "--json").stdout_bytes)
    assert found["summary"]["PID"]["rule"] > 25
    assert {one["state"] for one in found["positions"]} == {"rule", "ignored", "none"}
    assert maps("coverage", "--guide", tmp_path).exit_code == 2


def test_gaps_are_counted_by_sender_and_hold_no_values_of_people(tmp_path: Path, site: Path) -> None:
    old = MESSAGE.replace("20261105080000", "20251105080000")
    folder = messages(tmp_path / "in", one=MESSAGE, two=MESSAGE.replace("C1", "C2"), old=old)
    told = maps("gaps", folder, "--since", "2026-11-01", "--site", site)
    assert told.exit_code == 0
    found = lines(told.stdout)
    assert {row["sender"] for row in found} == {"HOSPITAL|EMR"}
    codes = {(row["table"], row["code"]): row["count"] for row in found if row["what"] == "code"}
    assert codes["marital-status", "QQ"] == "2"
    assert codes["relationship", "(not shown)"] == "2"
    fields = {row["position"]: row["count"] for row in found if row["what"] == "field"}
    assert fields["ZPI-1.1"] == fields["ZPI-2.1"] == "2"
    for value in ("Secretname", "Ann", "778899", "private", "19800229", "High"):
        assert value not in told.output


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    folder = messages(tmp_path / "in", one=MESSAGE, broken="PID|1|no header")
    out = tmp_path / "gaps.csv"
    told = maps("gaps", folder, "--out", out)
    assert told.exit_code == 1
    assert "broken.hl7" in told.stderr
    assert "marital-status" in out.read_text("utf-8")
    assert maps("gaps", folder, "--since", "yesterday").exit_code == 2


def test_a_batch_is_read_message_by_message(tmp_path: Path, site: Path) -> None:
    batch = "FHS|^~\\&\rBHS|^~\\&\r" + MESSAGE + "MSH|no header\r" + MESSAGE.replace("C1", "C2") + "BTS|3\rFTS|1\r"
    told = maps("gaps", messages(tmp_path / "in", night=batch), "--site", site)
    assert told.exit_code == 1
    assert "2 documents" in told.stderr
    assert "1 not read" in told.stderr
    codes = {(row["table"], row["code"]): row["count"] for row in lines(told.stdout)}
    assert codes["marital-status", "QQ"] == "2"


def test_an_empty_folder_is_no_use(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    assert maps("gaps", tmp_path / "in").exit_code == 2


@pytest.fixture
def store(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("GATEWAY_DATABASE_URL", store_url)
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "var"))
    opened = open_store(store_url, place=row_of)
    yield opened
    opened.close()


def test_what_a_node_has_counted_is_a_csv_to_load(tmp_path: Path, site: Path, store: Any) -> None:
    rows = [
        GapCount("2026-10-31", "hospital", "code", "", "marital-status", "QQ", 5),
        GapCount("2026-11-01", "hospital", "code", "", "marital-status", "QQ", 2),
        GapCount("2026-11-02", "hospital", "field", "ZPI-1.1", "", "", 2),
    ]
    store.commit(Unit(tuple(rows))).result()
    told = maps("gaps", "--since", "2026-11-01", "--site", site)
    assert told.exit_code == 0, told.output
    found = lines(told.stdout)
    assert [(row["what"], row["code"], row["count"]) for row in found] == [("code", "QQ", "2"), ("field", "", "2")]
    (code, field) = found
    assert "PID-16" in code["position"].split()
    assert field["position"] == "ZPI-1.1"
    code |= {"target": "M", "source": "agreed with the hospital"}
    field |= {"because": "notes of the ward"}
    text = io.StringIO()
    writer = csv.DictWriter(text, code)
    writer.writeheader()
    writer.writerows((code, field))
    assert maps("load", filled(tmp_path, text.getvalue()), "--site", site).exit_code == 0


def test_without_documents_there_has_to_be_a_site(tmp_path: Path) -> None:
    told = maps("gaps", "--since", "2026-11-01")
    assert (told.exit_code, "--site" in told.stderr) == (2, True)


HEAD = "sender,what,position,table,code,count,id,target,display,system,source,because\n"
CODE = "hospital,code,PID-16,marital-status,QQ,2,,M,Married,,agreed with the hospital 2026-11-06,\n"
FIELD = 'hospital,field,ZPI-1.1,,,2,,,,,,"notes: of ""the""\nward"\n'
EMPTY = "hospital,code,PID-8,administrative-sex,Z,1,,,,,,\n"


def filled(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "filled.csv"
    path.write_text(text, "utf-8")
    return path


def test_what_was_filled_in_is_loaded_and_the_gap_is_closed(tmp_path: Path, site: Path) -> None:
    participant = site / "participants" / "hospital.yaml"
    participant.write_text(participant.read_text("utf-8") + '\nfacilities: ["HOSPITAL"]\n', "utf-8")
    folder = messages(tmp_path / "in", one=MESSAGE)
    before = lines(maps("gaps", folder, "--site", site).stdout)
    assert [row["sender"] for row in before if row["code"] == "QQ" and "PID-16" in row["position"].split()] == [
        "hospital"
    ]
    told = maps("load", filled(tmp_path, HEAD + CODE + FIELD + EMPTY), "--site", site)
    assert (told.exit_code, told.stderr.strip()) == (0, "2 rows loaded")
    root = site / "mappings" / "senders" / "hospital" / "hl7v2"
    assert (
        root.joinpath("codes", "marital-status.csv").read_text("utf-8").splitlines()[1].startswith("QQ,QQ,M,Married,")
    )
    assert (
        root.joinpath("messages", "message.yaml").read_text("utf-8").endswith("  ZPI-1.1: \"notes: of 'the' ward\"\n")
    )
    after = {(row["code"], row["position"]) for row in lines(maps("gaps", folder, "--site", site).stdout)}
    assert "QQ" not in {code for code, _ in after}
    assert ("", "ZPI-1.1") not in after
    assert ("", "ZPI-2.1") in after


def test_a_row_goes_into_the_columns_that_the_file_has(tmp_path: Path, site: Path) -> None:
    name = "hl7v2/codes/marital-status.csv"
    path = overlay(site, "source,id,target,code\nours,X,S,X", "senders/hospital", name)
    assert maps("load", filled(tmp_path, HEAD + CODE), "--site", site).exit_code == 0
    assert path.read_text("utf-8").splitlines()[-1] == "agreed with the hospital 2026-11-06,QQ,M,QQ"


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (HEAD + CODE.replace("hospital,code", "ghost,code"), 2, "line 2: sender: there is no such participant"),
        (HEAD + CODE.replace("marital-status", "../../x"), 2, "filled.csv:2: table: "),
        (HEAD + CODE.replace("agreed with the hospital 2026-11-06", ""), 2, "filled.csv:2: source: "),
        (HEAD + CODE.replace("QQ", "(not shown)"), 2, "filled.csv:2: code: "),
        (HEAD + FIELD.replace("ZPI-1.1", "all"), 2, "filled.csv:2: position: "),
        ("sender,what\n", 2, "filled.csv:1: columns missing: "),
        (HEAD + CODE + CODE, 1, "mappings/senders/hospital/hl7v2/codes/marital-status.csv:3: "),
        (HEAD + CODE.replace("marital-status", "no-table"), 1, "codes/no-table.csv:1: nothing reads this file"),
    ],
)
def test_all_or_nothing(tmp_path: Path, site: Path, text: str, code: int, said: str) -> None:
    told = maps("load", filled(tmp_path, text), "--site", site)
    assert told.exit_code == code
    assert said in told.output
    assert [path for path in (site / "mappings").rglob("*") if path.is_file()] == []


def test_a_file_of_another_form_is_left_to_people(tmp_path: Path, site: Path) -> None:
    path = overlay(site, "map: message\nignore: {ZPI-2: known}\n", "senders/hospital", "hl7v2/messages/message.yaml")
    told = maps("load", filled(tmp_path, HEAD + FIELD), "--site", site)
    assert told.exit_code == 2
    assert "by hand" in told.output
    assert path.read_text("utf-8") == "map: message\nignore: {ZPI-2: known}\n"
