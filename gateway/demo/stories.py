"""The five stories, played from outside and checked from outside: what the hospital was answered, what the recipients hold, what is on record.

A story that does not come out as told is a failed check, never an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.demo.messages import admission, cases, consent, discharge, laboratory
from gateway.demo.outcomes import (
    codes_of,
    found,
    holds,
    hours_until_due,
    numbers_are,
    reference_of,
    released_id,
    same_case,
    text_of,
)
from gateway.demo.people import Person, people
from gateway.demo.world import Answer, Caller, Json, NotAsTold, World, until

REFERRAL = "discharge-to-community-care"
REPORT = "notifiable-results"
RECORD = "hospital-record"
READING = "care-team-reads"
CONSENTS = "consent-registration"
NOTICE = "admission-notice"
AGREEMENTS = (REFERRAL, REPORT, RECORD, READING, CONSENTS, NOTICE)
_CARE_TEAM = "Organization/mapo-care-team"
_SENT, _REFUSED = ("delivered",), ("refused",)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that had to be so, and whether it was."""

    text: str
    ok: bool


@dataclass(slots=True)
class Story:
    """A story as it went: what happened, the exchanges it left on record, and what was checked."""

    id: str
    title: str
    happened: list[str] = field(default_factory=list)
    exchanges: list[Json] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Everything came out as told."""
        return bool(self.checks) and all(check.ok for check in self.checks)

    def tell(self, text: str) -> None:
        """A sentence of what happened."""
        self.happened.append(text)

    def check(self, text: str, ok: bool) -> None:
        """Something that has to be so."""
        self.checks.append(Check(text, ok))


def played(world: World) -> Iterator[Story]:
    """The stories in their order; a later one uses what an earlier one left."""
    import httpx

    for title, play in _STORIES.items():
        story = Story(play.__name__, title)
        try:
            play(world, story)
        except NotAsTold as failed:
            story.check(str(failed), False)
        except httpx.TransportError as failed:
            story.check(f"the gateway or a simulator did not answer ({type(failed).__name__})", False)
        yield story


def referral(world: World, story: Story) -> None:
    """(a) A discharge becomes a referral; the psychiatric diagnosis stays at the hospital."""
    person, case = people()["consenting"], cases()["discharges"]["consenting"]
    _admitted(world, story, person, ("refused", "shadowed"))
    _consents(world, story, person)
    story.tell(
        f"{person.shown}님이 퇴원한다: 골절, 고혈압, 우울에피소드 · discharged with a fracture, hypertension and depression."
    )
    story.check(
        "병원은 접수 확인(AA)을 받는다 · the hospital is acknowledged",
        _sent(world, discharge(person, world.moment(), case)),
    )
    exchange = _ended(world, story, REFERRAL, _SENT)
    patient = released_id(exchange, "Patient")
    got = {
        kind: world.welfare.get(f"/fhir/{kind}").resources
        for kind in ("ServiceRequest", "Task", "Condition", "Patient")
    }
    story.check(
        "복지팀에 의뢰 1건과 할 일 1건 · one referral and one task at the care team",
        numbers_are(got, ServiceRequest=1, Task=1),
    )
    story.check(
        "할 일은 그 의뢰에 대한 것이고 상태는 requested · the task is about that referral, requested",
        [(t["status"], t["focus"]["reference"]) for t in got["Task"]]
        == [("requested", reference_of(got["ServiceRequest"]))],
    )
    story.check(
        "골절과 고혈압만 도착 · only fracture and hypertension arrive", codes_of(got["Condition"]) == {"S72.0", "I10"}
    )
    _no_trace(world.welfare, story, "F32", "우울에피소드", "depressive")
    _no_trace(world.welfare, story, person.resident_number)
    story.check(
        "보류한 것은 정신과(PSY)로 기록 · what was withheld is on record as PSY",
        "PSY" in exchange["what"]["withheld_labels"],
    )
    story.check("근거는 본인의 동의 · the basis is the person's consent", exchange["why"]["basis"] == "consent")
    world.known["patient"] = str(got["Patient"][0]["id"]) if got["Patient"] else ""
    story.check(
        "병원의 환자 식별자가 그대로 나가지 않는다 · the id at the care team is its own",
        world.known["patient"] not in ("", patient),
    )


def report(world: World, story: Story) -> None:
    """(b) One of three results is notifiable; its correction updates the same case."""
    person, case = people()["reported"], cases()["results"]["reported"]
    order = f"L{world.moment().id}"
    story.tell(
        f"{person.shown}님의 검사: CRP, 결핵균 PCR 양성, HIV 음성 · results: CRP, tuberculosis PCR detected, HIV not detected."
    )
    story.check(
        "병원은 접수 확인(AA)을 받는다 · the hospital is acknowledged",
        _sent(world, laboratory(person, world.moment(), case, order)),
    )
    exchange = _ended(world, story, REPORT, _SENT)
    _ended(world, story, RECORD, ("kept",))
    first = world.agency.get("/fhir/Observation").resources
    story.check(
        "결핵균 결과 하나만 신고 · only the tuberculosis result is reported",
        codes_of(first) == {"38379-4"} and len(first) == 1,
    )
    _no_trace(world.agency, story, "75622-1", "1988-5", person.resident_number)
    story.check("근거는 감염병예방법 제11조 · by statute, not by consent", exchange["why"]["legal"] == "KR-IDCPA-11")
    story.check("기한은 24시간 · the deadline is 24 hours", hours_until_due(exchange) == 24.0)
    story.tell("검사실이 결과를 정정한다(OBX-11 = C) · the laboratory corrects the result.")
    message = laboratory(person, world.moment(), case, order, corrected=True)
    story.check("정정도 접수 확인(AA) · the correction is acknowledged", _sent(world, message))
    _ended(world, story, REPORT, _SENT)
    _ended(world, story, RECORD, ("kept",))
    second = world.agency.get("/fhir/Observation").resources
    story.check("새 신고가 아니라 같은 건의 갱신 · the same case, updated", same_case(first, second))


def silence(world: World, story: Story) -> None:
    """(c) The same discharge for somebody who has not consented."""
    person, case = people()["silent"], cases()["discharges"]["silent"]
    before = world.welfare.get("/fhir/Patient").resources
    story.tell(f"{person.shown}님도 퇴원하지만 동의한 적이 없다 · discharged as well, but has never consented.")
    story.check(
        "병원은 똑같은 접수 확인(AA)을 받는다 · the hospital hears the same",
        _sent(world, discharge(person, world.moment(), case)),
    )
    exchange = _ended(world, story, REFERRAL, _REFUSED)
    _ended(world, story, RECORD, ("kept",))
    story.check(
        "복지팀에는 아무것도 가지 않는다 · nothing reaches the care team",
        world.welfare.get("/fhir/Patient").resources == before,
    )
    story.check("사유는 동의 없음 · refused because no rule says yes", exchange["why"]["reason"] == "default-deny")
    rows = world.auditor.get("/audit/rows", exchange=exchange["id"]).body.get("rows", [])
    story.check(
        "거절도 감사 기록에 남는다 · the refusal is in the audit log",
        any(r["line"].get("kind") == "refusal" for r in rows),
    )


def withdrawal(world: World, story: Story) -> None:
    """(d) Consent is withdrawn while the recipient is down: agreed at receipt, refused at delivery."""
    person, case = people()["withdrawing"], cases()["discharges"]["withdrawing"]
    _consents(world, story, person)
    _admitted(world, story, person, ("shadowed",))
    story.check(
        "입원 알림은 시범이라 가지 않는다 · the notice of admission is in shadow and does not leave",
        _absent(world, person),
    )
    world.welfare.put("/simulator/state", {"answers": "unavailable"})
    story.tell("복지팀의 서버가 멈춘 사이에 퇴원한다 · discharged while the care team's server is down.")
    story.check(
        "병원은 접수 확인(AA)을 받는다 · the hospital is acknowledged",
        _sent(world, discharge(person, world.moment(), case)),
    )
    waiting = _ended(world, story, REFERRAL, ("pending",))
    _ended(world, story, RECORD, ("kept",))
    _consents(world, story, person, "inactive")
    world.welfare.put("/simulator/state", {"answers": "normal"})
    story.tell("서버가 돌아온다 · the server is back.")
    exchange = world.again(waiting, ("withheld", "delivered"))
    story.exchanges = [exchange if row["id"] == exchange["id"] else row for row in story.exchanges]
    story.check(
        "전달 직전에 다시 물어 보류했다 · asked again at delivery, and withheld", exchange["status"] == "withheld"
    )
    story.check("복지팀은 이 사람을 모른다 · the care team has never heard of this person", _absent(world, person))


def reading(world: World, story: Story) -> None:
    """(e) The care team asks about one person."""
    person, silent, id = people()["consenting"], people()["silent"], world.known.get("patient", "")
    story.tell(f"복지팀이 {person.shown}님의 기록을 조회한다 · the care team asks about this person.")
    got = until(
        lambda: found(world.care_team.get(f"/fhir/Patient/{id}")),
        30.0,
        "the care team did not get the Patient it asked for",
    )
    story.check("인적사항을 받는다 · it gets the Patient", got.body.get("id") == id)
    story.check("주민등록번호는 없다 · without the resident number", person.resident_number not in text_of(got.body))
    conditions = world.care_team.get("/fhir/Condition", patient=id)
    story.check("진단 두 개 · two diagnoses", codes_of(conditions.resources) == {"S72.0", "I10"})
    story.check(
        "정신과 진단은 흔적도 없다 · no trace of the psychiatric one",
        not any(word in text_of(conditions.body) for word in ("F32", "total")),
    )
    observations = world.care_team.get("/fhir/Observation", patient=id)
    story.check(
        "체중과 일상생활 점수 · weight and Barthel score", codes_of(observations.resources) == {"29463-7", "96761-2"}
    )
    system = "https://hanbit-hospital.example/fhir/sid/patient-number"
    nobody = world.care_team.get("/fhir/Patient", identifier=f"{system}|{silent.number}")
    nowhere = world.care_team.get("/fhir/Patient", identifier=f"{system}|H9999999")
    story.check(
        "동의하지 않은 사람은 없는 사람과 구별되지 않는다 · who has not consented looks like who is not there",
        _but_for_the_address(nobody) == _but_for_the_address(nowhere),
    )
    exchange = _ended(world, story, READING, ("answered",), "search:Condition")
    rows = world.auditor.get("/audit/rows", exchange=exchange["id"]).body.get("rows", [])
    story.check(
        "조회도 감사 기록에 남는다 · the reading is in the audit log",
        any(r["line"].get("kind") == "read" for r in rows),
    )


def _but_for_the_address(answer: Answer) -> tuple[int, dict[str, Any]]:
    """What was answered without the link to the question itself, which says what was asked."""
    return answer.status, {name: value for name, value in answer.body.items() if name != "link"}


_STORIES: Mapping[str, Callable[[World, Story], None]] = {
    "(a) 퇴원에서 통합돌봄으로 · From discharge to community care": referral,
    "(b) 법정감염병 신고 · A notifiable result": report,
    "(c) 동의하지 않은 사람 · Somebody who has not consented": silence,
    "(d) 철회 · Consent withdrawn on the way": withdrawal,
    "(e) 복지팀의 조회 · The care team asks": reading,
}


def _admitted(world: World, story: Story, person: Person, noticed: tuple[str, ...]) -> None:
    """ADT^A01: kept here; the notice to the care team is in shadow and never leaves."""
    story.tell(f"{person.shown}님이 입원한다 · is admitted.")
    story.check(
        "입원 통보 접수 확인(AA) · the admission is acknowledged", _sent(world, admission(person, world.moment()))
    )
    _ended(world, story, RECORD, ("kept",))
    _ended(world, story, NOTICE, noticed)


def _consents(world: World, story: Story, person: Person, status: str = "active") -> None:
    """A Consent to sharing with the care team is registered, or (inactive) withdrawn."""
    given = status == "active"
    done = "동의한다 · consents to sharing with the care team" if given else "동의를 철회한다 · withdraws the consent"
    registered = "동의가 등록된다(202) · the consent" if given else "철회가 등록된다(202) · the withdrawal"
    story.tell(f"{person.shown}님이 {done}.")
    answer = world.hospital.sends_fhir(consent(person, world.moment(), _CARE_TEAM, status))
    story.check(f"{registered} is registered", answer == 202)
    _ended(world, story, CONSENTS, ("kept",))


def _sent(world: World, message: bytes) -> bool:
    return world.hospital.sends_v2(message) == "AA"


def _ended(world: World, story: Story, agreement: str, statuses: tuple[str, ...], trigger: str = "") -> Json:
    """The new exchange under an agreement; it becomes part of the story."""
    ended = world.ended(agreement, statuses, trigger)
    story.exchanges.append(ended)
    return ended


def _absent(world: World, person: Person) -> bool:
    return not holds(world.welfare, person.number, "".join(person.korean), person.resident_number)


def _no_trace(recipient: Caller, story: Story, *words: str) -> None:
    shown = ", ".join("주민등록번호 (resident number)" if word.isdigit() else word for word in words)
    story.check(f"흔적이 없다 · no trace of: {shown}", not holds(recipient, *words))
