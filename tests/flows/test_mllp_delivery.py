"""Deliveries as HL7 v2 over MLLP: the recipient's own port answers, and what it says decides (HL7 v2.8.2, 2.9.2; ARCHITECTURE.md, 1, 5, 9)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.demo.messages import cases, discharge, laboratory
from gateway.demo.processes import free_port
from gateway.demo.sender import over_mllp
from gateway.model.agreement import Endpoint, V2Form
from gateway.model.questions import Exchange
from gateway.outbound.mllp import Frames, MllpTransport, frame
from gateway.pipeline.again import LOSS_BUDGET
from gateway.standards import standards
from gateway.standards.hl7v2.message import Message, read_message
from tests.flows.conftest import CARE_TEAM, REFERRAL, Flow, serving, somebody

CASE, RESULTS = cases()["discharges"]["consenting"], cases()["results"]["reported"]
CANARY = "카나리아우울증XQZ8"
PSYCHIATRIC, HIV = "F32.1", "75622-1"
FORM = V2Form("CARE^1.2.410.99^ISO", "MAPO", version="2.5.1")
KOREAN = replace(FORM, charset="KS X 1001")
OPERATOR = V2Form("IEUM-OUT", "IEUM-MAPO")
Answer = Callable[[Message], bytes]


def said(code: str, condition: str = "", to: str = "") -> Answer:
    """An acknowledgement of what came, or of another message (`to`)."""

    def answer(message: Message) -> bytes:
        lines = ["MSH|^~\\&|CARE|MAPO|||20261102090000||ACK|R1|P|2.5.1", f"MSA|{code}|{to or message.control_id}"]
        lines += [f"ERR||PID^1^3|{condition}|E"] if condition else []
        return frame(("\r".join(lines) + "\r").encode())

    return answer


def raw(body: bytes) -> Answer:
    """Whatever came, this."""
    return lambda _: body


@dataclass
class Listener:
    """The recipient's MLLP port: keeps what comes and answers as `answers` says, one after the other, then AA; None never answers."""

    answers: list[Answer | None] = field(default_factory=list)
    got: list[bytes] = field(default_factory=list)
    calls: int = 0

    async def opened(self, port: int = 0) -> asyncio.Server:
        return await asyncio.start_server(self._served, "127.0.0.1", port)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        frames = Frames()
        try:
            while chunk := await reader.read(65_536):
                for message in frames.feed(chunk):
                    self.got.append(message)
                    answer = self.answers.pop(0) if self.answers else said("AA")
                    if answer is not None:
                        writer.write(answer(read_message(message)))
                        return
        finally:
            writer.close()

    def messages(self) -> list[Message]:
        return [read_message(body) for body in self.got]


@asynccontextmanager
async def listening(*answers: Answer | None) -> AsyncIterator[tuple[Listener, str]]:
    """A recipient and its address."""
    listener = Listener(list(answers))
    server = await listener.opened()
    try:
        yield listener, f"mllp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        await server.wait_closed()


def to_team(flow: Flow, address: str, form: V2Form = FORM, **how: Any) -> Flow:
    """The referral of the demo, and results with it, as HL7 v2 messages to this address."""
    site = flow.node.site
    team = replace(
        site.participants[CARE_TEAM], v2=form, endpoints={"mapo-mllp": Endpoint("mapo-mllp", "mllp", address, timeout=2.0)}
    )  # fmt: skip
    operator = replace(site.participants[site.id], v2=OPERATOR)
    told = {"triggers": ("ADT^A03", "ORU^R01"), "standard": "hl7v2", "map": "", "interaction": "message"}
    flow = flow.changed(REFERRAL, **{**told, "endpoint": "mapo-mllp", **how})
    people = {**site.participants, CARE_TEAM: team, site.id: operator}
    return flow.on(replace(flow.node.site, participants=people))


def psychiatric() -> dict[str, Any]:
    """The case with one diagnosis whose words stand nowhere else."""
    rows = [{**row, "text": CANARY} if row["code"] == PSYCHIATRIC else row for row in CASE["diagnoses"]]
    return {**CASE, "diagnoses": rows}


