"""A second copy of a message has no second effect, whichever way it comes (ARCHITECTURE.md, promises 4 and 7)."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from gateway.demo.messages import admission, cases, discharge
from gateway.demo.sender import over_mllp
from tests.flows.conftest import RECORD, REFERRAL, Flow, Served, somebody

CASE = cases()["discharges"]["consenting"]


async def test_a_copy_gets_the_first_receipt_and_nothing_else_happens(flow: Flow) -> None:
    person = somebody(1)
    await flow.consents(person)
    message = discharge(person, flow.moment(), CASE)
    first = await flow.sends(message)
    await flow.drains()
    rows, exchanges, sent = len(flow.rows()), len(flow.exchanges()), len(flow.post.sent)
    for _ in range(3):
        again = await flow.sends(message)
        assert again == replace(first, exchanges=again.exchanges)
        assert set(again.exchanges) == set(first.exchanges)
    await flow.drains()
    assert (len(flow.rows()), len(flow.exchanges()), len(flow.post.sent)) == (rows, exchanges, sent)
    assert {agreement for _, agreement in first.exchanges} == {REFERRAL, RECORD}


async def test_eight_copies_at_once_are_one(flow: Flow) -> None:
    person = somebody(2)
    await flow.consents(person)
    message = discharge(person, flow.moment(), CASE)
    receipts = await asyncio.gather(*(flow.sends(message) for _ in range(8)))
    assert len({r.received for r in receipts}) == 1
    assert len({frozenset(r.exchanges) for r in receipts}) == 1
    assert all(r.error is None for r in receipts)
    await flow.drains()
    assert len(flow.exchanges(agreement=REFERRAL)) == len(flow.exchanges(agreement=RECORD)) == 1
    assert len(flow.post.sent) == 1
    flow.verified()


async def test_the_same_control_id_with_other_bytes_is_another_message(flow: Flow) -> None:
    person = somebody(3)
    moment = flow.moment()
    one, other = admission(person, moment), admission(replace(person, street="다른로 9"), moment)
    first, second = await flow.sends(one), await flow.sends(other)
    assert first.error is second.error is None
    assert first.received != second.received
    control_ids = {getattr(flow.node.store.received(r.received), "control_id", "") for r in (first, second)}
    assert control_ids == {moment.id}
    assert len(flow.exchanges(agreement=RECORD)) == 2


async def test_what_was_refused_may_be_sent_again_once_the_site_has_changed(flow: Flow) -> None:
    message = admission(somebody(4), flow.moment())
    nothing = replace(flow.node.site, agreements={})
    assert (await flow.on(nothing).sends(message)).error is not None
    assert (await flow.sends(message)).error is None


def test_copies_over_both_doors(served: Served) -> None:
    """Over MLLP the character set is said by the channel, over HTTP by the header: with the same one, the same document."""
    message = admission(somebody(5), served.flow.moment())
    acks = [over_mllp(served.mllp, message) for _ in range(2)]
    answers = [served.posts(message, Content_Type="x-application/hl7-v2+er7; charset=unicode utf-8") for _ in range(2)]
    assert all(b"MSA|AA|" in ack for ack in acks)
    assert all(a.status_code == 200 and b"MSA|AA|" in a.content for a in answers)
    assert len(served.flow.exchanges(agreement=RECORD)) == 1
