"""A Consent of R5 decides like the R4 Consent that says the same, and what R4 cannot say is refused by name."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest
from hypothesis import given as with_
from hypothesis import settings
from hypothesis import strategies as st

from gateway.consent.explain import explain
from gateway.consent.restate import REASONS, Unrestatable, is_r5, r4_of
from gateway.errors import Invalid
from gateway.model.wire import write_json
from gateway.standards.fhir import admit, parse
from tests.consent.conftest import LOINC, World, rule

W = World()
CATEGORY = [{"coding": [{"system": LOINC, "code": "59284-0"}]}]
ITEMS = [
    W.a1c, W.coded("Condition/dep", "F32", custodian="Organization/h1"), W.coded("Condition/htn", "I10", date="2025-01-01"),
    W.coded("Condition/hiv", "B20", author=["Practitioner/lee"]), {"reference": "Encounter/e", "code": [], "date": "2026-02-01"},
]  # fmt: skip
ASKED = [
    {"why": {"purposeOfUse": [purpose], "justification": "unconscious"}, "how": {"action": action, "interaction": "read"}}
    for purpose, action in itertools.product(("TREAT", "COC", "HRESCH", "BTG"), ("disclose", "access"))
]  # fmt: skip
SAID: list[dict[str, Any]] = [
    {}, {"purpose": ["TREAT"]}, {"purpose": ["COC", "BTG"]}, {"securityLabel": ["R"]}, {"securityLabel": ["PSY"]}, {"action": ["disclose"]},
    {"actor": [("IRCP", "Organization/h2")]}, {"actor": [("CST", "Organization/h1")]}, {"code": ["4548-4"]},
    {"dataPeriod": {"start": "2026-01-01", "end": "2026-06-30"}}, {"data": [("instance", "Condition/dep")]}, {"period": {"end": "2026-01-31"}},
    {"resourceType": ["Observation"]},
]  # fmt: skip


def r5(decision: str = "permit", *provisions: dict[str, Any], **over: Any) -> dict[str, Any]:
    made = {
        "resourceType": "Consent", "id": "c1", "status": "active", "category": CATEGORY, "subject": {"reference": "Patient/p"},
        "date": "2026-03-01", "policyBasis": {"url": "urn:policy:c1"}, "decision": decision, "provision": list(provisions),
    }  # fmt: skip
    return {name: value for name, value in (made | over).items() if value not in (..., [])}


def said(dims: dict[str, Any], *nested: dict[str, Any]) -> dict[str, Any]:
    """A provision of R5: the dimensions as in R4, without a type."""
    types = {"resourceType": [{"code": code} for code in dims["resourceType"]]} if "resourceType" in dims else {}
    return rule(None, *nested, **{name: value for name, value in dims.items() if name != "resourceType"}) | types


def twin(decision: str, nodes: list[dict[str, Any]], **over: Any) -> dict[str, Any]:
    """The same tree in R4, written by hand: the types turn with each level."""

    def below(node: dict[str, Any], kind: str) -> dict[str, Any]:
        made = {name: value for name, value in copy.deepcopy(node).items() if name not in ("provision", "resourceType")}
        classes = {"class": node["resourceType"]} if "resourceType" in node else {}
        turned = "deny" if kind == "permit" else "permit"
        nested = [below(child, turned) for child in node.get("provision", ())]
        return {"type": kind} | made | classes | ({"provision": nested} if nested else {})

    first = "deny" if decision == "permit" else "permit"
    nested = [below(node, first) for node in nodes]
    root = {"type": decision} | ({"provision": nested} if nested else {})
    return W.consent(root, dateTime="2026-03-01", **over)


leaf = st.builds(said, st.sampled_from(SAID))
trees = st.recursive(
    leaf, lambda b: st.builds(lambda d, n: said(d, *n), st.sampled_from(SAID), st.lists(b, max_size=2)), max_leaves=5
)


@settings(max_examples=60, deadline=None)
@with_(
    st.sampled_from(["permit", "deny"]),
    st.lists(trees, max_size=3),
    st.sampled_from(ASKED),
    st.sampled_from(["deny", "permit-treatment-normal"]),
)
def test_a_tree_of_r5_decides_like_its_twin(decision, nodes, asked, implicit):
    made = {"what": ITEMS, "given": {"implicitPolicy": implicit}, **asked}
    assert W.ask(r5(decision, *nodes), **made) == W.ask(twin(decision, nodes), **made)


@pytest.mark.parametrize("decision", ["permit", "deny"])
@pytest.mark.parametrize("dims", SAID, ids=str)
def test_each_dimension_on_the_whole_grid(decision, dims):
    nodes = [said(dims, said({"purpose": ["TREAT"]}))]
    for asked in ASKED:
        assert W.ask(r5(decision, *nodes), what=ITEMS, **asked) == W.ask(twin(decision, nodes), what=ITEMS, **asked)


def test_levels_turn():
    tree = said({"securityLabel": ["N"]}, said({"purpose": ["TREAT"]}, said({"action": ["disclose"]})))
    made = r4_of(r5("permit", tree))["provision"]
    types = []
    while made:
        types.append(made["type"])
        made = (made.get("provision") or [{}])[0]
    assert types == ["permit", "deny", "permit", "deny"]


SAME = [
    ({"date": ...}, {"dateTime": ...}),
    ({"period": {"end": "2026-01-31"}}, {"provision": {"type": "permit", "period": {"end": "2026-01-31"}}}),
    ({"grantor": [{"reference": "RelatedPerson/mom"}]}, {"performer": [{"reference": "RelatedPerson/mom"}]}),
    ({"verification": [{"verified": False}]}, {"verification": [{"verified": False}]}),
    ({"status": "not-done"}, {"status": "rejected"}),
    ({"status": "inactive"}, {"status": "inactive"}),
    ({"policyBasis": ...}, {"policy": ..., "policyRule": {"coding": [{"code": "OPTIN"}]}}),
    ({"category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "research"}]}]},
     {"scope": {"coding": [{"code": "research"}]}}),
]  # fmt: skip


@pytest.mark.parametrize(("new", "old"), SAME, ids=lambda value: str(value)[:60])
def test_what_stands_beside_the_provisions(new, old):
    given = {"guardianships": [{"guardian": "RelatedPerson/mom", "basis": "court", "patient": "Patient/p"}]}
    older = W.consent(**({"provision": {"type": "permit"}, "dateTime": "2026-03-01"} | old))
    for asked in ASKED:
        assert W.ask(r5(**new), given=given, **asked) == W.ask(older, given=given, **asked)


def test_a_series_is_told_by_the_same_organisation():
    """A newer Consent of R5 takes over from an R4 one of its series."""
    first = W.consent({"type": "permit"}, organization=[{"reference": "Organization/h1"}])
    for name in ("controller", "manager"):
        newer = r5("deny", date="2026-04-01", **{name: [{"reference": "Organization/h1"}]}, id="c2")
        assert W.ask(first, newer)["consentsUsed"] == ["c2"]
    other = r5("permit", date="2026-04-01", controller=[{"reference": "Organization/h9"}], id="c2")
    assert (
        W.ask(W.consent({"type": "deny"}, organization=[{"reference": "Organization/h1"}]), other)["reason"]
        == "consent-deny"
    )


ACTOR = {"role": {"coding": [{"code": "IRCP"}]}, "reference": {"reference": "Organization/h2"}}
TYPE = {"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    (r5(grantee=[{"reference": "Organization/h2"}]), "unknown-element", "Consent.grantee"),
    (r5(policyText=[{"reference": "DocumentReference/1"}]), "unknown-element", "Consent.policyText"),
    (r5(modifierExtension=[{"url": "urn:x", "valueBoolean": True}]), "unknown-element", "Consent.modifierExtension"),
    (r5(implicitRules="urn:x"), "unknown-element", "Consent.implicitRules"),
    (r5(contained=[{"resourceType": "Patient"}]), "unknown-element", "Consent.contained"),
    (r5(scope={"coding": [{"code": "patient-privacy"}]}), "unknown-element", "Consent.scope"),
    (r5(_decision={"extension": []}), "unknown-element", "Consent._decision"),
    (r5("permit", {"type": "permit"}), "unknown-element", "Consent.provision[0].type"),
    (r5("permit", said({}, {"type": "deny"})), "unknown-element", "Consent.provision[0].provision[0].type"),
    (r5("permit", {"expression": {"language": "text/cql"}}), "unknown-element", "Consent.provision[0].expression"),
    (r5("permit", {"modifierExtension": []}), "unknown-element", "Consent.provision[0].modifierExtension"),
    (r5("permit", {"class": [TYPE]}), "unknown-element", "Consent.provision[0].class"),
    (r5(provision=["x"]), "unknown-element", "Consent.provision[0]"),
    (r5(provision={"type": "deny"}), "not-a-list", "Consent.provision"),
    (r5(grantor={"reference": "Patient/p"}), "not-a-list", "Consent.grantor"),
    (r5(decision=...), "decision", "Consent.decision"),
    (r5("allow"), "decision", "Consent.decision"),
    (r5(status="unknown"), "status", "Consent.status"),
    (r5(status=...), "status", "Consent.status"),
    (r5(subject={"reference": "Group/1"}), "subject", "Consent.subject"),
    (r5(subject={"type": "Practitioner", "identifier": {"value": "1"}}), "subject", "Consent.subject"),
    (r5(subject=...), "subject", "Consent.subject"),
    (r5(grantor=[{"reference": "CareTeam/1"}]), "grantor", "Consent.grantor[0]"),
    (r5(category=...), "scope", "Consent.category"),
    (r5(category=[{"coding": [{"system": "urn:x", "code": "59284-0"}]}]), "scope", "Consent.category"),
    (r5(category=[*CATEGORY, {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "RESEARCH"}]}]), "scope",
     "Consent.category"),
    (r5(manager=[{"reference": "Organization/1"}], controller=[{"reference": "Organization/2"}]), "organization", "Consent.manager"),
    (r5(policyBasis={"reference": {"reference": "PlanDefinition/1"}}), "policy", "Consent.policyBasis"),
    (r5(regulatoryBasis=[{"text": "a"}, {"text": "b"}]), "policy", "Consent.regulatoryBasis"),
    (r5(sourceAttachment=[{}, {}]), "source", "Consent.sourceAttachment"),
    (r5(sourceAttachment=[{}], sourceReference=[{}]), "source", "Consent.sourceReference"),
    (r5(verification=[{"verified": True, "verifiedBy": {"reference": "Organization/1"}}]), "verification", "Consent.verification[0]"),
    (r5(verification=[{"verified": True, "verificationDate": ["2026", "2027"]}]), "verification", "Consent.verification[0]"),
    (r5("permit", {"actor": [{"role": ACTOR["role"]}]}), "actor", "Consent.provision[0].actor[0]"),
    (r5("permit", {"actor": [{"reference": ACTOR["reference"]}]}), "actor", "Consent.provision[0].actor[0]"),
    (r5("permit", {"resourceType": [TYPE], "documentType": [{"system": LOINC, "code": "1"}]}), "class", "Consent.provision[0]"),
    (r5("permit", {"resourceType": [TYPE], "provision": [{"documentType": [{"system": LOINC, "code": "1"}]}]}), "class",
     "Consent.provision[0].provision[0]"),
    (r5("permit", {"documentType": [{"code": "Observation"}]}), "class", "Consent.provision[0].documentType[0]"),
    (r5("permit", {"resourceType": [{"system": LOINC, "code": "1"}]}), "class", "Consent.provision[0].resourceType[0]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("consent", "reason", "place"), REFUSED, ids=[f"{reason}-{place}" for _, reason, place in REFUSED]
)
def test_what_r4_cannot_say_is_refused_and_never_permits(consent, reason, place):
    with pytest.raises(Unrestatable) as refused:
        r4_of(consent)
    assert (refused.value.reason, refused.value.place) == (reason, place)
    result = W.ask(consent, W.consent(rule("permit"), "other"))
    assert (result["released"], result["reason"]) == ([], "indeterminate:no-base-rule")
    assert any(step["says"].startswith(f"cannot be restated: {reason}") for step in explain(*W.asked(consent)))
    with pytest.raises(Invalid) as told:
        parse(write_json(consent))
    assert told.value.text.startswith(f"r5-{reason}: ")
    assert told.value.positions == (place,)


def test_every_reason_has_its_row():
    assert {reason for _, reason, _ in REFUSED} == set(REASONS)


def test_what_is_r4_is_left_alone():
    for consent in (
        W.consent(rule("permit")),
        W.consent(),
        {"resourceType": "Consent", "sourceAttachment": {"url": "x"}},
    ):
        assert not is_r5(consent)
        assert r4_of(consent) is consent


def test_the_document_that_comes_in_is_sound_r4():
    """Alone and in a Bundle; what it became is held to the rules of R4 like anything else."""
    full = r5(
        "deny", {"actor": [ACTOR], "resourceType": [TYPE], "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
                                                                     "code": "COC"}]},
        meta={"profile": ["http://hl7.org/fhir/5.0/StructureDefinition/Consent"]}, period={"start": "2026-01-01"}, policyBasis={"url": "https://x.example/p"},
        sourceAttachment=[{"title": "form"}], verification=[{"verified": True, "verificationDate": ["2026-03-01"]}],
    )  # fmt: skip
    alone = parse(write_json(full))
    assert admit(alone).ok
    assert alone.tree["provision"]["provision"][0]["class"] == [TYPE]
    assert "meta" not in alone.tree
    entries = [{"fullUrl": "https://x.example/Consent/c1", "resource": full}, {"fullUrl": "https://x.example/Basic/b", "resource":
               {"resourceType": "Basic", "id": "b", "code": {"text": "x"}}}]  # fmt: skip
    inside = parse(write_json({"resourceType": "Bundle", "type": "collection", "entry": entries}))
    assert admit(inside).ok
    assert inside.tree["entry"][0]["resource"] == alone.tree
    broken = {"resourceType": "Bundle", "type": "collection", "entry": [*entries, {"resource": r5(grantee=[{}])}]}
    with pytest.raises(Invalid) as told:
        parse(write_json(broken))
    assert told.value.positions == ("Bundle.entry[2].resource.grantee",)
