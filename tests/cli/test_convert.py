"""`gateway convert`: refusals first, then a site and its sender, a Provenance, and the sheet that explains a conversion."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from gateway import convert
from gateway.cli.convert import convert_command
from gateway.model.wire import read_json
from gateway.site import load_site
from gateway.store.keyring import create_site_key
from tests.house.source import ROOT

SITE = ROOT / "gateway/demo/site"
HOSPITAL = "hanbit-hospital"
MESSAGE = (
    b"MSH|^~\\&|HIS|HANBIT|IEUM|IEUM|20260301093000||ADT^A01^ADT_A01|C1|P|2.5.1\r"
    b"EVN|A01|20260301093000\rPID|1||H1^^^HANBIT^MR||Kim^Ieum||1980|F\rPV1|1|I\rZZZ|1\r"
)
BATCH = b"FHS|^~\\&|HIS\rBHS|^~\\&|HIS\r" + MESSAGE * 2 + b"BTS|2\rFTS|1\r"
app = typer.Typer()
app.command()(convert_command)


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a01.hl7").write_bytes(MESSAGE)
    return tmp_path / "a01.hl7"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def patient(bundle: Mapping[str, Any]) -> Mapping[str, Any]:
    (found,) = [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == "Patient"]
    return found  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "more",
    [("--sender", HOSPITAL), ("--site", SITE, "--sender", "nobody"), ("--site", "no-such-folder"), ("--site", ROOT / "mappings")],
)  # fmt: skip
def test_unusable_arguments(file: Path, more: tuple[object, ...]) -> None:
    assert run(file, *more).exit_code == 2


def test_no_file_and_no_document_in_a_folder(file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty/readme.txt").write_bytes(MESSAGE)
    for path in (tmp_path / "absent.hl7", tmp_path / "empty"):
        told = run(file, path)
        assert (told.exit_code, told.stdout) == (2, "")
        assert path.name in told.stderr


def test_what_cannot_be_read_is_said_and_stops_no_other(file: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.hl7").write_bytes(b"MSH|^^^^|")
    told = run(tmp_path / "bad.hl7", file)
    assert told.exit_code == 1
    assert "bad.hl7: The delimiters" in told.stderr
    assert read_json(told.stdout.encode())["resourceType"] == "Bundle"


def test_a_site_declares_systems_and_the_zone_of_a_sender(file: Path) -> None:
    alone = patient(read_json(run(file).stdout.encode()))
    named = read_json(run(file, "--site", SITE, "--sender", HOSPITAL).stdout.encode())
    assert patient(named)["identifier"][0]["system"] == "https://hanbit-hospital.example/fhir/sid/patient-number"
    assert patient(named)["identifier"][0]["system"] != alone["identifier"][0].get("system")
    assert named["timestamp"] == "2026-03-01T09:30:00+09:00"
    assert named == convert(MESSAGE, site=load_site(SITE), sender=HOSPITAL).content


def test_a_sender_whose_facility_the_document_names_needs_no_telling(file: Path, tmp_path: Path) -> None:
    import shutil

    site = tmp_path / "site"
    shutil.copytree(SITE, site)
    participant = site / "participants" / f"{HOSPITAL}.yaml"
    participant.write_text(participant.read_text("utf-8") + "facilities: [HANBIT]\n", "utf-8")
    (site / "mappings/senders" / HOSPITAL / "hl7v2/segments").mkdir(parents=True)
    overlay = site / "mappings/senders" / HOSPITAL / "hl7v2/segments/PID.Patient.yaml"
    overlay.write_text("map: PID[Patient]\nfrom: PID\nto: Patient\nrows:\n  - {id: PID-8, drop: true}\n", "utf-8")
    told = patient(read_json(run(file, "--site", site).stdout.encode()))
    assert told == patient(read_json(run(file, "--site", site, "--sender", HOSPITAL).stdout.encode()))
    assert "gender" not in told
    assert "gender" in patient(read_json(run(file, "--site", SITE, "--sender", HOSPITAL).stdout.encode()))


def test_ids_are_those_of_the_node_whose_data_directory_this_is(file: Path, tmp_path: Path) -> None:
    before = run(file, "--site", SITE).stdout
    create_site_key(tmp_path / "data/keys/site.key")
    after = run(file, "--site", SITE).stdout
    assert patient(read_json(before.encode()))["id"] != patient(read_json(after.encode()))["id"]
    assert run(file, "--site", SITE).stdout == after
    assert patient(read_json(run(file).stdout.encode()))["id"] == patient(convert(MESSAGE).content)["id"]


def test_without_a_key_none_is_made(file: Path, tmp_path: Path) -> None:
    assert run(file, "--site", SITE).exit_code == 0
    assert not (tmp_path / "data").exists()


def test_a_provenance_on_request(file: Path) -> None:
    told = read_json(run(file, "--provenance", "--site", SITE, "--sender", HOSPITAL).stdout.encode())
    assert told["entry"][-1]["resource"]["resourceType"] == "Provenance"
    assert told == read_json(run(file, "--provenance", "--site", SITE, "--sender", HOSPITAL).stdout.encode())


def test_a_batch_is_known_by_its_content_and_each_message_is_explained(tmp_path: Path) -> None:
    (tmp_path / "night.txt").write_bytes(BATCH)
    told = run(tmp_path / "night.txt", "--explain", "--out", tmp_path / "out")
    assert told.exit_code == 0, told.output
    sheets = [read_json(path.read_bytes()) for path in sorted((tmp_path / "out").iterdir())]
    assert [sheet["input"][0]["position"] for sheet in sheets] == ["MSH[1]", "MSH[1]"]
    assert {"from": "ZZZ[1]-1[1].1", "reason": "no rule", "ignored": False} in sheets[0]["losses"]


def test_documents_are_found_as_by_the_other_commands(file: Path, tmp_path: Path) -> None:
    """Of standard input, one on each line, and of a file behind what a tool wrote: each by its number where there are several."""
    alone = read_json(run(file).stdout.encode())
    piped = CliRunner().invoke(app, ["-"], input=MESSAGE)
    assert (piped.exit_code, read_json(piped.stdout.encode())) == (0, alone)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/lines.ndjson").write_bytes(
        b'{"resourceType":"Patient","id":"a"}\n\n{"resourceType":"Patient","id":"b"}\n'
    )
    (tmp_path / "in/export.hl7").write_bytes(b"exported by a tool\r" + MESSAGE)
    told = run(tmp_path / "in", "--from", "hl7v2", "--out", tmp_path / "v2")
    assert "export-1.hl7: The message does not start with MSH." in told.stderr
    assert read_json((tmp_path / "v2/export-2.json").read_bytes()) == alone
    assert run(tmp_path / "in/lines.ndjson", "--out", tmp_path / "fhir").exit_code == 0
    assert sorted(path.name for path in (tmp_path / "fhir").iterdir()) == ["lines-1.json", "lines-2.json"]
