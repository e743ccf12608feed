"""`gateway maps roundtrip`: refusals first, then what differs and why."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from gateway.cli.roundtrip import roundtrip_command
from gateway.standards.hl7v2 import roundtrip

MESSAGE = (
    b"MSH|^~\\&|HIS|HANBIT|IEUM|IEUM|20260301093000||ADT^A01^ADT_A01|C1|P|2.5.1\r"
    b"EVN|A01|20260301093000\rPID|1||H1^^^HANBIT^MR||Kim^Ieum||1980|F\rPV1|1|I\r"
)
LOCAL = b"ZZZ|1|local content\r"
app = typer.Typer()
app.command()(roundtrip_command)


def told(*arguments: Path | str) -> Result:
    return CliRunner().invoke(app, [str(one) for one in arguments])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a01.hl7").write_bytes(MESSAGE + LOCAL)
    return tmp_path / "a01.hl7"


@pytest.mark.parametrize(("name", "body"), [("none.hl7", None), ("x.hl7", b"no message"), ("empty.hl7", b"")])
def test_nothing_to_write_again(tmp_path: Path, name: str, body: bytes | None) -> None:
    if body is not None:
        (tmp_path / name).write_bytes(body)
    result = told(tmp_path / name)
    assert result.exit_code == 2
    assert "no such file" in result.output or "no message of HL7 v2" in result.output


def test_a_folder_without_messages(tmp_path: Path) -> None:
    assert told(tmp_path).exit_code == 2


def test_what_does_not_come_back_has_its_reason(file: Path) -> None:
    result = told(file)
    assert result.exit_code == 0
    *reasons, closing = result.stdout.splitlines()
    assert closing.startswith("1 messages, ")
    assert closing.endswith("; 0 without a reason")
    assert any("no rule" in reason for reason in reasons)
    assert "local content" not in result.output


def test_each_field_on_request(file: Path) -> None:
    assert f"{file}: ZZZ[1]-2: " in told("--verbose", file).stdout
    assert f"{file}: ZZZ[1]-2: " not in told(file).stdout


def test_what_cannot_be_read_stops_no_other_and_is_said(tmp_path: Path) -> None:
    (tmp_path / "night.hl7").write_bytes(MESSAGE + b"MSH|\r" + MESSAGE)
    result = told(tmp_path)
    assert "2 messages, " in result.stdout
    assert "night.hl7:5: " in result.stderr


def test_a_difference_that_nothing_explains_is_an_error(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roundtrip._Reasons, "of", lambda *_: "")
    result = told(file)
    assert result.exit_code == 1
    assert "differs, and nothing says why" in result.stdout
