"""Emergency access over real HTTP: opened with a reason, for an hour, to be read, told to the person, reviewed within a day."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.audit.disclosures import Told, disclosure
from gateway.audit.facts import entry_of
from gateway.demo.messages import cases, discharge
from gateway.errors import NotDurable
from gateway.model.agreement import Participant, Site
from gateway.model.document import Principal
from gateway.model.records import Unit
from gateway.pipeline.emergency import REVIEW, REVIEWED
from gateway.pipeline.workers import Workers
from tests.flows.conftest import CARE_TEAM, NUMBER, READING, Flow, Served, serving, somebody

CASE = cases()["discharges"]["consenting"]
GLASS = "emergency-reads"
REASON = "unconscious in the emergency room, allergies unknown"
SILENT = somebody(301)


def prepared(site: Site, **changes: Any) -> Site:
    """The care team as an emergency room: an agreement for emergencies, a role, keys of proof 2; `changes` to the participant."""
    team = site.participants[CARE_TEAM]
    keys = tuple(replace(key, authn_level=2) for key in team.keys)
    new: Participant = replace(
        team, **{"purposes": ("COC", "BTG"), "staff_roles": ("physician", "porter"), "keys": keys, **changes}
    )
    reading = site.agreements[READING]
    glass = replace(reading, id=GLASS, purpose="BTG", basis="policy", label="R")
    return replace(
        site, participants={**site.participants, CARE_TEAM: new}, agreements={**site.agreements, GLASS: glass}
    )


@pytest.fixture
async def recorded(flow: Flow) -> Flow:
    """A person who has said nothing, on record."""
    await flow.sends(discharge(SILENT, flow.moment(), CASE))
    await flow.drains()
    return flow.on(prepared(flow.node.site))


@pytest.fixture
def emergency(recorded: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Served]:
    with serving(recorded, monkeypatch, tmp_path) as made:
        yield made


def opens(served: Served, token: str = "welfare", **changes: Any) -> httpx.Response:
    body = {"patient": f"Patient/{known(served)}", "user": "dr-kim", "role": "physician", "justification": REASON}
    return served.posts({k: v for k, v in (body | changes).items() if v is not None}, token, "/emergency")


def known(served: Served) -> str:
    (person,) = served.flow.persons(SILENT)
    return str(served.flow.node.keyring.rekey(CARE_TEAM, person))


def read(served: Served, kind: str = "AllergyIntolerance") -> list[Mapping[str, Any]]:
    answer = served.gets(f"/fhir/{kind}", patient=known(served))
    assert answer.status_code == 200, answer.content
    return [entry["resource"] for entry in answer.json().get("entry", ())]


def test_closed_until_it_is_opened_and_again_after_an_hour(emergency: Served) -> None:
    assert read(emergency) == []
    assert opens(emergency).status_code == 201
    assert read(emergency)
    emergency.flow.clock.pass_by(minutes=58)
    assert read(emergency)
    emergency.flow.clock.pass_by(minutes=2)
    assert read(emergency) == []
    assert emergency.gets(f"/fhir/Patient/{known(emergency)}").status_code == 404
    assert opens(emergency).status_code == 201  # with a reason of its own, again
    assert read(emergency)


def test_what_was_read_is_on_record_with_who_and_why(emergency: Served) -> None:
    opening = opens(emergency).json()["opening"]
    assert read(emergency)
    (done,) = emergency.flow.exchanges(agreement=GLASS, status="answered")
    assert (done.who.user, done.who.role, done.why.purpose) == ("dr-kim", "physician", "BTG")
    assert "break-glass" in done.why.reason
    assert {"AUDTR", "NOTIFY-SUBJECT", "REVIEW-24H"} <= set(done.how.obligations)
    assert [step.note for step in done.steps if step.stage == "emergency"] == [opening]
    assert REASON.encode() not in b"".join(row.line for row in emergency.flow.rows())
    emergency.flow.verified()


def test_the_person_can_see_it_in_plain_words(emergency: Served) -> None:
    opens(emergency)
    (person,) = emergency.flow.persons(SILENT)
    for language, words in (("en", "in an emergency"), ("ko", "응급")):
        told = Told(language, emergency.flow.node.site.id)  # type: ignore[arg-type]
        said = [" ".join(disclosure(entry_of(row), told).sentences) for row in emergency.flow.rows(person=person)]
        assert [words in line for line in said].count(True) == 1
        assert not any(REASON in line for line in said)


REFUSED: Mapping[str, tuple[int, dict[str, Any]]] = {
    "no reason": (422, {"justification": "  "}),
    "no reason at all": (422, {"justification": None}),
    "two lines": (422, {"justification": "one\ntwo"}),
    "too long": (422, {"justification": "x" * 501}),
    "nobody acts": (422, {"user": ""}),
    "a role that the policies do not know": (403, {"role": "porter"}),
    "a role that the participant has not": (403, {"role": "emergency-nurse"}),
    "nobody named": (422, {"patient": None}),
    "two people named": (422, {"identifier": f"{NUMBER}|1"}),
    "more than is asked": (422, {"level": 9}),
    "several people": (400, {"patient": "Patient/a,Patient/b"}),
}


def test_who_may_not_opens_nothing(emergency: Served) -> None:
    for name, (status, changes) in REFUSED.items():
        answer = opens(emergency, **changes)
        assert answer.status_code == status, (name, answer.content)
        assert emergency.flow.node.store.records(REVIEW) == [], name
    assert read(emergency) == []


SITES: Mapping[str, Callable[[Site], Site]] = {
    "no agreement for it": lambda site: replace(
        site, agreements={k: v for k, v in site.agreements.items() if k != GLASS}
    ),
    "a weak proof": lambda site: prepared(
        site, keys=tuple(replace(k, authn_level=1) for k in site.participants[CARE_TEAM].keys)
    ),
    "no rules for it": lambda site: replace(
        site, register={k: v for k, v in site.register.items() if k != "breakGlass"}
    ),
    "no roles": lambda site: prepared(site, staff_roles=()),
}


@pytest.mark.parametrize("name", SITES)
def test_a_site_that_does_not_allow_it(
    recorded: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    with serving(recorded.on(SITES[name](recorded.node.site)), monkeypatch, tmp_path) as served:
        answer = opens(served)
        assert (answer.status_code, read(served)) == (403, [])
        refused = [f for f in served.flow.facts() if f["facts"].get("what", {}).get("emergency") == "refused"]
        assert len(refused) == 1
        assert "justification" not in str(refused)


def test_other_callers_may_not(emergency: Served) -> None:
    assert opens(emergency, "hospital").status_code == 403
    assert opens(emergency, "admin").status_code == 403
    assert opens(emergency, "").status_code == 401
    assert opens(emergency).status_code == 201
    assert len(emergency.flow.node.store.records(REVIEW)) == 1


def test_another_client_of_the_same_organisation_stays_outside(recorded: Flow) -> None:
    from gateway.model.questions import Question
    from gateway.pipeline.emergency import Wanted, open_for, opened

    node = recorded.node
    (person,) = recorded.persons(SILENT)
    one, other = (Principal(CARE_TEAM, name, authn_level=2) for name in ("one", "other"))
    about = Question("Patient", patient=node.keyring.rekey(CARE_TEAM, person))
    made, unit = opened(node, one, Wanted(about, "dr-kim", "physician", REASON))
    node.store.commit(unit).result()
    assert made is not None
    assert open_for(node, one, made.person or person) is not None  # the control
    assert open_for(node, other, made.person or person) is None
    assert open_for(node, replace(one, user="somebody"), made.person or person) is None
    assert opened(node, replace(one, user="nurse-lee"), Wanted(about, "dr-kim", "physician", REASON))[0] is None
    for purposes, opens_it in ((("COC", "BTG"), True), (("COC",), False)):  # of a token
        narrowed = replace(one, purposes=purposes)
        assert (opened(node, narrowed, Wanted(about, "dr-kim", "physician", REASON))[0] is not None) is opens_it


async def test_a_refusal_by_name_and_what_is_very_restricted_stay_closed(recorded: Flow, site: Site) -> None:
    from gateway.model.document import Item, PersonKey
    from gateway.stages.decide import Acting, Asked, OnFile, decide_items

    at = recorded.clock()
    glass = recorded.node.site.agreements[GLASS]
    asked = Asked(glass, recorded.node.participant(CARE_TEAM), "read", "fhir", at, at, Acting("physician", 2, REASON))
    person = PersonKey(str(uuid.uuid4()))
    item = Item({"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "x"},
                 "subject": {"reference": f"Patient/{person}"}}, frozenset({"N"}))  # fmt: skip
    deny = _denial(person)

    def decided(consents: list[Any], labels: set[str] = {"N"}) -> str:  # noqa: B006 read only
        known = OnFile(person, consents, 1, {}, "1980-01-01")
        return decide_items([replace(item, labels=frozenset(labels))], asked, recorded.node.site, known).decision

    assert decided([]) != "deny"
    assert decided([deny]) != "deny"  # a plain no is what emergencies are for
    assert decided([_denial(person, "BTG")]) == "deny"
    assert decided([], {"V"}) == "deny"


def _denial(person: str, *purposes: str) -> dict[str, Any]:
    v3 = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
    provision = {"type": "deny", **({"purpose": [{"system": v3, "code": p} for p in purposes]} if purposes else {})}
    scope = "http://terminology.hl7.org/CodeSystem/consentscope"
    return {
        "resourceType": "Consent", "id": "no", "status": "active", "dateTime": "2026-01-01T00:00:00Z",
        "scope": {"coding": [{"system": scope, "code": "patient-privacy"}]},
        "patient": {"reference": f"Patient/{person}"}, "policy": [{"uri": "urn:x"}], "provision": provision,
    }  # fmt: skip


def test_nobody_known_here_is_answered_alike(emergency: Served) -> None:
    there, nobody = opens(emergency), opens(emergency, patient=f"Patient/{uuid.uuid4()}")
    assert there.status_code == nobody.status_code == 201
    assert there.json().keys() == nobody.json().keys()
    assert len(there.content) == len(nobody.content)
    number = opens(emergency, patient=None, identifier=f"{NUMBER}|F9999999")
    assert (number.status_code, len(number.content)) == (201, len(there.content))


def test_nothing_is_open_that_is_not_on_record(emergency: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    store = emergency.flow.node.store
    commit = store.commit

    def fails(unit: Unit) -> Any:
        if any(getattr(put, "kind", "") == REVIEW for put in unit.puts):
            raise NotDurable
        return commit(unit)

    monkeypatch.setattr(store, "commit", fails)
    assert opens(emergency).status_code == 503
    assert read(emergency) == []


def test_reviewed_once_by_somebody_else(emergency: Served) -> None:
    opening = opens(emergency).json()["opening"]
    found = emergency.gets("/emergency", "auditor").json()["reviews"]
    assert [(one["opening"], one["user"], one["justification"]) for one in found] == [(opening, "dr-kim", REASON)]
    path = f"/emergency/{opening}/review"
    sound = {"finding": "justified", "note": "the card was read out in the ambulance"}
    refused = [
        (sound, "welfare", 403), (sound, "auditor", 403), ({**sound, "finding": "fine"}, "admin", 422),
        ({**sound, "note": ""}, "admin", 422), ({**sound, "by": "me"}, "admin", 422),
    ]  # fmt: skip
    for body, token, status in refused:
        assert emergency.posts(body, token, path).status_code == status, body
    assert emergency.posts(sound, "admin", f"/emergency/{uuid.uuid4()}/review").status_code == 404
    assert emergency.posts(sound, "admin", path).status_code == 200
    assert emergency.posts(sound, "admin", path).status_code == 404
    assert emergency.gets("/emergency", "admin").json()["reviews"] == []
    closed = [f for f in emergency.flow.facts() if f["facts"].get("what", {}).get("emergency") == "reviewed"]
    assert [(f["outcome"], f["facts"]["what"]["opening"]) for f in closed] == [("justified", opening)]
    assert "ambulance" not in str(closed)
    kept = emergency.flow.node.store.record(REVIEWED, opening)
    assert kept is not None
    assert kept.sealed is not None
    assert b"ambulance" in emergency.flow.node.keyring.open(kept.sealed)
    assert emergency.gets("/emergency", "welfare").status_code == 403


async def test_a_review_that_nobody_closes_is_called_out_once(recorded: Flow) -> None:
    from gateway.model.questions import Question
    from gateway.pipeline.emergency import Wanted, opened

    node, about = recorded.node, Question("Patient", identifier=(NUMBER, SILENT.number))
    caller = Principal(CARE_TEAM, "one", authn_level=2)
    _, unit = opened(node, caller, Wanted(about, "dr-kim", "physician", REASON))
    node.store.commit(unit).result()
    workers = Workers(node, alarm_before=7200.0)
    await workers._alarm()
    assert _alarms(recorded) == []
    recorded.clock.pass_by(hours=23)
    await workers._alarm()
    await workers._alarm()
    assert _alarms(recorded) == ["emergency-review"]


def _alarms(flow: Flow) -> list[str]:
    return [f["facts"]["what"]["alarm"] for f in flow.facts() if f["outcome"] == "alarm"]


def test_an_agreement_for_emergencies_gives_nothing_by_itself(
    recorded: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    site = recorded.node.site
    only = replace(site, agreements={k: v for k, v in site.agreements.items() if k != READING})
    with serving(recorded.on(only), monkeypatch, tmp_path) as served:
        assert read(served) == []
        assert served.gets(f"/fhir/Patient/{known(served)}").status_code == 404
        assert opens(served).status_code == 201
        assert read(served)


def test_a_name_is_for_whoever_reviews_and_for_no_row(emergency: Served) -> None:
    assert opens(emergency, user="Dr. Kim Minsu").status_code == 201
    assert read(emergency)
    assert b"Minsu" not in b"".join(row.line for row in emergency.flow.rows())
    assert "Minsu" not in str(emergency.flow.exchanges(agreement=GLASS))
    (one,) = emergency.gets("/emergency", "auditor").json()["reviews"]
    assert one["user"] == "Dr. Kim Minsu"


def test_only_the_interactions_that_the_policy_names(
    recorded: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A policy that allows `read` alone keeps searches and `$everything` closed in an emergency, too."""
    site = recorded.node.site
    rules = {**site.register["breakGlass"], "interactions": ["read"]}
    narrow = recorded.on(replace(site, register={**site.register, "breakGlass": rules}))
    with serving(narrow, monkeypatch, tmp_path) as served:
        assert opens(served).status_code == 201
        assert read(served) == []
        assert served.gets(f"/fhir/Patient/{known(served)}/$everything").status_code == 404
        assert served.gets(f"/fhir/Patient/{known(served)}").status_code == 200  # the control
        assert served.gets(f"/fhir/Patient/{known(served)}/_history").status_code == 200
