"""The short stages: receive, parse, validate, read, release, deliver, record. Refusals first."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.errors import Defect, Invalid, NotFound, TooCostly, Unsound, Unsupported
from gateway.model.agreement import Agreement, Participant, Site
from gateway.model.dispatch import Dispatch
from gateway.model.document import Item, Mapped, PersonKey, Principal, Received
from gateway.model.ports import Store
from gateway.model.questions import Decision, Exchange, Question, Request, What, When, Who, Whom
from gateway.model.records import AuditFact, DecisionRecord, OutboxEntry, ReceivedRecord, ResourceRecord, Sealed
from gateway.model.search import Search
from gateway.stages import release as release_stage
from gateway.stages.deliver import render
from gateway.stages.parse import parse_document
from gateway.stages.read import (
    MOST_ROWS,
    MOST_VERSIONS,
    NOTHING,
    narrowed,
    person_asked,
    rows_held,
    versions_held,
    wanted,
)
from gateway.stages.receive import digest_of, receive
from gateway.stages.record import decision_row, fact_of, item_from, outbox_entry, what_of
from gateway.stages.release import release
from gateway.stages.validate import validate_document, validate_mapped
from gateway.store.keyring import development_keyring

AT = datetime(2026, 11, 2, tzinfo=UTC)
PERSON, GONE = PersonKey("11111111-1111-4111-8111-111111111111"), PersonKey("22222222-2222-4222-8222-222222222222")
CONDITION = "33333333-3333-4333-8333-333333333333"
V2 = b"MSH|^~\\&|A|B|C|D|20261102||ADT^A01^ADT_A01|1|P|2.5.1\rPID|1||1^^^H^MR\r"


def received(body: bytes = V2, kind: str = "x-application/hl7-v2+er7", **more: Any) -> Received:
    return Received("r1", Principal("hospital", "key"), body, kind, "http", AT, **more)


def ids() -> Any:
    counted = itertools.count()
    return lambda: f"id-{next(counted)}"


def decision(released: Sequence[str], redacted: Sequence[str] = (), subject: str = f"Patient/{PERSON}") -> Decision:
    whom: Mapping[str, Any] = {"reference": subject} if subject else {}
    request = Request({}, whom, AT.isoformat(), {}, (), {}, {})
    answer = {"decision": "permit", "released": list(released), "redacted": [], "obligations": [], "consentsUsed": []}
    return Decision(
        "permit", "consent-permit", tuple(released), tuple((r, "PSY") for r in redacted), (), (),
        {r: ("PSY", "R") for r in redacted}, answer, 1, request,
    )  # fmt: skip


def site(**more: Any) -> Site:
    team = Participant("team", {"en": "Team"}, "welfare-office", ("Organization/team",))
    return Site(Path("site"), "node", {}, "r1", "KR", "Asia/Seoul", {"team": team}, {}, {}, "deny", (), (), (), **more)


def exchange() -> Exchange:
    return Exchange("e1", "r1", "a1", "pending", "rev", Who("hospital"), Whom(PERSON, "team"), When(AT))


def test_a_standard_nobody_speaks() -> None:
    with pytest.raises(Unsupported):
        parse_document(received(kind="application/pdf"))
    assert parse_document(received()).trigger == "ADT^A01"


def test_what_an_exchange_cannot_be_built_on() -> None:
    with pytest.raises(Unsound):
        validate_document(parse_document(received(V2.replace(b"|2.5.1", b"|9"))))
    with pytest.raises(Invalid):
        validate_document(
            parse_document(received(b'{"resourceType": "Patient", "gender": "x"}', "application/fhir+json"))
        )
    validate_document(parse_document(received()))


def test_what_was_odd_about_the_bytes_is_said_once() -> None:
    body = V2.replace(b"|2.5.1", b"|2.5.1||||||8859/1") + "PV1|1|I|내과".encode()
    found = validate_document(parse_document(received(body))).findings
    assert [finding.rule for finding in found].count("hl7v2-msh-18") == 1


def test_a_result_that_is_not_fhir_is_an_error() -> None:
    good, bad = (
        Item({"resourceType": "Patient", "id": "p"}),
        Item({"resourceType": "Patient", "id": "p", "gender": "x"}),
    )
    assert validate_mapped(Mapped((good,), ("m@1",))).ok
    assert not validate_mapped(Mapped((good, bad), ("m@1",))).ok


def test_the_same_bytes_are_the_same_document() -> None:
    keyring = development_keyring()
    one, other = received(), received(charset="utf-8", kind="application/hl7-v2")
    assert digest_of(one, keyring) == digest_of(other, keyring)
    assert digest_of(one, keyring) != digest_of(received(V2.replace(b"2.5.1", b"2.5")), keyring)
    unit = receive(one, "C" * 500, f"person:{PERSON}", keyring)
    (row,) = [put for put in unit.puts if isinstance(put, ReceivedRecord)]
    assert (row.size, len(row.control_id)) == (len(V2), 199)
    assert V2 not in row.payload.data
    assert keyring.open(row.payload) == V2


@pytest.mark.parametrize(
    "other",
    [
        V2 + b"\r", V2 + b"\r\n\r\n", b"\r\n" + V2, b"\x0b" + V2 + b"\r\x1c\r", b"\xef\xbb\xbf" + V2, V2.rstrip(b"\r"),
        V2.replace(b"\r", b"\r\n"), V2.replace(b"\r", b"\n"),
    ],
)  # fmt: skip
def test_line_ends_and_framing_make_no_other_message(other: bytes) -> None:
    keyring = development_keyring()
    assert digest_of(received(other), keyring) == digest_of(received(), keyring)
    kinds = ("application/fhir+json", "application/pdf")  # of what lines mean there nothing is known
    assert all(digest_of(received(other, k), keyring) != digest_of(received(V2, k), keyring) for k in kinds)


class Shelf:
    """As much of a store as a question asks."""

    def __init__(self, *rows: ResourceRecord) -> None:
        self._rows = rows

    def persons(self, tokens: Sequence[tuple[str, str]]) -> Mapping[tuple[str, str], PersonKey]:
        return {tokens[0]: PERSON} if tokens[0][0] == "urn:mrn" else {}

    def survivor(self, person: PersonKey) -> PersonKey:
        return PERSON if person == GONE else person

    def resource(self, type: str, id: str) -> ResourceRecord | None:
        return next((row for row in self._rows if (row.type, row.id) == (type, id)), None)

    def resources(self, person: PersonKey, type: str = "", limit: int = 0) -> Sequence[ResourceRecord]:
        return [row for row in self._rows if type in ("", row.type) and self.survivor(row.person) == person]

    def record(self, kind: str, key: str) -> None:
        return None

    def versions(self, type: str, id: str) -> Sequence[ResourceRecord]:
        return [row for row in self._rows if (row.type, row.id) == (type, id)]


def row(kind: str, id: str, person: PersonKey = PERSON, source: str = "hospital", **more: Any) -> ResourceRecord:
    return ResourceRecord(kind, id, 1, person, source, (), "d", AT, Sealed("k", b""), **more)


def test_whom_a_question_is_about() -> None:
    keyring = development_keyring()
    shelf = cast(Store, Shelf(row("Condition", CONDITION, GONE), row("Encounter", CONDITION, deleted=True)))

    def asked(**more: Any) -> PersonKey | None:
        return person_asked(Question(**more), "team", shelf, keyring)

    own, theirs = keyring.rekey("team", PERSON), keyring.rekey("team", CONDITION)
    assert asked(type="Condition") is None
    assert asked(type="Patient", identifier=("urn:other", "1")) is None
    assert asked(type="Patient", patient="no uuid") is None
    assert asked(type="Condition", id="no uuid") is None
    assert asked(type="Condition", id=CONDITION) is None  # our own id is not the reader's
    assert asked(type="Encounter", id=theirs) is None
    assert asked(type="Patient", identifier=("urn:mrn", "1")) == PERSON
    assert asked(type="Patient", id=own) == asked(type="Condition", patient=own) == PERSON
    assert asked(type="Condition", patient=keyring.rekey("team", GONE)) == PERSON
    assert asked(type="Condition", id=theirs) == PERSON


def test_which_rows_a_question_asks_for() -> None:
    keyring = development_keyring()
    old, new = row("Patient", "p1", GONE), row("Patient", "p2")
    rows = (old, new, row("Condition", CONDITION), row("Condition", "c2", source="elsewhere"), row("Condition", "c3"))

    def asked(question: Question, *stored: ResourceRecord) -> list[str]:
        held = rows_held(PERSON, "hospital", ("Patient", "Condition"), stored)
        return sorted(held[one].id for one in wanted(question, held, "team", keyring))

    assert asked(Question("Condition"), *rows) == [CONDITION, "c3"]
    assert asked(Question("Condition", id=keyring.rekey("team", CONDITION)), *rows) == [CONDITION]
    assert asked(Question("Condition", id="no uuid"), *rows) == []
    assert asked(Question("Condition", id=CONDITION), *rows) == []  # our own id is not the reader's
    assert asked(Question("Encounter"), row("Encounter", CONDITION)) == []  # no type of the agreement
    assert asked(Question("Patient"), *rows) == ["p2"]
    assert asked(Question("Patient"), old) == ["p1"]
    assert asked(Question("Patient")) == []
    everything = Question("Patient", id="x", search=Search("", ("Patient", "Condition")))
    assert asked(everything, *rows) == [CONDITION, "c3", "p2"]


def test_more_than_one_answer_can_be_made_of_is_refused() -> None:
    many = [row("Condition", str(number)) for number in range(MOST_ROWS)]
    others = [row("Condition", f"other-{number}", source="elsewhere") for number in range(MOST_ROWS)]
    types = [row("Observation", f"o-{number}") for number in range(MOST_ROWS)]
    assert len(rows_held(PERSON, "hospital", ("Condition",), [*others, *types, *many, *many])) == MOST_ROWS
    assert len(rows_held(PERSON, "hospital", ("Condition",), [*others, *types, *many[:3]])) == 3
    versions = cast(Store, Shelf(*(row("Condition", CONDITION) for _ in range(MOST_VERSIONS + 1))))
    with pytest.raises(TooCostly):
        versions_held(row("Condition", CONDITION), versions)


def test_one_version_is_labelled_like_all_of_them() -> None:
    marked = replace(row("Condition", CONDITION), labels=("PSY",))
    plain = row("Condition", CONDITION)
    gone, other = replace(marked, deleted=True, labels=("HIV",)), replace(marked, source="elsewhere", labels=("SUD",))
    found = versions_held(plain, cast(Store, Shelf(plain, marked, gone, other)))
    assert [one.labels for one in found] == [("PSY",), ("PSY",)]


def test_a_decision_as_far_as_it_concerns_a_question() -> None:
    found = decision(["Condition/1", "Condition/2", "Encounter/1"], ["Condition/3", "Encounter/2"])
    concerned = ("Condition/1", "Condition/2", "Condition/3")
    less = narrowed(found, concerned, ("Condition/1",))
    assert (less.decision, less.released) == ("permit-with-redaction", ("Condition/1",))
    assert less.answer["released"] == ["Condition/1"]
    assert [one for one, _ in less.redacted] == ["Condition/3"]
    assert narrowed(found, concerned, ()).decision == "permit-with-redaction"  # it may be had, and was not asked for
    none = narrowed(found, ("Encounter/2",), ())
    assert (none.decision, none.released, none.obligations) == ("deny", (), ())
    assert narrowed(found, ("Observation/1",), ()).reason == NOTHING


def test_what_would_break_an_obligation_does_not_leave(monkeypatch: pytest.MonkeyPatch, demo_site: Site) -> None:
    keyring = development_keyring()
    other = f"Condition/{CONDITION}"
    items = [
        Item({"resourceType": "Patient", "id": PERSON, "gender": "female"}),
        Item({"resourceType": "Encounter", "id": GONE, "status": "finished", "class": {"code": "IMP"},
              "subject": {"reference": f"Patient/{PERSON}"}, "diagnosis": [{"condition": {"reference": other}}]}),
        Item({"resourceType": "Condition", "id": CONDITION, "subject": {"reference": f"Patient/{PERSON}"}}),
    ]  # fmt: skip
    told = decision([f"Patient/{PERSON}", f"Encounter/{GONE}"], [other])
    made = release(items, told, "team", demo_site, keyring.rekey)
    assert [r["id"] for r in made.resources] == [keyring.rekey("team", PERSON), keyring.rekey("team", GONE)]
    assert CONDITION not in str(made.resources)
    assert keyring.rekey("team", CONDITION) not in str(made.resources)
    monkeypatch.setattr(release_stage, "redact", lambda resource, _: resource)
    with pytest.raises(Defect) as refused:
        release(items, told, "team", demo_site, keyring.rekey)
    assert CONDITION not in str(refused.value)


def test_what_is_not_valid_as_rendered_is_not_sent(demo_site: Site) -> None:
    agreement = demo_site.agreements["discharge-to-community-care"]
    keyring = development_keyring()
    good, bad = ({"resourceType": "Patient", "id": PERSON, "gender": g} for g in ("female", "nonsense"))
    told = decision([f"Patient/{PERSON}"])
    sound = release([Item(good)], told, "mapo-care-team", demo_site, keyring.rekey)
    operator, recipient = demo_site.participants[demo_site.id], demo_site.participants["mapo-care-team"]
    dispatch = Dispatch("e1", AT, "ADT^A03", agreement, operator, recipient)
    sent = render(sound, dispatch)
    assert sent.headers == {"Content-Type": "application/fhir+json", "X-Request-Id": "e1"}
    broken = release([Item(bad)], told, "mapo-care-team", demo_site, keyring.rekey)
    with pytest.raises(Defect) as refused:
        render(broken, dispatch)
    assert "nonsense" not in str(refused.value)


def test_what_is_recorded_of_a_decision() -> None:
    keyring = development_keyring()
    items = [Item({"resourceType": "Condition", "id": id}) for id in ("1", "2")]
    what = what_of(What("ADT^A03"), decision(["Condition/1"], ["Condition/2"]), items, keyring.digest)
    assert [one["reference"] for one in what.released] == ["Condition/1"]
    assert (what.withheld, what.withheld_labels) == (1, ("PSY", "R"))
    for subject, owner in ((f"Patient/{PERSON}", f"person:{PERSON}"), ("", "exchange:e1")):
        unit = decision_row("e1", "receipt", decision([], subject=subject), AT, "rev", keyring, ids())
        (made,) = [put for put in unit.puts if isinstance(put, DecisionRecord)]
        assert made.request.key == owner


def test_a_fact_has_all_seven_questions_and_no_content() -> None:
    fact = fact_of(exchange(), "intent", "pending", AT, ids())
    assert isinstance(fact, AuditFact)
    assert {"who", "whom", "when", "where", "what", "why", "how"} <= fact.facts.keys()
    assert fact.facts["when"] == {"received": AT.isoformat()}


def test_what_waits_is_sealed_and_comes_back_as_it_was() -> None:
    from gateway.model.wire import read_json

    keyring = development_keyring()
    item = Item({"resourceType": "Condition", "id": "1"}, frozenset({"PSY", "R"}), "DG1[1]", ("Patient/1",))
    unit = outbox_entry(exchange(), "deliver", "team", [item], {"birthDate": "1950"}, AT, keyring, ids())
    (entry,) = [put for put in unit.puts if isinstance(put, OutboxEntry)]
    assert entry.lane == f"team:{PERSON}"
    assert b"Condition" not in entry.payload.data
    kept = read_json(keyring.open(entry.payload))
    assert item_from(kept["items"][0]) == item
    with pytest.raises(NotFound):
        keyring.open(replace(entry.payload, data=b"\0" * 40))


@pytest.fixture(scope="module")
def demo_site() -> Site:
    import gateway.demo
    from gateway.site import load_site

    made = load_site(Path(gateway.demo.__file__).parent / "site")
    agreement: Agreement = made.agreements["discharge-to-community-care"]
    assert agreement.valid_from < date(2026, 11, 2) < agreement.valid_to
    return made
