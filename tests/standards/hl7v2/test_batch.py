"""Batches: what is in a stream, what its trailers count, and how little of it is held (HL7 v2.8.2, 2.10.3)."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from gateway.cli.convert import convert_command
from gateway.errors import Invalid, Malformed, TooLarge, Unsupported, Unusable
from gateway.standards.hl7v2 import batch as reading
from gateway.standards.hl7v2 import stream
from gateway.standards.hl7v2.batch import Entry, messages_in, taken_apart
from gateway.standards.hl7v2.message import Limits, read_message
from gateway.standards.hl7v2.stream import pieces


def message(number: int, *segments: str, end: str = "\r") -> bytes:
    lines = (f"MSH|^~\\&|APP|HOSP|GW|KR|20261122090000+0900||ADT^A01|C{number}|P|2.5.1", *segments)
    return "".join(line + end for line in lines).encode()


ONE, TWO, THREE = (message(n, f"PID|1||p{n}") for n in (1, 2, 3))
FHS, BHS = b"FHS|^~\\&|APP|HOSP\r", b"BHS|^~\\&|APP|HOSP\r"


def entries(body: bytes, **bounds: int) -> list[Entry]:
    return list(messages_in(io.BytesIO(body), limits=Limits(**bounds)))


def controls(found: list[Entry]) -> list[str]:
    return [entry.message.control_id for entry in found if entry.message is not None]


def noticed(found: list[Entry]) -> list[tuple[str, str, str]]:
    return [(f.severity, f.expression, f.rule) for entry in found if not entry.number for f in entry.report.findings]


WRONG_COUNT = ("error", "BTS[1]-1", "hl7v2-batch-count")
NO_BTS = ("warning", "BTS", "hl7v2-batch-trailer")
NO_FTS = ("warning", "FTS", "hl7v2-file-trailer")
NO_NUMBER = ("warning", "BTS[1]-1", "hl7v2-batch-count")
ENVELOPES: dict[str, tuple[bytes, list[str], list[tuple[str, str, str]]]] = {
    "a message": (ONE, ["C1"], []),
    "messages": (ONE + TWO, ["C1", "C2"], []),
    "a whole file": (FHS + BHS + ONE + TWO + b"BTS|2\r" + BHS + THREE + b"BTS|1\rFTS|2\r", ["C1", "C2", "C3"], []),
    "trailers that count nothing": (FHS + BHS + ONE + b"BTS\rFTS", ["C1"], []),
    "trailers with comments": (FHS + BHS + ONE + b"BTS|1|the night|7\rFTS|1|end\r", ["C1"], []),
    "a batch without header": (ONE + TWO + b"BTS|2\rFTS|1\r", ["C1", "C2"], []),
    "a file without batches": (FHS + ONE + TWO + b"FTS|1\r", ["C1", "C2"], []),
    "an empty batch": (FHS + BHS + b"BTS|0\rFTS|1\r", [], []),
    "two files": ((FHS + BHS + ONE + b"BTS|1\rFTS|1\r") * 2, ["C1", "C1"], []),
    "a message lost": (FHS + BHS + ONE + b"BTS|2\rFTS|1\r", ["C1"], [WRONG_COUNT]),
    "a message too many": (FHS + BHS + ONE + TWO + b"BTS|1\rFTS|1\r", ["C1", "C2"], [WRONG_COUNT]),
    "a batch lost": (FHS + BHS + ONE + b"BTS|1\rFTS|3\r", ["C1"], [("error", "FTS[1]-1", "hl7v2-batch-count")]),
    "no count": (BHS + ONE + b"BTS|one\r", ["C1"], [NO_NUMBER]),
    "digits of another script": (BHS + ONE + "BTS|１\r".encode(), ["C1"], [NO_NUMBER]),
    "cut off in a batch": (FHS + BHS + ONE, ["C1"], [NO_BTS, NO_FTS]),
    "a header inside a batch": (BHS + ONE + BHS + TWO + b"BTS|1\r", ["C1", "C2"], [NO_BTS]),
    "a batch that is not closed in its file": (FHS + BHS + ONE + b"FTS|1\r", ["C1"], [NO_BTS]),
    "a file that is not closed": (FHS + ONE + FHS + TWO + b"FTS|1\r", ["C1", "C2"], [NO_FTS]),
    "lines of no message": (BHS + b"PID|1||lost\r" + ONE + b"BTS|1\r", ["C1"], [("error", "BHS", "hl7v2-batch-line")]),
    "its own delimiters": (b"FHS!@#$%!A\rBHS!@#$%!A\r" + ONE + b"BTS!1\rFTS!1\r", ["C1"], []),
    "a text that looks like a trailer": (message(1, "OBX|1|TX|x||a", "BTS was late", "FTSE|", "MSHA|"), ["C1"], []),
}


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\n\r\n"])
@pytest.mark.parametrize(("body", "expected", "odd"), ENVELOPES.values(), ids=ENVELOPES)
def test_messages_and_counts(body: bytes, expected: list[str], odd: list[Any], end: bytes) -> None:
    found = entries(body.replace(b"\r", end))
    assert controls(found) == expected
    assert noticed(found) == odd
    assert [entry.number for entry in found if entry.number] == list(range(1, len(expected) + 1))


def test_a_wrong_count_says_both() -> None:
    (finding,) = [f for entry in entries(BHS + ONE + b"BTS|02\r") for f in entry.report.findings]
    assert (finding.expected, finding.found, finding.line) == ("2", "1", 1)


def test_each_message_has_its_own_verdict_and_place() -> None:
    broken = [
        (b"MSH|^^\\&|x\r", Malformed),
        (message(9, "PID|1||\0"), Malformed),
        (b"MSH|^~\\&|" + b"|" * 15 + b"X-EVIL\r", Unsupported),
    ]
    body = FHS + BHS + ONE + b"".join(bad for bad, _ in broken) + TWO + b"BTS|5\rFTS|1\r"
    found = entries(body)
    assert controls(found) == ["C1", "C2"]
    assert [type(entry.error) for entry in found] == [type(None), *(error for _, error in broken), type(None)]
    assert [entry.report.ok for entry in found] == [True, False, False, False, True]
    assert [entry.line for entry in found] == [2, 4, 5, 7, 8]
    assert {entry.batch for entry in found} == {1}
    lines = body.split(b"\r")
    assert all(lines[entry.line].startswith(b"MSH") for entry in found)
    assert b"p1" not in repr(found).encode()


FORGED = message(7, "MRG|stolen")
HIDDEN = message(1, "NTE|1||hello")  # and then what somebody typed
REFUSED: dict[str, tuple[bytes, type[Unusable], str]] = {
    **{
        f"a message in a text, behind {sign!r}": (BHS + HIDDEN + sign + FORGED + b"BTS|1\r", error, place)
        for sign, error, place in [
            (b"\r", Invalid, "BTS[1]-1"),
            (b"\n", Invalid, "BTS[1]-1"),
            (b"\x0b", Malformed, ""),
            (b"\x1c", Malformed, ""),
        ]
    },
    "a control character at the end of a message": (BHS + ONE + b"\x1c\r" + TWO + b"BTS|2\r", Malformed, ""),
    "a message lost": (BHS + ONE + b"BTS|2\r", Invalid, "BTS[1]-1"),
    "a batch lost": (FHS + BHS + ONE + b"BTS|1\rFTS|2\r", Invalid, "FTS[1]-1"),
    "lines of no message": (BHS + b"PID|1||lost\r" + ONE, Invalid, "BHS"),
    "lines behind the trailer": (BHS + ONE + b"BTS|1\r\rNTE|1||lost\r", Invalid, "BTS"),
    "a second batch": (BHS + HIDDEN + b"BTS|1\r" + BHS + FORGED + b"BTS|1\r", Invalid, "BHS"),
    "a second batch without a header": (BHS + HIDDEN + b"BTS|1\r" + FORGED + b"BTS|1\r", Invalid, "BHS"),
    "a message behind the trailer": (BHS + HIDDEN + b"BTS|1\r" + FORGED, Invalid, "BHS"),
    "a second batch that counts nothing": (BHS + HIDDEN + b"BTS\r" + BHS + FORGED, Invalid, "BHS"),
    "a second trailer": (BHS + ONE + b"BTS|1\rBTS\r", Invalid, "BHS"),
    "a file behind a batch": (BHS + HIDDEN + b"BTS|1\r" + FHS + BHS + FORGED + b"BTS|1\r", Invalid, "FHS"),
    "a batch behind a file": (FHS + BHS + HIDDEN + b"BTS|1\rFTS|1\r" + BHS + FORGED + b"BTS|1\r", Invalid, "BHS"),
    "a second file": ((FHS + BHS + HIDDEN + b"BTS|1\rFTS|1\r") * 2, Invalid, "FHS"),
    "a message behind a file": (FHS + BHS + HIDDEN + b"BTS|1\rFTS|1\r" + FORGED, Invalid, "BHS"),
}


@pytest.mark.parametrize(("body", "error", "place"), REFUSED.values(), ids=REFUSED)
def test_what_a_door_refuses_whole(body: bytes, error: type[Unusable], place: str) -> None:
    found = [entry for entry in taken_apart(body) if entry.error is not None]
    assert [(entry.number, type(entry.error)) for entry in found[:1]] == [(0, error)]
    assert found[0].error is not None
    assert found[0].error.positions[:1] == ((place,) if place else ())
    assert not found[0].report.ok


TAKEN = {
    "a batch": (BHS + ONE + TWO + b"BTS|2\r", [ONE, TWO]), "no trailer": (BHS + ONE + TWO, [ONE, TWO]),
    "no count": (BHS + ONE + TWO + b"BTS\r", [ONE, TWO]), "a count of words": (BHS + ONE + b"BTS|one\r", [ONE]),
    "batches of a file": (FHS + BHS + ONE + b"BTS|1\r" + BHS + TWO + b"BTS|1\rFTS|2\r", [ONE, TWO]),
    "a file without batches": (FHS + ONE + TWO + b"FTS|1\r", [ONE, TWO]),
    "a file header forgotten": (BHS + ONE + b"BTS|1\rFTS|1\r", [ONE]), "framing": (b"\x0b" + BHS + ONE + b"BTS|1\r\x1c\r", [ONE]),
    "what is no message is for its reader to refuse": (BHS + ONE + b"MSH|^^\\&|x\rBTS|2\r", [ONE, b"MSH|^^\\&|x\r"]),
}  # fmt: skip


@pytest.mark.parametrize(("body", "messages"), TAKEN.values(), ids=TAKEN)
def test_what_a_door_takes_apart(body: bytes, messages: list[bytes]) -> None:
    found = list(taken_apart(body))
    assert [entry.body for entry in found if entry.number] == messages
    assert [entry.error for entry in found if entry.error is not None] == []


def test_headers_and_trailers_are_bounded_at_a_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MOST_AROUND", 5)
    last = list(taken_apart(FHS + (BHS + b"BTS|0\r") * 100_000))[-1]
    assert (last.number, type(last.error)) == (0, TooLarge)
    assert len(list(taken_apart(BHS + b"BTS|x\r" * 1_000))) < 6
    assert not any(entry.error for entry in taken_apart(FHS + BHS + b"BTS|0\r" + BHS + b"BTS|0\r"))


def test_findings_on_a_message_stay_with_it() -> None:
    found = entries(ONE + message(2, "OBX|1|TX|c||first", "second line") + THREE)
    assert [[f.rule for f in entry.report.findings] for entry in found] == [[], ["hl7v2-continuation"], []]


AROUND = {
    "framing": b"".join(b"\x0b" + one + b"\x1c\r" for one in (ONE, TWO)),
    "marks": b"".join(b"\xef\xbb\xbf" + one for one in (ONE, TWO)),
    "a mark and blank lines": b"\xef\xbb\xbf\r\n\r\n" + ONE + b"\r\n \r\n" + TWO + b"\n\n",
    "mixed line ends": ONE.replace(b"\r", b"\n") + TWO.replace(b"\r", b"\r\n"),
}


@pytest.mark.parametrize("body", AROUND.values(), ids=AROUND)
@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 65_536])
def test_what_stands_around_messages_and_where_reading_stops(body: bytes, chunk: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(stream, "_CHUNK", chunk)
    found = entries(body)
    assert controls(found) == ["C1", "C2"]
    assert all(entry.message == read_message(one) for entry, one in zip(found, (ONE, TWO), strict=True))


@pytest.mark.parametrize("chunk", [1, 5, 16, 1000])
@pytest.mark.parametrize("tail", [b"BTS|2", b"BTS", b"BTS|2\rFTS|1", b"BTS|2\rFTS"])
def test_a_trailer_is_seen_wherever_reading_stops(chunk: int, tail: bytes, monkeypatch: Any) -> None:
    monkeypatch.setattr(stream, "_CHUNK", chunk)
    assert noticed(entries(BHS + ONE + TWO + tail)) == []
    assert [piece.name for piece in pieces(io.BytesIO(BHS + ONE + tail))][:3] == ["BHS", "MSH", "BTS"]


def test_what_is_no_message_is_refused_and_stops_nothing() -> None:
    assert [(entry.number, type(entry.error)) for entry in entries(b"")] == [(1, Malformed)]
    assert [(entry.number, type(entry.error)) for entry in entries(b" \r\n ")] == [(1, Malformed)]
    assert [type(entry.error) for entry in entries(ONE.decode().encode("utf-16"))] == [Unsupported]
    found = entries(b"exported by a tool\r" + ONE + b"BTS|1\r")
    assert [type(entry.error) for entry in found] == [Malformed, type(None)]


@pytest.mark.parametrize("chunk", [3, 50, 65_536])
def test_a_message_over_the_bound_is_refused_alone(chunk: int, monkeypatch: Any) -> None:
    monkeypatch.setattr(stream, "_CHUNK", chunk)
    big = message(2, *["NTE|1||" + "x" * 70] * 40, end="\r\n")
    found = entries(BHS + ONE + big + THREE + b"BTS|3\r", message_bytes=1_000)
    assert controls(found) == ["C1", "C3"]
    assert [type(entry.error) for entry in found] == [type(None), TooLarge, type(None)]
    assert [entry.line for entry in found] == [1, 3, 44]
    assert len(found[1].body) <= 1_001


class Endless(io.RawIOBase):
    """A stream made while it is read."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        while len(self._left) < size and (more := next(self._parts, b"")):
            self._left += more
        given, self._left = self._left[:size], self._left[size:]
        return given