def hidden() -> dict[str, Any]:
    """The results with one whose words stand nowhere else."""
    rows = [{**row, "text": CANARY} if row["code"] == HIV else row for row in RESULTS["rows"]]
    return {**RESULTS, "rows": rows}


async def discharged(flow: Flow, number: int, **changes: Any) -> Exchange:
    """Somebody who consents is discharged, and what is due is sent."""
    person = somebody(number, **changes)
    await flow.consents(person)
    receipt = await flow.sends(discharge(person, flow.moment(), CASE))
    assert receipt.error is None
    await flow.drains()
    return next(e for e in flow.exchanges(received_id=receipt.received) if e.agreement == REFERRAL)


def now(flow: Flow, exchange: Exchange) -> Exchange:
    found = flow.node.store.exchange(exchange.id)
    assert found is not None
    return found


async def test_nothing_goes_to_whom_the_person_did_not_consent(flow: Flow) -> None:
    async with listening() as (team, address):
        flow = to_team(flow, address)
        await flow.sends(discharge(somebody(80), flow.moment(), CASE))
        await flow.sends(laboratory(somebody(80), flow.moment(), RESULTS, "L80"))
        await flow.drains()
        assert team.calls == 0
    assert {e.status for e in flow.exchanges(agreement=REFERRAL)} == {"refused"}


async def test_consent_withdrawn_meanwhile_sends_nothing(flow: Flow) -> None:
    person = somebody(81)
    async with listening() as (team, address):
        flow = to_team(flow, address)
        await flow.consents(person)
        await flow.sends(discharge(person, flow.moment(), CASE))
        assert flow.one(REFERRAL).status == "pending"
        await flow.consents(person, "inactive")
        await flow.drains()
        assert team.calls == 0
    exchange = flow.one(REFERRAL)
    assert (exchange.status, exchange.what.released) == ("withheld", ())
    flow.verified()


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
async def test_what_the_recipient_refuses_has_failed_and_is_on_record(flow: Flow, code: str) -> None:
    async with listening(said(code, "101^Required field missing^HL70357")) as (team, address):
        exchange = await discharged(to_team(flow, address), 82)
        flow.clock.pass_by(days=1)
        await flow.drains()
        assert len(team.got) == 1
    assert (exchange.status, exchange.why.reason) == ("failed", "GiveUp")
    assert flow.node.store.outbox(exchange.id) == []
    assert [fact["outcome"] for fact in flow.facts(exchange=exchange.id)] == ["pending", "failed"]
    flow.verified()


DOUBTFUL: Mapping[str, Answer | None] = {
    "hangs up": raw(b""),
    "half an answer": raw(b"\x0bMSH|^~\\&|CARE"),
    "of another message": said("AA", to="somebody-else"),
    "a refusal of another message": said("AE", to="somebody-else"),
    "no acknowledgement": raw(frame(b"MSH|^~\\&|CARE|MAPO|||20261102||ADT^A01|R1|P|2.5.1\r")),
    "no code that there is": said("OK"),
    "no message": raw(frame(b"thank you")),
    "another protocol": raw(b"HTTP/1.1 200 OK\r\n\r\n"),
}


@pytest.mark.parametrize("answer", DOUBTFUL.values(), ids=DOUBTFUL)
async def test_what_may_have_arrived_waits_for_a_person(flow: Flow, answer: Answer | None) -> None:
    async with listening(answer) as (team, address):
        flow = to_team(flow, address)
        exchange = await discharged(flow, 83)
        flow.clock.pass_by(days=1)
        await flow.drains()
        assert len(team.got) == 1  # never a second copy
    assert (now(flow, exchange).status, now(flow, exchange).why.reason) == ("parked", "InDoubt")
    (entry,) = flow.node.store.outbox(exchange.id)
    assert entry.error_class == "InDoubt"


