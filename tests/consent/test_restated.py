"""A Consent of R5 with all that R4 has a place for, said again element by element."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.consent.restate import REASONS, Unrestatable, is_r5, r4_of

SCOPES = "http://terminology.hl7.org/CodeSystem/consentscope"
ACT_CODES = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
CATEGORY = [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}]
ACTOR = {"role": {"coding": [{"code": "IRCP"}]}, "reference": {"reference": "Organization/h2"}}
TYPE, FORM = (
    {"system": "http://hl7.org/fhir/resource-types", "code": "Observation"},
    {"system": "urn:forms", "code": "f"},
)
LEAST: dict[str, Any] = {
    "resourceType": "Consent", "status": "active", "category": CATEGORY, "subject": {"reference": "Patient/p"}, "decision": "permit",
}  # fmt: skip
WITHIN: dict[str, Any] = {
    "id": "1", "extension": [{"url": "urn:x", "valueString": "y"}], "period": {"end": "2027"}, "actor": [ACTOR],
    "action": [{"coding": [{"code": "disclose"}]}], "securityLabel": [{"code": "N"}], "purpose": [{"code": "TREAT"}],
    "code": [{"text": "c"}], "dataPeriod": {"start": "2026"}, "data": [{"meaning": "instance", "reference": {"reference": "Condition/1"}}],
}  # fmt: skip
AS_IT_IS: dict[str, Any] = {
    "id": "c1", "language": "ko", "text": {"status": "empty"}, "extension": [{"url": "urn:x", "valueString": "y"}],
    "identifier": [{"system": "urn:i", "value": "7"}], "category": CATEGORY,
}  # fmt: skip


def test_all_that_r4_has_a_place_for():
    given = {
        **LEAST, **AS_IT_IS, "meta": {"profile": ["urn:r5"], "source": "urn:s"}, "date": "2026-03-01", "period": {"start": "2026"},
        "grantor": [{"reference": "Patient/p"}], "controller": [{"reference": "Organization/h1"}],
        "sourceReference": [{"reference": "DocumentReference/1"}], "policyBasis": {"url": "urn:policy:c1"}, "regulatoryBasis": [{"text": "law"}],
        "verification": [{"id": "v", "extension": [], "verified": True, "verifiedWith": {"reference": "Patient/p"}, "verificationDate": ["2026"]}],
        "provision": [{**WITHIN, "resourceType": [TYPE], "provision": [{"purpose": [{"code": "COC"}]}]}, {"documentType": [FORM]}],
    }  # fmt: skip
    assert r4_of(given) == {
        "resourceType": "Consent", **AS_IT_IS, "meta": {"source": "urn:s"}, "status": "active",
        "scope": {"coding": [{"system": SCOPES, "code": "patient-privacy"}]}, "patient": {"reference": "Patient/p"}, "dateTime": "2026-03-01",
        "performer": [{"reference": "Patient/p"}], "organization": [{"reference": "Organization/h1"}],
        "sourceReference": {"reference": "DocumentReference/1"}, "policy": [{"uri": "urn:policy:c1"}], "policyRule": {"text": "law"},
        "verification": [{"id": "v", "extension": [], "verified": True, "verifiedWith": {"reference": "Patient/p"}, "verificationDate": "2026"}],
        "provision": {"type": "permit", "period": {"start": "2026"}, "provision": [
            {"type": "deny", **WITHIN, "class": [TYPE], "provision": [{"type": "permit", "purpose": [{"code": "COC"}]}]},
            {"type": "deny", "class": [FORM]},
        ]},
    }  # fmt: skip


@pytest.mark.parametrize(("decision", "rule"), [("permit", "OPTIN"), ("deny", "OPTOUT")])
def test_the_least_that_there_can_be(decision, rule):
    """R4 asks for a policy (ppc-1): the decision itself is one."""
    assert r4_of({**LEAST, "decision": decision}) == {
        "resourceType": "Consent", "category": CATEGORY, "status": "active", "patient": {"reference": "Patient/p"},
        "scope": {"coding": [{"system": SCOPES, "code": "patient-privacy"}]},
        "policyRule": {"coding": [{"system": ACT_CODES, "code": rule}]}, "provision": {"type": decision},
    }  # fmt: skip


STATUS = {
    "draft": "draft",
    "active": "active",
    "inactive": "inactive",
    "not-done": "rejected",
    "entered-in-error": "entered-in-error",
}


@pytest.mark.parametrize("said", STATUS)
def test_each_status(said):
    assert r4_of({**LEAST, "status": said})["status"] == STATUS[said]


@pytest.mark.parametrize("kind", ["Organization", "Patient", "Practitioner", "RelatedPerson", "PractitionerRole"])
def test_who_may_have_given_it(kind):
    for one in (
        {"reference": f"{kind}/1"},
        {"type": kind, "display": "x"},
        {"reference": f"https://h.example/fhir/{kind}/1", "type": kind},
    ):
        assert r4_of({**LEAST, "grantor": [one]})["performer"] == [one]
    with pytest.raises(Unrestatable):
        r4_of({**LEAST, "grantor": [{"reference": f"{kind}/1"}, {"reference": "Group/1"}]})


@pytest.mark.parametrize(
    "reference", ["Patient/p", "https://h.example/fhir/Patient/p/_history/2", "urn:uuid:1/2", "urn:oid:1.2"]
)
def test_whom_it_may_be_about(reference):
    assert r4_of({**LEAST, "subject": {"reference": reference}})["patient"] == {"reference": reference}
    with pytest.raises(Unrestatable):
        r4_of({**LEAST, "subject": {"reference": reference, "type": "Group"}})


def test_one_organisation_in_two_roles_is_one():
    one = [{"reference": "Organization/h1"}]
    assert r4_of({**LEAST, "manager": one, "controller": one})["organization"] == one
    assert r4_of({**LEAST, "manager": one})["organization"] == one


@pytest.mark.parametrize(
    "name",
    ["decision", "subject", "date", "period", "grantor", "grantee", "manager", "controller", "regulatoryBasis", "policyBasis", "policyText"],
)  # fmt: skip
def test_one_element_of_r5_is_enough_to_tell(name):
    assert is_r5({"resourceType": "Consent", name: "x"})


@pytest.mark.parametrize("name", ["provision", "sourceAttachment", "sourceReference"])
def test_a_list_of_what_is_single_in_r4_is_enough_to_tell(name):
    assert is_r5({"resourceType": "Consent", name: []})
    assert not is_r5({"resourceType": "Consent", name: {}})


@pytest.mark.parametrize(
    ("over", "place"),
    [
        ({"meta": []}, "Consent.meta"),
        ({"subject": []}, "Consent.subject"),
        ({"policyBasis": [{"url": "x"}]}, "Consent.policyBasis"),
        ({"verification": ["x"]}, "Consent.verification[0]"),
        ({"verification": [{}, {"verificationDate": "2026"}]}, "Consent.verification[1].verificationDate"),
        ({"category": [{"coding": {}}]}, "Consent.category[0].coding"),
        ({"category": [{"coding": [{}, "x"]}]}, "Consent.category[0].coding[1]"),
        ({"controller": {}}, "Consent.controller"),
        ({"regulatoryBasis": {}}, "Consent.regulatoryBasis"),
        ({"sourceReference": {}}, "Consent.sourceReference"),
        ({"provision": [{}, {"actor": [ACTOR, {}]}]}, "Consent.provision[1].actor[1]"),
        ({"provision": [{"provision": {}}]}, "Consent.provision[0].provision"),
        ({"provision": [{"documentType": [FORM, TYPE]}]}, "Consent.provision[0].documentType[1]"),
    ],
)
def test_what_has_another_form_is_refused_where_it_stands(over, place):
    with pytest.raises(Unrestatable) as refused:
        r4_of({**LEAST, **over})
    assert refused.value.place == place
    assert str(refused.value) == refused.value.reason
    assert refused.value.reason in REASONS


def test_a_verification_on_no_day_has_none():
    given = {**LEAST, "verification": [{"verified": True, "verificationDate": []}]}
    assert r4_of(given)["verification"] == [{"verified": True}]
