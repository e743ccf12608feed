"""AuditEvents: valid R4, profiles claimed only when they are met, nothing invented (IHE BALP)."""

from __future__ import annotations

import ast
import base64
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from gateway.audit.facts import entry_of, facts_of
from gateway.audit.shapes import shapes
from gateway.audit.views import Reader, events
from gateway.errors import Malformed, Misconfigured
from gateway.model.document import PersonKey
from gateway.model.questions import Exchange, How, What, When, Where, Who, Whom, Why
from gateway.model.records import AuditFact
from gateway.model.wire import read_json, write_json
from tests.audit.conftest import PERSON, decision, exchange, fact, placed

KINDS = {"hanbit-hospital": "hospital", "mapo-care-team": "welfare-office"}
READER = Reader("gateway-1", KINDS)


def seen(one: AuditFact, of: Exchange | None = None, reader: Reader = READER) -> tuple[dict[str, Any], ...]:
    made = events(placed([one])[0], of, reader)
    for event in made:
        AuditEvent.model_validate_json(write_json(event))
    return made


def refused(**changes: Any) -> Exchange:
    return exchange(3, what=What("ADT^A03"), why=Why("HRESCH", "", "", "no-rule-permits"), **changes)


def profiles(event: dict[str, Any]) -> str:
    return " ".join(event.get("meta", {}).get("profile", []))


def types(event: dict[str, Any]) -> list[str]:
    return [code["code"] for agent in event["agent"] for code in agent.get("type", {}).get("coding", [])]


def test_a_default_deny_without_consent_claims_no_profile_and_invents_nothing() -> None:
    of = refused()
    (event,) = seen(fact("refusal", of, "refused", decision=decision(of, "deny", ())))
    assert (event["type"]["code"], event["subtype"][0]["code"], event["outcome"]) == ("110113", "AuthZ-Consent", "8")
    assert event["outcomeDesc"] == "consent-permits"
    assert profiles(event) == ""
    assert "Consent" not in write_json(event["entity"]).decode()


def test_a_refusal_before_any_decision_tells_who_tried() -> None:
    (event,) = seen(fact("refusal", refused(when=When(exchange().when.received)), "malformed"))
    assert (event["outcome"], types(event)) == ("4", ["110150", "110152", "IRCP"])
    assert event["agent"][0]["network"] == {"address": "10.0.0.7", "type": "2"}


@pytest.mark.parametrize("word", ["refused", "never-heard-of"])
def test_a_word_nobody_knows_is_a_failure(word: str) -> None:
    (event,) = seen(fact("refusal", refused(), word))
    assert event["outcome"] == "8"


def test_withheld_at_delivery_is_a_decision_and_no_disclosure() -> None:
    (event,) = seen(fact("outcome", refused(), "withheld"))
    assert (event["subtype"][0]["code"], event["outcome"]) == ("AuthZ-Consent", "8")


def test_labels_are_for_auditors_only() -> None:
    one = fact("outcome", exchange(), "delivered")
    (plain,), (full,) = seen(one), seen(one, reader=Reader("gateway-1", KINDS, labels=True))
    assert "PSY" not in write_json(plain).decode()
    labelled = next(e for e in full["entity"] if e.get("description") == "data set")
    assert [label["code"] for label in labelled["securityLabel"]] == ["PSY", "R"]
    assert labelled["securityLabel"][0]["system"] != labelled["securityLabel"][1]["system"]


def test_a_permit_with_consent_user_and_hospital_conforms() -> None:
    of = exchange()
    (event,) = seen(fact("intent", of, decision=decision(of)))
    assert profiles(event).endswith("AuthZconsent")
    assert event["outcome"] == "0"
    assert {entity["what"].get("reference") for entity in event["entity"]} == {None, "Consent/c1"}


@pytest.mark.parametrize(
    "changes",
    [
        {"who": Who("hanbit-hospital", "key-1")},
        {"who": Who("mapo-care-team", "key-2", "worker-1")},
        {"whom": Whom(None, "mapo-care-team")},
    ],
)
def test_the_decision_profile_is_not_claimed_for_what_it_does_not_fit(changes: dict[str, Any]) -> None:
    of = exchange(1, **changes)
    (event,) = seen(fact("intent", of, decision=decision(of)))
    assert profiles(event) == ""


