"""What an acknowledgement means for a delivery (HL7 v2.8.2, 2.9.2, 2.14.8 MSA, 2.14.5 ERR; tables 0008 and 0357)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import GiveUp, InDoubt, Misconfigured, TryLater, Undeliverable
from gateway.standards import standards
from gateway.standards.hl7v2 import accepted

SENT = b"MSH|^~\\&|IEUM|OPS|CARE|MAPO|20261102090000+0900||ADT^A03^ADT_A03|C1|P|2.5.1||||||UNICODE UTF-8\rPID|1||H1\r"
HEADER = "MSH|^~\\&|CARE|MAPO|IEUM|OPS|20261102090001||ACK^A03^ACK|R1|P|2.5.1"


def answer(*lines: str, header: str = HEADER) -> bytes:
    return ("\r".join([header, *lines]) + "\r").encode()


IN_DOUBT = [
    (b"", "nothing"),
    (b"OK", "no message"),
    (b"MSA|AA|C1\r", "no header"),
    (answer(), "no MSA"),
    (answer("MSA"), "an empty MSA"),
    (answer("MSA|AA"), "of no message"),
    (answer("MSA|AA|"), "of a message without a number"),
    (answer("MSA|AA|C2"), "of another message"),
    (answer("MSA|AE|C2", "ERR|||207^Application internal error^HL70357|E"), "another message to be sent again"),
    (answer("MSA|AA|c1"), "of a number that only looks the same"),
    (answer("MSA||C1"), "no code"),
    (answer("MSA|OK|C1"), "a code that there is not"),
    (answer("MSA|aa|C1"), "a code in small letters"),
    (answer("MSA|AA|C1").replace(b"|AA|", b"|A\x00|"), "a control character"),
    (answer("MSA|AA|C1", header=HEADER + "||||||EBCDIC"), "a character set that is not read"),
    (SENT, "the message itself"),
]


@pytest.mark.parametrize("body", [body for body, _ in IN_DOUBT], ids=[name for _, name in IN_DOUBT])
def test_what_says_nothing_of_this_message_leaves_it_in_doubt(body: bytes) -> None:
    with pytest.raises(InDoubt):
        accepted(SENT, body)


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("ERR||PID^1^3|101^Required field missing^HL70357|E",),
        ("ERR||PID^1^3|204^Unknown key identifier^HL70357|E", "ERR||PID^1^5|103^Table value not found^HL70357|E"),
        ("ERR|||200^Unsupported message type^HL70357|E|207",),  # ERR-5 is the application's own
    ],
)
def test_a_refusal_is_for_good(code: str, lines: tuple[str, ...]) -> None:
    with pytest.raises(GiveUp):
        accepted(SENT, answer(f"MSA|{code}|C1", *lines))


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
@pytest.mark.parametrize(
    "lines",
    [
        ("ERR|||207^Application internal error^HL70357|E",),
        ("ERR|||206^Application record locked^HL70357|E",),
        ("ERR||PID^1^3|101^Required field missing^HL70357|E", "ERR|||207|E"),
    ],
)
def test_a_passing_condition_is_tried_again(code: str, lines: tuple[str, ...]) -> None:
    with pytest.raises(TryLater):
        accepted(SENT, answer(f"MSA|{code}|C1", *lines))


@pytest.mark.parametrize(
    "lines",
    [
        ("MSA|AE|C1||||207^Application internal error^HL70357",),  # before v2.5: MSA-6
        ("MSA|AE|C1", "ERR|^^^207&Application internal error&HL70357"),  # ELD-4 in ERR-1
        ("MSA|AE|C1", "ERR|PID^1^3^101&Required field missing&HL70357~^^^206&Application record locked&HL70357"),
    ],
)
def test_before_version_2_5_a_condition_stands_elsewhere(lines: tuple[str, ...]) -> None:
    with pytest.raises(TryLater):
        accepted(SENT, answer(*lines, header=HEADER.replace("2.5.1", "2.3.1")))


@pytest.mark.parametrize("code", ["AA", "CA"])
@pytest.mark.parametrize("more", ["", "|all is well", "||||207"])
def test_what_is_taken_is_taken(code: str, more: str) -> None:
    accepted(SENT, answer(f"MSA|{code}|C1{more}"))


def test_an_answer_may_be_in_other_delimiters_and_letters() -> None:
    accepted(
        SENT, "MSH#*~\\&#CARE#MAPO###20261102090001##ACK#R1#P#2.5.1######KS X 1001\rMSA#AA#C1#받았음\r".encode("cp949")
    )


@given(st.binary(max_size=200))
def test_whatever_comes_back_is_judged(body: bytes) -> None:
    for found in (body, HEADER.encode() + b"\r" + body):
        with pytest.raises(Undeliverable):
            accepted(SENT, found)


def test_each_standard_says_what_it_renders_and_takes() -> None:
    """Also after a delivery: a module of the same name would take the place of the function once it is imported."""
    for standard in standards().values():
        for _ in range(2):
            with pytest.raises((Misconfigured, AttributeError)):
                standard.render(None, None)  # type: ignore[arg-type]
            assert callable(standard.render)
            assert callable(standard.accepted)
