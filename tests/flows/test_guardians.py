"""Guardians over real HTTP: who says so, what they may do for whom on `/me`, until when, and what must not work (PIPA art. 22-2)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from gateway.consent.guardianship import guardianships
from gateway.demo.messages import admission, cases, discharge
from gateway.demo.people import Person, people
from gateway.demo.run import Stage
from gateway.model.agreement import Site
from gateway.pipeline.explaining import explained
from gateway.pipeline.guardians import related_of
from tests.flows.conftest import CARE_TEAM, HOSPITAL, NUMBER, OPERATOR, REFERRAL, Flow, Served, somebody
from tests.flows.signing import Bent, Visitor, providing, registered
from tests.flows.test_me import JSON, OFFER, UNTIL, WISH, consents, sends

Open = Callable[..., Visitor]
ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
MOTHER = people()["consenting"]
CHILD = somebody(950, birth=MOTHER.birth.replace(year=2018))
YOUTH = somebody(951, birth=MOTHER.birth.replace(year=2011))
ELDER = somebody(952)
CASE = cases()["discharges"]["silent"]


@pytest.fixture
def here(flow: Flow, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Served]:
    with registered(flow, monkeypatch, tmp_path) as made:
        for person in (MOTHER, CHILD, YOUTH, ELDER):
            assert made.posts(admission(person, flow.moment())).status_code == 200
        made.runs(flow.drains())
        yield made


@pytest.fixture
def store_url(sqlite_url: str) -> str:
    """What is asked of the store here is asked of both kinds elsewhere."""
    return sqlite_url


@pytest.fixture
def provider(here: Served) -> Iterator[Bent]:
    with providing(here) as made:
        yield made


@pytest.fixture
def citizen(here: Served, provider: Bent) -> Iterator[Open]:
    """A browser in which somebody has signed in: the demo's Kim, or whoever has another number."""
    opened: list[Visitor] = []

    def open_browser(number: str = MOTHER.number) -> Visitor:
        provider.bend = lambda claims: {**claims, "sub": number, "patient_number": number}  # type: ignore[method-assign]
        opened.append(Visitor(here))
        assert opened[-1].signs_in("kim-demo").status_code == 303
        return opened[-1]

    yield open_browser
    for one in opened:
        one.close()


def related(child: Person, guardian: Person = MOTHER, code: str = "MTH", **more: Any) -> dict[str, Any]:
    """What the district office says of a guardian."""
    return {
        "resourceType": "RelatedPerson", "id": f"r-{child.number.lower()}-{guardian.number.lower()}", "active": True,
        "patient": {"identifier": {"system": NUMBER, "value": child.number}},
        "identifier": [{"system": NUMBER, "value": guardian.number}],
        "relationship": [{"coding": [{"system": ROLE, "code": code}]}], **more,
    }  # fmt: skip


def attests(here: Served, what: dict[str, Any], who: str = "welfare") -> None:
    answer = here.posts(what, who)
    assert answer.is_success, answer.text
    here.runs(here.flow.drains())


def wards(visitor: Visitor) -> list[dict[str, Any]]:
    return consents(visitor)["for"]


def acts(visitor: Visitor, ward: str, path: str, body: Any) -> int:
    token = consents(visitor)["token"]
    return sends(visitor, f"{path}?for={ward}", body, token=token).status_code


def discharged(here: Served, person: Person) -> Any:
    assert here.posts(discharge(person, here.flow.moment(), CASE)).status_code == 200
    here.runs(here.flow.drains())
    return here.flow.newest(REFERRAL)


def test_a_mother_decides_for_her_child(here: Served, citizen: Open) -> None:
    attests(here, related(CHILD))
    assert discharged(here, CHILD).status == "refused"
    visitor = citizen()
    (ward,) = wards(visitor)
    assert ward["birthDate"] == CHILD.birth.isoformat()
    page = visitor.get(f"/me?for={ward['id']}").text
    assert "You act here for somebody you look after" in page
    assert "wanted to send information about you" in page
    assert acts(visitor, ward["id"], "/me/simulate", WISH) == 200
    assert acts(visitor, ward["id"], "/me/consents", WISH) == 201
    assert discharged(here, CHILD).status == "delivered"
    exchange = here.flow.one("own-consents")
    assert (exchange.who.role, exchange.whom.person) == ("citizen,guardian", *here.flow.persons(CHILD))
    assert consents(visitor)["consents"] == []  # nothing of it is about herself

    own = citizen(CHILD.number).get("/me").text
    assert "A guardian looked at the log" in own
    assert "token:" not in own

    held = visitor.get(f"/me/consents?for={ward['id']}", headers=JSON).json()["consents"]
    assert [one["state"] for one in held] == ["in-force"]
    assert acts(visitor, ward["id"], f"/me/consents/{held[0]['id']}/withdraw", {}) == 200
    assert discharged(here, CHILD).status == "refused"
    here.flow.verified()