def test_a_disclosure_at_source_names_everybody_and_everything() -> None:
    (event,) = seen(fact("outcome", exchange(), "delivered"))
    assert profiles(event).endswith("PrivacyDisclosure.Source")
    assert (event["type"]["code"], event["subtype"][0]["code"], event["action"]) == ("110106", "disclose", "R")
    assert types(event) == ["110153", "110152", "CST", "IRCP"]
    assert [agent["requestor"] for agent in event["agent"]] == [False, False, False, True]
    assert event["purposeOfEvent"][0]["coding"][0]["code"] == "COC"
    references = [entity.get("what", {}).get("reference") for entity in event["entity"]]
    assert "Patient/p" in references
    details = {d["type"]: d["valueString"] for entity in event["entity"] for d in entity.get("detail", [])}
    assert details | {"withheld": "2", "obligation": "DELAU"} == details
    assert event["entity"][-1]["what"]["identifier"]["value"] == f"urn:uuid:{exchange().id}"


def test_what_the_gateway_keeps_is_an_import() -> None:
    (event,) = seen(fact("outcome", exchange(1, how=How("hl7v2", "mllp", "keep")), "kept"))
    assert (event["type"]["code"], event["action"]) == ("110107", "C")


def test_a_question_is_a_query_with_client_as_source_and_then_a_disclosure() -> None:
    of = exchange(1, how=How("fhir-r4", "http", "search"), who=Who("mapo-care-team", "key-2"), whom=Whom(PERSON))
    query, disclosed = seen(fact("outcome", of, "answered", what={"query": "Condition?patient=x"}))
    assert (query["action"], types(query)) == ("E", ["110153", "110152"])
    asked = next(entity for entity in query["entity"] if "query" in entity)
    assert base64.b64decode(asked["query"]) == b"Condition?patient=x"
    assert "what" not in asked
    assert "detail" not in asked
    assert disclosed["agent"][1]["who"]["identifier"]["value"] == "mapo-care-team"
    assert disclosed["agent"][0]["who"]["identifier"]["value"] == "gateway-1"


def test_a_read_has_the_client_as_destination() -> None:
    of = exchange(1, how=How("fhir-r4", "http", "read"), what=What("read", ({"reference": "Condition/c"},)))
    read, _ = seen(fact("outcome", of, "answered"))
    assert types(read)[:2] == ["110152", "110153"]
    assert profiles(read).endswith("PatientRead")


@pytest.mark.parametrize(
    ("kind", "interaction", "code"),
    [
        ("admin", "audit-export", "110101"),
        ("read", "console", "110101"),
        ("admin", "packages", "110100"),
        ("identity", "link", "110110"),
        ("count", "", "110113"),
        ("read", "read", "rest"),
    ],
)
def test_every_kind_of_row_has_a_view(kind: str, interaction: str, code: str) -> None:
    (event,) = seen(fact(kind, exchange(1, how=How(interaction=interaction), where=Where())))
    assert event["type"]["code"] == code


def test_a_row_about_nobody_by_nobody_is_still_an_event() -> None:
    (event,) = seen(AuditFact("r", "", "count", exchange().when.received, None, "refused", "", {"what": {"count": 40}}))
    assert event["agent"] == [{"who": event["source"]["observer"], "requestor": False}]
    assert event["entity"][0]["detail"] == [{"type": "count", "valueString": "40"}]


def test_the_same_row_gives_the_same_events() -> None:
    one = fact("outcome", exchange(), "delivered")
    assert write_json(seen(one)[0]) == write_json(seen(one)[0])
    assert seen(replace(one, id="another"))[0]["id"] != seen(one)[0]["id"]


def test_the_exchange_answers_what_the_row_leaves_out() -> None:
    one = replace(fact("outcome", exchange(), "delivered"), facts={})
    (event,) = seen(one, exchange())
    assert event["purposeOfEvent"][0]["coding"][0]["code"] == "COC"
    assert entry_of(placed([one])[0]).text("why", "purpose") == ""


def test_a_statute_is_the_policy_of_the_source() -> None:
    (event,) = seen(fact("outcome", exchange(1, why=Why("PUBHLTH", "statute", "KR-IDCPA-11")), "delivered"))
    assert event["agent"][0]["policy"] == ["urn:ieum:policy:KR-IDCPA-11"]


def test_a_traceparent_is_an_extension() -> None:
    (event,) = seen(fact("intent", exchange(), how={"traceparent": "00-ab-cd-01"}))
    assert event["extension"][0]["valueString"] == "00-ab-cd-01"


def test_every_row_of_the_data_has_an_id_and_a_source() -> None:
    known = shapes()
    for shape in known.shapes.values():
        assert {shape.type, *shape.subtypes} <= known.codes.keys()
    assert all(row["id"] and row["source"] for row in [*known.codes.values(), *known.systems.values(), *known.views])


