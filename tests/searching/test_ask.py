# ruff: noqa: E501 — rows of queries
"""What is asked and what is not: every name, modifier, value and control is known, or the question is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.definitions.library import core
from gateway.errors import Unanswerable
from gateway.model.search import Pairs, Search, Target, Token
from gateway.searching import Named, Terms, everything_of, named_by, search_of, shown_of
from gateway.searching.offered import MODIFIERS, offered
from gateway.searching.values import plain, split

TERMS = Terms(ZoneInfo("Asia/Seoul"), datetime(2026, 11, 2, tzinfo=UTC))
NATIONAL = ("urn:rrn",)


def pairs(query: str) -> Pairs:
    return tuple((name, value) for name, _, value in (part.partition("=") for part in query.split("&")))


def asked(kind: str, query: str) -> Search:
    return search_of(kind, pairs(query), TERMS)


REFUSED = (
    ("Condition", "nothing=1"), ("Condition", "Code=1"), ("Condition", "code:exact=1"), ("Condition", "code:text=1"), ("Condition", "code:in=x"),
    ("Condition", "code:missing=maybe"), ("Condition", "code="), ("Condition", "code=|"), ("Condition", "code=a|b|c"), ("Condition", "code=1,"),
    ("Condition", "onset-date=1"), ("Condition", "onset-date=2020-13"), ("Condition", "onset-date=xx2020"), ("Condition", "onset-date:not=2020"),
    ("Condition", "subject=a b"), ("Condition", "subject:Device=1"), ("Condition", "subject:Nothing=1"), ("Condition", "encounter.=1"),
    ("Condition", "code.text=1"), ("Condition", ".code=1"), ("Condition", "encounter.nothing=1"), ("Condition", "evidence-detail.code=1"),
    ("Condition", "_has:Encounter:diagnosis=1"), ("Condition", "_has:Encounter::status=1"), ("Condition", "_has:Nothing:x:y=1"),
    ("Condition", "_has:Encounter:status:class=1"), ("Condition", "_has:Observation:patient:code=1"), ("Condition", "_has::::=1"),
    ("Condition", "_include=Encounter:diagnosis"), ("Condition", "_include=Condition"), ("Condition", "_include=Condition:encounter:Encounter:x"),
    ("Condition", "_include=Condition:encounter:Patient"), ("Condition", "_include=Condition:code"), ("Condition", "_include:recurse=*"),
    ("Condition", "_revinclude=*"), ("Condition", "_revinclude=Encounter:*"), ("Condition", "_include=Nothing:x"), ("Condition", "_include="),
    ("Condition", "_sort=nothing"), ("Condition", "_sort="), ("Condition", "_sort=code,-code,code,code"), ("Condition", "_sort=code&_sort=code"),
    ("Condition", "_elements=nothing"), ("Condition", "_elements="), ("Condition", "_elements=code.text"), ("Condition", "_elements=code&_summary=true"),
    ("Condition", "_summary=yes"), ("Condition", "_total=all"), ("Condition", "_count=0"), ("Condition", "_count=1e3"), ("Condition", "_count=１"),
    ("Condition", "_format=xml"), ("Condition", "_text=x"), ("Condition", "_content=x"), ("Condition", "_filter=x"), ("Condition", "_query=x"),
    ("Condition", "_list=x"), ("Condition", "_type=Condition"), ("Condition", "_since=2020"), ("Condition", "_contained=true"),
    ("Patient", "phonetic=x"), ("Observation", "code-value-quantity=1$2"), ("Observation", "value-quantity=6|x"), ("Observation", "value-quantity=x"),
    ("Observation", "value-quantity=1e999"), ("Patient", "name=%20".replace("%20", " ")), ("Condition", "&".join(["code=1"] * 31)),
    ("Condition", "code=" + "1" * 4001), ("Condition", "code=" + ",".join("1" * 101)), ("Condition", "encounter.diagnosis:Condition.encounter.diagnosis:Condition.code=1"),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "query"), REFUSED)
def test_what_is_not_answered(kind: str, query: str) -> None:
    with pytest.raises(Unanswerable) as refused:
        asked(kind, query)
    assert "4001" not in str(refused.value)
    assert not any(len(place) > 100 for place in refused.value.positions)


ASKED = (
    ("Condition", "code=1", {"Condition"}), ("Condition", "encounter.status=finished", {"Condition", "Encounter"}),
    ("Condition", "_has:Encounter:diagnosis:subject:Patient.name=x", {"Condition", "Encounter", "Patient"}),
    ("Condition", "_revinclude=Encounter:diagnosis", {"Condition", "Encounter"}), ("Condition", "_include=*", {"Condition"}),
    ("Condition", "_include=Condition:encounter:Encounter", {"Condition", "Encounter"}), ("Condition", "subject:Patient=1", {"Condition"}),
    ("Condition", "_include:iterate=Encounter:diagnosis&_sort=-code,_lastUpdated&_count=7", {"Condition", "Encounter"}),
    ("Condition", "_elements=code,onset&_total=accurate&_format=json", {"Condition"}), ("Condition", "_summary=count", {"Condition"}),
    ("Patient", "_has:Observation:patient:_has:Observation:has-member:code=1", {"Patient", "Observation"}),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "query", "types"), ASKED)
def test_every_type_that_is_touched_is_known_before_anything_runs(kind: str, query: str, types: set[str]) -> None:
    assert asked(kind, query).touched == types
    assert asked(kind, query).pairs == pairs(query)


def test_what_is_offered_of_every_type() -> None:
    """Each can be asked for and compiled; nothing composite or special is among it."""
    for kind in core().resource_types:
        found = offered(kind)
        assert {p.type for p in found.values()} <= set(MODIFIERS)
        assert not {"_text", "_content", "_filter", "_query", "phonetic"} & set(found)
    assert {"_id", "_lastUpdated", "code", "subject", "patient", "onset-date"} <= set(offered("Condition"))


NAMED = (
    ("Condition", "patient=1", Named(patient="1")), ("Condition", "subject=Patient/1", Named(patient="1")),
    ("Condition", "patient:Patient=1", Named(patient="1")), ("Patient", "_id=1", Named(patient="1")),
    ("Patient", "identifier=urn:x|1", Named(identifier=("urn:x", "1"))), ("Patient", "identifier=urn:x|1&_id=2", Named(patient="2")),
    ("Condition", "patient.identifier=urn:x|1", Named(identifier=("urn:x", "1"))), ("Condition", "subject:Patient._id=1", Named(patient="1")),
    ("Condition", "_id=1", Named(id="1")), ("Condition", "_id=1&patient=2", Named(patient="2")), ("Condition", "_id=1,2&patient=2", Named(patient="2")),
    ("Condition", "patient=1&subject=2", Named(patient="1")), ("Condition", "code=1", Named()), ("Patient", "name=x", Named()),
    ("Observation", "subject=Group/1", Named()), ("Observation", "subject=Device/1", Named()), ("Condition", "patient:missing=false", Named()),
    ("Condition", "patient:identifier=urn:x|1", Named()), ("Condition", "_has:Encounter:diagnosis:patient=1", Named()), ("Condition", "_id:not=1", Named()),
)  # fmt: skip


@pytest.mark.parametrize(("kind", "query", "who"), NAMED)
def test_whom_a_question_names(kind: str, query: str, who: Named) -> None:
    found, left = named_by(asked(kind, query), NATIONAL)
    assert found == who
    gone = bool(who.patient or who.identifier)
    assert len(left.filters) == len(asked(kind, query).filters) - gone
    assert left.touched == asked(kind, query).touched


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("Condition", "patient=1,2"), ("Condition", "subject=Patient/1,Patient/2"), ("Patient", "_id=1,2"), ("Patient", "identifier=urn:x|1,urn:x|2"),
        ("Condition", "_id=1,2"), ("Condition", "patient.identifier=urn:x|1,urn:x|2"), ("Patient", "identifier=1"), ("Patient", "identifier=urn:x|"),
        ("Patient", "identifier=urn:rrn|1"), ("Patient", "_id=1&identifier=urn:rrn|1"), ("Condition", "patient.identifier=urn:rrn|1"),
        ("Condition", "patient=1&identifier:not=urn:rrn|1"), ("Condition", "patient=1&_has:Encounter:diagnosis:patient.identifier=urn:rrn|1"),
        ("Condition", "patient=https://elsewhere.example/Patient/1"), ("Condition", "subject=urn:uuid:1"),
    ],
)  # fmt: skip
def test_who_cannot_be_named(kind: str, query: str) -> None:
    search = asked(kind, query)
    with pytest.raises(Unanswerable):
        named_by(search, NATIONAL)


def test_everything() -> None:
    found = everything_of(pairs("_type=Condition,Patient&_since=2026&_count=9"), (), TERMS)
    assert (found.type, found.types, found.count, found.wide) == ("", ("Condition", "Patient"), 9, True)
    assert [one.code for one in found.filters] == ["_lastUpdated"]
    for query in (
        "_type=Nothing",
        "_type=",
        "_since=soon",
        "code=1",
        "_count=0",
        "_type=Patient&_type=Patient",
        "_include=*",
        "start=2020",
    ):
        with pytest.raises(Unanswerable):
            everything_of(pairs(query), (), TERMS)


def test_escapes() -> None:
    assert split(r"a\,b,c\\,d", ",") == [r"a\,b", r"c\\", "d"]
    assert plain(r"a\,b\|c\$d\\e\f") == r"a,b|c$d\e\f"
    (one,) = asked("Condition", r"code=urn:x\|y|a\,b").filters
    assert one.values == (Token("urn:x|y", "a,b"),)
    assert asked("Condition", "subject:Patient=1,Patient/2").filters[0].values == (
        Target("Patient", "1"),
        Target("Patient", "2"),
    )


def test_how_much_is_shown() -> None:
    assert shown_of(asked("Condition", "code=1"), "Condition") is None
    elements = shown_of(asked("Condition", "_elements=onset"), "Condition")
    assert elements is not None
    assert {"id", "meta", "subject", "onsetDateTime", "_onsetDateTime", "onsetAge", "clinicalStatus"} <= elements
    assert "code" not in elements
    assert (
        shown_of(asked("Condition", "_elements=onset"), "Encounter") is None
    )  # of what is only included nothing is said
    for summary, there, gone in (("true", "code", "note"), ("data", "note", "text"), ("text", "text", "code")):
        names = shown_of(asked("Condition", f"_summary={summary}"), "Condition")
        assert names is not None
        assert there in names
        assert gone not in names
    assert shown_of(asked("Condition", "_summary=false"), "Condition") is None
