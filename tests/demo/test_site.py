"""The demo site with the demo's messages: ordinary data are normal, the sensitive are not, and one result is reportable."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

import gateway.demo
from gateway.consent.labels import label
from gateway.consent.policy import checked
from gateway.consent.reporting import reportable
from gateway.demo.messages import Moment, cases, discharge, laboratory
from gateway.demo.people import people
from gateway.mapping import MapContext
from gateway.model.agreement import Site
from gateway.model.document import Resource
from gateway.site import load_site
from gateway.stages.map import map_document
from gateway.standards import standards

AT = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)


@cache
def site() -> Site:
    return load_site(Path(gateway.demo.__file__).parent / "site")


def _mapped(message: bytes) -> list[Resource]:
    hospital = site().participants["hanbit-hospital"]
    context = MapContext(
        sender=hospital.id, zone=hospital.zone, identifier_systems=hospital.identifier_systems,
        code_systems=hospital.code_systems, national_systems=site().national_systems,
    )  # fmt: skip
    made = map_document(standards()["hl7v2"].parse(message, ""), context=context)
    return [item.resource for item in made.items if item.resource["resourceType"] != "MessageHeader"]


def _code(resource: Resource) -> str:
    return str(resource["code"]["coding"][0]["code"])


@pytest.mark.parametrize("who", cases()["discharges"])
def test_only_what_the_site_calls_sensitive_is_restricted(who: str) -> None:
    message = discharge(people()[who], Moment(AT, 1), cases()["discharges"][who])
    restricted = [r for r in _mapped(message) if label(r, site().register) != {"N"}]
    assert [_code(r) for r in restricted] == [
        d["code"] for d in cases()["discharges"][who]["diagnoses"] if d["code"][0] == "F"
    ]
    assert all(label(r, site().register) == {"PSY", "R"} for r in restricted)


@pytest.mark.parametrize(("corrected", "status"), [(False, "final"), (True, "corrected")])
def test_one_result_is_reportable_within_a_day(corrected: bool, status: str) -> None:
    message = laboratory(people()["reported"], Moment(AT, 1), cases()["results"]["reported"], "L1", corrected)
    hits = [(r, hit) for r in _mapped(message) for hit in reportable(r, site().report_rules, AT)]
    assert [(_code(r), r["status"], hit.rule, hit.deadline) for r, hit in hits] == [
        ("38379-4", status, "KR-2-TB", "PT24H")
    ]


def test_the_policies_are_sound() -> None:
    checked(site().register)


def test_there_is_one_agreement_of_each_kind() -> None:
    found = {a.id: (a.interaction, a.basis, a.state) for a in site().agreements.values()}
    assert found == {
        "discharge-to-community-care": ("transaction", "consent", "active"),
        "notifiable-results": ("transaction", "statute", "active"),
        "consent-registration": ("keep", "policy", "active"),
        "own-consents": ("keep", "policy", "active"),
        "guardianship-register": ("keep", "policy", "active"),
        "hospital-record": ("keep", "policy", "active"),
        "care-team-reads": ("read", "consent", "active"),
        "admission-notice": ("transaction", "consent", "shadow"),
    }


def test_the_demo_ships_no_key() -> None:
    assert all(not participant.keys for participant in site().participants.values())
