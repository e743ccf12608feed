"""The stage `identify`: who is named, who that is on file, and what a document adds to the cross-reference. Refusals first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.errors import Unsupported
from gateway.model.document import Item, PersonKey
from gateway.stages.identify import (
    BIRTH,
    Known,
    Named,
    attributed,
    enrol,
    identify,
    may_merge,
    merged_pairs,
    merges,
    named_persons,
    readdress,
    subject_of,
    tokenised,
)

AT = datetime(2026, 11, 2, tzinfo=UTC)
ONE, OTHER = PersonKey("one"), PersonKey("other")
A, B, C = ("urn:mrn", "token:urn:mrn:1"), ("urn:rrn", "token:urn:rrn:9"), ("urn:mrn", "token:urn:mrn:2")


def token(system: str, value: str) -> str:
    return f"token:{system}:{value}"


def item(kind: str, id: str, **more: Any) -> Item:
    return Item({"resourceType": kind, "id": id, **more})


def patient(id: str, *identifiers: tuple[str, str], **more: Any) -> Item:
    return item("Patient", id, identifier=[{"system": s, "value": v} for s, v in identifiers], **more)


def named(reference: str = "Patient/p", *tokens: tuple[str, str], birth: str = "") -> Named:
    return Named(reference, tokens, birth)


@pytest.mark.parametrize(
    ("subject", "known", "because"),
    [
        (None, Known({}, {}), "absent"),
        (named("Patient/p"), Known({}, {}), "absent"),
        (named("Patient/p", A), Known({}, {}), "unknown"),
        (named("Patient/p", A, B), Known({A: ONE, B: OTHER}, {}), "ambiguous"),
        (named("Patient/p", A, birth="1950-01-01"), Known({A: ONE}, {ONE: token(BIRTH, "1951-01-01")}), "contradicted"),
    ],
)
def test_who_is_nobody(subject: Named | None, known: Known, because: str) -> None:
    found = identify(subject, known, token)
    assert (found.person, found.because) == (None, because)
    assert found.patient == (subject.reference if subject else "")


@pytest.mark.parametrize(
    ("births", "birth"),
    [({}, "1950-01-01"), ({ONE: token(BIRTH, "1950-01-01")}, "1950-01-01"), ({ONE: token(BIRTH, "1950-01-01")}, "")],
)
def test_who_is_somebody(births: dict[PersonKey, str], birth: str) -> None:
    found = identify(named("Patient/p", A, C, birth=birth), Known({A: ONE}, births), token)
    assert (found.person, found.because, found.birth_date) == (ONE, "", birth)


def test_identifiers_that_do_not_count() -> None:
    half = item(
        "Patient", "p", identifier=[{"system": "urn:mrn"}, {"value": "1"}, {"system": "urn:visit", "value": "1"}]
    )
    assert named_persons([half], token, ["urn:mrn"]) == (Named("Patient/p", (), ""),)
    twice = patient("p", ("urn:mrn", "1"), ("urn:mrn", "1"), birthDate="1950")
    assert named_persons([twice], token) == (Named("Patient/p", (A,), "1950"),)


def test_whoever_a_resource_is_about_is_named_too() -> None:
    own = patient("p", ("urn:mrn", "1"), ("urn:rrn", "9"))
    by_identifier = item("Consent", "c", patient={"identifier": {"system": "urn:rrn", "value": "9"}})
    inside = item("Condition", "d", subject={"reference": "Patient/p"})
    assert len(named_persons([own, by_identifier, inside], token)) == 1
    assert named_persons([by_identifier], token) == (Named("", (B,), ""),)
    for about in (
        {"identifier": {"system": "urn:mrn", "value": "2"}},
        {"reference": "Patient/elsewhere"},
        {"reference": "https://elsewhere.example/fhir/Patient/p"},
        {"display": "words only"},
        {"identifier": "no identifier"},
    ):
        several = named_persons([own, item("Condition", "d", subject=about)], token)
        assert len(several) == 2
        with pytest.raises(Unsupported):
            subject_of(several, ())


def test_the_subject_of_a_document() -> None:
    one, gone = named("Patient/a", A), named("Patient/b", C)
    assert subject_of((), ()) is None
    assert subject_of((one,), ()) is one
    assert subject_of((one, gone), (("Patient/a", "Patient/b"),)) is one
    with pytest.raises(Unsupported):
        subject_of((one, gone), ())


def test_merges_are_read_from_links() -> None:
    link = {"type": "replaces", "other": {"reference": "Patient/b"}}
    stays = item(
        "Patient", "a", link=[link, {"type": "seealso", "other": {"reference": "Patient/c"}}, {"type": "replaces"}]
    )
    assert merged_pairs([stays, item("Condition", "d", link=[link])]) == (("Patient/a", "Patient/b"),)
    with pytest.raises(Unsupported):
        merged_pairs([item("Patient", "a", link=[link, {**link, "other": {"reference": "Patient/x"}}])])


def test_what_a_document_adds() -> None:
    subject = named("Patient/p", A, B, birth="1950-01-01")
    unit = enrol(subject, ONE, Known({A: ONE}, {}), token, AT, "hospital")
    assert [getattr(put, "token", "") for put in unit.puts] == [B[1], ""]
    assert "1950-01-01" in token(BIRTH, "1950-01-01")
    nothing = enrol(subject, ONE, Known({A: ONE, B: ONE}, {ONE: "x"}), token, AT, "hospital")
    assert nothing.puts == ()


PAIRS = (("Patient/a", "Patient/b"),)


@pytest.mark.parametrize(
    ("subject", "gone", "known", "allowed"),
    [
        (named("Patient/a", A), named("Patient/b"), Known({A: ONE}, {}), False),  # the one who goes has no number
        (named("Patient/a", A), named("Patient/b", B), Known({A: ONE, B: OTHER}, {}), False),  # not the sender's to say
        (named("Patient/a", B), named("Patient/b", C), Known({B: ONE, C: OTHER}, {}), False),
        (named("Patient/a", A), named("Patient/b", C), Known({C: OTHER}, {}), False),  # nobody on file stays
        (named("Patient/a", A), named("Patient/b", C), Known({A: ONE, C: OTHER}, {ONE: "x", OTHER: "y"}), False),
        (named("Patient/a", A), named("Patient/b", C), Known({A: ONE, C: OTHER}, {ONE: "x", OTHER: "x"}), True),
        (named("Patient/a", A, B), named("Patient/b", C), Known({A: ONE, C: OTHER}, {ONE: "x"}), True),
    ],
)
def test_who_may_merge(subject: Named, gone: Named, known: Known, allowed: bool) -> None:
    assert may_merge(PAIRS, (subject, gone), subject, known, lambda system: system == "urn:mrn") is allowed


def test_a_merge_makes_every_other_person_the_one_who_stays() -> None:
    persons = (named("Patient/a", A), named("Patient/b", C, B))
    (made,) = merges(PAIRS, persons, Known({A: ONE, C: OTHER, B: ONE}, {}), ONE, AT, "hospital")
    assert (made.gone, made.stays) == (OTHER, ONE)
    assert merges(PAIRS, persons, Known({A: ONE}, {}), ONE, AT, "hospital") == ()


def test_addresses() -> None:
    new = {"Patient/p": "Patient/one"}
    own, other = (
        patient("p"),
        Item(
            {"resourceType": "Condition", "id": "d", "subject": {"reference": "Patient/p"}}, derived_from=("Patient/p",)
        ),
    )
    first, second = readdress([own, other], new)
    assert first.reference == "Patient/one"
    assert second.resource["subject"] == {"reference": "Patient/one"}
    assert second.derived_from == ("Patient/one",)


def test_whose_it_is() -> None:
    said = [
        item("Condition", "d", subject={"identifier": {"value": "1"}}), item("Condition", "e", subject={"reference": "Patient/x"}),
        item("Condition", "f", subject={"reference": "Patient/one"}), item("Condition", "g", subject={"reference": "Group/1"}),
        item("Organization", "o"),
    ]  # fmt: skip
    made = [one.resource.get("subject") for one in attributed(said, ONE)]
    own = {"reference": "Patient/one"}
    assert made == [own, own, own, {"reference": "Group/1"}, None]


def test_national_numbers_become_tokens_wherever_they_stand() -> None:
    deep = item("Condition", "d", note=[{"x": {"system": "urn:rrn", "value": "9"}}, {"system": "urn:rrn"}], value="9")
    (made,) = tokenised([deep], ["urn:rrn"], token)
    assert made.resource["note"] == [{"x": {"system": "urn:rrn", "value": B[1]}}, {"system": "urn:rrn"}]
    assert made.resource["value"] == "9"


@pytest.mark.parametrize("code", ["NI", "SS", "NNKOR", "NNDEU"])
@pytest.mark.parametrize("system", ["urn:somebody", None])
def test_numbers_of_a_national_type_become_tokens_in_any_system(code: str, system: str | None) -> None:
    kind = {"coding": [{"code": "MR"}, {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": code}]}
    given = {"type": kind, "value": "900101-1234567"} | ({"system": system} if system else {})
    (made,) = tokenised([item("Patient", "p", identifier=[given])], [], lambda of, number: f"token of {of}")
    assert made.resource["identifier"] == [{**given, "value": f"token of {system or ''}"}]


@pytest.mark.parametrize(
    "kind",
    [None, "SS", {}, {"coding": None}, {"coding": ["SS"]}, {"coding": [{"code": "SS"}]}, {"coding": [{"system": "x", "code": "SS"}]},
     *({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": code}]} for code in ("MR", "NN", "nnkor", 1))],
)  # fmt: skip
def test_numbers_of_other_types_stay(kind: object) -> None:
    given = {"type": kind, "value": "1"}
    (made,) = tokenised([item("Patient", "p", identifier=[given])], ["urn:rrn"], token)
    assert made.resource["identifier"] == [given]
