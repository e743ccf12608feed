"""Loss budgets on the running line, and what an operator does with an exchange that waits (ARCHITECTURE.md, promises 2, 3, 5 and 9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import structlog

from gateway.demo.messages import cases, discharge, update
from gateway.errors import Conflict, GatewayError, Invalid, NotFound
from gateway.model.questions import Exchange
from gateway.model.report import Loss
from gateway.pipeline import delivery
from gateway.pipeline.replay import LOSS, ORDER, given_up, replayed, wish_of
from gateway.stages.deliver import Rendered, render
from tests.flows.conftest import NOTICE, OPERATOR, RECORD, REFERRAL, Flow, Served, done, somebody, wish

CASE = cases()["discharges"]["consenting"]
LOCAL = b"ZZZ|1|local content\r"


async def parked(flow: Flow, number: int = 43, extra: bytes = LOCAL) -> tuple[Flow, Exchange]:
    """A discharge with a segment that no map reads, under an agreement that allows no loss."""
    strict = flow.changed(REFERRAL, loss_budget=0)
    person = somebody(number)
    await flow.consents(person)
    assert (await strict.sends(discharge(person, flow.moment(), CASE) + extra)).error is None
    await strict.drains()
    return strict, flow.newest(REFERRAL)


async def test_what_the_maps_take_is_no_loss(flow: Flow) -> None:
    _, exchange = await parked(flow, extra=b"")
    assert (exchange.status, exchange.what.lost) == ("delivered", 0)


@pytest.mark.parametrize(
    ("extra", "lost", "places"),
    [
        (LOCAL, 2, ("ZZZ-1.1", "ZZZ-2.1")),
        (b'ZZZ|""|""\r', 0, ()),  # a null is no value
        (b"NTE|1||said\r", 0, ()),  # NTE-1 is ignored with a reason
    ],
    ids=["no rule", "nulls", "ignored"],
)
async def test_what_counts_as_a_loss(flow: Flow, extra: bytes, lost: int, places: tuple[str, ...]) -> None:
    _, exchange = await parked(flow, extra=extra)
    assert (exchange.status == "parked", exchange.what.lost, exchange.what.lost_at) == (bool(lost), lost, places)


async def test_a_value_that_its_element_cannot_take_is_a_loss(flow: Flow) -> None:
    _, exchange = await parked(flow, extra=b"OBX|99|NM|1^x^L||not a number||||||Q\r")
    assert exchange.status == "parked"
    assert "OBX-11.1" in exchange.what.lost_at


async def test_each_agreement_has_its_own_budget(flow: Flow) -> None:
    strict, exchange = await parked(flow)
    assert (exchange.status, exchange.why.reason) == ("parked", "loss-budget")
    assert flow.one(RECORD).status == "kept"
    assert flow.post.sent == []
    wide = strict.changed(REFERRAL, loss_budget=2)
    person = somebody(44)
    await flow.consents(person)
    await wide.sends(discharge(person, flow.moment(), CASE) + LOCAL)
    await wide.drains()
    assert (flow.newest(REFERRAL).status, flow.newest(REFERRAL).what.lost) == ("delivered", 2)


async def test_one_recipient_gets_it_and_the_other_waits(flow: Flow) -> None:
    other = replace(flow.node.site.agreements[REFERRAL], id="second", loss_budget=0)
    both = flow.on(replace(flow.node.site, agreements={**flow.node.site.agreements, "second": other}))
    person = somebody(45)
    await flow.consents(person)
    await both.sends(discharge(person, flow.moment(), CASE) + LOCAL)
    await both.drains()
    assert flow.one(REFERRAL).status == "delivered"
    assert flow.one("second").status == "parked"
    assert len(flow.post.sent) == 1


async def test_it_is_seen_and_no_value_of_it(flow: Flow) -> None:
    with structlog.testing.capture_logs() as logs:
        _, exchange = await parked(flow)
    (told,) = [line for line in logs if line["event"] == "parked"]
    assert (told["exchange"], told["reason"], told["lost"]) == (exchange.id, "loss-budget", 2)
    counts = {row["agreement"]: row for row in flow.node.store.daily_counts("2026-11-02")}
    assert counts[REFERRAL]["parked"] == 1
    (fact,) = flow.facts(exchange=exchange.id)
    assert (fact["outcome"], fact["facts"]["what"]["lost"]) == ("loss-budget", 2)
    assert "local content" not in str([logs, fact, exchange])
    overdue = flow.node.store.overdue(flow.clock().replace(year=2027), 10)
    assert exchange.id in [one.id for one in overdue]  # its deadline is called out


async def test_going_on_has_to_allow_the_loss(flow: Flow) -> None:
    strict, exchange = await parked(flow)
    with pytest.raises(Conflict, match="allow the loss"):
        replayed(strict.node, exchange.id, wish())
    assert (await done(strict, replayed(strict.node, exchange.id, wish(LOSS)))).status == "delivered"
    assert len(flow.post.sent) == 1
    phases = [decision.phase for decision in flow.node.store.decisions(exchange.id)]
    assert phases == ["replay"]
    (by,) = [f for f in flow.facts(exchange=exchange.id) if f["kind"] == "admin"]
    assert by["facts"]["what"] == {"operator": "replay", "allowed": ["loss"], "lost": 2, "replay_of": ""}
    assert by["facts"]["why"] == {"reason": "the care team knows"}
    assert by["facts"]["who"]["client"] == "key-admin"
    flow.verified()


async def test_consent_is_asked_again(flow: Flow) -> None:
    strict, exchange = await parked(flow, 46)
    await flow.consents(somebody(46), "inactive")
    assert (await done(strict, replayed(strict.node, exchange.id, wish(LOSS)))).status in ("refused", "withheld")
    assert flow.post.sent == []


async def test_the_agreement_is_asked_again(flow: Flow) -> None:
    strict, exchange = await parked(flow)
    over = strict.changed(REFERRAL, state="ended")
    ended = await done(over, replayed(over.node, exchange.id, wish(LOSS)))
    assert (ended.status, ended.why.reason) == ("refused", "agreement-ended")
    assert flow.post.sent == []


async def test_only_one_operator_decides(flow: Flow) -> None:
    strict, exchange = await parked(flow)
    _, first = replayed(strict.node, exchange.id, wish(LOSS))
    _, second = given_up(strict.node, exchange.id, wish())
    flow.node.store.commit(first).result()
    with pytest.raises(Conflict):
        flow.node.store.commit(second).result()
    await strict.drains()
    assert len(flow.post.sent) == 1


async def test_what_is_given_up_is_over(flow: Flow) -> None:
    strict, exchange = await parked(flow)
    over = await done(strict, given_up(strict.node, exchange.id, wish()))
    assert (over.status, over.why.reason) == ("failed", "given-up")
    assert flow.post.sent == []
    with pytest.raises(Conflict):
        given_up(strict.node, exchange.id, wish())


async def test_old_content_does_not_go_over_newer_unless_it_is_allowed(flow: Flow) -> None:
    strict, exchange = await parked(flow, 47)
    await strict.sends(discharge(somebody(47), flow.moment(), CASE))
    await strict.drains()
    with pytest.raises(Conflict, match="newer"):
        replayed(strict.node, exchange.id, wish(LOSS))
    assert (await done(strict, replayed(strict.node, exchange.id, wish(LOSS, ORDER)))).status == "delivered"


async def test_what_was_delivered_is_sent_again_as_an_exchange_of_its_own(flow: Flow) -> None:
    _, first = await parked(flow, extra=b"")
    again = await done(flow, replayed(flow.node, first.id, wish()))
    assert (again.status, again.replay_of, again.id != first.id) == ("delivered", first.id, True)
    assert len(flow.post.sent) == 2
    over = flow.changed(REFERRAL, state="ended")
    refused = await done(over, replayed(over.node, first.id, replace(wish(), reason="once more")))
    assert (refused.status, refused.replay_of, refused.what.released) == ("refused", first.id, ())


async def test_a_loss_of_the_rendering_parks_the_delivery(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    def lossy(*told: Any) -> Rendered:
        return replace(render(*told), losses=(Loss("Patient/x#photo[0]", "no rule"),))

    monkeypatch.setattr(delivery, "render", lossy)
    strict, exchange = await parked(flow, extra=b"")
    assert (exchange.status, exchange.why.reason, exchange.what.lost) == ("parked", "loss-budget", 1)
    assert exchange.what.lost_at == ("Patient.photo",)
    assert flow.post.sent == []
    assert await strict.drains() == 0
    with pytest.raises(Conflict, match="allow the loss"):
        replayed(strict.node, exchange.id, wish())
    went = await done(strict, replayed(strict.node, exchange.id, wish(LOSS)))
    assert (went.status, went.what.lost) == ("delivered", 1)


async def test_a_delivery_that_is_given_up_frees_its_lane(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(delivery, "render", lambda *told: replace(render(*told), losses=(Loss("x", "no rule"),)))
        strict, exchange = await parked(flow, 48, extra=b"")
    await strict.sends(discharge(somebody(48), flow.moment(), CASE))
    await strict.drains()
    assert flow.post.sent == []  # it waits behind the first
    assert (await done(strict, given_up(strict.node, exchange.id, wish()))).status == "failed"
    assert len(flow.post.sent) == 1


async def test_what_cannot_be_replayed(flow: Flow) -> None:
    with pytest.raises(NotFound):
        replayed(flow.node, "nothing", wish())
    person = somebody(49)
    await flow.sends(b"MSH|^~\\&|HIS|" + b"x" * 3)  # unreadable: no agreement
    with pytest.raises(Conflict):
        replayed(flow.node, flow.exchanges()[0].id, wish())
    await flow.consents(person)
    await flow.sends(update(person, flow.moment()))
    for agreement in (RECORD, NOTICE):
        for one in flow.exchanges(agreement=agreement):
            if one.status in ("kept", "pending"):
                with pytest.raises(Conflict):
                    replayed(flow.node, one.id, wish())
                with pytest.raises(Conflict):
                    given_up(flow.node, one.id, wish())


@pytest.mark.parametrize(
    ("reason", "allow"),
    [(None, []), ("", []), ("  ", []), ("two\nlines", []), ("x" * 501, []), (7, []), ("so", "loss"), ("so", ["all"])],
)
def test_a_wish_has_a_reason_and_allows_what_there_is(reason: Any, allow: Any) -> None:
    with pytest.raises(Invalid):
        wish_of(OPERATOR, reason, allow)


async def test_the_doors(served: Served) -> None:
    flow = served.flow
    _, exchange = served.runs(parked(flow))
    said = {"reason": "the care team knows"}

    def ask(what: str, body: Any, token: str = "admin") -> Any:
        with served.client(token) as client:
            return client.post(f"/exchanges/{exchange.id}/{what}", json=body)

    assert ask("replay", said, "hospital").status_code == 403
    assert ask("replay", said, "auditor").status_code == 403
    assert ask("replay", {}).status_code == 422
    assert ask("replay", {**said, "force": True}).status_code == 422
    assert ask("give-up", {**said, "allow": ["loss"]}).status_code == 422
    assert ask("replay", said).status_code == 409
    answer = ask("replay", {**said, "allow": ["loss"]})
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (200, exchange.id, "pending")
    assert ask("give-up", said).status_code == 409
    assert issubclass(Conflict, GatewayError)
