"""The stage `decide`: the agreement bounds the question, consent and law answer it; there is no default. Refusals first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import gateway.demo
from gateway.model.agreement import Agreement, Site
from gateway.model.document import Item, PersonKey
from gateway.site import load_site
from gateway.stages.decide import OVER_LABEL, Asked, OnFile, decide_items, labelled, reached

AT = datetime(2026, 11, 2, tzinfo=UTC)
PERSON = PersonKey("11111111-1111-4111-8111-111111111111")
WHO = f"Patient/{PERSON}"
KCD = "http://www.hl7korea.or.kr/CodeSystem/kostat-kcd-8"
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"


@pytest.fixture(scope="module")
def site() -> Site:
    return load_site(Path(gateway.demo.__file__).parent / "site")


def patient(**more: Any) -> Item:
    return Item({"resourceType": "Patient", "id": PERSON, **more})


def condition(id: str, code: str, system: str = KCD, **more: Any) -> Item:
    coded = {"coding": [{"system": system, "code": code}]}
    return Item({"resourceType": "Condition", "id": id, "code": coded, "subject": {"reference": WHO}, **more})


def result(id: str, code: str, value: str) -> Item:
    return Item({
        "resourceType": "Observation", "id": id, "status": "final", "subject": {"reference": WHO},
        "code": {"coding": [{"system": LOINC, "code": code}]}, "valueCodeableConcept": {"coding": [{"system": SNOMED, "code": value}]},
    })  # fmt: skip


def consent(**more: Any) -> dict[str, Any]:
    from gateway.demo.messages import Moment
    from gateway.demo.messages import consent as made
    from gateway.demo.people import people

    given = made(people()["consenting"], Moment(AT - timedelta(days=1), 1), "Organization/mapo-care-team")
    return {**given, "patient": {"reference": WHO}, **more}


def on_file(*consents: dict[str, Any], **more: Any) -> OnFile:
    return OnFile(PERSON, consents, 1, {}, "1948-03-02", **more)


def decided(
    site: Site, items: Sequence[Item], file: OnFile, agreement: str = "discharge-to-community-care", **changes: Any
) -> Any:
    agreed: Agreement = replace(site.agreements[agreement], **changes)
    recipient = site.participants[agreed.recipient]
    asked = Asked(agreed, recipient, "push", "hl7v2", AT, AT - timedelta(hours=1))
    return decide_items(labelled(items, site, file.known_labels), asked, site, file)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (on_file(), "default-deny"),
        (OnFile(PERSON, None, 1, {}), ""),
        (on_file(consent(status="inactive")), ""),
        (on_file(consent(patient={"reference": "Patient/other"})), ""),
    ],
    ids=["no consent", "consents unknown", "withdrawn", "somebody else's"],
)
def test_no_rule_says_yes(site: Site, file: OnFile, reason: str) -> None:
    found = decided(site, [patient(), condition("c", "I10")], file)
    assert (found.decision, found.released) == ("deny", ())
    assert not reason or found.reason == reason


def test_nothing_asked_nothing_given(site: Site) -> None:
    assert decided(site, [], on_file(consent())).released == ()


def test_types_outside_the_agreement_are_not_part_of_the_question(site: Site) -> None:
    procedure = Item({"resourceType": "Procedure", "id": "x", "status": "completed", "subject": {"reference": WHO}})
    found = decided(site, [patient(), procedure], on_file(consent()))
    assert found.released == (WHO,)
    assert "Procedure/x" not in dict(found.redacted)


def test_what_is_labelled_above_the_agreement_is_withheld_by_it(site: Site) -> None:
    found = decided(site, [patient(), condition("c", "F32.1"), condition("d", "I10")], on_file(consent()))
    assert found.decision == "permit-with-redaction"
    assert dict(found.redacted) == {"Condition/c": OVER_LABEL}
    assert set(found.labels["Condition/c"]) >= {"PSY", "R"}
    only = decided(site, [condition("c", "F32.1")], on_file(consent()))
    assert (only.decision, only.reason, only.released) == ("deny", OVER_LABEL, ())


def test_unknown_is_never_harmless(site: Site) -> None:
    found = decided(site, [patient(), condition("c", "X1", "urn:local")], on_file(consent()))
    assert found.released == (WHO,)


def test_labels_only_grow(site: Site) -> None:
    """Of what the sender set, of what was on file, and of what the code says."""
    known = OnFile(PERSON, (consent(),), 1, {"Condition/c": ("HIV", "R")}, "1948-03-02")
    marked = condition(
        "d",
        "I10",
        meta={"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}]},
    )
    found = decided(site, [patient(), condition("c", "I10"), marked, condition("e", "I10")], known)
    assert set(found.released) == {WHO, "Condition/e"}


def test_whoever_else_a_resource_names_is_not_this_person(site: Site) -> None:
    other = Item({"resourceType": "Patient", "id": "other"})
    about = condition("c", "I10", asserter={"reference": "Patient/other"})
    found = decided(site, [patient(), other, about, condition("d", "I10")], on_file(consent()))
    assert set(found.released) == {WHO, "Condition/d"}


def test_a_statute_needs_a_rule_that_selects(site: Site) -> None:
    positive, negative = result("p", "38379-4", "260373001"), result("n", "38379-4", "260415000")
    found = decided(site, [patient(), positive, negative], on_file(), "notifiable-results")
    assert set(found.released) == {WHO, "Observation/p"}
    assert found.due == AT - timedelta(hours=1) + timedelta(hours=24)  # from receipt
    none = decided(site, [patient(), negative], on_file(), "notifiable-results")
    assert (none.decision, none.released, none.due) == ("deny", (), None)


def test_what_was_reported_is_reported_again_when_it_says_the_opposite(site: Site) -> None:
    negative = result("n", "38379-4", "260415000")
    file = on_file(reported={"Observation/n": ("KR-2-TB",), "Observation/m": ("NO-SUCH-RULE",)})
    found = decided(site, [patient(), negative], file, "notifiable-results")
    assert "Observation/n" in found.released
    assert decided(site, [patient(), negative], file).decision == "deny"  # by consent there are no report rules


def test_the_question_says_who_whom_and_why(site: Site) -> None:
    by_law = decided(site, [patient(), result("p", "38379-4", "260373001")], on_file(), "notifiable-results").request
    assert (by_law.why["legalBasis"], by_law.whom) == ("KR-IDCPA-11", {"reference": WHO, "birthDate": "1948-03-02"})
    unknown = decided(site, [patient()], OnFile(PERSON, (consent(),), 1, {})).request
    assert unknown.whom == {"reference": WHO}
    assert "legalBasis" not in unknown.why


def test_what_a_guardian_permits_is_within_reach_when_nobody_has_a_birth_date_yet(site: Site) -> None:
    """A parent's word holds for a child only, a person's own for somebody older: who knows which, before the record is asked for?"""
    agreed = site.agreements["discharge-to-community-care"]
    asked = Asked(agreed, site.participants[agreed.recipient], "push", "fhir", AT, AT)
    mother = {"guardian": "RelatedPerson/m", "patient": WHO, "basis": "parent", "status": "active", "period": {}}
    signed = consent(performer=[{"reference": "RelatedPerson/m"}])
    for given, powers, found in (
        (signed, (mother,), {"Condition"}),
        (signed, (), set()),
        (consent(), (), {"Condition"}),
    ):
        file = OnFile(PERSON, (given,), 1, {}, guardianships=powers)
        assert reached(["Condition"], asked, site, file) == found
