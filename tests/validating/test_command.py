"""`gateway validate`: exit codes, JSON, words for people, folders, lines of a file, standard input, and what a terminal shows."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from gateway.cli import app as cli
from gateway.cli.documents import documents, found
from gateway.cli.findings import Page, Words
from gateway.cli.packages import app as packages
from gateway.cli.validate import judge_for, validate_command
from gateway.model.report import Report
from gateway.model.wire import read_json
from gateway.validating import Validator

app = typer.Typer()
app.command("validate")(validate_command)
app.add_typer(packages, name="packages")
ROOT = Path(__file__).resolve().parents[2]
GOOD = b'{"resourceType":"Patient","active":true}'
BAD = b'{\n  "resourceType": "Patient",\n  "name": [{"family": "\xea\xb9\x80"}], "gender": "man"\n}\n'
BROKEN = b'{\n"resourceType":"Patient"\n"active":true}'
MESSAGE = (
    b"MSH|^~\\&|HIS|H|IEUM|IEUM|20260301093000+0900||ADT^A01^ADT_A01|1|P|2.5.1\r"
    b"EVN|A01|20260301093000+0900\rPID|1||H1^^^H^MR||Kim||1980x|F\rPV1|1|I\r"
)
XML = b'<Patient xmlns="http://hl7.org/fhir">\n <gender value="man"/>\n</Patient>'
PROFILE = {
    "resourceType": "StructureDefinition", "url": "http://example.org/StructureDefinition/p", "name": "P", "status": "draft",
    "kind": "resource", "abstract": False, "type": "Patient", "derivation": "constraint",
    "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
    "differential": {"element": [{"id": "Patient", "path": "Patient"}, {"id": "Patient.birthDate", "path": "Patient.birthDate", "min": 1}]},
}  # fmt: skip


@pytest.fixture
def files(tmp_path):
    bodies = {"good.json": GOOD, "bad.json": BAD, "broken.json": BROKEN, "a01.hl7": MESSAGE, "p.xml": XML}
    for name, body in bodies.items():
        (tmp_path / name).write_bytes(body)
    (tmp_path / "profile.json").write_text(json.dumps(PROFILE))
    return {path.name: str(path) for path in tmp_path.iterdir()}


def run(*arguments, **more):
    return CliRunner().invoke(app, ["validate", *arguments], **more)


@pytest.mark.parametrize(
    "arguments",
    [
        (), ("no-such-file",), ("--as", "../x"), ("--as", "no_such_standard"), ("--package", "no-such-file"), ("--level", "loud"),
        ("--lang", "tlh"), ("--resource", "no-such-file"), ("--what",),
    ],
)  # fmt: skip
def test_unusable_arguments(arguments, files):
    given = arguments if arguments in ((), ("no-such-file",)) else (*arguments, files["good.json"])
    assert run(*given).exit_code == 2


def test_an_empty_folder_is_no_document(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "picture.png").write_bytes(b"x")
    result = run(str(tmp_path / "empty"))
    assert result.exit_code == 2
    assert "no documents" in result.stderr


def test_a_package_that_is_none(files):
    result = run("--package", files["good.json"], files["good.json"])
    assert result.exit_code == 2
    assert "good.json" in result.stderr


def test_a_resource_that_is_none_is_named_with_its_place(files):
    result = run("--resource", files["broken.json"], files["good.json"])
    assert result.exit_code == 2
    assert "broken.json:2:" in result.stderr
    assert "comma" in result.stderr
    assert run("--resource", files["good.json"], files["good.json"]).exit_code == 2


def test_errors_with_place_and_count(files):
    result = run(files["bad.json"], files["good.json"])
    assert result.exit_code == 1
    assert "3:40  error    Patient.gender  [binding-required]" in result.stdout
    assert "2 documents checked: 1 error, 0 warnings, 0 hints" in result.stdout
    assert f"{files['good.json']}  ok" in result.stdout


def test_no_line_of_a_document_is_shown_where_nobody_looks(files):
    assert "\N{HANGUL SYLLABLE GIM}" not in run(files["bad.json"]).stdout


def test_what_cannot_be_read_has_a_place(files):
    result = run(files["broken.json"])
    assert result.exit_code == 1
    assert "2:25" in result.stdout
    assert "A comma is missing here." in result.stdout


def test_a_document_of_no_standard_is_an_error(tmp_path):
    (tmp_path / "x.json").write_bytes(b"hello")
    result = run(str(tmp_path / "x.json"))
    assert result.exit_code == 1
    assert "[standard-unknown]" in result.stdout


def test_json_of_one_and_of_many(files):
    one = json.loads(run("--json", files["bad.json"]).stdout)
    assert one["issue"][0]["expression"] == ["Patient.gender"]
    assert one["issue"][0]["location"] == ["3:40"]
    assert "extension" not in one
    lines = run("--json", files["bad.json"], files["good.json"], files["a01.hl7"]).stdout.splitlines()
    outcomes = [json.loads(line) for line in lines]
    assert [o["issue"][0]["severity"] for o in outcomes] == ["error", "information", "warning"]
    assert [o["extension"][0]["valueString"] for o in outcomes] == [
        files[n] for n in ("bad.json", "good.json", "a01.hl7")
    ]
    for outcome in outcomes:
        assert [
            f for f in Validator().report(read_json(json.dumps(outcome).encode())).findings if f.severity == "error"
        ] == []


def test_fine(files):
    assert run(files["good.json"]).exit_code == 0
    assert run("--as", "fhir", files["good.json"]).exit_code == 0


def test_a_profile_that_is_nowhere_is_refused(files):
    """Or a job with a misspelt address would be green for ever."""
    assert run("--profile", "http://example.org/none", files["good.json"]).exit_code == 2


def test_a_profile_in_a_file(files):
    url = PROFILE["url"]
    assert run("--resource", files["profile.json"], files["good.json"]).exit_code == 0
    result = run("--resource", files["profile.json"], "--profile", url, files["good.json"])
    assert result.exit_code == 1
    assert "birthDate" in result.stdout


def test_every_standard_in_one_folder(files, tmp_path):
    result = run(str(tmp_path), "--as", "")
    assert result.exit_code == 1
    for said in ("bad.json", "p.xml", "2:2", "a01.hl7", "3:24  warning  PID[1]-7[1].1", "6 documents checked"):
        assert said in result.stdout


def test_hidden_files_and_other_endings_are_passed_over(tmp_path):
    (tmp_path / ".git").mkdir()
    for name in (".git/x.json", ".hidden.json", "notes.txt", "a.json"):
        (tmp_path / name).write_bytes(GOOD)
    assert [path.name for path in found([tmp_path])] == ["a.json"]


def test_each_line_of_a_file(tmp_path):
    path = tmp_path / "many.ndjson"
    rows = [
        GOOD,
        b"",
        b'{"resourceType":"Patient","name":[{"text":"a\xe2\x80\xa8b"}]}',
        BAD.replace(b"\n", b""),
        b'{"resourceType":"Patient",}',
    ]
    path.write_bytes(b"\n".join(rows))
    result = run(str(path))
    assert result.exit_code == 1
    assert f"{path}:1  ok" in result.stdout
    assert f"{path}:3  ok" in result.stdout
    assert f"{path}:4\n" in result.stdout
    assert "    4:69  error    Patient.gender" in result.stdout
    assert "5:26" in result.stdout
    assert "4 documents checked: 2 errors" in result.stdout
    assert len(run("--json", str(path)).stdout.splitlines()) == 4


def test_a_line_over_the_limit_is_one_finding(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.cli.documents.MAX_BYTES", 100)
    path = tmp_path / "many.ndjson"
    path.write_bytes(b"x" * 1000 + b"\n" + GOOD)
    assert [(len(d.body), d.line) for d in documents([path])] == [(101, 0), (len(GOOD), 1)]


def test_standard_input(files):
    result = run("-", input=BAD)
    assert result.exit_code == 1
    assert "(stdin)" in result.stdout
    assert run("-", input=GOOD).exit_code == 0


def test_the_least_that_is_shown(files):
    result = run("--level", "error", files["a01.hl7"])
    assert result.exit_code == 0
    assert "PID" not in result.stdout
    assert "1 warning" in result.stdout


def test_findings_of_one_kind_are_counted_unless_all_are_wanted(tmp_path):
    path = tmp_path / "many.json"
    path.write_text('{"resourceType":"Patient","contact":[{"gender":"x"}' + ',{"gender":"x"}' * 9 + "]}")
    few, all_of_them = run(str(path)).stdout, run("--verbose", str(path)).stdout
    assert few.count("[binding-required]") == 3
    assert "and 7 more like this" in few
    assert all_of_them.count("[binding-required]") == 10
    assert "http://hl7.org/fhir/R4/terminologies.html#required" in all_of_them


def test_of_many_only_those_with_findings_are_listed(tmp_path):
    for number in range(25):
        (tmp_path / f"{number:02}.json").write_bytes(BAD if number == 7 else GOOD)
    result = run(str(tmp_path))
    assert "07.json" in result.stdout
    assert "08.json" not in result.stdout
    assert "08.json" in run("--verbose", str(tmp_path)).stdout
    assert "25 documents checked: 1 error" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ((), {"LANG": "ko_KR.UTF-8"}, "문서 1건 검사: 오류 1건"),
        (("--lang", "ko"), {"LANG": "C"}, "문서 1건 검사: 오류 1건"),
        (("--lang", "en"), {"LANG": "ko_KR.UTF-8"}, "1 document checked: 1 error"),
        ((), {"LC_ALL": "C", "LANG": "ko_KR.UTF-8"}, "1 document checked: 1 error"),
    ],
)
def test_the_language_of_the_frame(arguments, environment, said, files, monkeypatch):
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    assert said in run(*arguments, files["bad.json"], env=environment).stdout


def test_both_languages_say_the_same_things():
    words = json.loads((ROOT / "gateway/cli/words.json").read_text("utf-8"))
    assert words["en"].keys() == words["ko"].keys()
    for name in words["en"]:
        assert ("{n}" in words["en"][name]) <= ("{n}" in words["ko"][name])


def shown(path, lang="en", **more):
    """What a terminal shows, without its colours."""
    console = Console(record=True, force_terminal=True, width=100, file=io.StringIO(), highlight=False)
    page = Page(console, Words.of(lang), **more)
    judge = judge_for("")
    for document in documents(found([Path(path)])):
        page.show(document, Report(judge(document.body).findings))
    page.total()
    return console.export_text()


def test_a_terminal_shows_the_line_and_a_mark_under_the_place(files):
    rows = shown(files["bad.json"]).splitlines()
    at = next(number for number, row in enumerate(rows) if row.strip() == "| ^" or row.rstrip().endswith("^"))
    line, mark = rows[at - 1], rows[at]
    before = line[: line.index('"man"')]
    width = len(before) + sum("\uac00" <= sign <= "\ud7a3" for sign in before)  # Hangul takes two columns
    assert mark.index("^") == width


def test_a_terminal_shows_a_long_line_around_the_place(tmp_path):
    path = tmp_path / "long.json"
    path.write_text(
        '{"resourceType":"Patient","id":"'
        + "x" * 60
        + '","name":['
        + '{"text":"a"},' * 500
        + '{"text":1}],"active":true}'
    )
    rows = shown(path).splitlines()
    line = next(row for row in rows if '{"text":1}' in row)
    assert "…" in line
    assert all(len(row) <= 100 for row in rows if "|" in row)


def test_nothing_in_a_document_can_steer_a_terminal(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"resourceType":"Patient","gender":"\\u001b[31mred\\u202e","\\u001b]0;x":1}')
    text = shown(path)
    assert "\x1b" not in text
    assert "\u202e" not in text
    (tmp_path / "y.json").write_bytes(b"\x1b[2J hello")
    assert "\x1b[2J" not in shown(tmp_path / "y.json")


def test_the_command_itself(files):
    """In a process of its own, as people start it, on a terminal that knows ASCII only."""
    clean = {**{k: v for k, v in os.environ.items() if not k.startswith(("LC_", "LANG"))}, "PYTHONIOENCODING": "ascii"}
    asked = [sys.executable, "-m", "gateway", "validate", "--lang", "ko", files["bad.json"]]
    done = subprocess.run(asked, capture_output=True, text=True, cwd=ROOT, env=clean, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert "3:40" in done.stdout


def test_compile_refuses_another_wheel(files, tmp_path):
    result = CliRunner().invoke(app, ["packages", "compile", files["good.json"], "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_an_installed_package_is_named_by_name_and_version(tmp_path, monkeypatch):
    monkeypatch.setenv("GATEWAY_DATA_DIR", str(tmp_path / "data"))
    package = tmp_path / "pack" / "package"
    package.mkdir(parents=True)
    manifest = {"name": "example.pack", "version": "1.0.0", "fhirVersions": ["4.0.1"], "dependencies": {}}
    (package / "package.json").write_text(json.dumps(manifest))
    profile = {
        "resourceType": "StructureDefinition", "id": "born", "url": "http://example.org/born", "name": "Born", "status": "active",
        "kind": "resource", "abstract": False, "type": "Patient", "derivation": "constraint",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient",
        "differential": {"element": [{"id": "Patient.birthDate", "path": "Patient.birthDate", "min": 1}]},
    }  # fmt: skip
    (package / "StructureDefinition-born.json").write_text(json.dumps(profile))
    document = tmp_path / "p.json"
    document.write_text('{"resourceType": "Patient", "meta": {"profile": ["http://example.org/born"]}}')
    run = CliRunner().invoke
    assert run(cli, ["validate", "--package", "example.pack#1.0.0", str(document)]).exit_code == 2
    assert run(cli, ["packages", "add", str(tmp_path / "pack")]).exit_code == 0
    found = run(cli, ["validate", "--package", "example.pack#1.0.0", "--json", str(document)])
    assert found.exit_code == 1
    assert "profile-min" in found.output
    assert run(cli, ["validate", "--package", "example.pack#2.0.0", str(document)]).exit_code == 2


BATCH = (
    b"FHS|^~\\&|HIS\rBHS|^~\\&|HIS\r"
    + MESSAGE.replace(b"1980x", b"1980")
    + MESSAGE
    + b"MSH|^^^^|\r"
    + b"BTS|4\rFTS|1\r"
)


def test_every_message_of_a_batch_is_judged_with_its_lines_in_the_file(tmp_path):
    (tmp_path / "night.hl7").write_bytes(BATCH)
    (tmp_path / "night.txt").write_bytes(BATCH)
    for name in ("night.hl7", "night.txt"):
        result = run("--json", str(tmp_path / name))
        told = [json.loads(line) for line in result.stdout.splitlines()]
        assert result.exit_code == 1
        assert [outcome["extension"][0]["valueString"].removeprefix(str(tmp_path / name)) for outcome in told] == [
            ":3", ":7", ":11", "",
        ]  # fmt: skip
        assert [any(i["severity"] in ("error", "fatal") for i in o["issue"]) for o in told] == [
            False,
            False,
            True,
            True,
        ]
        places = {i["location"][0] for o in told for i in o["issue"] if "location" in i}
        assert any(place.startswith("9:") for place in places)  # PID-7 of the second message
        assert "12:1" in places  # BTS-1


def test_a_batch_on_a_page_counts_its_messages_and_shows_their_lines(tmp_path):
    (tmp_path / "night.hl7").write_bytes(BATCH)
    result = run("--lang", "en", str(tmp_path / "night.hl7"))
    assert "3 documents checked" in result.stdout
    assert "found 3   expected 4" in result.stdout
    assert run("--lang", "en", "-", input=BATCH).stdout.replace("(stdin)", str(tmp_path / "night.hl7")) == result.stdout
    alone = run("--json", str(tmp_path / "night.hl7"), "--as", "fhir")
    assert json.loads(alone.stdout)["issue"][0]["severity"] == "fatal"


def test_a_pipe_is_read_as_a_file_is(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with subprocess.Popen([sys.executable, "-c", f"open({str(tmp_path / 'pipe')!r}, 'wb').write({MESSAGE!r})"]):
        assert "PID-7" in run("--lang", "en", str(tmp_path / "pipe")).stdout