async def test_a_recipient_that_never_answers_leaves_it_in_doubt(flow: Flow) -> None:
    async with listening(None) as (team, address):
        flow = to_team(flow, address)
        team_ = flow.node.site.participants[CARE_TEAM]
        hasty = replace(team_, endpoints={"mapo-mllp": replace(team_.endpoints["mapo-mllp"], timeout=0.2)})
        flow = flow.on(replace(flow.node.site, participants={**flow.node.site.participants, CARE_TEAM: hasty}))
        exchange = await discharged(flow, 84)
        assert len(team.got) == 1
    assert (exchange.status, exchange.why.reason) == ("parked", "InDoubt")


async def test_a_passing_fault_of_the_recipient_is_tried_again_with_the_same_bytes(flow: Flow) -> None:
    async with listening(said("AE", "207^Application internal error^HL70357")) as (team, address):
        flow = to_team(flow, address)
        exchange = await discharged(flow, 85)
        assert exchange.status == "pending"
        assert flow.node.store.outbox(exchange.id)[0].error_class == "TryLater"
        flow.clock.pass_by(minutes=1)
        await flow.drains()
        first, second = team.got
        assert first == second
    assert now(flow, exchange).status == "delivered"


async def test_a_connection_that_is_refused_is_tried_again(flow: Flow) -> None:
    port = free_port()
    flow = to_team(flow, f"mllp://127.0.0.1:{port}")
    exchange = await discharged(flow, 86)
    assert exchange.status == "pending"
    assert flow.node.store.outbox(exchange.id)[0].error_class == "TryLater"
    team = Listener()
    server = await team.opened(port)
    flow.clock.pass_by(minutes=1)
    await flow.drains()
    server.close()
    await server.wait_closed()
    assert len(team.got) == 1
    assert now(flow, exchange).status == "delivered"


@pytest.mark.parametrize("code", ["AA", "CA"])
async def test_what_is_taken_is_delivered(flow: Flow, code: str) -> None:
    async with listening(said(code)) as (team, address):
        exchange = await discharged(to_team(flow, address), 87)
        assert len(team.got) == 1
    assert exchange.status == "delivered"
    assert [fact["outcome"] for fact in flow.facts(exchange=exchange.id)] == ["pending", "delivered"]
    flow.verified()


async def test_one_person_in_order_behind_what_waits(flow: Flow) -> None:
    async with listening(raw(b"")) as (team, address):
        flow = to_team(flow, address)
        await discharged(flow, 88)
        await flow.sends(discharge(somebody(88), flow.moment(), CASE))
        await flow.drains()
        assert len(team.got) == 1
        other = await discharged(flow, 89)
        assert len(team.got) == 2
    assert other.status == "delivered"


async def test_the_event_is_what_the_agreement_says(flow: Flow) -> None:
    async with listening() as (team, address):
        await discharged(to_team(flow, address, trigger="ADT^A08"), 90)
        (message,) = team.messages()
    assert (message.value("MSH-9.1"), message.value("MSH-9.2"), message.value("MSH-9.3")) == ("ADT", "A08", "ADT_A01")
    assert message.value("PID-3.1") == somebody(90).number


async def test_systems_have_the_names_that_the_recipient_gives_them(flow: Flow) -> None:
    async with listening() as (team, address):
        flow = to_team(flow, address)
        named = {"HANBIT-AT-MAPO": "https://hanbit-hospital.example/fhir/sid/patient-number"}
        people = flow.node.site.participants
        people = {**people, CARE_TEAM: replace(people[CARE_TEAM], identifier_systems=named)}
        await discharged(flow.on(replace(flow.node.site, participants=people)), 91)
        (message,) = team.messages()
    assert (message.value("PID-3.1"), message.value("PID-3.4")) == (somebody(91).number, "HANBIT-AT-MAPO")


async def test_a_korean_recipient_gets_its_character_set(flow: Flow) -> None:
    person = somebody(92)
    async with listening() as (team, address):
        await discharged(to_team(flow, address, KOREAN), 92)
        (body,) = team.got
    assert b"|KS X 1001" in body
    assert "^".join(person.korean).encode("cp949") in body
    assert person.korean[0] in body.decode("cp949")
    with pytest.raises(UnicodeDecodeError):
        body.decode()