def test_the_pages_of_a_guardian_stay_with_the_child(here: Served, citizen: Open) -> None:
    attests(here, related(CHILD))
    discharged(here, CHILD)
    visitor = citizen()
    (ward,) = wards(visitor)
    where = f"for={ward['id']}"
    form = visitor.get(f"/me/allow/{OFFER}?{where}").text
    assert f'action="/me/simulate?{where}"' in form
    fields = {
        "token": visitor.token(f"/me/allow/{OFFER}?{where}"),
        "offer": OFFER,
        "until": UNTIL,
        "type-Condition": "1",
    }
    checked = visitor.post(f"/me/simulate?{where}", fields)
    assert f'action="/me/consents?{where}"' in checked.text
    done = visitor.post(f"/me/consents?{where}", fields)
    assert done.headers["location"] == f"/me?done=given&{where}"
    assert "holds now" in visitor.get(done.headers["location"]).text
    assert "Nothing has happened" in visitor.get("/me").text or "holds now" not in visitor.get("/me").text


NO_POWER = [
    pytest.param({"code": "NBOR"}, "welfare", id="a neighbour"),
    pytest.param({"code": "STPMTH"}, "welfare", id="a stepmother without guardianship"),
    pytest.param({"active": False}, "welfare", id="not in use"),
    pytest.param({"active": "yes"}, "welfare", id="nobody knows whether in use"),
    pytest.param({"period": {"end": "2026-10-31"}}, "welfare", id="over"),
    pytest.param({"period": {"start": "2027-01-01"}}, "welfare", id="not yet"),
    pytest.param({"relationship": [{"coding": [{"code": "MTH"}]}]}, "welfare", id="a code of no system"),
    pytest.param({"relationship": [{"text": "mother"}]}, "welfare", id="in words"),
    pytest.param({"identifier": [{"value": MOTHER.number}]}, "welfare", id="an identifier of no system"),
]


@pytest.mark.parametrize(("changes", "who"), NO_POWER)
def test_who_is_no_guardian_acts_for_nobody(here: Served, citizen: Open, changes: dict[str, Any], who: str) -> None:
    made = related(CHILD, code=changes.pop("code", "MTH"), **changes)
    answer = here.posts(made, who)
    here.runs(here.flow.drains())
    assert answer.status_code in (202, 400, 422), answer.text
    assert wards(citizen()) == []


def test_what_a_hospital_says_of_relatives_gives_no_power(here: Served, citizen: Open) -> None:
    """A contact person: kept, if the hospital's agreement has it, and no more."""
    flow = here.flow
    record = flow.node.site.agreements["guardianship-register"]
    wider = replace(record, sender=HOSPITAL)
    other = flow.on(replace(flow.node.site, agreements={**flow.node.site.agreements, record.id: wider}))
    receipt = here.runs(other.sends(related(CHILD), HOSPITAL))
    here.runs(other.drains())
    assert receipt.error is None
    (child,) = flow.persons(CHILD)
    assert flow.node.store.resources(child, "RelatedPerson")  # type: ignore[arg-type]
    assert related_of(flow.node, child) == ()  # type: ignore[arg-type]
    assert wards(citizen()) == []


def test_nobody_acts_for_a_third_one(here: Served, citizen: Open) -> None:
    attests(here, related(CHILD))
    (ward,) = wards(citizen())
    stranger = citizen(ELDER.number)
    token = consents(stranger)["token"]
    for path in (f"/me?for={ward['id']}", f"/me/consents?for={ward['id']}", f"/me/allow/{OFFER}?for={ward['id']}"):
        answers = {
            stranger.get(path, headers=JSON).status_code,
            stranger.get(path.replace(ward["id"], "nobody"), headers=JSON).status_code,
        }
        assert answers == {404}
    for path, body in (("/me/consents", WISH), ("/me/simulate", WISH), (f"/me/questions/{OFFER}", {})):
        answer = sends(stranger, f"{path}?for={ward['id']}", body, token=token)
        assert answer.status_code == 404
        assert answer.content == sends(stranger, f"{path}?for=nobody", body, token=token).content
    assert here.flow.exchanges(agreement="own-consents") == []


def test_a_power_that_ended_meanwhile_is_none(here: Served, citizen: Open) -> None:
    """Between the page and the button; and what was given does not hold without the power either."""
    attests(here, related(CHILD))
    visitor = citizen()
    (ward,) = wards(visitor)
    assert acts(visitor, ward["id"], "/me/consents", WISH) == 201
    assert discharged(here, CHILD).status == "delivered"
    attests(here, related(CHILD, active=False))
    assert acts(visitor, ward["id"], "/me/consents", WISH) == 404
    assert wards(visitor) == []
    refused = discharged(here, CHILD)
    assert (refused.status, refused.why.reason) == ("refused", "default-deny")
    told, _ = explained(here.flow.node, OPERATOR, {"exchange": refused.id})
    assert "untrusted: no-authority" in [step["says"] for step in told["steps"] if step["step"] == "consent"]


