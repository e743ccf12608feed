"""The person's report in plain words: refusals are in it, labels are not."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.audit.disclosures import Told, disclosure, report
from gateway.audit.facts import entry_of
from gateway.audit.wording import LANGUAGES, particle, wording
from gateway.model.questions import How, What, Who, Whom, Why
from gateway.model.records import AuditFact
from tests.audit.conftest import PERSON, decision, exchange, fact, placed

NAMES = {
    "ko": {"hanbit-hospital": "한빛병원", "mapo-care-team": "마포 돌봄팀", "gateway-1": "이음"},
    "en": {"hanbit-hospital": "Hanbit Hospital", "mapo-care-team": "the Mapo care team", "gateway-1": "Ieum"},
}


def told(language: Any = "en", labels: bool = False) -> Told:
    return Told(language, "gateway-1", NAMES[language], labels)


def said(one: AuditFact, language: Any = "en", labels: bool = False) -> str:
    return " ".join(disclosure(entry_of(placed([one])[0]), told(language, labels)).sentences)


def test_a_refusal_says_that_nothing_left_and_who_tried() -> None:
    of = exchange(3, what=What("ADT^A03"), why=Why("HRESCH"))
    one = fact("refusal", of, "refused", decision=decision(of, "deny", ()))
    assert (
        said(one)
        == "Hanbit Hospital wanted to send information about you to the Mapo care team. It was refused and nothing was sent. Purpose: research."
    )
    assert (
        said(one, "ko")
        == "한빛병원이 마포 돌봄팀에 귀하의 정보를 보내려 했으나 거절되어 아무것도 보내지 않았습니다. 목적: 연구."
    )


def test_a_refused_question_names_the_one_who_asked() -> None:
    of = exchange(3, what=What("search"), who=Who("mapo-care-team"), whom=Whom(PERSON), how=How(interaction="search"))
    assert said(fact("refusal", of, "refused")).startswith(
        "the Mapo care team asked for information about you. It was refused"
    )


def test_labels_are_told_to_auditors_only() -> None:
    one = fact("outcome", exchange(), "delivered")
    assert "PSY" not in said(one) + said(one, "ko")
    assert "PSY, R" in said(one, labels=True)
    assert disclosure(entry_of(placed([one])[0]), told()).labels == ()


def test_staff_read_about_a_person_and_not_about_themselves() -> None:
    one = entry_of(placed([fact("outcome", exchange(), "delivered")])[0])
    for language in LANGUAGES:
        text = " ".join(disclosure(one, Told(language, staff=True)).sentences)
        assert "you" not in text
        assert "귀하" not in text


def test_what_was_sent_and_what_was_held_back() -> None:
    one = fact("outcome", exchange(), "delivered")
    assert said(one) == (
        "Hanbit Hospital sent 1 × diagnosis, 1 × personal details about you to the Mapo care team. Purpose: coordination of care. "
        "Allowed by your consent. 2 items were held back. The recipient may keep it until 2028-03-04."
    )
    assert said(one, "ko").startswith(
        "한빛병원이 마포 돌봄팀에 귀하에 관한 진단 1건, 인적 사항 1건을 보냈습니다. 목적: 돌봄 연계."
    )


def test_required_by_law() -> None:
    assert "Required or allowed by law (KR-IDCPA-11)." in said(
        fact("outcome", exchange(1, why=Why("PUBHLTH", "statute", "KR-IDCPA-11")), "delivered")
    )


def test_an_intent_without_outcome_counts_as_sent(log: list[Any]) -> None:
    made = report(map(entry_of, log), told())
    assert [(one.what, one.disclosed) for one in made] == [("sent", True), ("underway", True), ("refused", False)]


@pytest.mark.parametrize(
    ("outcome", "what", "disclosed"),
    [
        ("unknown-after-crash", "in-doubt", True),
        ("failed", "failed", False),
        ("withheld", "refused", False),
        ("pending", "underway", True),
        ("parked", "parked", False),
        ("odd", "refused", False),
    ],
)
def test_outcomes(outcome: str, what: str, disclosed: bool) -> None:
    made = disclosure(entry_of(placed([fact("outcome", exchange(), outcome)])[0]), told())
    assert (made.what, made.disclosed) == (what, disclosed)


def test_a_refusal_without_a_purpose_says_so_much_and_no_more() -> None:
    of = exchange(3, what=What(), why=Why(), who=Who(), whom=Whom(PERSON))
    assert (
        said(fact("refusal", of, "refused"))
        == "Someone tried to send or to get information about you. It was refused and nothing was given."
    )


def test_nothing_to_send_is_no_disclosure() -> None:
    made = disclosure(entry_of(placed([fact("outcome", exchange(1, what=What()), "delivered")])[0]), told())
    assert (made.what, made.disclosed) == ("nothing", False)


def test_looking_at_the_log_is_told() -> None:
    of = exchange(1, how=How(interaction="console"), what=What(), why=Why(), who=Who(user="auditor-1"))
    assert said(fact("read", of)) == "auditor-1 looked at the log of what happened with your information."


@pytest.mark.parametrize("kind", ["intent", "outcome", "refusal", "admin", "read", "identity", "count"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_has_words(kind: str, language: str) -> None:
    assert said(fact(kind, exchange(1, who=Who(), whom=Whom(PERSON))), language)


@pytest.mark.parametrize(
    ("word", "name", "formed"),
    [
        ("병원", "이", "이"),
        ("보건소", "이", "가"),
        ("1", "을", "을"),
        ("2", "을", "를"),
        ("Hanbit", "이", "이(가)"),
        ("", "은", "은(는)"),
    ],
)
def test_particles_follow_the_word(word: str, name: str, formed: str) -> None:
    assert particle(word, name) == formed


def test_both_languages_say_the_same_things() -> None:
    korean, english = wording("ko"), wording("en")
    for table in ("sentences", "words", "purposes", "types"):
        assert getattr(korean, table).keys() == getattr(english, table).keys()


def test_a_name_with_braces_stays_a_name() -> None:
    strange = Told("en", "gateway-1", {"hanbit-hospital": "{items}"})
    made = disclosure(entry_of(placed([fact("outcome", exchange(), "delivered")])[0]), strange)
    assert made.sentences[0].startswith("{items} sent 1 × diagnosis")


def test_types_without_a_word_are_counted_together() -> None:
    words = wording("en")
    assert words.items(("Condition/1", "Basic/2", "Condition/3", "Basic/4")) == "2 × diagnosis, other records (2)"
    assert words.items(()) == "information"


def test_a_basis_without_a_word_is_left_out() -> None:
    assert "Allowed" not in said(fact("outcome", exchange(1, why=Why("COC", "whim")), "delivered"))


def test_a_report_of_an_intent_that_follows_its_outcome_tells_the_outcome() -> None:
    rows = placed([fact("outcome", exchange(), "delivered"), fact("intent", exchange())])
    assert [one.what for one in report(map(entry_of, rows), told())] == ["sent"]


@pytest.mark.parametrize(
    ("kind", "outcome", "status", "what"),
    [
        ("intent", "shadowed", "shadowed", "shadowed"), ("intent", "dry-run", "pending", "shadowed"), ("intent", "pending", "pending", "underway"),
        ("refusal", "ambiguous", "parked", "parked"), ("refusal", "no-rule", "refused", "refused"), ("read", "answered", "answered", "answered"),
    ],
)  # fmt: skip
def test_the_status_of_the_exchange_is_heeded(kind: Any, outcome: str, status: Any, what: str) -> None:
    of = exchange(1, status=status)
    assert disclosure(entry_of(placed([fact(kind, of, outcome)])[0]), told()).what == what


def test_what_was_looked_at_in_the_log_is_told() -> None:
    one = fact("admin", exchange(1, how=How(), who=Who(user="auditor-1")), "read", what={"looked": "person"})
    assert disclosure(entry_of(placed([one])[0]), told()).what == "log"
