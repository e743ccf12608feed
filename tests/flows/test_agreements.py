"""What an agreement lets through, and that it is asked again at delivery (ARCHITECTURE.md, promises 2, 3 and 5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from gateway.demo.messages import admission, cases, discharge
from gateway.errors import TryLater
from gateway.model.wire import read_json
from tests.flows.conftest import CARE_TEAM, CONSENTS, HOSPITAL, NOTICE, RECORD, REFERRAL, Flow, somebody

CASE = cases()["discharges"]["consenting"]


async def discharged(flow: Flow, number: int = 40, consenting: bool = True) -> Any:
    person = somebody(number)
    if consenting:
        await flow.consents(person)
    receipt = await flow.sends(discharge(person, flow.moment(), CASE))
    assert receipt.error is None
    return person


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "draft"},
        {"state": "ended"},
        {"valid_from": date(2026, 11, 3)},
        {"valid_to": date(2026, 11, 1)},
        {"triggers": ("ADT^A04",)},
    ],
    ids=["draft", "ended", "not yet valid", "no longer valid", "another trigger"],
)
async def test_an_agreement_that_is_not_in_force_makes_no_exchange(flow: Flow, changes: dict[str, Any]) -> None:
    await discharged(flow.changed(REFERRAL, **changes))
    await flow.drains()
    assert flow.exchanges(agreement=REFERRAL) == []
    assert flow.post.sent == []
    assert flow.one(RECORD).status == "kept"


async def test_in_shadow_all_of_it_runs_and_nothing_is_delivered(flow: Flow) -> None:
    shadow = flow.changed(REFERRAL, state="shadow")
    await discharged(shadow)
    await shadow.drains()
    exchange = flow.one(REFERRAL)
    assert exchange.status == "shadowed"
    assert exchange.what.released
    assert [s.stage for s in exchange.steps][-2:] == ["decide", "release"]
    assert flow.node.store.outbox(exchange.id) == []
    assert flow.post.sent == []
    assert flow.verified().open_count == 0


async def test_a_dry_run_keeps_the_fact_and_echoes_the_senders_own(flow: Flow) -> None:
    person = somebody(41)
    await flow.consents(person)
    await flow.drains()
    before = {name: len(flow.node.store.records(name)) for name in ("identity", "person-birth")}
    message = discharge(person, flow.moment(), CASE)
    told = await flow.sends(message, dry_run=True)
    await flow.drains()
    assert told.error is None
    assert flow.post.sent == []
    assert flow.node.store.received(told.received) is None
    found = [e for e in flow.exchanges(status="dry")]
    assert {e.agreement for e in found} == {REFERRAL, RECORD}
    assert all(e.received_id == "" for e in found)
    assert all(flow.node.store.decisions(e.id) == [] and flow.node.store.outbox(e.id) == [] for e in found)
    assert {f["outcome"] for e in found for f in flow.facts(exchange=e.id)} == {"dry-run"}
    assert before == {name: len(flow.node.store.records(name)) for name in before}
    assert told.echo is not None
    assert set(told.echo) == {"content", "losses", "origins", "findings"}
    text = str(told.echo)
    assert "F32.1" in text  # its own document, whole
    assert not any(word in text for word in ("permit", "deny", "default-", "PSY", "redact"))
    unconsented = await flow.sends(discharge(somebody(42), flow.moment(), CASE), dry_run=True)
    assert unconsented.echo is not None
    assert set(unconsented.echo) == set(told.echo)
    assert flow.persons(somebody(42)) == set()
    real = await flow.sends(message)
    assert real.received != told.received
    assert flow.one(REFERRAL, status="pending")
    flow.verified()


async def test_a_dry_run_that_is_refused_is_no_document_of_the_day(flow: Flow) -> None:
    refused = await flow.sends(b"MSH|^~\\&|X", dry_run=True)
    assert refused.error is not None
    assert refused.echo is None
    exchange = flow.one("")
    assert (exchange.status, exchange.received_id, exchange.why.reason) == ("dry", "", type(refused.error).__name__)
    assert flow.node.store.daily_counts("2026-11-02") == []


async def test_a_loss_over_the_budget_waits_for_a_person(flow: Flow) -> None:
    strict = flow.changed(REFERRAL, loss_budget=0)
    person = somebody(43)
    await flow.consents(person)
    message = discharge(person, flow.moment(), CASE) + b"ZZZ|1|local content\r"
    assert (await strict.sends(message)).error is None
    await strict.drains()
    assert (flow.one(REFERRAL).status, flow.one(REFERRAL).why.reason) == ("parked", "loss-budget")
    assert flow.post.sent == []


@pytest.mark.parametrize("how", ["state", "period", "gone", "recipient off", "sender off", "recipient gone"])
async def test_what_ends_between_receipt_and_delivery_is_withheld(flow: Flow, how: str) -> None:
    await discharged(flow)
    assert flow.one(REFERRAL).status == "pending"
    site = flow.node.site
    agreement, sides = site.agreements[REFERRAL], dict(site.participants)
    others = {name: a for name, a in site.agreements.items() if name != REFERRAL}
    later = {
        "state": replace(site, agreements={**others, REFERRAL: replace(agreement, state="ended")}),
        "period": replace(site, agreements={**others, REFERRAL: replace(agreement, valid_to=date(2026, 11, 1))}),
        "gone": replace(site, agreements=others),
        "recipient off": replace(site, participants={**sides, CARE_TEAM: replace(sides[CARE_TEAM], active=False)}),
        "sender off": replace(site, participants={**sides, HOSPITAL: replace(sides[HOSPITAL], active=False)}),
        "recipient gone": replace(site, participants={n: p for n, p in sides.items() if n != CARE_TEAM}),
    }[how]
    await flow.on(later).drains()
    exchange = flow.one(REFERRAL)
    assert (exchange.status, exchange.why.reason, exchange.what.released) == ("withheld", "agreement-ended", ())
    assert exchange.what.withheld > 0
    assert flow.post.sent == []
    assert flow.node.store.outbox(exchange.id) == []
    flow.verified()


async def test_consent_withdrawn_before_delivery_withholds(flow: Flow) -> None:
    flow.post.answers["mapo-fhir"] = [TryLater()]
    person = await discharged(flow)
    await flow.drains()
    attempts = len(flow.post.sent)
    await flow.consents(person, "inactive")
    flow.clock.pass_by(minutes=5)
    await flow.drains()
    exchange = flow.one(REFERRAL)
    assert (exchange.status, exchange.what.released) == ("withheld", ())
    assert len(flow.post.sent) == attempts
    assert [d.phase for d in flow.node.store.decisions(exchange.id)] == ["receipt", "delivery"]
    flow.verified()


async def test_consent_given_later_does_not_bring_a_refused_exchange_back(flow: Flow) -> None:
    person = await discharged(flow, consenting=False)
    exchange = flow.one(REFERRAL)
    assert (exchange.status, exchange.why.reason) == ("refused", "default-deny")
    await flow.consents(person)
    flow.clock.pass_by(days=1)
    await flow.drains()
    assert flow.one(REFERRAL).status == "refused"
    assert flow.post.sent == []


async def test_a_narrower_consent_before_delivery_narrows_it(flow: Flow) -> None:
    """Commit B: the decision at delivery differs from that of the receipt, so it and a new intent are durable before anything leaves."""
    from gateway.demo.messages import consent

    person = await discharged(flow)
    wider = flow.one(REFERRAL)
    narrow = consent(person, flow.moment(), "Organization/mapo-care-team")
    narrow["provision"]["provision"] = [
        {"type": "deny", "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "AllergyIntolerance"}]}
    ]
    assert (await flow.sends(narrow)).error is None
    seen: list[tuple[int, int]] = []

    def intents(headers: Any) -> None:
        exchange = headers["X-Request-Id"]
        kinds = [f["kind"] for f in flow.facts(exchange=exchange)]
        seen.append((kinds.count("intent"), len(flow.node.store.decisions(exchange))))

    flow.post.before = intents
    await flow.drains()
    assert seen == [(2, 2)]
    exchange = flow.one(REFERRAL)
    assert exchange.status == "delivered"
    held = {r["reference"] for r in wider.what.released} - {r["reference"] for r in exchange.what.released}
    assert {reference.partition("/")[0] for reference in held} == {"AllergyIntolerance"}
    assert {e["resource"]["resourceType"] for e in read_json(flow.post.sent[0].body)["entry"]}.isdisjoint(
        {"AllergyIntolerance"}
    )
    flow.verified()


async def test_another_participants_facility_is_refused(flow: Flow) -> None:
    site = flow.node.site
    own = replace(site.participants[HOSPITAL], facilities=("ELSEWHERE",))
    named = flow.on(replace(site, participants={**site.participants, HOSPITAL: own}))
    receipt = await named.sends(admission(somebody(44), flow.moment()))
    assert receipt.error is not None
    assert receipt.error.positions == ("MSH-3", "MSH-4")
    assert flow.one("").why.reason == "NotAgreed"


async def test_the_day_sums_up(flow: Flow) -> None:
    flow.post.answers["mapo-fhir"] = [TryLater()] * 50
    await discharged(flow, 45)
    await discharged(flow, 46, consenting=False)
    await flow.sends(admission(somebody(47), flow.moment()))
    await flow.sends(b"nonsense")
    await flow.drains()
    rows = {row["agreement"]: dict(row) for row in flow.node.store.daily_counts("2026-11-02")}
    assert set(rows) == {"", REFERRAL, RECORD, NOTICE, CONSENTS}
    for row in rows.values():
        assert row["received"] == sum(n for name, n in row.items() if name not in ("agreement", "received"))
    assert rows[REFERRAL] == {"agreement": REFERRAL, "received": 2, "pending": 1, "refused": 1}
    assert rows[""] == {"agreement": "", "received": 1, "refused": 1}
