"""The answer to a batch: refusals and odd headers first, in the delimiters of who sent it (HL7 v2.8.2, 2.10.3.3)."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from gateway.errors import Busy, GatewayError, Invalid, Malformed, NotAgreed, TooLarge, joint_status
from gateway.model.document import Verdict
from gateway.model.report import Finding, Report
from gateway.standards import hl7v2
from gateway.standards.hl7v2.batch import Entry, is_batch, messages_in

AT = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
MESSAGE = b"MSH|^~\\&|APP|HOSP|GW|KR|20261122090000+0900||ADT^A01|C1|P|2.5.1\r"
BHS = b"BHS|^~\\&|APP|HOSP|GW|KR|20261122090000+0900||||B7\r"
NOTHING = Report()


def answer(head: bytes, *errors: GatewayError | None, found: Report = NOTHING) -> tuple[int, list[Entry], bytes]:
    verdicts = [Verdict(number, MESSAGE, error) for number, error in enumerate(errors, 1)]
    notice = hl7v2.reply_all(head + MESSAGE * len(errors), verdicts, found, "G1", AT)
    assert isinstance(notice.content, bytes)
    return notice.status, list(messages_in(io.BytesIO(notice.content))), notice.content


@pytest.mark.parametrize(
    ("body", "is_one"),
    [
        (b"", False), (b"BHS", False), (MESSAGE, False), (MESSAGE * 2, False), (b"FTS|1\r", False), (b"BHSX|\r", False), (b"xBHS|\r", False),
        (b"\0BHS|", False), (BHS, True), (b"FHS|^~\\&|\r" + BHS, True), (b"\x0b\r\n " + BHS, True), (b"\xef\xbb\xbf" + BHS, True),
        (b"\r\n\xef\xbb\xbf\r\n" + BHS, True), (b"BHS!@#$%!A\r", True),
    ],
)  # fmt: skip
def test_what_is_a_batch(body: bytes, is_one: bool) -> None:
    assert is_batch(body) is is_one
    assert (hl7v2.parts(body) is not None) is is_one
    assert hl7v2.sniff(body) is (is_one or body.startswith(b"MSH"))


def test_a_batch_is_read_as_no_message() -> None:
    with pytest.raises(Malformed, match="one by one"):
        hl7v2.parse(BHS + MESSAGE)


@pytest.mark.parametrize(
    "head",
    [
        b"BHS|", b"BHS|^^^^|\r", b"BHS|^~\\&\r", b"BHS|^~\\&|\xff\xfe\x01|\r", b"BHS|^~\\&|" + b"A" * 20_000 + b"\r",
        b"BHS|" + b"|" * 9_000 + b"\r",
    ],
)  # fmt: skip
def test_an_odd_header_is_answered_as_far_as_it_is_safe(head: bytes) -> None:
    _, found, content = answer(head.rstrip(b"\r") + b"\r", None)
    assert [entry.report for entry in found if not entry.number] == []
    assert [e.message.value("MSA-1") for e in found if e.message is not None] == ["AA"]
    assert content.startswith(b"BHS|^~\\&|")
    assert len(content) < 12_000
    refused = hl7v2.reply(head, TooLarge(), "G1", AT)
    assert isinstance(refused.content, bytes)
    assert b"\rMSA|AR" in refused.content
    assert len(refused.content) < 12_000


def test_nothing_of_a_header_can_become_a_segment() -> None:
    hostile = b"BHS|^~\\&|A\\X0D\\MSA|HOSP|GW|KR|||||B\\X0D\\MSA\\F\\AA\r"
    _, _, content = answer(hostile, None)
    refused = hl7v2.reply(hostile, TooLarge(), "G1", AT).content
    for one in (content, refused):
        assert isinstance(one, bytes)
        assert [line[:3] for line in one.split(b"\r")].count(b"MSA") == 1


def test_a_batch_of_several_is_known_by_its_file() -> None:
    several = b"FHS|^~\\&|APP|HOSP|GW|KR|||||F1\r" + BHS + MESSAGE + b"BTS|1\r" + BHS
    assert answer(several, None)[2].split(b"\r")[0].endswith(b"|G1|F1")
    for mark in (b"", b"\n", b"\xef\xbb\xbf"):
        one = b"FHS|^~\\&|APP|HOSP|GW|KR||BHS|||F1\r" + mark + BHS
        assert answer(one, None)[2].split(b"\r")[0].endswith(b"|G1|B7")


def test_the_delimiters_are_those_of_the_sender() -> None:
    _, found, content = answer(b"BHS!@#$%!APP!HOSP!GW!KR!!!!!B7\r", None, NotAgreed(None, "MSH-9"))
    assert content.startswith(b"BHS!@#$%!GW!KR!APP!HOSP!20261130090000+0000!!!!G1!B7\r")
    assert content.endswith(b"BTS!2\r")
    assert [e.message.value("MSH-10") for e in found if e.message is not None] == ["G1-1", "G1-2"]
    refused = hl7v2.reply(b"BHS!@#$%!APP!HOSP!GW!KR!!!!!B7\r", TooLarge(), "G1", AT).content
    assert isinstance(refused, bytes)
    assert refused.startswith(b"MSH!@#$%!GW!KR!APP!HOSP!")
    assert b"\rMSA!AR!B7\r" in refused


def test_what_was_found_stands_once_in_the_trailer() -> None:
    texts = ["The batch has no trailer; it may be cut off.", "A line."]
    found = Report(tuple(Finding("warning", "structure", "BTS", text, "r", "secret", "secret") for text in texts * 9))
    status, _, content = answer(BHS, None, found=found)
    assert (status, content.endswith(f"\rBTS|1|{' '.join(texts)}\r".encode())) == (200, True)


STATUS: dict[str, tuple[tuple[GatewayError | None, ...], int]] = {
    "nothing": ((), 200),
    "all": ((None, None), 200),
    "some": ((None, NotAgreed()), 207),
    "none": ((NotAgreed(), NotAgreed()), 422),
    "none, unreadable": ((Malformed(), Malformed()), 400),
    "none, for several reasons": ((Malformed(), NotAgreed()), 422),
    "to be sent again": ((None, NotAgreed(), Busy()), 503),
}


@pytest.mark.parametrize(("errors", "status"), STATUS.values(), ids=STATUS)
def test_status(errors: tuple[GatewayError | None, ...], status: int) -> None:
    assert answer(BHS, *errors)[0] == status


def test_one_status_for_all() -> None:
    assert joint_status([], 0) == joint_status([], 5) == 0
    assert joint_status([Invalid()], 0) == 422
