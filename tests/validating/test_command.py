"""`gateway validate`: exit codes, JSON, and words for people."""

import json

import pytest
import typer
from typer.testing import CliRunner

from gateway.cli.packages import app as packages
from gateway.cli.validate import told, validate_command

app = typer.Typer()
app.command("validate")(validate_command)
app.add_typer(packages, name="packages")
GOOD = b'{"resourceType":"Patient","active":true}'
BAD = b'{"resourceType":"Patient","gender":"man"}'


@pytest.fixture
def files(tmp_path):
    paths = {"good": tmp_path / "good.json", "bad": tmp_path / "bad.json"}
    paths["good"].write_bytes(GOOD)
    paths["bad"].write_bytes(BAD)
    return {name: str(path) for name, path in paths.items()}


def run(*arguments):
    return CliRunner().invoke(app, ["validate", *arguments])


@pytest.mark.parametrize(
    "arguments", [(), ("no-such-file",), ("--as", "../x"), ("--as", "no_such_standard"), ("--package", "no-such-file")]
)
def test_unusable_arguments(arguments, files):
    given = arguments if arguments in ((), ("no-such-file",)) else (*arguments, files["good"])
    assert run(*given).exit_code == 2


def test_a_package_that_is_none(files):
    assert run("--package", files["good"], files["good"]).exit_code == 2


def test_errors_and_their_count(files):
    result = run(files["bad"], files["good"])
    assert result.exit_code == 1
    assert "Patient.gender" in result.stdout
    assert "2 files, 1 errors, 0 warnings" in result.stdout


def test_json_of_one_and_of_many(files):
    one = json.loads(run("--json", files["bad"]).stdout)
    assert one["issue"][0]["expression"] == ["Patient.gender"]
    lines = run("--json", files["bad"], files["good"]).stdout.splitlines()
    assert [json.loads(line)["issue"][0]["severity"] for line in lines] == ["error", "information"]


def test_fine(files):
    assert run(files["good"]).exit_code == 0
    assert run("--as", "fhir", "--profile", "http://example.org/none", files["good"]).exit_code == 0


@pytest.mark.parametrize(
    ("body", "standard"),
    [
        (b"MSH|^~\\&|", "hl7v2"),
        (b"\xef\xbb\xbfMSH|", "hl7v2"),
        (b"\x0bMSH|", "hl7v2"),
        (b"{", "fhir"),
        (b"<", "fhir"),
        (b"", "fhir"),
    ],
)
def test_the_standard_is_told_by_content(body, standard):
    assert told(body) == standard


def test_compile_refuses_another_wheel(files, tmp_path):
    result = CliRunner().invoke(app, ["packages", "compile", files["good"], "--out", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()