def test_an_attestor_that_is_switched_off_attests_nothing(here: Served, citizen: Open) -> None:
    attests(here, related(CHILD))
    (child,) = here.flow.persons(CHILD)
    site = here.flow.node.site
    team = replace(site.participants[CARE_TEAM], active=False)
    off = here.flow.on(replace(site, participants={**site.participants, CARE_TEAM: team})).node
    assert related_of(here.flow.node, child)  # type: ignore[arg-type]
    assert related_of(off, child) == ()  # type: ignore[arg-type]


def test_a_child_looks_and_does_not_decide(here: Served, citizen: Open) -> None:
    discharged(here, CHILD)
    child = citizen(CHILD.number)
    said = consents(child)
    assert said["decides"] is False
    page = child.get("/me").text
    assert "a parent or guardian decides" in page
    assert "<button" not in page.partition("<main")[2].partition("</main>")[0]
    assert "/me/allow" not in page
    before = len(here.flow.exchanges())
    for path, body in (("/me/consents", WISH), (f"/me/questions/{OFFER}", {}), ("/me/consents/x/withdraw", {})):
        answer = sends(child, path, body, token=said["token"])
        assert (answer.status_code, answer.json()["text"]) == (
            403, "Somebody of this age does not decide alone about sharing; a parent or guardian does.",
        )  # fmt: skip
    assert "At this age a parent or guardian decides" in child.get(f"/me/allow/{OFFER}").text
    assert len(here.flow.exchanges()) == before
    rows = [row["facts"]["what"] for row in here.flow.facts(kind="refusal") if row["outcome"] == "too-young"]
    assert [row["asked"] for row in rows] == ["give", "decline", "take-back", "give"]


def test_from_fourteen_on_one_decides_alone(here: Served, citizen: Open) -> None:
    attests(here, related(YOUTH))
    assert wards(citizen()) == []
    youth = citizen(YOUTH.number)
    assert sends(youth, "/me/consents", WISH).status_code == 201
    assert discharged(here, YOUTH).status == "delivered"


def test_a_court_s_guardian_acts_for_an_adult(here: Served, citizen: Open) -> None:
    """A parent's power ends at majority; that of a legal guardian does not."""
    attests(here, related(ELDER))
    assert wards(citizen()) == []
    attests(here, related(ELDER, code="GUARD"))
    visitor = citizen()
    (ward,) = wards(visitor)
    assert acts(visitor, ward["id"], "/me/consents", WISH) == 201
    assert discharged(here, ELDER).status == "delivered"


def test_who_is_too_young_decides_for_nobody_else(here: Served, citizen: Open) -> None:
    """Whoever attests it: a brother of twelve decides neither for himself nor for his sister."""
    brother = somebody(955, birth=MOTHER.birth.replace(year=2014))
    assert here.posts(admission(brother, here.flow.moment())).status_code == 200
    attests(here, related(CHILD, brother, "GUARD"))
    visitor = citizen(brother.number)
    (ward,) = wards(visitor)
    assert acts(visitor, ward["id"], "/me/consents", WISH) == 403
    assert here.flow.exchanges(agreement="own-consents") == []


def test_somebody_without_records_may_look_after_somebody(here: Served, citizen: Open) -> None:
    aunt = somebody(953)
    attests(here, related(CHILD, aunt, "GUARD"))
    visitor = citizen(aunt.number)
    page = visitor.get("/me").text
    assert "No records about you are known" in page
    assert "/me?for=" in page


def test_a_site_that_names_nobody_knows_no_guardians(here: Served, citizen: Open, site: Site, stage: Stage) -> None:
    attests(here, related(CHILD))
    (child,) = here.flow.persons(CHILD)
    without = here.flow.on(replace(here.flow.node.site, attestors=frozenset())).node
    assert related_of(without, child) == ()  # type: ignore[arg-type]


def test_a_number_of_the_family_makes_nobody_a_guardian(here: Served, citizen: Open) -> None:
    """Whose own power has ended does not act, or sign, by that of somebody else with the same number of another kind."""
    family = {"system": "https://mapo.example/family-register", "value": "1"}
    father = somebody(954)
    for who, more in ((MOTHER, {}), (father, {"active": False})):
        made = related(CHILD, who, **more)
        attests(here, {**made, "identifier": [*made["identifier"], family]})
    assert wards(citizen())
    assert "/me?for=" not in citizen(father.number).get("/me").text
    (child,) = here.flow.persons(CHILD)
    rows = guardianships(related_of(here.flow.node, child), f"Patient/{child}")  # type: ignore[arg-type]
    assert len({row["guardian"] for row in rows}) == 2