def peak(parts: Iterator[bytes]) -> tuple[int, int]:
    """The most memory that reading took, in bytes, and how many entries there were."""
    tracemalloc.start()
    try:
        count = sum(1 for _ in messages_in(Endless(parts)))  # type: ignore[arg-type]
        return tracemalloc.get_traced_memory()[1], count
    finally:
        tracemalloc.stop()


def test_memory_is_flat() -> None:
    def night(messages: int) -> Iterator[bytes]:
        yield FHS + BHS
        for number in range(messages):
            yield message(number, f"PID|1||p{number}", *[f"OBX|{n}|NM|718-7||{n}" for n in range(20)])
        yield b"BTS|%d\rFTS|1\r" % messages

    peak(night(10))  # what is read once and kept
    small, _ = peak(night(1_000))
    large, count = peak(night(6_000))  # more than 3 MB
    assert count == 6_000
    assert large < small * 1.5


def test_memory_is_flat_over_bytes_that_are_no_messages() -> None:
    used, count = peak(b"\r" * 65_536 if n % 2 else b"x" * 65_536 for n in range(100))  # 6 MB
    assert count == 1
    assert used < 6 * 5_000_000


def test_the_command_converts_each_message_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    night, alone = tmp_path / "night.hl7", tmp_path / "alone.er7"
    night.write_bytes(FHS + BHS + ONE + message(9, "PID|1||\0") + TWO + b"BTS|4\rFTS|1\r")
    alone.write_bytes(ONE)
    out = tmp_path / "out"
    with pytest.raises(typer.Exit) as left:
        convert_command([night, alone], source="", target="fhir", out=out, losses=False, origins=False)
    assert left.value.exit_code == 1
    assert sorted(path.name for path in out.iterdir()) == ["alone.json", "night-1.json", "night-3.json"]
    assert (out / "night-1.json").read_bytes() == (out / "alone.json").read_bytes()
    said = capsys.readouterr().err
    assert "night-2.hl7" in said
    assert "BTS[1]-1" in said
    with pytest.raises(typer.Exit) as left:
        convert_command([alone], source="", target="fhir", out=out, losses=False, origins=False)
    assert left.value.exit_code == 0


@given(
    st.lists(
        st.sampled_from(
            [ONE, TWO, FHS, BHS, b"BTS|1\r", b"FTS|1\r", b"\r", b"\n", b"\x0b", b"\x1c", b"x", b"\xef\xbb\xbf", b"MSH"]
        )
    )
)
def test_nothing_is_lost_between_pieces(parts: list[bytes]) -> None:
    body = b"".join(parts)
    blank = b"\x0b\x1c\r\n\xef\xbb\xbf"
    kept = b"".join(piece.body for piece in pieces(io.BytesIO(body)))
    assert kept.translate(None, blank) == body.translate(None, blank)


@given(st.binary(max_size=400))
def test_any_bytes_give_entries(body: bytes) -> None:
    for around in (body, FHS + body, ONE + body + TWO):
        for entry in messages_in(io.BytesIO(around)):
            assert (entry.message is None) == (entry.error is not None or entry.number == 0)
