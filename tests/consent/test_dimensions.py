"""What a provision means by a class, a code and a reference: a permit what is written, a deny whatever may be meant."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.consent.explain import explain
from tests.consent.conftest import LOINC, World

W = World()
FORM = "urn:ietf:rfc:3986"
TYPES = "http://hl7.org/fhir/resource-types"


def released(*consents: Any, what: list[dict[str, Any]]) -> list[str]:
    said: list[str] = W.ask(*consents, what=what)["released"]
    return said


def denying(rule: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """A Consent that permits all, and one that refuses what the rule says."""
    return W.consent(W.rule("permit", securityLabel=["V"])), W.consent(rule, "refusal")


def item(*codings: tuple[str | None, str | None], reference: str = "Observation/o") -> dict[str, Any]:
    return {"reference": reference, "code": [{"system": system, "code": code} for system, code in codings]}


class TestClass:
    document = {"class": [{"system": FORM, "code": "urn:form:a"}]}

    @pytest.mark.parametrize("codings", [[], [(FORM, "URN:FORM:A")], [("urn:x", "urn:form:a")]])
    def test_a_permit_of_documents_covers_none_that_is_unknown_or_written_otherwise(self, codings):
        permit = W.consent(W.rule("permit", securityLabel=["V"]) | self.document)
        assert released(permit, what=[item(*codings)]) == []

    @pytest.mark.parametrize("codings", [[], [(FORM, "URN:FORM:A")], [(FORM, "urn:form:a"), (LOINC, "1")]])
    def test_a_deny_of_documents_hits_what_is_unknown_or_written_otherwise(self, codings):
        assert released(*denying(W.rule("deny") | self.document), what=[item(*codings)]) == []
        assert released(*denying(W.rule("deny") | self.document), what=[item((FORM, "urn:form:b"))]) == [
            "Observation/o"
        ]

    @pytest.mark.parametrize("system", [TYPES, None])
    def test_a_coding_that_says_a_type_is_no_item_of_that_type(self, system):
        said = item((system, "Observation"), reference="Condition/c")
        named = {"class": [{"system": system, "code": "Observation"}]}
        assert released(W.consent(W.rule("permit", securityLabel=["V"]) | named), what=[said]) == []
        assert released(*denying(W.rule("deny") | named), what=[said]) == ["Condition/c"]


def test_a_coding_without_a_code_says_nothing_about_the_code():
    deny = denying(W.rule("deny", code=["1"]))
    assert released(*deny, what=[item((LOINC, None), (LOINC, "2"))]) == ["Observation/o"]
    told = W.ask(*deny, what=[item((LOINC, None))])
    assert told["redacted"] == [
        {"reference": "Observation/o", "because": "consent-deny"}
    ]  # nobody knows what code it has


class TestReferences:
    def test_a_permit_names_a_recipient_in_whatever_version(self):
        permit = W.consent(W.rule("permit", actor=[("IRCP", "Organization/h2/_history/3")]))
        assert released(permit, what=[W.a1c]) == ["Observation/a1c"]

    def test_a_deny_of_a_part_leaves_the_others(self):
        what = [item(reference=f"Patient/p{part}") for part in ("", "#address", "#telecom")]
        deny = denying(W.rule("deny", data=[("instance", "Patient/p#address")]))
        assert released(*deny, what=what) == ["Patient/p", "Patient/p#telecom"]
        whole = denying(W.rule("deny", data=[("instance", "https://h.example/fhir/Patient/p")]))
        assert released(*whole, what=what) == []

    @pytest.mark.parametrize("named", ["Encounter/e", "Encounter/e#part"])
    def test_a_deny_of_what_depends_on_something_hits_all_only_where_that_is_not_there_to_be_asked(self, named):
        deny = denying(W.rule("deny", data=[("dependents", named)]))
        assert released(*deny, what=[W.a1c]) == []
        assert "Observation/a1c" in released(*deny, what=[W.a1c, item((LOINC, "1"), reference="Encounter/e")])


NOT_MET = [
    ({"recipientTypes": ["court"]}, {}, "recipient-type"),
    ({"purposes": ["HLEGAL"]}, {}, "purpose"),
    ({"actions": ["access"]}, {}, "action"),
    ({"jurisdiction": "US"}, {}, "jurisdiction"),
    ({"evidence": ["court-order", "seal"]}, {"evidence": "seal"}, "evidence"),
    ({"sameDistrict": True}, {}, "district"),
]


@pytest.mark.parametrize(("statute", "why", "missing"), NOT_MET, ids=[row[2] for row in NOT_MET])
def test_a_statute_says_which_condition_is_not_met(statute, why, missing):
    rows = [{"id": "S", "obligations": [], **statute}]
    steps = explain(*W.asked(why={"legalBasis": "S", **why}, register={"statutes": rows}))
    assert [step["says"] for step in steps if step["step"] == "statute"] == [f"not met: {missing}"]
