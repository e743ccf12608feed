"""A batch at the doors: every message its own exchange and verdict, counts checked, in order, never held up by its neighbour."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.demo.messages import Moment, admission, cases, discharge, merge
from gateway.demo.sender import over_mllp
from gateway.errors import NotDurable
from gateway.model.questions import Exchange
from gateway.model.wire import read_json
from gateway.pipeline import batch as line
from gateway.pipeline.batch import carry_batch
from gateway.standards.hl7v2.batch import messages_in
from gateway.validating import Validator
from tests.flows.conftest import HOSPITAL, RECORD, Flow, Served, somebody

CASE = cases()["discharges"]["consenting"]
BHS = b"BHS|^~\\&|HANBIT-HIS|HANBIT|IEUM|IEUM-DEMO|20261102000000+0000||||NIGHT-7\r"
FHS = b"FHS|^~\\&|HANBIT-HIS|HANBIT|IEUM|IEUM-DEMO|20261102000000+0000||||FILE-3\r"
FHIR = "application/fhir+json"


def batch(messages: Sequence[bytes], count: int | None = None) -> bytes:
    return BHS + b"".join(messages) + f"BTS|{len(messages) if count is None else count}\r".encode()


def unagreed(message: bytes) -> bytes:
    return message.replace(b"ADT^A01^ADT_A01", b"ADT^A02^ADT_A02")


def admissions(flow: Flow, *numbers: int) -> tuple[list[bytes], list[Moment]]:
    moments = [flow.moment() for _ in numbers]
    return [admission(somebody(n), m) for n, m in zip(numbers, moments, strict=True)], moments


def ours(flow: Flow, **where: str) -> list[Exchange]:
    """Without those of the self-test."""
    return [e for e in flow.exchanges(**where) if e.who.participant == HOSPITAL]


def acknowledged(answer: bytes) -> list[tuple[str, str]]:
    """(MSA-1, MSA-2) of each message of a batch, whose counts are right."""
    found = list(messages_in(io.BytesIO(answer)))
    assert all(entry.message is not None for entry in found), answer
    return [(e.message.value("MSA-1"), e.message.value("MSA-2")) for e in found if e.message is not None]


def fields(answer: bytes, name: bytes) -> list[str]:
    (line,) = [line for line in answer.split(b"\r") if line.startswith(name)]
    return line.decode().split("|")


# refusals first


def test_a_batch_of_too_many_is_refused_whole_under_its_own_number(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "MOST", 2)
    messages, _ = admissions(served.flow, 600, 601, 602)
    got, over = served.posts(batch(messages)), over_mllp(served.mllp, batch(messages))
    assert got.status_code == 413
    for answer in (got.content, over):
        assert fields(answer, b"MSA")[1:3] == ["AR", "NIGHT-7"]
        assert fields(answer, b"MSH")[2:6] == ["IEUM", "IEUM-DEMO", "HANBIT-HIS", "HANBIT"]
    assert served.posts(batch(messages), Accept=FHIR).json()["resourceType"] == "OperationOutcome"
    assert ours(served.flow) == []
    assert served.flow.node.counts[("TooLarge", "/messages")] == 2
    assert served.flow.node.counts[("TooLarge", f"mllp:{HOSPITAL}")] == 1


@pytest.mark.parametrize(
    ("between", "status", "code"), [(b"\r", 422, "AE"), (b"\n", 422, "AE"), (b"\x0b", 400, "AR"), (b"\x1c", 400, "AR")]
)
def test_a_message_hidden_in_a_text_is_not_taken(served: Served, between: bytes, status: int, code: str) -> None:
    """Whoever can write a note must not be able to write a merge of two persons: alone it is refused, and so is it in a batch."""
    (told,), _ = admissions(served.flow, 630)
    hidden = merge(somebody(631), somebody(630).number, served.flow.moment())
    text = told + b"NTE|1||the patient says" + between + hidden
    got = served.posts(BHS + text + b"BTS|1\r")
    assert (got.status_code, fields(got.content, b"MSA")[1:3]) == (status, [code, "NIGHT-7"])
    assert served.posts(BHS + text + b"BTS|1\r", path="/messages?dry-run").status_code == status
    assert served.posts(text).status_code == 400
    assert ours(served.flow, agreement=RECORD) == []


def test_a_second_batch_needs_a_file_around_it(served: Served) -> None:
    messages, _ = admissions(served.flow, 632, 633)
    two = b"".join(batch([message]) for message in messages)
    assert served.posts(two).status_code == 422
    assert ours(served.flow) == []
    assert served.posts(FHS + two + b"FTS|2\r").status_code == 200
    assert len(ours(served.flow, agreement=RECORD)) == 2


def test_a_flood_of_trailers_is_refused_and_the_node_goes_on(served: Served) -> None:
    for body in (BHS + b"BTS|x\r" * 100_000, FHS + (BHS + b"BTS|x\r") * 100_000):
        got = served.posts(body)
        assert got.status_code in (413, 422)
        assert fields(got.content, b"MSA")[1] in ("AE", "AR")
    assert ours(served.flow) == []


async def test_what_is_odd_about_a_batch_is_told_as_far_as_a_limit(flow: Flow) -> None:
    carried = await carry_batch(flow.node, flow.received(FHS + (BHS + b"BTS|x\r") * 300, HOSPITAL))
    assert carried is not None
    assert len(carried.found.findings) == line.MOST_FOUND


def test_a_stranger_learns_nothing_of_a_batch(served: Served) -> None:
    messages, _ = admissions(served.flow, 603)
    with served.client() as client:
        got = client.post("/messages", content=batch(messages), headers={"Content-Type": "x-application/hl7-v2+er7"})
    assert (got.status_code, b"BHS" in got.content, ours(served.flow)) == (401, False, [])


def test_when_all_are_refused_the_batch_is(served: Served) -> None:
    messages, moments = admissions(served.flow, 604, 605)
    got = served.posts(batch([unagreed(m) for m in messages]))
    assert got.status_code == 422
    assert acknowledged(got.content) == [("AR", moment.id) for moment in moments]
    assert {(e.status, e.why.reason) for e in ours(served.flow)} == {("refused", "NotAgreed")}
    assert len(ours(served.flow)) == 2


def test_two_messages_without_a_header_are_no_batch(served: Served) -> None:
    """A second MSH may be in a text that nobody escaped."""
    messages, _ = admissions(served.flow, 606, 607)
    got = served.posts(b"".join(messages))
    assert (got.status_code, got.content.count(b"\rMSA|AR|")) == (400, 1)
    assert [e.status for e in ours(served.flow)] == ["refused"]


# each by itself


def test_every_message_has_its_exchange_and_its_acknowledgement(served: Served) -> None:
    messages, moments = admissions(served.flow, 610, 611, 612)
    over = over_mllp(served.mllp, batch(messages[:2]))
    got = served.posts(FHS + batch(messages[2:]) + b"FTS|1\r")
    assert got.status_code == 200
    assert acknowledged(over) == [("AA", m.id) for m in moments[:2]]
    assert acknowledged(got.content) == [("AA", moments[2].id)]
    head = fields(over, b"BHS")
    assert (head[2:6], head[11]) == (["IEUM", "IEUM-DEMO", "HANBIT-HIS", "HANBIT"], "NIGHT-7")
    assert (fields(over, b"BTS"), fields(got.content, b"BTS")) == (["BTS", "2"], ["BTS", "1"])
    kept = ours(served.flow, agreement=RECORD)
    assert len({e.received_id for e in kept}) == len(kept) == 3
    served.flow.verified()


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_the_bad_ones_stop_no_other(served: Served, end: bytes) -> None:
    messages, moments = admissions(served.flow, 613, 614, 615)
    broken = b"MSH|^^\\&|x\r"
    body = batch([messages[0], broken, unagreed(messages[1]), messages[2]]).replace(b"\r", end)
    got = served.posts(body)
    assert got.status_code == 207
    assert acknowledged(got.content) == [
        ("AA", moments[0].id),
        ("AR", ""),
        ("AR", moments[1].id),
        ("AA", moments[2].id),
    ]
    refused = [e.why.reason for e in ours(served.flow, status="refused") if not e.agreement]
    assert sorted(refused) == ["Malformed", "NotAgreed"]
    assert len(ours(served.flow, agreement=RECORD)) == 2


def test_the_answer_in_fhir_has_an_issue_for_each(served: Served) -> None:
    messages, _ = admissions(served.flow, 616, 617)
    mixed = served.posts(batch([messages[0], unagreed(messages[1])]), Accept=FHIR)
    fine = served.posts(batch(messages[:1]), Accept=FHIR)
    assert (mixed.status_code, fine.status_code) == (207, 202)
    told = [(i["severity"], i["code"], i["expression"]) for i in mixed.json()["issue"]]
    assert told == [
        ("information", "informational", ["message[1]"]),
        ("error", "business-rule", ["message[2].MSH-9"]),
    ]
    (exchange,) = ours(served.flow, agreement=RECORD)
    assert f"{RECORD} {exchange.id}" in mixed.json()["issue"][0]["diagnostics"]
    assert Validator().validate(mixed.content)["issue"][0]["severity"] == "information"
    assert fine.json()["issue"][0]["diagnostics"] == mixed.json()["issue"][0]["diagnostics"]  # the same receipt


@pytest.mark.parametrize("count", [1, 3])
def test_a_count_that_is_wrong_refuses_the_batch_before_anything_of_it_is_taken(served: Served, count: int) -> None:
    messages, _ = admissions(served.flow, 618, 628)
    text = "The batch does not hold as many messages as its trailer says."
    got, over = served.posts(batch(messages, count)), over_mllp(served.mllp, batch(messages, count))
    assert got.status_code == 422
    for answer in (got.content, over):
        assert fields(answer, b"MSA") == ["MSA", "AE", "NIGHT-7"]
        assert fields(answer, b"ERR")[2] == "BTS^1^1^1"
    (issue,) = served.posts(batch(messages, count), Accept=FHIR).json()["issue"]
    assert (issue["severity"], issue["expression"], issue["details"]["text"]) == ("error", ["BTS[1]-1"], text)
    assert ours(served.flow) == []
    assert served.flow.node.counts[("Invalid", "/messages")] == 2
    assert served.flow.node.counts[("Invalid", f"mllp:{HOSPITAL}")] == 1


@pytest.mark.parametrize("end", [b"", b"BTS\r", b"BTS||the night\r"])
def test_a_batch_that_counts_nothing_is_taken(served: Served, end: bytes) -> None:
    messages, moments = admissions(served.flow, 629)
    got = served.posts(BHS + messages[0] + end)
    assert (got.status_code, acknowledged(got.content)) == (200, [("AA", moments[0].id)])


def test_a_batch_of_nothing(served: Served) -> None:
    assert fields(served.posts(batch([])).content, b"BTS") == ["BTS", "0"]
    assert served.posts(batch([])).status_code == 200
    assert served.posts(batch([], 3)).status_code == 422


def test_a_dry_run_says_of_each_what_it_would_become_and_keeps_nothing(served: Served) -> None:
    messages, _ = admissions(served.flow, 619, 620)
    alone = served.posts(messages[0], path="/messages?dry-run").json()
    told = served.posts(batch([messages[0], unagreed(messages[1])]), path="/messages?dry-run").json()
    first, second = told["messages"]
    assert first == {"number": 1, **alone}
    assert (second["number"], second["refused"]["issue"][0]["code"]) == (2, "business-rule")
    assert [issue["severity"] for issue in told["findings"]["issue"]] == ["information"]
    assert {e.status for e in ours(served.flow)} == {"dry"}


# again, in order


def test_a_second_copy_of_a_batch_or_of_one_message_of_it_has_no_second_effect(served: Served) -> None:
    messages, _ = admissions(served.flow, 621, 622)
    answers = [served.posts(batch(messages), Accept=FHIR).json()["issue"] for _ in range(2)]
    assert answers[0] == answers[1]
    assert served.posts(messages[1], Content_Type="x-application/hl7-v2+er7").status_code == 200
    assert len(ours(served.flow, agreement=RECORD)) == 2


def test_one_message_is_one_document_however_its_lines_end(served: Served) -> None:
    (message,), _ = admissions(served.flow, 634)
    for copy in (
        message,
        b"\r\n" + message,
        message + b"\r\n\r\n",
        message.replace(b"\r", b"\r\n"),
        message.replace(b"\r", b"\n"),
    ):
        assert served.posts(BHS + copy + b"BTS|1\r").status_code == 200
        assert served.posts(copy).status_code == 200
    over_mllp(served.mllp, message.rstrip(b"\r"))
    assert len(ours(served.flow, agreement=RECORD)) == 1


async def test_behind_one_that_could_not_be_kept_none_is_tried_and_the_retry_keeps_the_order(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = somebody(623)
    moments = [flow.moment() for _ in range(3)]
    messages = [discharge(person, moment, CASE) for moment in moments]
    store, commits = flow.node.store, []
    commit = type(store).commit

    def failing(self: Any, unit: Any) -> Any:
        commits.append(unit)
        if len(commits) == 2:
            raise NotDurable
        return commit(self, unit)

    monkeypatch.setattr(type(store), "commit", failing)
    first = await carry_batch(flow.node, flow.received(batch(messages), HOSPITAL))
    assert first is not None
    assert [type(v.error) for v in first.verdicts] == [type(None), NotDurable, NotDurable]
    assert len(commits) == 2
    again = await carry_batch(flow.node, flow.received(batch(messages), HOSPITAL))
    assert again is not None
    assert [v.error for v in again.verdicts] == [None, None, None]
    assert again.verdicts[0].received == first.verdicts[0].received
    kept = sorted(flow.exchanges(agreement=RECORD), key=lambda e: e.when.received)
    assert [store.received(e.received_id).control_id for e in kept] == [m.id for m in moments]  # type: ignore[union-attr]


def test_one_that_is_to_be_sent_again_makes_the_answer_say_so(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    messages, moments = admissions(served.flow, 624, 625)
    store = served.flow.node.store

    def failing(_self: Any, _unit: Any) -> Any:
        raise NotDurable

    monkeypatch.setattr(type(store), "commit", failing)
    got = served.posts(batch(messages))
    assert (got.status_code, got.headers["retry-after"]) == (503, "5")
    assert acknowledged(got.content) == [("AE", moment.id) for moment in moments]


def test_what_a_dry_run_of_a_batch_may_hold(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "MOST_ECHOED", 1)
    messages, _ = admissions(served.flow, 626, 627)
    assert served.posts(batch(messages), path="/messages?dry-run").status_code == 413
    assert read_json(served.posts(batch(messages[:1]), path="/messages?dry-run").content)["messages"]
