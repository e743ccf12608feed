"""Acknowledgements: what a refused sender hears, and that nothing it sent becomes a segment of ours."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Defect, GatewayError, Invalid, Malformed, NotAgreed, NotDurable, Unsound, Unsupported
from gateway.standards.hl7v2 import acknowledge, parse
from gateway.standards.hl7v2.message import Message, read_message

AT = datetime(2026, 11, 22, 9, 0, 1, tzinfo=timezone(timedelta(hours=9)))
HEADER = "MSH|^~\\&|APP^1.2.3^ISO|HOSP|GW|KR|20261122090000+0900||ADT^A01^ADT_A01|C1|P|2.5.1"


def answer(received: bytes, error: GatewayError | None = None, *, readable: bool = True) -> str:
    found = parse(received) if readable else received
    return acknowledge(found, control_id="G1", at=AT, error=error).decode("cp949")


def lines(text: str) -> list[str]:
    assert text.endswith("\r")
    return text.removesuffix("\r").split("\r")


def test_accepted() -> None:
    assert lines(answer(HEADER.encode())) == [
        "MSH|^~\\&|GW|KR|APP^1.2.3^ISO|HOSP|20261122090001+0900||ACK^A01^ACK|G1|P|2.5.1",
        "MSA|AA|C1",
    ]


@pytest.mark.parametrize(
    ("error", "code", "condition"),
    [
        (Malformed(), "AR", "100^Segment sequence error^HL70357"),
        (Unsupported(), "AR", "200^Unsupported message type^HL70357"),
        (NotAgreed(), "AR", "201^Unsupported event code^HL70357"),
        (Invalid(), "AE", "102^Data type error^HL70357"),
        (NotDurable(), "AE", "207^Application internal error^HL70357"),
        (Defect(), "AE", "207^Application internal error^HL70357"),
    ],
)
def test_refused(error: GatewayError, code: str, condition: str) -> None:
    _, msa, err = lines(answer(HEADER.encode(), error))
    assert msa == f"MSA|{code}|C1"
    assert err.split("|") == ["ERR", "", "", condition, "E", "", "", "", error.text]


def test_one_error_per_position() -> None:
    found = lines(answer(HEADER.encode(), Unsound(None, "MSH-7", "PID[2]-3[1].4.2", "PID", "somewhere | else")))
    assert [line.split("|")[2] for line in found[2:]] == ["MSH^1^7^1", "PID^2^3^1^4^2", "PID^1", ""]


def test_before_version_2_5() -> None:
    header = HEADER.replace("2.5.1", "2.3").encode()
    msh, _, err = lines(answer(header, Unsound(None, "PID[1]-3[1].1")))
    assert msh.split("|")[8] == "ACK"
    assert err == "ERR|PID^1^3^101&Required field missing&HL70357"


def test_a_sender_that_asks_for_a_commit_gets_one() -> None:
    assert lines(answer((HEADER + "|||AL|NE").encode()))[1] == "MSA|CA|C1"
    assert lines(answer((HEADER + "|||AL|NE").encode(), NotAgreed()))[1] == "MSA|CR|C1"
    assert lines(answer((HEADER + "|||NE|AL").encode()))[1] == "MSA|AA|C1"


def test_delimiters_and_character_set_are_those_of_the_sender() -> None:
    body = "MSH!@#$%!병원!H!G!K!20260101!!ADT@A01!7$F$8!P!2.7!!!!!!KS X 1001\r".encode("cp949")
    msh, msa = lines(answer(body))
    assert msh == "MSH!@#$%!G!K!병원!H!20261122090001+0900!!ACK@A01@ACK!G1!P!2.7!!!!!!KS X 1001"
    assert msa == "MSA!AA!7$F$8"


UNREADABLE = [
    (b"", ""),
    (b"\x16\x03\x01\x02\x00", ""),
    (b"GET / HTTP/1.1\r\n\r\n", ""),
    (b"MSH", ""),
    (b"MSH|^^\\\\|A|B|C|D|2026||ADT^A01|STOLEN|P|2.5.1", ""),
    (HEADER.encode() + b"\x0bPID|1", "C1"),
    ("\ufeff".encode() + HEADER.encode(), "C1"),
    (HEADER.encode() + b"||||||X-EVIL\rPID|1", "C1"),
    (HEADER.replace("|C1|", "|a\\X0D\\MSA\\F\\AA\\F\\b\\X00\\|").encode(), "a\\.br\\MSA\\F\\AA\\F\\b\\E\\X00\\E\\"),
    (HEADER.replace("|C1|", "|" + "x" * 5000 + "|").encode(), "x" * 199),
    (HEADER.replace("|C1|", "|a\x1cb\x00|").encode(), "a?b?"),
    (HEADER.replace("|C1|", "|김|").encode("cp949"), "??"),
]


@pytest.mark.parametrize(("body", "control_id"), UNREADABLE)
def test_bytes_that_cannot_be_read_are_answered(body: bytes, control_id: str) -> None:
    found = lines(answer(body, Malformed(), readable=False))
    assert [line[:3] for line in found] == ["MSH", "MSA", "ERR"]
    assert (found[1] + "|").split("|")[1:3] == ["AR", control_id]
    read_message("\r".join(found).encode())


def test_what_is_salvaged_names_the_sender_and_no_unknown_set() -> None:
    text = answer(HEADER.replace("2.5.1", "9.9").encode() + b"||||||X-EVIL", Unsupported(), readable=False)
    assert lines(text)[0] == "MSH|^~\\&|GW|KR|APP^1.2.3^ISO|HOSP|20261122090001+0900||ACK^A01^ACK|G1|P|2.5.1"


@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_give_one_sound_acknowledgement(tail: bytes, header: bool) -> None:
    body = HEADER[:20].encode() + tail if header else tail
    written = acknowledge(body, control_id="G1", at=AT, error=Malformed())
    found = read_message(written)
    assert isinstance(found, Message)
    assert [s.name for s in found.segments] == ["MSH", "MSA", "ERR"]
    assert (found.value("MSA-1"), found.control_id, found.value("ERR-4")) == ("AR", "G1", "E")


def test_bytes_that_can_be_read_are_answered_as_the_message() -> None:
    body = (HEADER.replace("HOSP", "병원") + "||||||KS X 1001").encode("cp949")
    assert acknowledge(body, control_id="G1", at=AT) == acknowledge(parse(body), control_id="G1", at=AT)
