"""RelatedPersons as guardianships: which relationships give a power, who is one guardian, who signed, and who may act or decide when."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.consent import decide
from gateway.consent.guardianship import guardianships, is_too_young, may_act, with_performers

ROLE = "http://terminology.hl7.org/CodeSystem/v3-RoleCode"
CHILD = "Patient/child"
AT = "2026-11-22T09:00:00+09:00"
REGISTER: dict[str, Any] = {"home": "KR", "timeZone": "Asia/Seoul", "ages": {"ownConsentFrom": 14, "majority": 19}}
MOTHER = {"system": "urn:numbers", "value": "1"}


def related(id: str = "r1", *codes: str, **more: Any) -> dict[str, Any]:
    codings = [{"system": ROLE, "code": code} for code in codes or ("MTH",)]
    return {
        "resourceType": "RelatedPerson",
        "id": id,
        "identifier": [MOTHER],
        "relationship": [{"coding": codings}],
        **more,
    }


def born(day: str = "") -> dict[str, str]:
    return {"reference": CHILD, **({"birthDate": day} if day else {})}


def test_the_form_of_a_guardianship() -> None:
    (made,) = guardianships([related(period={"start": "2020"}, active=True)], CHILD)
    assert made == {
        "id": "r1", "guardian": "RelatedPerson/r1", "patient": CHILD, "basis": "parent", "status": "active", "period": {"start": "2020"},
    }  # fmt: skip
    assert guardianships([related()], CHILD)[0]["period"] == {}


@pytest.mark.parametrize(
    ("active", "status"),
    [(True, "active"), (False, "inactive"), ("true", "inactive"), (None, "inactive"), (1, "inactive")],
)
def test_only_what_is_said_to_be_in_use_is(active: Any, status: str) -> None:
    assert guardianships([related(active=active)], CHILD)[0]["status"] == status


@pytest.mark.parametrize(
    ("codes", "bases"),
    [
        (("MTH",), ["parent"]), (("PRN", "MTH"), ["parent"]), (("GUARD",), ["legal-guardian"]), (("HPOWATT",), ["power-of-attorney"]),
        (("MTH", "GUARD"), ["parent", "legal-guardian"]), (("GUARD", "MTH"), ["legal-guardian", "parent"]), (("NBOR",), []), (("STPMTH",), []),
        (("PRNINLAW",), []), (("mth",), []),
    ],
)  # fmt: skip
def test_what_gives_a_power(codes: tuple[str, ...], bases: list[str]) -> None:
    assert [row["basis"] for row in guardianships([related("r1", *codes)], CHILD)] == bases


@pytest.mark.parametrize(
    "relationship",
    [
        [], None, [{}], [{"text": "mother"}], [{"coding": []}], [{"coding": [{"code": "MTH"}]}],
        [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0063", "code": "MTH"}]}], [{"coding": [{"system": ROLE}]}],
    ],
)  # fmt: skip
def test_a_relationship_in_other_words_gives_none(relationship: Any) -> None:
    assert guardianships([related(relationship=relationship)], CHILD) == []


def test_every_relationship_is_read() -> None:
    two = [{"coding": [{"system": ROLE, "code": "NBOR"}]}, {"coding": [{"system": ROLE, "code": "FTH"}]}]
    assert [row["basis"] for row in guardianships([related(relationship=two)], CHILD)] == ["parent"]


def test_one_identifier_is_one_guardian_by_the_first() -> None:
    other = related("r3", identifier=[{"system": "urn:numbers", "value": "2"}])
    rows = guardianships([related("r1"), related("r2"), other], CHILD)
    assert [(row["id"], row["guardian"]) for row in rows] == [
        ("r1", "RelatedPerson/r1"), ("r2", "RelatedPerson/r1"), ("r3", "RelatedPerson/r3"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "identifier",
    [[], None, [{"value": "1"}], [{"system": "urn:numbers"}], [{"system": "", "value": "1"}], [{"system": "urn:numbers", "value": ""}],
     [{"system": 1, "value": "1"}], ["x"]],
)  # fmt: skip
def test_who_has_no_identifier_is_nobody_else(identifier: Any) -> None:
    rows = guardianships([related("r1", identifier=identifier), related("r2", identifier=identifier)], CHILD)
    assert [row["guardian"] for row in rows] == ["RelatedPerson/r1", "RelatedPerson/r2"]
    signed = with_performers(
        {"performer": [{"identifier": (identifier or [{}])[0]}]}, [related("r1", identifier=identifier)]
    )
    assert "reference" not in signed["performer"][0]


def test_who_signed_by_identifier_or_by_reference() -> None:
    on_file = [related("r1"), related("r2")]
    for said in ({"identifier": MOTHER}, {"reference": "RelatedPerson/r2"}, {"reference": "RelatedPerson/r1"}):
        (made,) = with_performers({"performer": [said]}, on_file)["performer"]
        assert made == {**said, "reference": "RelatedPerson/r1"}


@pytest.mark.parametrize(
    "said",
    [
        {"identifier": {"system": "urn:numbers", "value": "2"}}, {"identifier": {"system": "urn:others", "value": "1"}},
        {"reference": "RelatedPerson/r9"}, {"reference": "RelatedPerson/r9", "identifier": MOTHER}, {"display": "mother"}, "mother", None,
    ],
)  # fmt: skip
def test_who_is_not_on_file_stays_as_he_was_named(said: Any) -> None:
    consent = {"performer": [said]}
    assert with_performers(consent, [related()]) == consent


def test_a_consent_without_performers_is_left_alone() -> None:
    for consent in ({}, {"performer": "x"}, {"performer": []}):
        assert with_performers(consent, [related()]) == consent
    assert with_performers({"performer": [{"identifier": MOTHER}]}, []) == {"performer": [{"identifier": MOTHER}]}


@pytest.mark.parametrize(
    ("codes", "birth", "more", "may"),
    [
        (("MTH",), "2018-03-02", {}, True), (("MTH",), "2012-11-23", {}, True), (("MTH",), "2012-11-22", {}, False),
        (("MTH",), "2007-11-23", {}, False), (("MTH",), "2007-11-22", {}, False), (("GUARD",), "1950-01-01", {}, True),
        (("GUARD",), "2010-01-01", {}, False), (("MTH",), "1950-01-01", {}, False), (("MTH",), "", {}, False),
        (("MTH",), "2018-03-02", {"active": False}, False), (("MTH",), "2018-03-02", {"period": {"end": "2026-11-21"}}, False),
        (("MTH",), "2018-03-02", {"period": {"end": "2026-11-22"}}, True), (("NBOR",), "2018-03-02", {}, False),
    ],
)  # fmt: skip
def test_who_may_act_for_whom(codes: tuple[str, ...], birth: str, more: dict[str, Any], may: bool) -> None:
    rows = guardianships([related("r1", *codes, **more)], CHILD)
    assert may_act(rows, "RelatedPerson/r1", born(birth), AT, REGISTER) is may
    assert may_act(rows, "RelatedPerson/r2", born(birth), AT, REGISTER) is False


@pytest.mark.parametrize(
    ("birth", "young"), [("2012-11-23", True), ("2012-11-22", False), ("2012", False), ("2013", True), ("", False)]
)
def test_who_is_known_to_be_too_young(birth: str, young: bool) -> None:
    assert is_too_young(born(birth), AT, REGISTER) is young


def test_a_guardian_s_permit_counts_in_a_decision() -> None:
    on_file = [related()]
    consent = {
        "resourceType": "Consent", "id": "c", "status": "active", "patient": {"reference": CHILD}, "dateTime": "2026-11-01T00:00:00+09:00",
        "scope": {"coding": [{"code": "patient-privacy"}]}, "policy": [{"uri": "urn:p"}], "performer": [{"identifier": MOTHER}],
        "provision": {"type": "permit"},
    }  # fmt: skip
    request = {
        "who": {"references": ["Organization/o"], "authorizedPurposes": ["COC"]}, "whom": born("2018-03-02"), "when": AT,
        "where": {"jurisdiction": "KR"}, "what": [{"reference": "Observation/x", "subject": CHILD, "securityLabel": ["N"]}],
        "why": {"purposeOfUse": ["COC"]}, "how": {"action": "disclose", "interaction": "read"},
    }  # fmt: skip

    def decision(related_persons: list[Any]) -> str:
        consents = [with_performers(consent, related_persons)]
        given = {"implicitPolicy": "deny", "consents": consents, "guardianships": guardianships(related_persons, CHILD)}
        return str(decide(request, given, REGISTER)["decision"])

    assert decision(on_file) == "permit"
    assert decision([related(active=False)]) == decision([]) == decision([related("r1", "NBOR")]) == "deny"
