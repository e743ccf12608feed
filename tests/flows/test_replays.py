"""What a replay may not do: go under somebody else's consent, put old content over newer, lose without a bound, or go twice for one reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.demo.messages import cases, consent, discharge, update
from gateway.demo.people import Person
from gateway.errors import Conflict
from gateway.model.questions import Exchange
from gateway.model.records import Unit
from gateway.model.report import Loss
from gateway.model.wire import read_json
from gateway.pipeline import delivery
from gateway.pipeline import outcome as outcomes
from gateway.pipeline.replay import LOSS, ORDER, replayed
from gateway.pipeline.resume import unlinked
from gateway.stages.deliver import Rendered, render
from tests.flows.conftest import CONSENTS, RECORD, REFERRAL, Flow, Served, done, somebody, wish

CASE = cases()["discharges"]["consenting"]
LOCAL = b"ZZZ|1|local content\r"


async def delivered(flow: Flow, person: Person) -> Exchange:
    await flow.consents(person)
    assert (await flow.sends(discharge(person, flow.moment(), CASE))).error is None
    await flow.drains()
    exchange = flow.newest(REFERRAL)
    assert exchange.status == "delivered"
    return exchange


def unlink(flow: Flow, tokens: list[tuple[str, str]]) -> None:
    for system, token in tokens:
        flow.node.store.commit(unlinked(flow.node, system, token, "operator")).result()


async def test_a_document_whose_identifiers_lead_to_nobody_is_not_sent_again(flow: Flow) -> None:
    person = somebody(300)
    exchange = await delivered(flow, person)
    unlink(flow, flow.tokens_of(person))
    with pytest.raises(Conflict, match="identifiers"):
        replayed(flow.node, exchange.id, wish())
    assert len(flow.post.sent) == 1


async def test_a_document_that_is_somebody_elses_by_now_is_not_sent_again(flow: Flow) -> None:
    person = somebody(301)
    exchange = await delivered(flow, person)
    unlink(flow, flow.tokens_of(person)[:1])
    other = replace(somebody(302), number=person.number)  # the number is another person's from now on
    await flow.sends(update(other, flow.moment()))
    assert len(flow.persons(person)) == 2
    with pytest.raises(Conflict, match="identifiers"):
        replayed(flow.node, exchange.id, wish())


async def test_one_identifier_that_is_left_is_enough(flow: Flow) -> None:
    person = somebody(303)
    exchange = await delivered(flow, person)
    unlink(flow, flow.tokens_of(person)[:1])
    assert (await done(flow, replayed(flow.node, exchange.id, wish()))).status == "delivered"


async def test_old_content_is_not_kept_over_newer_unless_it_is_allowed(flow: Flow) -> None:
    person = somebody(304)
    strict = flow.changed(RECORD, loss_budget=0)
    old = update(person, flow.moment()).replace("마포구".encode(), b"OLDTOWN")
    await strict.sends(old + LOCAL)
    exchange = flow.newest(RECORD)
    assert exchange.status == "parked"
    await strict.sends(update(person, flow.moment()))
    await strict.drains()

    def town() -> str:
        assert exchange.whom.person is not None
        (row,) = flow.node.store.resources(exchange.whom.person, "Patient")
        return str(read_json(flow.node.keyring.open(row.content))["address"])

    with pytest.raises(Conflict, match="newer"):
        replayed(strict.node, exchange.id, wish(LOSS))
    assert "OLDTOWN" not in town()
    await done(strict, replayed(strict.node, exchange.id, wish(LOSS, ORDER)))
    assert "OLDTOWN" in town()


async def test_a_consent_that_waited_does_not_undo_a_newer_refusal(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    person = somebody(309)
    permit = consent(person, flow.moment(), "Organization/mapo-care-team")
    with monkeypatch.context() as patched:
        patched.setattr(outcomes, "over_budget", lambda *_: True)
        await flow.sends(permit)
    exchange = flow.one(CONSENTS)
    assert exchange.status == "parked"
    newer = consent(person, flow.moment(), "Organization/mapo-care-team")
    assert (await flow.sends({**newer, "provision": {**newer["provision"], "type": "deny"}})).error is None
    with pytest.raises(Conflict, match="newer"):
        replayed(flow.node, exchange.id, wish(LOSS))
    with pytest.raises(Conflict, match="Consent"):  # nobody can allow this
        replayed(flow.node, exchange.id, wish(LOSS, ORDER))
    await flow.sends(discharge(person, flow.moment(), CASE))
    assert flow.newest(REFERRAL).status == "refused"


def lossy(count: int) -> Any:
    losses = tuple(Loss(f"Patient/x#photo[{number}]", "no rule") for number in range(count))

    def rendered(*told: Any) -> Rendered:
        return replace(render(*told), losses=losses)

    return rendered


async def test_a_loss_is_allowed_as_it_was_seen_and_no_more(flow: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    strict, person = flow.changed(REFERRAL, loss_budget=0), somebody(305)
    monkeypatch.setattr(delivery, "render", lossy(1))
    await flow.consents(person)
    await strict.sends(discharge(person, flow.moment(), CASE))
    await strict.drains()
    exchange = flow.newest(REFERRAL)
    assert (exchange.status, exchange.what.lost) == ("parked", 1)
    monkeypatch.setattr(delivery, "render", lossy(3))
    more = await done(strict, replayed(strict.node, exchange.id, wish(LOSS)))
    assert (more.status, more.why.reason, more.what.lost) == ("parked", "loss-budget", 3)
    assert flow.post.sent == []
    went = await done(strict, replayed(strict.node, exchange.id, wish(LOSS)))
    assert (went.status, went.what.lost) == ("delivered", 3)


async def test_a_document_that_loses_more_by_the_maps_of_today_waits_again(flow: Flow) -> None:
    strict, person = flow.changed(REFERRAL, loss_budget=0), somebody(306)
    await flow.consents(person)
    await flow.sends(discharge(person, flow.moment(), CASE) + LOCAL)  # lost as much, and no budget was set
    await flow.drains()
    exchange = flow.newest(REFERRAL)
    assert (exchange.status, exchange.what.lost) == ("delivered", 2)
    assert (await done(strict, replayed(strict.node, exchange.id, wish(LOSS)))).status == "delivered"
    less = replace(exchange, id=flow.node.ids(), what=replace(exchange.what, lost=1))
    flow.node.store.commit(Unit((less,))).result()
    again = await done(strict, replayed(strict.node, less.id, wish(LOSS)))
    assert (again.status, again.why.reason, again.what.lost) == ("parked", "loss-budget", 2)


async def test_one_reason_is_one_replay(flow: Flow) -> None:
    exchange = await delivered(flow, somebody(307))
    _, first = replayed(flow.node, exchange.id, wish())
    _, second = replayed(flow.node, exchange.id, wish())  # another operator, at the same time
    flow.node.store.commit(first).result()
    with pytest.raises(Conflict):
        flow.node.store.commit(second).result()
    await flow.drains()
    with pytest.raises(Conflict, match="reason"):
        replayed(flow.node, exchange.id, wish())
    assert len(flow.post.sent) == 2
    again = await done(flow, replayed(flow.node, exchange.id, wish(reason="it was lost there once more")))
    assert (again.status, again.replay_of) == ("delivered", exchange.id)
    assert len(flow.post.sent) == 3


def test_the_door_sends_once_for_each_reason(served: Served) -> None:
    exchange = served.runs(delivered(served.flow, somebody(308)))
    with served.client("admin") as client:
        answers = [
            client.post(f"/exchanges/{exchange.id}/replay", json={"reason": reason}).status_code
            for reason in ("lost there", "lost there", " lost there ", "lost again")
        ]
    assert answers == [200, 409, 409, 200]