async def test_characters_that_a_set_does_not_have_are_losses(flow: Flow) -> None:
    """U+20BB7 is in Unicode and not in CP949: it leaves a count and a place, never a question mark."""
    rare = {"street": "가상로 \U00020bb7"}
    async with listening() as (team, address):
        whole = await discharged(to_team(flow, address), 93, **rare)
        waits = await discharged(to_team(flow, address, KOREAN, loss_budget=whole.what.lost), 94, **rare)
        cut = await discharged(to_team(flow, address, KOREAN), 95, **rare)
        first, second = team.got
    assert "\U00020bb7".encode() in first
    assert b"?" not in second
    assert "마포구".encode("cp949") in second  # only the line is missing
    assert whole.status == cut.status == "delivered"
    assert cut.what.lost == waits.what.lost == whole.what.lost + 1
    assert set(cut.what.lost_at) - set(whole.what.lost_at) == {"Patient.address.line"}
    assert (waits.status, waits.why.reason) == ("parked", LOSS_BUDGET)
    assert "\U00020bb7" not in str([flow.facts(), flow.exchanges()])


async def test_what_rendering_drops_counts_against_the_budget(flow: Flow) -> None:
    async with listening() as (team, address):
        lost = (await discharged(to_team(flow, address), 96)).what.lost
        assert lost > 0
        assert (await discharged(to_team(flow, address, loss_budget=lost), 97)).status == "delivered"
        waits = await discharged(to_team(flow, address, loss_budget=lost - 1), 98)
        assert len(team.got) == 2
    assert (waits.status, waits.why.reason, waits.what.lost) == ("parked", LOSS_BUDGET, lost)


async def test_the_node_has_the_transport(flow: Flow) -> None:
    assert isinstance(flow.node.transports["mllp"], MllpTransport)


def test_through_both_doors(flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """MLLP in, the line, MLLP out: the recipient's header, no number but those that may leave, nothing of what is withheld."""
    port, team, person = free_port(), Listener(), somebody(99)
    with serving(to_team(flow, f"mllp://127.0.0.1:{port}"), monkeypatch, tmp_path) as served:
        server = served.runs(team.opened(port))
        served.runs(served.flow.consents(person))
        for message in (
            discharge(person, flow.moment(), psychiatric()),
            laboratory(person, flow.moment(), hidden(), "L99"),
        ):
            assert b"MSA|AA|" in over_mllp(served.mllp, message)
        served.runs(served.flow.drains())
        served.loop.call_soon_threadsafe(server.close)
        went = served.flow.exchanges(agreement=REFERRAL, status="delivered")
        assert len(went) == 2
    hl7v2 = standards()["hl7v2"]
    assert all(hl7v2.check(hl7v2.parse(body)).ok for body in team.got)
    adt, oru = team.messages()
    assert (adt.trigger, oru.trigger) == ("ADT^A03", "ORU^R01")
    for message in (adt, oru):
        assert [message.value(f"MSH-{n}") for n in (3, 4, 5, 6, 11, 12, 18)] == [
            "IEUM-OUT", "IEUM-MAPO", "CARE", "MAPO", "P", "2.5.1", "UNICODE UTF-8",
        ]  # fmt: skip
        assert (message.value("MSH-5.2"), message.value("MSH-5.3")) == ("1.2.410.99", "ISO")
        assert message.values("PID-3.1") == [person.number]
    assert "S72.0" in adt.values("DG1-3.1")
    assert "1988-5" in oru.values("OBX-3.1")
    everything = b"\n".join(team.got)
    for word in (CANARY, PSYCHIATRIC, HIV, person.resident_number, "HANBIT-HIS"):
        assert word.encode() not in everything, word
    ours = {row["reference"].partition("/")[2] for exchange in went for row in exchange.what.released}
    assert not [id for id in ours if id.encode() in everything]
