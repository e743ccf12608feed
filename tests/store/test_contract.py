"""The Store port on both databases, in the order of model/ports.py (ARCHITECTURE.md, promises 1, 7, 9, 12)."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import Busy, Conflict, Defect, NotDurable, Unanswerable
from gateway.model.questions import What, When
from gateway.model.records import (
    DataKey,
    EpochBump,
    ExchangeAnew,
    ExchangeChange,
    GapCount,
    LinkGone,
    OutboxDone,
    OutboxRetry,
    Record,
    RecordGone,
    Unit,
)
from gateway.store.engine import make_engine
from gateway.store.writer import Writer
from tests.store.conftest import (
    NOW,
    SECRET,
    WAIT,
    broken_at,
    decision,
    document,
    entry,
    exchange,
    fact,
    kept,
    leased,
    link,
    merge,
    new_id,
    person,
    refusal,
    resource,
)

LATER = NOW + timedelta(minutes=5)


class TestCommit:
    def test_a_second_copy_is_a_conflict_and_the_rest_of_the_batch_lands(self, store: Any) -> None:
        first = document()
        kept(store, first)
        good, bad = [document() for _ in range(50)], document(first.digest)
        units = [Unit((one,)) for one in [*good[:25], bad, *good[25:]]]
        errors = [done.exception(WAIT) for done in [store.commit(unit) for unit in units]]
        assert [type(error) for error in errors if error] == [Conflict]
        assert isinstance(errors[25], Conflict)
        assert all(store.received(one.id) == one for one in good)
        assert store.received(bad.id) is None
        assert store.seen(first.participant, first.digest) == first

    def test_the_same_bytes_twice_in_one_batch_are_kept_once(self, store: Any) -> None:
        copies = [document("same") for _ in range(20)]
        errors = [done.exception(WAIT) for done in [store.commit(Unit((one,))) for one in copies]]
        assert Counter(type(error) for error in errors) == {Conflict: 19, type(None): 1}
        assert store.seen("hanbit-hospital", "same") == copies[[e is None for e in errors].index(True)]

    def test_the_same_bytes_of_another_participant_are_another_document(self, store: Any) -> None:
        kept(store, document("same"))
        kept(store, document("same", participant="other"))
        assert store.seen("third", "same") is None

    def test_a_unit_is_kept_whole_or_not_at_all(self, store: Any) -> None:
        there, of = document(), person()
        kept(store, there)
        new, about = document(), exchange()
        assert (
            refusal(store, new, about, fact(of), entry(f"mapo:{of}"), resource(of), document(there.digest)) is Conflict
        )
        assert (store.received(new.id), store.exchange(about.id), store.resources(of)) == (None, None, [])
        assert (store.audit_rows({"person": of}, 9), leased(store)) == ([], [])

    def test_an_empty_unit_is_durable(self, store: Any) -> None:
        assert refusal(store) is None

    def test_many_threads_share_commits(self, store: Any) -> None:
        waiting: list[Any] = []

        def submit() -> None:
            waiting.extend(store.commit(Unit((document(),))) for _ in range(50))

        threads = [threading.Thread(target=submit) for _ in range(8)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert [done.exception(WAIT) for done in waiting] == [None] * 400
        assert 0 < store.commits < 400

    def test_what_is_durable_is_read_by_everybody(self, store: Any, opened: Callable[[], Any]) -> None:
        one = document()
        kept(store, one)
        assert opened().received(one.id) == one

    @pytest.mark.parametrize("text", ["a\0b", "lone \ud800 surrogate"])
    def test_a_text_no_database_takes_fails_its_unit_alone(self, store: Any, text: str) -> None:
        good = [document() for _ in range(5)]
        units = [Unit((one,)) for one in (*good[:2], document(control_id=text), *good[2:])]
        errors = [done.exception(WAIT) for done in [store.commit(unit) for unit in units]]
        assert [error for n, error in enumerate(errors) if n != 2] == [None] * 5
        assert type(errors[2]) is Defect  # not NotDurable: sending it again would not help
        assert all(store.received(one.id) for one in good)

    def test_a_number_too_large_fails_its_unit_alone(self, store: Any) -> None:
        waiting = [store.commit(Unit((document(size=n),))) for n in (1, 2**70, 3)]
        assert [done.exception(WAIT) is None for done in waiting] == [True, False, True]

    def test_a_key_too_long_for_an_index_fails_its_unit_alone(self, store: Any, store_url: str) -> None:
        """PostgreSQL's indexes take 2,704 bytes, SQLite's any number."""
        system = "".join(new_id() for _ in range(300))
        units = [Unit((document(),)), Unit((document(), link(person(), system))), Unit((document(),))]
        errors = [done.exception(WAIT) for done in [store.commit(unit) for unit in units]]
        assert (errors[0], errors[2]) == (None, None)
        assert type(errors[1]) is (Defect if store_url.startswith("postgresql") else type(None))

    def test_an_exchange_that_does_not_exist_cannot_change(self, store: Any) -> None:
        assert refusal(store, changes=(ExchangeChange("none", {"status": "failed"}),)) is Conflict
        assert refusal(store, changes=(ExchangeAnew(exchange()),)) is Conflict

    def test_a_large_payload(self, store: Any) -> None:
        large = document(payload=replace(SECRET, data=bytes(range(256)) * 24_000))
        kept(store, large)
        assert store.received(large.id) == large

    def test_a_full_queue_is_busy(self, store_url: str, store: Any, place: Any) -> None:
        held = threading.Event()
        engine = make_engine(store_url)
        writer = Writer(engine, place, most=2)
        slow = threading.Thread(target=writer.run, args=(lambda _: held.wait(WAIT),))
        slow.start()
        waiting = []
        try:
            while not waiting or not waiting[-1].done():
                waiting.append(writer.commit(Unit((document(),))))
            assert isinstance(waiting[-1].exception(), Busy)
        finally:
            held.set()
            slow.join()
            writer.close()
            engine.dispose()
        assert [done.exception() for done in waiting[:-1]] == [None] * (len(waiting) - 1)

    def test_closing_writes_what_waits_and_closing_twice_is_fine(self, opened: Callable[[], Any]) -> None:
        store, units = opened(), [document() for _ in range(300)]
        waiting = [store.commit(Unit((one,))) for one in units]
        store.close()
        store.close()
        assert [done.exception(0) for done in waiting] == [None] * 300
        assert refusal(store, document()) is NotDurable
        assert all(opened().seen(one.participant, one.digest) for one in units[:3])


class TestRoundTrips:
    def test_every_noun_comes_back_as_it_was_put(self, store: Any) -> None:
        of, got = person(), document()
        about = exchange(received_id=got.id)
        said, waits = decision(about.id), entry(f"mapo:{of}", exchange=about.id)
        there = resource(of, labels=("R", "PSY"))
        known, key = link(of), DataKey("person:p", 1, b"\0sealed")
        kept(store, got, about, said, waits, there, known, key)
        assert store.received(got.id) == got
        assert store.exchange(about.id) == about
        assert store.decisions(about.id) == [said]
        assert store.outbox(about.id) == [replace(waits, sequence=1)]
        assert store.resource(there.type, there.id) == there
        assert store.links(of) == [known]
        assert store.data_keys([key.id, "none"]) == {key.id: key}

    def test_what_is_not_there(self, store: Any) -> None:
        assert (store.received("x"), store.exchange("x"), store.record("x", "y"), store.resource("X", "y")) == (
            None,
        ) * 4
        assert (store.decisions("x"), store.outbox("x"), store.links("x"), store.resources("x")) == ([],) * 4
        assert (store.persons([]), store.labels([]), store.data_keys([])) == ({}, {}, {})
        assert store.consents("x") == (0, [])
        assert store.survivor("x") == "x"

    def test_times_are_kept_in_utc(self, store: Any) -> None:
        zone = NOW.astimezone(tz=__import__("zoneinfo").ZoneInfo("Asia/Seoul"))
        one = document(at=zone)
        kept(store, one)
        assert store.received(one.id).at == zone
        assert store.received(one.id).at.tzinfo == UTC

    def test_decisions_come_in_order_of_time(self, store: Any) -> None:
        late, early = decision("e", LATER), decision("e", NOW)
        kept(store, late, early)
        assert store.decisions("e") == [early, late]

    def test_records_are_replaced_and_taken_away(self, store: Any) -> None:
        first = Record("subscription", "a", {"n": 1, "deep": {"x": [1, "2", None]}}, NOW, LATER, SECRET)
        kept(store, first, Record("subscription", "b", {}, LATER), Record("other", "a", {}, NOW))
        assert store.record("subscription", "a") == first
        second = replace(first, value={"n": 2}, sealed=None, expires=None)
        kept(store, second)
        assert store.record("subscription", "a") == second
        assert [one.key for one in store.records("subscription")] == ["a", "b"]
        assert [one.key for one in store.records("subscription", limit=1)] == ["a"]
        kept(store, changes=(RecordGone("subscription", "a"),))
        assert store.record("subscription", "a") is None
        assert refusal(store, changes=(RecordGone("subscription", "a"),)) is Conflict

    def test_a_record_put_once_is_put_once(self, store: Any) -> None:
        """By one of many who try at the same time; again when it has expired; and never over another."""
        once = Record("assertion", "a", {"n": 1}, NOW, LATER, once=True)
        waiting = [store.commit(Unit((once,))) for _ in range(10)]
        errors = [done.exception(WAIT) for done in waiting]
        assert Counter(type(error) for error in errors) == {Conflict: 9, type(None): 1}
        kept(store, Record("assertion", "b", {}, NOW, LATER, once=True), Record("other", "a", {}, NOW, once=True))
        assert refusal(store, replace(once, value={"n": 2}), Record("other", "b", {}, NOW)) is Conflict
        assert store.record("other", "b") is None
        assert store.record("assertion", "a").value == {"n": 1}
        later = LATER + timedelta(seconds=1)
        kept(store, replace(once, value={"n": 3}, at=later, expires=later))
        assert store.record("assertion", "a").value == {"n": 3}

    def test_a_record_put_and_taken_away_at_once_is_used_once(self, store: Any) -> None:
        kept(store, Record("nonce", "n", {}, NOW))
        waiting = [store.commit(Unit((), (RecordGone("nonce", "n"),))) for _ in range(10)]
        errors = [done.exception(WAIT) for done in waiting]
        assert Counter(type(error) for error in errors) == {Conflict: 9, type(None): 1}


class TestExchanges:
    @pytest.fixture
    def many(self, store: Any) -> list[Any]:
        """Ten exchanges, newest first; two of them at the same moment."""
        made = [exchange(NOW + timedelta(minutes=n // 2), agreement=f"a{n % 3}") for n in range(10)]
        kept(store, *made)
        return sorted(made, key=lambda e: (e.when.received, e.id), reverse=True)

    def test_newest_first_and_paged_by_key(self, store: Any, many: list[Any]) -> None:
        assert store.exchanges({}, 100) == many
        pages, last = [], ""
        while page := store.exchanges({}, 3, last):
            pages += page
            last = page[-1].id
        assert pages == many

    def test_by_column_and_range(self, store: Any, many: list[Any]) -> None:
        assert store.exchanges({"agreement": "a1"}, 9) == [e for e in many if e.agreement == "a1"]
        one = many[4]
        assert store.exchanges({"whom_person": one.whom.person, "status": "pending"}, 9) == [one]
        assert store.exchanges({"received_id": one.received_id, "why_purpose": "COC"}, 9) == [one]
        start, end = NOW + timedelta(minutes=1), NOW + timedelta(minutes=3)
        found = store.exchanges({"when_received_from": start.isoformat(), "when_received_to": end.isoformat()}, 9)
        assert found == [e for e in many if start <= e.when.received < end]

    @pytest.mark.parametrize("name", ["nonsense", "id; DROP", "", "status_from", "nonsense_to", "__class__", "_from"])
    def test_an_unknown_column_is_unanswerable(self, store: Any, name: str) -> None:
        with pytest.raises(Unanswerable):
            store.exchanges({name: "x"}, 9)
        with pytest.raises(Unanswerable):
            store.audit_rows({name: "x"}, 9)

    @pytest.mark.parametrize("value", ["yesterday", "", "2026-13-01", "0001-01-01T00:00:00+23:00"])
    def test_what_is_no_time_is_unanswerable(self, store: Any, value: str) -> None:
        with pytest.raises(Unanswerable):
            store.exchanges({"when_received_from": value}, 9)

    @pytest.mark.parametrize("text", ["a\0b", "lone \ud800 surrogate"])
    def test_a_text_no_database_takes_finds_nothing_or_is_unanswerable(self, store: Any, text: str) -> None:
        reads: list[Callable[[], Any]] = [
            lambda: store.exchanges({"agreement": text}, 9), lambda: store.labels([f"Condition/{text}"]),
            lambda: store.persons([("urn:mrn", text)]), lambda: store.exchange(text), lambda: store.audit_rows({"kind": text}, 9),
        ]  # fmt: skip
        for read in reads:
            with suppress(Unanswerable):
                assert not read()

    def test_changes_are_read_back(self, store: Any, many: list[Any]) -> None:
        one = many[0]
        steps = (*one.steps, replace(one.steps[0], stage="deliver"))
        values = {"status": "delivered", "when_delivered": LATER, "what_released": ({"reference": "A/1"},), "what_withheld": 4,
                  "steps": steps}  # fmt: skip
        kept(store, changes=(ExchangeChange(one.id, values),))
        after = store.exchange(one.id)
        assert (after.status, after.when.delivered, after.steps) == ("delivered", LATER, steps)
        assert (after.what.released, after.what.withheld) == (({"reference": "A/1"},), 4)
        assert replace(after, status=one.status, when=one.when, what=one.what, steps=one.steps) == one

    def test_a_change_of_no_column_fails_its_unit_alone(self, store: Any, many: list[Any]) -> None:
        wrong, right = ({"nonsense": 1}, {"status": "failed"})
        waiting = [store.commit(Unit((), (ExchangeChange(many[0].id, values),))) for values in (wrong, right)]
        assert [done.exception(WAIT) is None for done in waiting] == [False, True]

    def test_later_changes_win_in_one_unit_and_in_one_batch(self, store: Any, many: list[Any]) -> None:
        one = many[0]
        said = [ExchangeChange(one.id, {"status": status}) for status in ("parked", "pending", "failed")]
        kept(store, changes=(said[0], ExchangeChange(one.id, {"why_reason": "why"}), said[1]))
        assert (store.exchange(one.id).status, store.exchange(one.id).why.reason) == ("pending", "why")
        waiting = [store.commit(Unit((), (change,))) for change in said]
        assert [done.exception(WAIT) for done in waiting] == [None] * 3
        assert store.exchange(one.id).status == "failed"

    def test_an_exchange_goes_on_anew(self, store: Any, many: list[Any]) -> None:
        other = replace(exchange(LATER), id=many[0].id, status="shadowed", replay_of="", what=What())
        kept(store, changes=(ExchangeAnew(other),))
        assert store.exchange(other.id) == other

    def test_daily_counts(self, store: Any) -> None:
        day = NOW.replace(hour=0, minute=0, second=0, microsecond=0)
        said = [("a", "delivered"), ("a", "delivered"), ("a", "withheld"), ("b", "pending"), ("", "refused")]
        kept(store, *(exchange(NOW, agreement=name, status=status) for name, status in said))
        for n, at in enumerate((day, day + timedelta(days=1) - timedelta(microseconds=1))):
            kept(store, exchange(at, agreement=f"edge{n}"))
        kept(store, exchange(day + timedelta(days=1)), exchange(day - timedelta(microseconds=1)))
        assert list(store.daily_counts("2026-03-04")) == [
            {"agreement": "", "received": 1, "refused": 1},
            {"agreement": "a", "received": 3, "delivered": 2, "withheld": 1},
            {"agreement": "b", "received": 1, "pending": 1},
            {"agreement": "edge0", "received": 1, "pending": 1},
            {"agreement": "edge1", "received": 1, "pending": 1},
        ]

    def test_overdue(self, store: Any) -> None:
        def one(due: Any, status: str) -> Any:
            return exchange(status=status, when=When(NOW, due=due))

        late, later, parked = one(NOW, "pending"), one(NOW + timedelta(1), "pending"), one(NOW - timedelta(1), "parked")
        kept(store, late, later, parked, one(NOW, "delivered"), one(None, "pending"))
        assert store.overdue(NOW + timedelta(2), 9) == [parked, late, later]
        assert store.overdue(NOW + timedelta(1), 9) == [parked, late]
        assert store.overdue(NOW + timedelta(2), 1) == [parked]


class TestAudit:
    def test_a_chain_has_no_gaps_under_two_stores(self, store: Any, opened: Callable[[], Any]) -> None:
        of, other, stores = [person() for _ in range(3)], opened(), []
        for n in range(120):
            stores.append((store, other)[n % 2].commit(Unit((fact(of[n % 3]), fact(None)))))
        assert [done.exception(WAIT) for done in stores] == [None] * 120
        for one in of:
            rows = store.audit_rows({"person": one}, 1000)
            assert len(rows) == 40
            assert broken_at(rows) == []

    @pytest.mark.long
    def test_a_chain_has_no_gaps_under_two_processes(self, store: Any, child: Callable[..., Any]) -> None:
        of = person()
        both = [child("commit", of, "100") for _ in range(2)]
        said = [line for one in both for line in one.communicate(timeout=WAIT)[0].split()]
        rows = store.audit_rows({"person": of}, 1000)
        assert len(said) - 2 == len(rows) == 200
        assert broken_at(rows) == []
        assert len(leased(store)) == 1

    def test_several_facts_of_one_unit_are_chained_in_order(self, store: Any) -> None:
        of = person()
        facts = [fact(of, NOW - timedelta(seconds=n)) for n in range(5)]
        kept(store, *facts)
        rows = store.audit_rows({"person": of}, 9)
        assert [row.id for row in rows] == [one.id for one in facts]
        assert broken_at(rows) == []

    def test_a_unit_that_fails_leaves_no_hole(self, store: Any) -> None:
        there, of = document(), person()
        kept(store, there, fact(of))
        assert refusal(store, fact(of), document(there.digest)) is Conflict
        kept(store, fact(of))
        assert broken_at(store.audit_rows({"person": of}, 9)) == []

    def test_the_same_fact_twice_is_a_conflict(self, store: Any) -> None:
        one = fact(person())
        kept(store, one)
        assert refusal(store, one) is Conflict

    def test_rows_about_nobody_have_no_place_in_a_chain(self, store: Any) -> None:
        one = fact(None)
        kept(store, one)
        (row,) = store.audit_rows({"exchange": one.exchange}, 9)
        assert (row.person, row.sequence, row.previous_hash) == (None, None, "")

    def test_search_and_pages(self, store: Any) -> None:
        of = person()
        facts = [fact(of, NOW + timedelta(minutes=n % 4), kind=("intent", "outcome")[n % 2]) for n in range(9)]
        kept(store, *facts, fact(person()), fact(None))
        assert len(store.audit_rows({}, 100)) == 11
        assert [r.id for r in store.audit_rows({"person": of, "kind": "outcome"}, 9)] == [f.id for f in facts[1::2]]
        start, end = NOW + timedelta(minutes=1), NOW + timedelta(minutes=3)
        ranged = store.audit_rows({"at_from": start.isoformat(), "at_to": end.isoformat()}, 100)
        assert {r.id for r in ranged} == {f.id for f in facts if start <= f.at < end}
        for where in ({}, {"person": of}, {"kind": "intent"}):
            pages, last = [], ""
            while page := store.audit_rows(where, 2, last):
                pages += page
                last = page[-1].id
            assert pages == store.audit_rows(where, 100)


class TestOutbox:
    def test_a_lane_is_delivered_in_order(self, store: Any) -> None:
        lane = f"mapo:{person()}"
        entries = [entry(lane, NOW - timedelta(seconds=n)) for n in range(4)]
        kept(store, *entries[:2])
        kept(store, entries[2])
        kept(store, entries[3])
        for n, one in enumerate(entries):
            (held,) = leased(store)
            assert (held.entry.id, held.entry.sequence) == (one.id, n + 1)
            assert leased(store) == []
            kept(store, changes=(OutboxDone(held.entry.id, held.entry.token),))
        assert leased(store) == []
        kept(store, entry(lane))
        assert leased(store)[0].entry.sequence == 5  # never given twice, though all were gone

    def test_a_lane_is_in_order_under_two_stores(self, store: Any, opened: Callable[[], Any]) -> None:
        lane, other, made = f"mapo:{person()}", opened(), []
        for n in range(20):
            made.append(entry(lane))
            kept((store, other)[n % 2], made[-1])
        for one in made:
            (held,) = leased(store)
            assert held.entry.id == one.id
            kept(other, changes=(OutboxDone(one.id, held.entry.token),))

    def test_a_lease_says_who_and_until_and_what(self, store: Any) -> None:
        one = entry("mapo:p")
        kept(store, one)
        (held,) = leased(store)
        assert (held.owner, held.until) == ("worker-1", NOW + timedelta(seconds=30))
        assert held.entry == replace(one, sequence=1, token=1)

    def test_nobody_else_gets_what_is_held_until_it_expires(self, store: Any, opened: Callable[[], Any]) -> None:
        kept(store, entry("mapo:p"))
        (first,) = leased(store)
        assert leased(opened(), NOW + timedelta(seconds=29), "worker-2") == []
        (second,) = leased(opened(), NOW + timedelta(seconds=31), "worker-2")
        assert second.entry.token == first.entry.token + 1

    @pytest.mark.parametrize("change", [OutboxDone, lambda id, token: OutboxRetry(id, token, LATER, "TryLater")])
    def test_a_stale_token_is_a_conflict(self, store: Any, change: Callable[[str, int], Any]) -> None:
        kept(store, entry("mapo:p"))
        (first,) = leased(store)
        (second,) = leased(store, LATER)
        about = exchange()
        assert refusal(store, about, changes=(change(first.entry.id, first.entry.token),)) is Conflict
        assert store.exchange(about.id) is None
        assert refusal(store, changes=(change(second.entry.id, second.entry.token),)) is None
        assert refusal(store, changes=(OutboxDone("none", 1),)) is Conflict

    def test_a_stuck_lane_blocks_only_itself(self, store: Any) -> None:
        stuck, free = [entry("mapo:a"), entry("mapo:a")], [entry("mapo:b"), entry("other:a")]
        kept(store, *stuck, *free)
        held = {one.entry.id: one for one in leased(store)}
        assert set(held) == {stuck[0].id, free[0].id, free[1].id}
        parked = held[stuck[0].id].entry
        kept(store, changes=(OutboxRetry(parked.id, parked.token, None, "InDoubt"),))
        for one in free:
            kept(store, changes=(OutboxDone(one.id, held[one.id].entry.token),))
        kept(store, entry("mapo:b"))
        assert [one.entry.lane for one in leased(store, LATER)] == ["mapo:b"]

    def test_what_is_not_due_waits_and_holds_its_lane(self, store: Any) -> None:
        kept(store, entry("mapo:a", LATER), entry("mapo:a"), entry("mapo:b"))
        assert [one.entry.lane for one in leased(store)] == ["mapo:b"]
        assert [one.entry.lane for one in leased(store, LATER)] == ["mapo:a", "mapo:b"] or leased(store, LATER) == []

    def test_a_retry_counts_and_says_why(self, store: Any) -> None:
        one = entry("mapo:a")
        kept(store, one)
        (held,) = leased(store)
        kept(store, changes=(OutboxRetry(one.id, held.entry.token, LATER, "TryLater"),))
        assert leased(store) == []
        (again,) = leased(store, LATER)
        assert (again.entry.attempts, again.entry.error_class, again.entry.token) == (1, "TryLater", 2)

    def test_the_limit_is_kept_and_the_rest_comes_next(self, store: Any) -> None:
        kept(store, *(entry(f"mapo:{n}") for n in range(10)))
        first, second = leased(store, limit=6), leased(store, limit=6)
        assert (len(first), len(second)) == (6, 4)
        assert not {one.entry.id for one in first} & {one.entry.id for one in second}

    def test_two_workers_never_share_an_entry(self, store: Any, opened: Callable[[], Any]) -> None:
        kept(store, *(entry(f"mapo:{n}") for n in range(60)))
        stores, got = (store, opened()), [[], []]

        def work(n: int) -> None:
            while held := leased(stores[n], owner=f"worker-{n}", limit=7):
                got[n].extend(one.entry.id for one in held)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        while held := leased(store, limit=7):  # skipped by both at one moment
            got[0].extend(one.entry.id for one in held)
        assert len(got[0] + got[1]) == len({*got[0], *got[1]}) == 60


class TestPersons:
    def test_links_lead_to_persons(self, store: Any) -> None:
        of = person()
        one, two = link(of), link(of, "urn:rrn")
        kept(store, one, two)
        asked = [(one.system, one.token), (two.system, two.token), ("urn:mrn", "unknown")]
        assert store.persons(asked) == {asked[0]: of, asked[1]: of}
        assert {found.token for found in store.links(of)} == {one.token, two.token}

    def test_a_link_to_somebody_else_is_a_conflict(self, store: Any) -> None:
        one = link(person())
        kept(store, one)
        assert refusal(store, replace(one, person=person())) is Conflict
        assert store.persons([(one.system, one.token)]) == {(one.system, one.token): one.person}

    def test_a_link_taken_away(self, store: Any) -> None:
        one = link(person())
        kept(store, one)
        kept(store, changes=(LinkGone(one.system, one.token),))
        assert store.persons([(one.system, one.token)]) == {}
        assert refusal(store, changes=(LinkGone(one.system, one.token),)) is Conflict
        kept(store, replace(one, person=person()))

    @pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1)])
    def test_chains_of_merges_are_followed(self, store: Any, order: tuple[int, ...]) -> None:
        """a → b → c → d, in whatever order it was said."""
        people = [person() for _ in range(4)]
        last = people[-1]
        links = [link(one) for one in people]
        consents = [resource(one, "Consent") for one in people]
        others = [resource(one) for one in people]
        kept(store, *links, *consents, *others)
        for n in order:
            kept(store, merge(people[n], people[n + 1]))
        assert [store.survivor(one) for one in people] == [last] * 4
        asked = [(one.system, one.token) for one in links]
        assert store.persons(asked) == dict.fromkeys(asked, last)
        assert {one.token for one in store.links(last)} == {one.token for one in links}
        assert {one.id for one in store.consents(last)[1]} == {one.id for one in consents}
        assert {one.id for one in store.resources(last, "Condition")} == {one.id for one in others}
        assert len(store.resources(last)) == 8

    def test_a_merge_makes_older_decisions_stale(self, store: Any) -> None:
        gone, stays = person(), person()
        before, _ = store.consents(stays)
        kept(store, merge(gone, stays))
        assert store.consents(stays)[0] > before

    def test_a_circle_of_merges_is_a_conflict(self, store: Any) -> None:
        a, b, c = (person() for _ in range(3))
        kept(store, merge(a, b))
        kept(store, merge(b, c))
        assert refusal(store, merge(c, a)) is Conflict
        assert refusal(store, merge(a, a)) is Conflict
        assert store.survivor(a) == store.survivor(b) == store.survivor(c) == c

    def test_what_waits_for_the_one_who_goes_is_delivered_after_what_waits_for_the_other(self, store: Any) -> None:
        gone, stays = person(), person()
        first, second, third = entry(f"mapo:{stays}"), entry(f"mapo:{gone}"), entry(f"mapo:{gone}")
        kept(store, first, second, third)
        kept(store, merge(gone, stays))
        fourth = entry(f"mapo:{stays}")
        kept(store, fourth)
        got = []
        while held := leased(store):
            assert len(held) == 1
            got.append(held[0].entry.id)
            kept(store, changes=(OutboxDone(got[-1], held[0].entry.token),))
        assert got == [first.id, second.id, third.id, fourth.id]

    def test_epochs(self, store: Any) -> None:
        of = person()
        kept(store, changes=(EpochBump(of),))
        kept(store, changes=(EpochBump(of), EpochBump(person())))
        waiting = [store.commit(Unit((), (EpochBump(of),))) for _ in range(20)]
        assert [done.exception(WAIT) for done in waiting] == [None] * 20
        assert store.consents(of) == (22, [])


class TestResources:
    def test_the_newest_version_is_the_current_one(self, store: Any) -> None:
        of, first = person(), resource(person())
        second = replace(first, version=2, person=of, labels=("R",))
        kept(store, first)
        kept(store, second)
        assert store.resource(first.type, first.id) == second
        assert store.resources(of) == [second]
        assert store.resources(first.person) == []

    def test_every_version_newest_first(self, store: Any) -> None:
        first = resource(person())
        later = [replace(first, version=n, deleted=n == 3) for n in (2, 3, 10)]
        for one in (first, *later):
            kept(store, one)
        kept(store, replace(first, id="another"), replace(first, type="Another"))
        assert store.versions(first.type, first.id) == [*reversed(later), first]
        assert store.versions("Consent", first.id) == []

    def test_several_versions_in_one_batch(self, store: Any) -> None:
        first = resource(person())
        versions = [replace(first, version=n) for n in range(1, 6)]
        waiting = [store.commit(Unit((one,))) for one in versions]
        assert [done.exception(WAIT) for done in waiting] == [None] * 5
        assert store.resources(first.person) == [versions[-1]]

    def test_a_version_that_is_there_already_is_a_conflict(self, store: Any) -> None:
        one = resource(person(), version=2)
        kept(store, one)
        assert refusal(store, replace(one, digest="other")) is Conflict
        assert store.resource(one.type, one.id) == one

    def test_an_older_version_never_becomes_the_current_one(self, store: Any) -> None:
        one = resource(person(), version=2)
        kept(store, one)
        refusal(store, replace(one, version=1))
        assert store.resource(one.type, one.id) == one

    def test_a_deleted_one_is_not_among_the_person_s(self, store: Any) -> None:
        of = person()
        one, consent = resource(of), resource(of, "Consent")
        kept(store, one, consent)
        kept(store, replace(one, version=2, deleted=True), replace(consent, version=2, deleted=True))
        assert (store.resources(of), store.consents(of)) == ([], (0, []))
        assert store.resource(one.type, one.id).deleted

    def test_by_type_and_limit(self, store: Any) -> None:
        of = person()
        kept(store, *(resource(of, kind) for kind in ("Condition", "Observation", "Observation")), resource(person()))
        assert [one.type for one in store.resources(of)] == ["Condition", "Observation", "Observation"]
        assert len(store.resources(of, "Observation")) == 2
        assert len(store.resources(of, limit=1)) == 1

    @pytest.mark.parametrize("most", [1, 2, 5, 6, 100])
    def test_the_file_of_a_person_has_every_consent_however_few_rows_are_asked_for(self, store: Any, most: int) -> None:
        gone, of = person(), person()
        kinds = ("Appointment", "Consent", "Condition", "Consent")
        kept(store, *(resource(of, kind) for kind in kinds), resource(gone, "Consent"), resource(person(), "Consent"))
        kept(store, replace(one := resource(of, "Consent"), version=1), merge(gone, of))
        kept(store, replace(one, version=2, deleted=True))
        epoch, consents, rows = store.file(of, most)
        assert (epoch, consents) == store.consents(of)
        assert (rows, len(consents)) == (store.resources(of, limit=most), 3)
        assert store.file(person(), most) == (0, [], [])

    def test_labels_of_what_is_kept(self, store: Any) -> None:
        one, two = resource(person(), labels=("R", "PSY")), resource(person(), "Observation", labels=())
        kept(store, one, two)
        kept(store, replace(one, version=2, labels=("R", "PSY", "HIV")))
        first, second = f"Condition/{one.id}", f"Observation/{two.id}"
        assert store.labels([first, second, "Condition/none", "nonsense", ""]) == {
            first: ("R", "PSY", "HIV"),
            second: (),
        }

    def test_more_than_a_statement_takes(self, store: Any) -> None:
        """PostgreSQL takes 65,535 parameters, SQLite 32,766 (and 1,000 nested conditions)."""
        there = [resource(person(), labels=(f"l{n}",)) for n in range(3)]
        known = [link(one.person) for one in there]
        kept(store, *there, *known, DataKey("person:x", 1, b"s"))
        many = [new_id() for _ in range(40_000)]
        asked = [f"Condition/{id}" for id in (*many, *(one.id for one in there))]
        assert store.labels(asked) == {f"Condition/{one.id}": one.labels for one in there}
        tokens = [("urn:mrn", token) for token in (*many, *(one.token for one in known))]
        assert store.persons(tokens) == {(one.system, one.token): one.person for one in known}
        assert set(store.data_keys([*many, "person:x"])) == {"person:x"}

    def test_a_unit_with_more_rows_than_a_statement_takes(self, store: Any) -> None:
        of = person()
        kept(store, *(resource(of) for _ in range(3000)), *(fact(person()) for _ in range(700)))
        assert len(store.resources(of, limit=5000)) == 3000


class TestDataKeys:
    def test_the_first_one_wins(self, store: Any) -> None:
        first, second = DataKey("person:x", 1, b"first"), DataKey("person:x", 1, b"second")
        kept(store, first)
        assert refusal(store, first) is None
        one = document()
        assert refusal(store, one, second) is Conflict
        assert store.received(one.id) is None
        assert store.data_keys(["person:x"]) == {"person:x": first}

    def test_two_keyrings_race_for_a_new_person(self, store: Any, opened: Callable[[], Any], tmp_path: Path) -> None:
        from gateway.store.keyring import create_site_key, open_keyring

        path, stores = tmp_path / "site.key", (store, opened())
        create_site_key(path)
        rings, owner = [open_keyring(path, one) for one in stores], f"person:{person()}"
        sealed = [ring.seal(owner, b"mine") for ring in rings]
        assert all(len(new) == 1 for _, new in sealed)
        units = [(document(payload=one), *new) for one, new in sealed]
        assert [refusal(one, *unit) for one, unit in zip(stores, units, strict=True)] == [None, Conflict]
        again, new = rings[1].seal(owner, b"mine")
        assert new == ()
        kept(stores[1], document(payload=again))
        assert [ring.open(one) for ring in rings for one in (sealed[0][0], again)] == [b"mine"] * 4


def counted(day: str = "2026-11-01", code: str = "QQ", count: int = 1, sender: str = "hanbit") -> GapCount:
    return GapCount(day, sender, "code", "", "marital-status", code, count)


class TestGaps:
    def test_counts_add_up(self, store: Any) -> None:
        kept(store, counted(), counted(count=2), counted(code="Z"))
        kept(store, counted())
        assert [(one.code, one.count) for one in store.gaps()] == [("QQ", 4), ("Z", 1)]

    def test_since_a_day_and_over_days(self, store: Any) -> None:
        kept(store, counted("2026-10-31", count=5), counted("2026-11-01"), counted("2026-11-03", count=2))
        assert store.gaps("2026-11-01") == [counted("2026-11-03", count=3)]
        assert [one.count for one in store.gaps()] == [8]
        assert store.gaps("2026-11-04") == []

    def test_two_processes_count_the_same(self, store: Any, opened: Callable[[], Any]) -> None:
        other = opened()
        codes = [f"C{n}" for n in range(20)]
        waiting = [
            one.commit(Unit(tuple(counted(code=code) for code in order)))
            for _ in range(10)
            for one, order in ((store, codes), (other, codes[::-1]))
        ]
        assert [done.exception(WAIT) for done in waiting] == [None] * 20
        assert {one.count for one in store.gaps()} == {20}

    def test_a_unit_that_is_refused_counts_nothing(self, store: Any) -> None:
        first = document()
        kept(store, first)
        assert refusal(store, document(first.digest), counted()) is Conflict
        assert store.gaps() == []


class TestReading:
    def test_many_threads_read_beside_the_writer(self, store: Any) -> None:
        of, failed = person(), []
        there = resource(of)
        kept(store, there)

        def read() -> None:
            try:
                for _ in range(20):
                    assert store.resource(there.type, there.id) == there
                    store.consents(of)
            except BaseException as error:
                failed.append(error)

        threads = [threading.Thread(target=read) for _ in range(12)]
        for one in threads:
            one.start()
        waiting = [store.commit(Unit((document(), fact(of)))) for _ in range(100)]
        for one in threads:
            one.join()
        assert [done.exception(WAIT) for done in waiting] == [None] * 100
        assert failed == []