def test_the_gateways_own_validator_agrees(log: list[Any]) -> None:
    from gateway import Validator

    validator = Validator()
    for row in log:
        for event in events(row, None, READER):
            issues = validator.validate(event)["issue"]
            wrong = [i for i in issues if i["severity"] in ("error", "fatal")]
            assert wrong == []


def test_a_kind_without_a_view_is_a_broken_data_file() -> None:
    with pytest.raises(Misconfigured):
        seen(replace(fact("read", exchange()), kind="party"))  # type: ignore[arg-type]


@pytest.mark.parametrize("at", ["yesterday", "2026-01-01T00:00:00", None, 3])
def test_a_time_that_cannot_be_read_is_refused(at: Any) -> None:
    row = placed([fact("read", exchange())])[0]
    line = write_json(read_json(row.line) | {"at": at}, canonical=True)
    with pytest.raises(Malformed):
        events(replace(row, line=line), None, READER)


def test_names_that_are_no_address_and_no_uuid_keep_their_own_systems() -> None:
    of = exchange(
        1, id="exchange-1", whom=Whom(PersonKey("person-1"), "mapo-care-team"), where=Where(network="gw.hanbit")
    )
    (event,) = seen(fact("outcome", of, "delivered", whom={"patient": "Patient/p"}))
    assert event["agent"][0]["network"] == {"address": "gw.hanbit", "type": "1"}
    assert event["entity"][0]["what"] == {
        "type": "Patient",
        "reference": "Patient/p",
        "identifier": {"system": "urn:ieum:person", "value": "person-1"},
    }
    assert event["entity"][-1]["what"]["identifier"] == {"system": "urn:ieum:exchange", "value": "exchange-1"}


def test_facts_hold_no_person_and_nothing_empty() -> None:
    facts = facts_of(exchange(1, agreement="", where=Where()))
    assert "where" not in facts
    assert PERSON not in write_json(facts).decode()
    assert "agreement" not in facts


def test_the_last_decision_before_a_row_tells_the_consents() -> None:
    of = exchange()
    later = replace(decision(of, consents=("Consent/c2",)), at=of.when.received + timedelta(hours=1))
    row = placed([fact("intent", of)])[0]
    (event,) = events(row, of, READER, [decision(of), later])
    assert profiles(event).endswith("AuthZconsent")
    assert event["entity"][-1]["what"] == {"reference": "Consent/c1"}


def test_a_pull_that_was_answered_is_a_question_and_a_disclosure() -> None:
    of = exchange(1, how=How("fhir-r4", "http", "search"), who=Who("mapo-care-team", "key-2"))
    assert [event["type"]["code"] for event in seen(fact("read", of, "answered"))] == ["rest", "110106"]


@pytest.mark.parametrize(
    ("outcome", "status", "said"),
    [("Malformed", "refused", "4"), ("no-rule", "refused", "8"), ("ambiguous", "parked", "4")],
)
def test_a_refusal_by_its_error_or_its_status(outcome: str, status: Any, said: str) -> None:
    (event,) = seen(fact("refusal", exchange(1, status=status), outcome))
    assert event["outcome"] == said


def test_counted_refusals_say_where_and_how_many() -> None:
    what = {"refusals": [{"what": "login", "where": "/fhir", "count": 7}]}
    (event,) = seen(AuditFact("r", "", "count", exchange().when.received, None, "refused", "", {"what": what}))
    assert event["entity"][0]["detail"] == [{"type": "login /fhir", "valueString": "7"}]


def test_an_act_outside_any_exchange_names_no_transaction() -> None:
    (event,) = seen(
        AuditFact("r", "", "admin", exchange().when.received, None, "ok", "", {"who": {"user": "operator"}})
    )
    assert "entity" not in event


def test_every_outcome_that_is_written_down_is_known() -> None:
    """A word that the table does not have would be exported as a serious failure."""
    place = {"AuditFact": 5, "act": 2}  # where a call says the outcome
    written = {
        said.value
        for path in (Path(__file__).parents[2] / "gateway").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > place.get(node.func.id, 99)
        if isinstance(said := node.args[place[node.func.id]], ast.Constant)
    }  # fmt: skip
    assert {"read", "alarm", "refused", "too-young"} <= written
    said = {"signed-in", "signed-out", "opened", "justified", "unjustified", "replay", "give-up", "label-removed"}
    assert (written | said) - shapes().outcomes.keys() == set()
    assert {shapes().outcomes[word] for word in said} == {"0"}
