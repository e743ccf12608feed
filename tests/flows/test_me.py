"""A citizen's own pages over real HTTP: the whole story, what only looks like one's own, and what must not work."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from gateway import Validator
from gateway.demo.messages import admission, cases, consent, discharge
from gateway.demo.people import people
from gateway.pipeline.replay import replayed
from tests.flows.conftest import REFERRAL, Served, done, wish
from tests.flows.signing import Bent, Visitor, providing, registered

Open = Callable[..., Visitor]
OFFER = "mapo-care-team.COC"
UNTIL = "2027-01-31"
JSON = {"Accept": "application/json"}


@pytest.fixture
def here(flow: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Served]:
    with registered(flow, monkeypatch, tmp_path) as made:
        yield made


@pytest.fixture
def provider(here: Served) -> Iterator[Bent]:
    with providing(here) as made:
        yield made


@pytest.fixture
def citizen(here: Served, provider: Bent) -> Iterator[Open]:
    """A browser in which somebody has signed in."""
    opened: list[Visitor] = []

    def open_browser(account: str = "park-virtual") -> Visitor:
        opened.append(Visitor(here))
        assert opened[-1].signs_in(account).status_code == 303
        return opened[-1]

    yield open_browser
    for one in opened:
        one.close()


def discharged(here: Served, who: str = "silent", case: str = "silent") -> Any:
    """A discharge, worked off; its exchange with the care team."""
    flow = here.flow
    assert here.posts(discharge(people()[who], flow.moment(), cases()["discharges"][case])).status_code == 200
    here.runs(flow.drains())
    return flow.newest(REFERRAL)


def consents(visitor: Visitor) -> dict[str, Any]:
    answer = visitor.get("/me/consents", headers=JSON)
    assert answer.status_code == 200, answer.text
    return answer.json()


def sends(visitor: Visitor, path: str, body: Any, **headers: str) -> httpx.Response:
    token = headers.pop("token", None) or consents(visitor)["token"]
    told = {**JSON, "X-CSRF-Token": token, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return visitor.http.post(f"{visitor.base}{path}", json=body, headers=told)


WISH = {"offer": OFFER, "types": ["Condition", "Encounter"], "until": UNTIL}


def test_the_whole_story(here: Served, citizen: Open) -> None:
    assert discharged(here).status == "refused"
    visitor = citizen()
    page = visitor.get("/me").text
    assert "wanted to send information about you to Mapo community care team" in page
    assert "checked" not in visitor.get(f"/me/allow/{OFFER}").text
    fields = {
        "token": visitor.token(f"/me/allow/{OFFER}"), "offer": OFFER, "until": UNTIL, "type-Condition": "1", "type-Encounter": "1",
    }  # fmt: skip
    told = visitor.post("/me/simulate", fields)
    assert told.status_code == 200
    assert "1 would come out differently" in told.text
    assert here.flow.newest(REFERRAL).status == "refused"
    assert consents(visitor)["consents"] == []

    given = visitor.post("/me/consents", fields)
    assert (given.status_code, given.headers["location"]) == (303, "/me?done=given")
    after = visitor.get("/me?done=given").text
    assert "holds now" in after
    assert "A question for you" not in after

    first = here.flow.newest(REFERRAL)
    again = here.runs(_replayed(here, first.id))
    assert again.status == "delivered"
    assert discharged(here).status == "delivered"
    held = consents(visitor)["consents"][0]
    assert (held["state"], held["recipients"], held["until"]) == ("in-force", ["mapo-care-team"], UNTIL)

    before = visitor.get(f"/me/withdraw/{held['id']}").text
    assert "would not receive any more" in before
    fields = {"token": visitor.token(f"/me/withdraw/{held['id']}")}
    assert visitor.post(f"/me/consents/{held['id']}/withdraw", fields).headers["location"] == "/me?done=withdrawn"
    assert discharged(here).status == "refused"
    assert [one["state"] for one in consents(visitor)["consents"]] == ["taken-back"]
    assert "A question for you" not in visitor.get("/me").text
    here.flow.verified()


async def _replayed(here: Served, id: str) -> Any:
    return await done(here.flow, replayed(here.flow.node, id, wish()))


def test_what_was_given_is_on_record_as_the_persons_own(here: Served, citizen: Open) -> None:
    discharged(here)
    visitor = citizen()
    assert sends(visitor, "/me/consents", WISH).status_code == 201
    exchange = here.flow.one("own-consents")
    assert (exchange.status, exchange.who.role, exchange.how.transport) == ("kept", "citizen", "me")
    assert exchange.who.user.startswith("token:")
    rows = here.flow.facts(exchange=exchange.id)
    assert [row["kind"] for row in rows] == ["outcome"]
    assert rows[0]["facts"]["who"]["user"] == exchange.who.user
    assert rows[0]["person"] == exchange.whom.person


def test_only_what_was_chosen_goes_out(here: Served, citizen: Open) -> None:
    discharged(here)
    assert sends(citizen(), "/me/consents", {**WISH, "types": ["Encounter"]}).status_code == 201
    exchange = discharged(here)
    assert exchange.status == "delivered"
    kinds = {row["reference"].partition("/")[0] for row in exchange.what.released}
    assert "Encounter" in kinds
    assert not kinds & {"Condition", "Observation", "AllergyIntolerance"}


@pytest.mark.parametrize("types", [["Encounter"], ["Condition"], ["Condition", "Observation", "Encounter"]])
def test_what_is_simulated_is_what_happens(here: Served, citizen: Open, types: list[str]) -> None:
    first = discharged(here)
    visitor = citizen()
    (told,) = sends(visitor, "/me/simulate", {**WISH, "types": types}).json()["different"]
    assert sends(visitor, "/me/consents", {**WISH, "types": types}).status_code == 201
    again = here.runs(_replayed(here, first.id))
    assert {row["reference"].partition("/")[0] for row in again.what.released} == set(told["more"])
    assert told["less"] == []


def test_the_statements_are_sound_by_the_validator(flow: Any) -> None:
    from datetime import date

    from gateway.pipeline import offers

    site, at, patient = flow.node.site, flow.clock(), {"identifier": {"system": "https://h.example/n", "value": "1"}}
    wish_ = offers.wished(site, date(2026, 11, 2), OFFER, ["Condition"], UNTIL)
    for made in (
        offers.given(site, wish_, "own", patient, at, date(2026, 11, 2)),
        offers.taken_back(site, "back", patient, at, "0b7d5a4e-0000-8000-8000-000000000000"),
    ):
        issues = Validator().validate(made)["issue"]
        assert [one for one in issues if one["severity"] in ("fatal", "error", "warning")] == []
    broken = {**offers.given(site, wish_, "own", patient, at, date(2026, 11, 2)), "status": "yes"}
    assert any(one["severity"] == "error" for one in Validator().validate(broken)["issue"])


def test_withdrawn_on_the_way_it_is_withheld_at_delivery(here: Served, citizen: Open) -> None:
    discharged(here)
    visitor, flow = citizen(), here.flow
    assert sends(visitor, "/me/consents", WISH).status_code == 201
    here.posts(discharge(people()["silent"], flow.moment(), cases()["discharges"]["silent"]))
    assert flow.newest(REFERRAL).status == "pending"
    held = consents(visitor)["consents"][0]["id"]
    assert sends(visitor, f"/me/consents/{held}/withdraw", {}).status_code == 200
    here.runs(flow.drains())
    assert flow.newest(REFERRAL).status == "withheld"
    assert flow.post.sent == []


def test_a_consent_that_the_hospital_brought_is_taken_back(here: Served, citizen: Open) -> None:
    flow, person = here.flow, people()["consenting"]
    given = consent(person, flow.moment(), "Organization/mapo-care-team")
    assert here.posts(given).status_code == 202
    assert discharged(here, "consenting", "consenting").status == "delivered"
    visitor = citizen("kim-demo")
    (held,) = consents(visitor)["consents"]
    assert (held["from"], held["state"]) == ("hanbit-hospital", "in-force")
    told = sends(visitor, "/me/simulate", {"withdraw": held["id"]}).json()
    assert told["looked"] == 1
    assert "Condition" in told["different"][0]["less"]
    assert sends(visitor, f"/me/consents/{held['id']}/withdraw", {}).status_code == 200
    assert discharged(here, "consenting", "consenting").status == "refused"
    assert here.posts(given).status_code == 409
    assert discharged(here, "consenting", "consenting").status == "refused"
    renewed = consent(person, flow.moment(), "Organization/mapo-care-team")
    assert here.posts(renewed).status_code == 202
    assert discharged(here, "consenting", "consenting").status == "delivered"


def _scanned(given: dict[str, Any]) -> dict[str, Any]:
    """On paper at the hospital, sensitive information as well."""
    label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    provision = {**given["provision"], "securityLabel": [label]}
    return {**given, "provision": provision, "sourceReference": {"display": "scan of the form"}}


def _opted_out(given: dict[str, Any]) -> dict[str, Any]:
    """By its policy rule alone, without a type at the root."""
    code = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTOUT"}
    provision = {name: value for name, value in given["provision"].items() if name != "type"}
    return {**given, "policyRule": {"coding": [code]}, "provision": provision}


def _nested(given: dict[str, Any]) -> dict[str, Any]:
    kinds = [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]
    return {**given, "provision": {**given["provision"], "provision": [{"type": "deny", "class": kinds}]}}


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (lambda given: given, {"permits": True, "sensitive": False, "limited": False}),
        (_scanned, {"permits": True, "sensitive": True, "limited": False}),
        (_opted_out, {"permits": False, "sensitive": False, "limited": False}),
        (_nested, {"permits": True, "sensitive": False, "limited": True}),
    ],
)
def test_what_a_consent_of_the_hospital_means_is_told(
    here: Served, citizen: Open, written: Callable[[dict[str, Any]], dict[str, Any]], told: dict[str, bool]
) -> None:
    given = written(consent(people()["silent"], here.flow.moment(), "Organization/mapo-care-team"))
    assert here.posts(given).status_code == 202
    visitor = citizen()
    (held,) = consents(visitor)["consents"]
    assert {name: held[name] for name in told} == told
    page = visitor.get("/me").text
    assert ("also covers especially sensitive" in page) == told["sensitive"]
    assert ("has further limits" in page) == told["limited"]
    assert ("may not receive information" in page) == (not told["permits"])
    assert ("also covers especially sensitive" in visitor.get(f"/me/withdraw/{held['id']}").text) == told["sensitive"]
    assert sends(visitor, f"/me/consents/{held['id']}/withdraw", {}).status_code == 200
    assert [one["state"] for one in consents(visitor)["consents"]] == ["taken-back"]


def test_a_draft_is_no_word(here: Served, citizen: Open) -> None:
    draft = consent(people()["silent"], here.flow.moment(), "Organization/mapo-care-team", "draft")
    assert here.posts(draft).status_code == 202
    discharged(here)
    visitor = citizen()
    (held,) = consents(visitor)["consents"]
    assert held["state"] == "void"
    assert sends(visitor, f"/me/consents/{held['id']}/withdraw", {}).status_code == 404
    assert [one["offer"] for one in consents(visitor)["questions"]] == [OFFER]


def test_a_consent_that_ran_out_is_asked_about_again(here: Served, citizen: Open) -> None:
    discharged(here)
    visitor = citizen()
    assert sends(visitor, "/me/consents", {**WISH, "until": "2026-11-03"}).status_code == 201
    assert discharged(here).status == "delivered"
    here.flow.clock.pass_by(days=3)
    visitor.signs_in("park-virtual")
    assert discharged(here).status == "refused"
    (held,) = consents(visitor)["consents"]
    assert held["state"] == "over"
    assert [one["offer"] for one in consents(visitor)["questions"]] == [OFFER]
    assert sends(visitor, "/me/consents", WISH).status_code == 201
    assert [one["state"] for one in consents(visitor)["consents"]] == ["in-force"]


def test_who_asked_and_was_refused_becomes_a_question(here: Served, citizen: Open) -> None:
    """A pull by the care team about somebody who has said nothing."""
    discharged(here)
    visitor = citizen()
    visitor.post(f"/me/questions/{OFFER}", {"token": visitor.token("/me")})
    here.flow.node.store.commit(_asked_anew(here)).result()
    system = "https://hanbit-hospital.example/fhir/sid/patient-number"
    assert here.gets("/fhir/Patient", identifier=f"{system}|{people()['silent'].number}").status_code == 200
    page = visitor.get("/me").text
    assert "Mapo community care team asked for information about you." in page


def _asked_anew(here: Served) -> Any:
    from gateway.model.records import RecordGone, Unit

    (row,) = here.flow.node.store.records("declined")
    return Unit((), (RecordGone(row.kind, row.key),))


def test_a_question_answered_with_no_is_not_asked_again(here: Served, citizen: Open) -> None:
    discharged(here)
    visitor = citizen()
    assert [one["offer"] for one in consents(visitor)["questions"]] == [OFFER]
    answer = visitor.post(f"/me/questions/{OFFER}", {"token": visitor.token("/me")})
    assert answer.headers["location"] == "/me?done=declined"
    (person,) = here.flow.persons(people()["silent"])
    (fact,) = [one for one in here.flow.facts() if one["outcome"] == "declined"]
    assert (fact["person"], fact["facts"]["what"]) == (person, {"question": OFFER})
    assert fact["facts"]["who"]["role"] == "citizen"
    here.flow.verified()
    assert consents(visitor)["questions"] == []
    assert discharged(here).status == "refused"
    assert consents(visitor)["questions"] == []
    assert consents(visitor)["consents"] == []


def test_somebody_without_records_gets_a_plain_page(here: Served, citizen: Open) -> None:
    visitor = citizen("jung-nobody")
    page = visitor.get("/me")
    assert page.status_code == 200
    assert "No records about you are known" in page.text
    for path in ("/me/consents", f"/me/allow/{OFFER}", "/me/withdraw/x"):
        assert visitor.get(path, headers=JSON).status_code == 404
    assert here.flow.node.store.persons([]) == {}


def test_two_citizens_see_only_their_own(here: Served, citizen: Open) -> None:
    discharged(here)
    discharged(here, "consenting", "consenting")
    one, other = citizen("park-virtual"), citizen("kim-demo")
    assert sends(one, "/me/consents", WISH).status_code == 201
    held = consents(one)["consents"][0]["id"]
    assert consents(other)["consents"] == []
    page = other.get("/me").text
    person = here.flow.newest(REFERRAL).whom.person
    assert held not in page
    assert str(person) not in page
    unknown = "0" * 8 + held[8:]
    told = []
    for id in (held, unknown, "x", "..%2f..", f"{held}%20"):
        seen = other.get(f"/me/withdraw/{id}", headers=JSON)
        tried = sends(other, f"/me/consents/{id}/withdraw", {})
        looked = sends(other, "/me/simulate", {"withdraw": id})
        told.append((seen.status_code, seen.text, tried.status_code, looked.status_code))
    assert {(a, c, d) for a, _, c, d in told[:3]} == {(404, 404, 404)}
    assert len({text for _, text, *_ in told[:3]}) == 1
    assert all(status in (404, 422) for row in told for status in (row[0], row[2], row[3]))
    assert consents(one)["consents"][0]["state"] == "in-force"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"token": "x"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Sec_Fetch_Site": "cross-site"}, 403),
        ({"Sec_Fetch_Site": "same-site"}, 403),
        ({"Sec_Fetch_Site": "same-origin"}, 201),
    ],
)
def test_a_statement_sent_from_elsewhere_is_refused(
    here: Served, citizen: Open, headers: dict[str, str], status: int
) -> None:
    discharged(here)
    visitor = citizen()
    assert sends(visitor, "/me/consents", WISH, **headers).status_code == status
    assert len(consents(visitor)["consents"]) == (1 if status == 201 else 0)


def test_a_token_of_another_session_is_refused(here: Served, citizen: Open) -> None:
    discharged(here)
    one, two = citizen(), citizen()
    token = consents(two)["token"]
    assert sends(one, "/me/consents", WISH, token=token).status_code == 403
    assert sends(two, "/me/consents", WISH, token=token).status_code == 201


def test_without_a_session_nothing(here: Served, citizen: Open) -> None:
    discharged(here)
    visitor = citizen()
    token = consents(visitor)["token"]
    here.flow.clock.pass_by(seconds=901)
    for kept in (visitor.session(), "", "x", "a" * 300):
        visitor.http.cookies.clear()
        if kept:
            visitor.http.cookies.set("session", kept, domain="127.0.0.1", path="/")
        assert visitor.get("/me").status_code == 401
        assert sends(visitor, "/me/consents", WISH, token=token).status_code == 401
    for key in ("admin", "auditor", "hospital", "welfare"):
        with here.client(key) as client:
            assert client.get("/me").status_code == 401
            assert client.post("/me/consents", json=WISH).status_code == 401


def test_staff_are_not_citizens(here: Served, citizen: Open) -> None:
    for account in ("oh-operator", "seo-auditor", "yoon-protection", "han-caseworker", "moon-integrator"):
        visitor = citizen(account)
        assert visitor.get("/me").status_code == 403
        assert visitor.get("/me/consents", headers=JSON).status_code == 403


WRONG = {
    "another offer": ({**WISH, "offer": "kdca-demo.PUBHLTH"}, 404),
    "no offer": ({"types": ["Condition"], "until": UNTIL}, 404),
    "no type": ({**WISH, "types": []}, 422),
    "a type that is not offered": ({**WISH, "types": ["Condition", "Claim"]}, 422),
    "a type that always goes": ({**WISH, "types": ["Patient"]}, 422),
    "no day": ({"offer": OFFER, "types": ["Condition"]}, 422),
    "yesterday": ({**WISH, "until": "2026-11-01"}, 422),
    "in a hundred years": ({**WISH, "until": "2126-11-02"}, 422),
    "no date": ({**WISH, "until": "soon"}, 422),
    "something more": ({**WISH, "status": "active"}, 422),
    "types that are no list": ({**WISH, "types": "Condition"}, 422),
    "a list": ([WISH], 422),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wish_that_cannot_be_changes_nothing(here: Served, citizen: Open, name: str) -> None:
    discharged(here)
    visitor = citizen()
    body, status = WRONG[name]
    for path in ("/me/simulate", "/me/consents"):
        answer = sends(visitor, path, body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json")
    assert consents(visitor)["consents"] == []


def test_a_form_with_something_missing_comes_back(here: Served, citizen: Open) -> None:
    discharged(here)
    visitor = citizen()
    fields = {"token": visitor.token(f"/me/allow/{OFFER}"), "offer": OFFER, "until": UNTIL}
    answer = visitor.post("/me/simulate", fields)
    assert answer.status_code == 422
    assert "Please choose at least one" in answer.text
    assert f'value="{UNTIL}"' in answer.text


def test_who_was_merged_is_who_remained(here: Served, citizen: Open) -> None:
    """A session by an old number goes on as the person who remained, with what both have."""
    flow = here.flow
    discharged(here)
    visitor = citizen()
    assert sends(visitor, "/me/consents", WISH).status_code == 201
    old = people()["silent"]
    before = flow.newest(REFERRAL).whom.person
    new = people()["reported"]
    here.posts(admission(new, flow.moment()))
    flow.node.store.commit(_merged(here, str(before), _person_of(here, new.number))).result()
    (held,) = consents(visitor)["consents"]
    assert held["state"] == "in-force"
    assert "wanted to send information about you" in visitor.get("/me").text
    told = sends(visitor, "/me/simulate", {"withdraw": held["id"]})
    assert told.status_code == 200
    assert sends(visitor, f"/me/consents/{held['id']}/withdraw", {}).status_code == 200
    assert [one["state"] for one in consents(visitor)["consents"]] == ["taken-back"]
    assert sends(visitor, "/me/consents", WISH).status_code == 201
    assert old.number not in visitor.get("/me").text


def _person_of(here: Served, number: str) -> str:
    system = "https://hanbit-hospital.example/fhir/sid/patient-number"
    token = (system, here.flow.node.keyring.token(system, number))
    return str(here.flow.node.store.persons([token])[token])


def _merged(here: Served, gone: str, stays: str) -> Any:
    from gateway.model.document import PersonKey
    from gateway.model.records import Merge, Unit

    return Unit((Merge(PersonKey(gone), PersonKey(stays), here.flow.clock(), "test"),))


def test_what_one_sees_of_oneself_is_not_told_to_oneself_again(here: Served, citizen: Open) -> None:
    discharged(here)
    visitor = citizen()
    for _ in range(3):
        page = visitor.get("/me").text
    assert page.count("looked at the log") == 0
    looks = [row for row in here.flow.facts(kind="admin") if row["facts"]["what"].get("looked") == "me"]
    assert len(looks) == 3
    auditor = citizen("seo-auditor")
    person = here.flow.newest(REFERRAL).whom.person
    assert auditor.get(f"/console/people/{person}").status_code == 200
    assert "seo-auditor looked at the log" in visitor.get("/me").text


def test_a_caseworker_sees_what_came_and_nothing_else(here: Served, citizen: Open) -> None:
    discharged(here)
    worker = citizen("han-caseworker")
    assert "Nothing has reached your organisation" in worker.get("/console/received").text
    assert here.posts(consent(people()["consenting"], here.flow.moment(), "Organization/mapo-care-team")).is_success
    came = discharged(here, "consenting", "consenting")
    page = worker.get("/console/received").text
    assert came.status == "delivered"
    assert came.id in page
    assert str(came.whom.person) not in page
    assert len(re.findall(r'aria-labelledby="r-', page)) == 1
    for path in ("/console", f"/console/exchanges/{came.id}", f"/console/people/{came.whom.person}"):
        assert worker.get(path).status_code == 403


def test_an_operator_who_signed_in_is_named_in_what_he_does(here: Served, citizen: Open) -> None:
    refused = discharged(here)
    operator = citizen("oh-operator")
    path = f"/console/exchanges/{refused.id}"
    fields = {"token": operator.token(path), "reason": "asked by the care team", "act": "replay"}
    assert operator.post(path, fields).status_code == 303
    row = next(row for row in here.flow.facts(kind="admin") if row["facts"]["what"].get("operator"))
    assert row["facts"]["who"]["user"] == "oh-operator"


def test_a_simulation_looks_at_so_many_items(here: Served, citizen: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway.pipeline import simulation

    discharged(here)
    discharged(here)
    visitor = citizen()
    whole = sends(visitor, "/me/simulate", WISH).json()
    assert whole["looked"] >= 2  # the control
    monkeypatch.setattr(simulation, "MOST_ITEMS", 1)
    assert sends(visitor, "/me/simulate", WISH).json()["looked"] == 1


def test_sharing_required_by_law_does_not_change_in_the_simulation(here: Served, citizen: Open) -> None:
    from gateway.demo.messages import laboratory

    flow, person = here.flow, people()["reported"]
    here.posts(laboratory(person, flow.moment(), cases()["results"]["reported"], "L1"))
    here.runs(flow.drains())
    visitor = citizen("lee-example")
    told = sends(visitor, "/me/simulate", WISH).json()
    assert told["looked"] >= 1
    assert told["different"] == []


def test_nothing_is_simulated_or_shown_when_looking_cannot_be_recorded(
    here: Served, citizen: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gateway.console.journal import JournalDesk
    from gateway.errors import NotDurable

    discharged(here)
    visitor = citizen()

    def refuse(*_: Any) -> None:
        raise NotDurable

    monkeypatch.setattr(JournalDesk, "note_view", refuse)
    for path in ("/me", f"/me/allow/{OFFER}"):
        answer = visitor.get(path)
        assert answer.status_code == 503
        assert "care team" not in answer.text
    assert visitor.get("/me/consents", headers=JSON).status_code == 503
